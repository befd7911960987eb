//! Erasing a user.

use contracts::{EraseUser, Replaced, StoreError};
use domain::CodeKind;

use crate::DynamoStorage;
use crate::fields::{Fields, counter, moment, text};
use crate::logins::release;
use crate::notices::insert_notices;
use crate::query::Range;
use crate::rows::{ERASED, to_user};
use crate::table::{Key, Kind, owner_list};
use crate::transaction::{Guard, Transacted, Transaction};
use crate::write::Action;

impl DynamoStorage {
    /// Codes and mails go in the same transaction, mails as far as the index knows of them and the
    /// transaction has room; the rest is left to [`DynamoStorage::purge`].
    pub(crate) async fn erase(&self, erasure: &EraseUser) -> Result<Replaced, StoreError> {
        let user = &erasure.user;
        let key = Key::user(user);
        let found = self.find(&key).await?;
        let found = found.as_ref().map(to_user).transpose()?.flatten();
        let Some(old) = found.filter(|old| old.version == erasure.version) else {
            return Ok(Replaced::Stale);
        };
        let mut transaction = Transaction::default()
            .guarded(Guard::Record, tombstone(&key, erasure))
            .and(release(Key::email(old.email.key()), user))
            .all(old.username.map(|name| release(Key::username(name.as_str()), user)))
            .all(CodeKind::ALL.map(|kind| Action::delete(Key::code(user, kind))))
            .revoking(&erasure.revocation)
            .all(insert_notices(&erasure.notices));
        let mails = Range::listed(owner_list(user), None);
        for mail in self.list(&mails, transaction.room()).await? {
            transaction = transaction.and(Action::delete(crate::query::key_of(&mail)?));
        }
        match self.transact(transaction).await? {
            Transacted::Done => Ok(Replaced::Yes),
            Transacted::Refused(refusals) if refusals.has(Guard::Record) => Ok(Replaced::Stale),
            Transacted::Refused(refusals) => Err(refusals.unexpected()),
        }
    }
}

/// Stands where the user stood, so that the id is never given again. It holds nothing of the
/// person, and as long as something may remain, the index of moments finds it.
fn tombstone(key: &Key, erasure: &EraseUser) -> Action {
    let fields = Fields::default()
        .due(Kind::Erased, erasure.user.as_str(), erasure.at)
        .with("id", text(erasure.user.as_str()))
        .with("status", text(ERASED))
        .with("erased_at_ms", moment(erasure.at))
        .with("session_epoch", counter(erasure.epoch));
    Action::put(key, fields)
        .when("#version = :version AND #status <> :erased")
        .value(":version", counter(erasure.version))
        .value(":erased", text(ERASED))
}
