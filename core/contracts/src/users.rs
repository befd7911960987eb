use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{
    Account, Login, OneTimeCode, PasswordHash, Revocation, RoleName, SessionId, Timestamp, User,
    UserId,
};

use crate::{CodePut, Notices, OutboxEvent, PutCode, SpendCode, StoreError};

/// A user who signs up.
#[derive(Clone, Debug)]
pub struct InsertUser {
    /// The user.
    pub user: User,
    /// The code that will verify the address, where it has to be.
    pub code: Option<OneTimeCode>,
    /// What goes out with it.
    pub notices: Notices,
}

/// Why a user was not inserted.
#[derive(Debug, thiserror::Error)]
pub enum InsertUserError {
    /// Another user has the address. What became of the code to its owner, where there was one.
    #[error("the address is taken")]
    EmailTaken(Option<CodePut>),
    /// Another user has the user name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a guarded replacement happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It did.
    Yes,
    /// The record has changed since it was read, or is gone: read again and decide again.
    Stale,
}

/// A user as it shall be, with all that must happen at the same moment.
#[derive(Clone, Debug)]
pub struct ReplaceUser {
    /// The user. The record must still have the version before this one's. The time of the last
    /// sign-in is not touched.
    pub user: User,
    /// A code that must still be there, and goes.
    pub spends: Option<SpendCode>,
    /// Whether all other codes of the user go: they were sent to whoever had the old credentials.
    pub drops_codes: bool,
    /// A code that takes the place of an older one of its kind.
    pub code: Option<OneTimeCode>,
    /// The one session that lives on where the epoch rises: it gets the new epoch, if it has the
    /// one before and has not ended. One that is not there is nobody's concern.
    pub keeps_session: Option<SessionId>,
    /// Tells stateless verifiers, where the epoch rises.
    pub revocation: Option<Revocation>,
    /// What goes out with it.
    pub notices: Notices,
}

impl ReplaceUser {
    /// The user as it shall be, with its next version, and nothing else.
    pub fn of(user: User) -> Self {
        Self {
            user,
            spends: None,
            drops_codes: false,
            code: None,
            keeps_session: None,
            revocation: None,
            notices: Notices::default(),
        }
    }
}

/// Whether a user was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserReplaced {
    /// It was.
    Yes,
    /// The record has changed since it was read, or is gone: read again and decide again.
    Stale,
    /// The code is not there any more: used, replaced, or expired.
    CodeNotUsable,
    /// Another user has the address.
    EmailTaken,
    /// Another user has the user name.
    UsernameTaken,
}

/// The end of all sessions of a user that began before an epoch.
#[derive(Clone, Debug)]
pub struct EpochRaise {
    /// Whose sessions.
    pub user: UserId,
    /// The epoch the user must still have.
    pub from: u64,
    /// The epoch from now on.
    pub to: u64,
    /// Tells stateless verifiers.
    pub revocation: Revocation,
}

/// The erasure of a user.
#[derive(Clone, Debug)]
pub struct EraseUser {
    /// Who goes.
    pub user: UserId,
    /// The version the user must still have.
    pub version: u64,
    /// The epoch of the tombstone: above that of every session.
    pub epoch: u64,
    /// When it happens.
    pub at: Timestamp,
    /// Tells stateless verifiers.
    pub revocation: Revocation,
    /// What goes out with it, the farewell among it.
    pub notices: Notices,
}

/// Keeps users.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Keeps a new user with code and notices. Of several callers with one address or user name,
    /// exactly one inserts. If both are taken, the user name is told; the id of an erased user is
    /// a failure.
    ///
    /// Where only the address is taken, `if_taken` is put instead, and the outcome is still
    /// [`InsertUserError::EmailTaken`]: so a stranger cannot tell by the work which it was.
    async fn insert_user(
        &self,
        new: &InsertUser,
        if_taken: Option<&PutCode>,
    ) -> Result<(), InsertUserError>;

    /// The user with that id, with what their roles allow.
    async fn find_user(&self, id: &UserId) -> Result<Option<Account>, StoreError>;

    /// The user who signs in with that address or name.
    async fn find_user_by_login(&self, login: &Login) -> Result<Option<Account>, StoreError>;

    /// Users by id, after `after`.
    async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;

    /// Replaces a user, roles included. Of several callers with one version or one code, exactly
    /// one does.
    async fn replace_user(&self, change: &ReplaceUser) -> Result<UserReplaced, StoreError>;

    /// Puts `new` in the place of `old` where that still stands: the same password, hashed anew.
    async fn replace_password_hash(
        &self,
        user: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<Replaced, StoreError>;

    /// Ends all sessions of a user, with the revocation and the events.
    async fn advance_session_epoch(
        &self,
        raise: &EpochRaise,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError>;

    /// Turns a user into a tombstone that holds nothing of the person: address and user name are
    /// free, nobody signs in, and codes and mails of the user are gone. What else belongs to the
    /// user is removed by [`UserStore::delete_remains`].
    async fn erase_user(&self, erasure: &EraseUser) -> Result<Replaced, StoreError>;

    /// Removes at most `limit` of each kind of record that belong to erased users: sessions,
    /// devices, trusted devices, pending sign-ins, codes and mails. A tombstone that was made by
    /// `settled` and has none left is not looked at again. Returns how many went.
    async fn delete_remains(&self, settled: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// The names of all roles that are defined.
    async fn list_roles(&self) -> Result<BTreeSet<RoleName>, StoreError>;
}
