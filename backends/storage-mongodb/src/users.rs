use std::collections::BTreeSet;

use async_trait::async_trait;
use contracts::{
    EpochRaise, EraseUser, InsertUser, InsertUserError, OneTimeCodeStore as _, OutboxEvent,
    PutCode, ReplaceUser, Replaced, StoreError, UserReplaced, UserStore,
};
use domain::{Account, Login, PasswordHash, RoleName, Timestamp, User, UserId};
use futures_util::future::try_join;
use mongodb::bson::{Document, doc};

use crate::MongoStorage;
use crate::attempts::in_time;
use crate::codes::{delete_codes, put_code, spend_code};
use crate::collections::{ROLES, USERS};
use crate::documents::{Fields, counter, parsed};
use crate::notices::{insert_events, insert_notices};
use crate::operation::{Guard, Operation, Step, Written};
use crate::outcomes::{replaced, unexpected};
use crate::reads::Page;
use crate::revocations::insert_revocation;
use crate::sessions::keep_session;
use crate::user_documents::{ERASED_AT, sparse, to_account, to_user, user_change, user_document};

/// More roles than anybody defines.
const ROLES_MAX: usize = 1_000;

#[async_trait]
impl UserStore for MongoStorage {
    async fn insert_user(
        &self,
        new: &InsertUser,
        if_taken: Option<&PutCode>,
    ) -> Result<(), InsertUserError> {
        let insert = async {
            match self.insert_or_taken(new).await? {
                Ok(()) => Ok(Ok(())),
                Err(Taken::Username) => Ok(Err(InsertUserError::UsernameTaken)),
                Err(Taken::Email) => {
                    let put = match if_taken {
                        Some(put) => Some(self.put_code(put).await?),
                        None => None,
                    };
                    Ok(Err(InsertUserError::EmailTaken(put)))
                }
            }
        };
        in_time(insert).await?
    }

    async fn find_user(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        self.find_account(doc! { "_id": id.as_str() }).await
    }

    async fn find_user_by_login(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        self.find_account(match login {
            Login::Email(email) => doc! { "email_key": sparse(email.key()) },
            Login::Username(name) => doc! { "username": sparse(name.as_str()) },
        })
        .await
    }

    async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let after = after.map_or("", UserId::as_str);
        let filter = doc! { "_id": { "$gt": after }, ERASED_AT: { "$exists": false } };
        let page = Page { of: USERS, filter, order: doc! { "_id": 1 }, limit };
        self.list(page).await?.iter().map(to_user).collect()
    }

    async fn replace_user(&self, change: &ReplaceUser) -> Result<UserReplaced, StoreError> {
        let replace = async {
            for _ in 0..TRIES_MAX {
                match self.write(replacement(change)).await? {
                    Written::Done => return Ok(UserReplaced::Yes),
                    Written::Unmet(Guard::Code) => return Ok(UserReplaced::CodeNotUsable),
                    Written::Unmet(Guard::Record) => return Ok(UserReplaced::Stale),
                    Written::Duplicate => match self.taken_by_another(&change.user).await? {
                        Some(Taken::Username) => return Ok(UserReplaced::UsernameTaken),
                        Some(Taken::Email) => return Ok(UserReplaced::EmailTaken),
                        None => {}
                    },
                }
            }
            Err(unexpected(Written::Duplicate))
        };
        in_time(replace).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<Replaced, StoreError> {
        let mut operation = Operation::traced(USERS, user.as_str());
        operation.push(Step::Update {
            of: USERS,
            filter: doc! { "_id": user.as_str(), "password_hash": old.expose() },
            change: doc! { "$set": { "password_hash": new.expose(), "operation": operation.id } },
            guard: Some(Guard::Record),
        });
        replaced(self.write(operation).await?)
    }

    async fn advance_session_epoch(
        &self,
        raise: &EpochRaise,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        let mut operation = Operation::traced(USERS, raise.user.as_str());
        let raised = doc! { "session_epoch": counter(raise.to), "operation": operation.id };
        operation.push(Step::Update {
            of: USERS,
            filter: doc! { "_id": raise.user.as_str(), "session_epoch": counter(raise.from) },
            change: doc! { "$set": raised, "$inc": { "version": 1_i64 } },
            guard: Some(Guard::Record),
        });
        operation.extend(insert_events(events));
        operation.extend(insert_revocation(&raise.revocation));
        replaced(self.write(operation).await?)
    }

    async fn erase_user(&self, erasure: &EraseUser) -> Result<Replaced, StoreError> {
        self.erase(erasure).await
    }

    async fn delete_remains(&self, settled: Timestamp, limit: usize) -> Result<usize, StoreError> {
        in_time(self.purge(settled, limit)).await
    }

    async fn list_roles(&self) -> Result<BTreeSet<RoleName>, StoreError> {
        let roles = self.list(all_roles()).await?;
        let name = |role: &Document| parsed("role", RoleName::parse(Fields(role).text("_id")?));
        roles.iter().map(name).collect()
    }
}

