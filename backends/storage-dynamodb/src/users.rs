use std::collections::BTreeSet;

use async_trait::async_trait;
use contracts::{
    EpochRaise, EraseUser, InsertUser, InsertUserError, OutboxEvent, PutCode, ReplaceUser,
    Replaced, StoreError, UserReplaced, UserStore,
};
use domain::{Account, Login, PasswordHash, RoleName, Timestamp, User, UserId};

use crate::DynamoStorage;
use crate::codes::put_code;
use crate::fields::{Fields, counter, number, text};
use crate::logins::{email_guard, username_guard};
use crate::notices::{insert_event, insert_notices};
use crate::operation::within;
use crate::query::Range;
use crate::row::Row;
use crate::rows::{ERASED, new_user_fields, to_user};
use crate::table::{Key, user_list};
use crate::transaction::{Guard, Transacted, Transaction};
use crate::write::{Action, Written};

#[async_trait]
impl UserStore for DynamoStorage {
    async fn insert_user(
        &self,
        new: &InsertUser,
        if_taken: Option<&PutCode>,
    ) -> Result<(), InsertUserError> {
        let refused = within(self.insert_or_tell(new, if_taken)).await?;
        refused.map_or(Ok(()), Err)
    }

    async fn find_user(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        within(self.find_account(id)).await
    }

    async fn find_user_by_login(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        within(self.find_by_login(login)).await
    }

    async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        within(self.list_all_users(after, limit)).await
    }

    async fn replace_user(&self, change: &ReplaceUser) -> Result<UserReplaced, StoreError> {
        within(self.replace(change)).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<Replaced, StoreError> {
        let fields = Fields::default().with("password_hash", text(new.expose()));
        let action = Action::update(Key::user(user), fields)
            .when("#password_hash = :old")
            .value(":old", text(old.expose()));
        match within(self.write(action)).await? {
            Written::Done(_) => Ok(Replaced::Yes),
            Written::Unmet(_) => Ok(Replaced::Stale),
        }
    }

    async fn advance_session_epoch(
        &self,
        raise: &EpochRaise,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        within(self.raise_epoch(raise, events)).await
    }

    async fn erase_user(&self, erasure: &EraseUser) -> Result<Replaced, StoreError> {
        within(self.erase(erasure)).await
    }

    async fn delete_remains(&self, settled: Timestamp, limit: usize) -> Result<usize, StoreError> {
        within(self.purge(settled, limit)).await
    }

    async fn list_roles(&self) -> Result<BTreeSet<RoleName>, StoreError> {
        Ok(within(self.roles()).await?.names())
    }
}

impl DynamoStorage {
    /// Two operations, of which the second is the owner's affair alone: whether it happens is
    /// decided by the first, and nothing depends on both.
    async fn insert_or_tell(
        &self,
        new: &InsertUser,
        if_taken: Option<&PutCode>,
    ) -> Result<Option<InsertUserError>, StoreError> {
        match (self.insert(new).await?, if_taken) {
            (None, _) => Ok(None),
            (Some(Guard::Email), Some(put)) => {
                Ok(Some(InsertUserError::EmailTaken(Some(self.put_unless_young(put).await?))))
            }
            (Some(Guard::Email), None) => Ok(Some(InsertUserError::EmailTaken(None))),
            (Some(_), _) => Ok(Some(InsertUserError::UsernameTaken)),
        }
    }

    /// Inserts a user. Returns what was taken, if anything was.
    async fn insert(&self, new: &InsertUser) -> Result<Option<Guard>, StoreError> {
        let user = &new.user;
        let insert = Action::insert(&Key::user(&user.id), new_user_fields(user));
        let mut transaction = Transaction::default()
            .guarded(Guard::Record, insert)
            .guarded(Guard::Email, email_guard(user.email.key(), &user.id));
        if let Some(name) = &user.username {
            transaction = transaction.guarded(Guard::Username, username_guard(name, &user.id));
        }
        if let Some(code) = &new.code {
            transaction = transaction.all(put_code(code));
        }
        match self.transact(transaction.all(insert_notices(&new.notices))).await? {
            Transacted::Done => Ok(None),
            Transacted::Refused(refusals) if refusals.has(Guard::Record) => {
                Err(refusals.unexpected())
            }
            Transacted::Refused(refusals) => {
                let taken = [Guard::Username, Guard::Email];
                let taken = taken.into_iter().find(|guard| refusals.has(*guard));
                taken.map(Some).ok_or_else(|| refusals.unexpected())
            }
        }
    }

    pub(crate) async fn find_account(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        let key = Key::user(id);
        let (item, roles) = tokio::try_join!(self.find(&key), self.recent_roles())?;
        let user = item.as_ref().map(to_user).transpose()?.flatten();
        Ok(user.map(|user| roles.account(user)))
    }

    async fn list_all_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let mut users = Vec::new();
        let mut after = after.map(|id| id.as_str().to_owned());
        while users.len() < limit {
            let wanted = limit - users.len();
            let range = |shard| Range::listed(user_list(shard), after.as_deref());
            let mut ids = Vec::new();
            for item in self.list_shards(range, wanted).await? {
                ids.push(Row(&item).text("GSI2SK")?.to_owned());
            }
            ids.sort_unstable();
            ids.truncate(wanted);
            let keys: Vec<Key> =
                ids.iter().map(|id| Key::new(format!("USER#{id}"), "PROFILE")).collect();
            for item in self.find_all(&keys).await? {
                users.extend(to_user(&item)?);
            }
            // Whoever has left since the index looked leaves a gap in the page, to be filled.
            if ids.len() < wanted {
                break;
            }
            after = ids.pop();
        }
        Ok(users)
    }

    async fn raise_epoch(
        &self,
        raise: &EpochRaise,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        let fields = Fields::default().with("session_epoch", counter(raise.to));
        let update = Action::update(Key::user(&raise.user), fields)
            .add("version", number(1))
            .when("#session_epoch = :from AND #status <> :erased")
            .value(":from", counter(raise.from))
            .value(":erased", text(ERASED));
        let transaction = Transaction::default()
            .guarded(Guard::Record, update)
            .revoking(&raise.revocation)
            .all(events.iter().map(insert_event));
        match self.transact(transaction).await? {
            Transacted::Done => Ok(Replaced::Yes),
            Transacted::Refused(refusals) if refusals.has(Guard::Record) => Ok(Replaced::Stale),
            Transacted::Refused(refusals) => Err(refusals.unexpected()),
        }
    }
}
