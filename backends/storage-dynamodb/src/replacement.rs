//! Replacing a user, with all that must happen at the same moment.

use contracts::{ReplaceUser, SpendCode, StoreError, UserReplaced};
use domain::{CodeKind, SessionId, User};

use crate::DynamoStorage;
use crate::codes::{is_spendable, put_code, spending};
use crate::failure::unavailable;
use crate::fields::{Fields, counter};
use crate::logins::{email_guard, release, username_guard};
use crate::notices::insert_notices;
use crate::operation::{TURNS_MAX, wait};
use crate::row::Row;
use crate::rows::{to_user, user_fields};
use crate::table::Key;
use crate::transaction::{Guard, Refusals, Transacted, Transaction};
use crate::write::Action;

impl DynamoStorage {
    /// What is read first decides only which items the transaction is about: it is conditional on
    /// the version that was read, and nothing but a raised version changes address or user name.
    pub(crate) async fn replace(&self, change: &ReplaceUser) -> Result<UserReplaced, StoreError> {
        let user = &change.user;
        for turn in 1..=TURNS_MAX {
            let found = self.find(&Key::user(&user.id)).await?;
            let old = found.as_ref().map(to_user).transpose()?.flatten();
            let is_next = |old: &User| old.version.checked_add(1) == Some(user.version);
            let Some(old) = old.filter(is_next) else {
                return self.stale(change.spends.as_ref()).await;
            };
            let transaction = self.replacement(&old, change).await?;
            match self.transact(transaction).await? {
                Transacted::Done => return Ok(UserReplaced::Yes),
                Transacted::Refused(refusals) => {
                    if let Some(outcome) = outcome(&refusals) {
                        return Ok(outcome);
                    }
                    if !refusals.has(Guard::Session) {
                        return Err(refusals.unexpected());
                    }
                }
            }
            // The session that lives on ended, or was gone, since it was read.
            wait(&user.id.to_string(), turn).await;
        }
        Err(unavailable("the session that lives on changed again and again"))
    }

    async fn replacement(
        &self,
        old: &User,
        change: &ReplaceUser,
    ) -> Result<Transaction, StoreError> {
        let mut transaction = code_changes(change)
            .guarded(Guard::Record, update_user(&change.user))
            .all(login_releases(old, &change.user));
        for (guard, action) in login_claims(old, &change.user) {
            transaction = transaction.guarded(guard, action);
        }
        if let Some(id) = change.keeps_session
            && let Some(action) = self.keep_session(&change.user, id).await?
        {
            transaction = transaction.guarded(Guard::Session, action);
        }
        if let Some(revocation) = &change.revocation {
            transaction = transaction.revoking(revocation);
        }
        Ok(transaction.all(insert_notices(&change.notices)))
    }

    /// Takes a session along to the user's new epoch, if it is there to be taken: one that is dead
    /// by an older epoch, or has ended, stays dead.
    async fn keep_session(&self, user: &User, id: SessionId) -> Result<Option<Action>, StoreError> {
        let key = Key::session(&user.id, id);
        let Some(found) = self.find(&key).await? else { return Ok(None) };
        let row = Row(&found);
        let epoch = row.counter("epoch")?;
        if epoch.checked_add(1) != Some(user.session_epoch)
            || row.optional_moment("ended_at_ms")?.is_some()
        {
            return Ok(None);
        }
        let fields = Fields::default().with("epoch", counter(user.session_epoch));
        let action = Action::update(key, fields)
            .when("#epoch = :epoch AND attribute_not_exists(#ended_at_ms)")
            .value(":epoch", counter(epoch));
        Ok(Some(action))
    }

    /// A code that is not there comes before a record that has changed: else whoever reads again
    /// would come back with the same code.
    async fn stale(&self, spends: Option<&SpendCode>) -> Result<UserReplaced, StoreError> {
        let Some(spent) = spends else { return Ok(UserReplaced::Stale) };
        let found = self.find(&Key::code(&spent.user, spent.kind)).await?;
        let is_there = found.map(|item| is_spendable(&item, spent)).transpose()?;
        Ok(if is_there == Some(true) { UserReplaced::Stale } else { UserReplaced::CodeNotUsable })
    }
}

fn outcome(refusals: &Refusals) -> Option<UserReplaced> {
    [
        (Guard::Code, UserReplaced::CodeNotUsable),
        (Guard::Record, UserReplaced::Stale),
        (Guard::Username, UserReplaced::UsernameTaken),
        (Guard::Email, UserReplaced::EmailTaken),
    ]
    .into_iter()
    .find_map(|(guard, outcome)| refusals.has(guard).then_some(outcome))
}

fn update_user(user: &User) -> Action {
    Action::update(Key::user(&user.id), user_fields(user))
        .when("#version = :old_version")
        .value(":old_version", counter(user.version.saturating_sub(1)))
}

/// A transaction may touch an item once, so spending, dropping and putting are one action for each
/// kind of code.
fn code_changes(change: &ReplaceUser) -> Transaction {
    let user = &change.user.id;
    let mut transaction = Transaction::default();
    for kind in CodeKind::ALL {
        let spent = change.spends.as_ref().filter(|spent| spent.kind == kind);
        let is_of_user = spent.is_some_and(|spent| spent.user == *user);
        let put = change.code.as_ref().filter(|code| code.kind == kind);
        let action = if let Some(code) = put {
            let [put, challenge] = put_code(code);
            transaction = transaction.and(challenge);
            Some(put)
        } else if is_of_user || change.drops_codes {
            Some(Action::delete(Key::code(user, kind)))
        } else {
            None
        };
        transaction = match (action, spent) {
            (Some(action), Some(spent)) if is_of_user => {
                transaction.guarded(Guard::Code, spending(action, spent))
            }
            (action, Some(spent)) if !is_of_user => {
                let foreign = Action::delete(Key::code(&spent.user, kind));
                transaction.all(action).guarded(Guard::Code, spending(foreign, spent))
            }
            (action, _) => transaction.all(action),
        };
    }
    transaction
}

fn login_claims(old: &User, new: &User) -> Vec<(Guard, Action)> {
    let mut claims = Vec::new();
    if old.email.key() != new.email.key() {
        claims.push((Guard::Email, email_guard(new.email.key(), &new.id)));
    }
    if let Some(name) = &new.username
        && old.username != new.username
    {
        claims.push((Guard::Username, username_guard(name, &new.id)));
    }
    claims
}

fn login_releases(old: &User, new: &User) -> Vec<Action> {
    let mut releases = Vec::new();
    if old.email.key() != new.email.key() {
        releases.push(release(Key::email(old.email.key()), &new.id));
    }
    if let Some(name) = &old.username
        && old.username != new.username
    {
        releases.push(release(Key::username(name.as_str()), &new.id));
    }
    releases
}