/// How often a write is tried that was refused for a key which nobody has any more.
pub(crate) const TRIES_MAX: u32 = 3;

/// What another user has already.
enum Taken {
    Email,
    Username,
}

impl MongoStorage {
    async fn find_account(&self, filter: Document) -> Result<Option<Account>, StoreError> {
        let (user, roles) = try_join(self.find_one(USERS, filter), self.list(all_roles())).await?;
        to_account(user.as_ref(), &roles)
    }

    async fn insert_or_taken(&self, new: &InsertUser) -> Result<Result<(), Taken>, StoreError> {
        for _ in 0..TRIES_MAX {
            let written = self.write(insertion(new)).await?;
            match written {
                Written::Done => return Ok(Ok(())),
                Written::Unmet(_) => return Err(unexpected(written)),
                Written::Duplicate => {
                    if let Some(taken) = self.taken_by_another(&new.user).await? {
                        return Ok(Err(taken));
                    }
                }
            }
        }
        Err(unexpected(Written::Duplicate))
    }

    /// What of the user's another has. Asked rather than read from the refusal: servers word it
    /// differently, and name one key where two are taken.
    async fn taken_by_another(&self, user: &User) -> Result<Option<Taken>, StoreError> {
        let others = doc! { "$ne": user.id.as_str() };
        let username = async {
            match &user.username {
                Some(name) => {
                    let filter = doc! { "username": sparse(name.as_str()), "_id": others.clone() };
                    self.find_one(USERS, filter).await.map(|found| found.is_some())
                }
                None => Ok(false),
            }
        };
        let email = doc! { "email_key": sparse(user.email.key()), "_id": others.clone() };
        let (has_username, email) = try_join(username, self.find_one(USERS, email)).await?;
        Ok(match (has_username, email) {
            (true, _) => Some(Taken::Username),
            (false, Some(_)) => Some(Taken::Email),
            (false, None) => None,
        })
    }
}

/// All roles that are defined: a few.
pub(crate) fn all_roles() -> Page {
    Page { of: ROLES, filter: Document::new(), order: doc! { "_id": 1 }, limit: ROLES_MAX }
}

fn insertion(new: &InsertUser) -> Operation {
    let mut operation = Operation::traced(USERS, new.user.id.as_str());
    let user = user_document(&new.user, operation.id);
    operation.push(Step::Insert { into: USERS, documents: vec![user] });
    operation.extend(new.code.as_ref().map(|code| put_code(code, operation.id)));
    operation.extend(insert_notices(&new.notices));
    operation
}

fn replacement(change: &ReplaceUser) -> Operation {
    let user = &change.user;
    let mut operation = Operation::traced(USERS, user.id.as_str());
    let id = operation.id;
    operation.extend(change.spends.as_ref().map(spend_code));
    operation.push(Step::Update {
        of: USERS,
        filter: doc! { "_id": user.id.as_str(), "version": counter(user.version) - 1 },
        change: user_change(user, id),
        guard: Some(Guard::Record),
    });
    operation.extend(change.drops_codes.then(|| delete_codes(&user.id)));
    operation.extend(change.code.as_ref().map(|code| put_code(code, id)));
    operation.extend(change.keeps_session.map(|session| keep_session(user, session)));
    operation.extend(insert_notices(&change.notices));
    operation.extend(change.revocation.as_ref().into_iter().flat_map(insert_revocation));
    operation
}
