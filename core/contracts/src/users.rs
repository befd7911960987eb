use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Account, Login, PasswordHash, Revocation, RoleName, User, UserId};

use crate::{OutboxEvent, StoreError};

/// Why a user was not inserted.
#[derive(Debug, thiserror::Error)]
pub enum InsertUserError {
    /// Another user has the address.
    #[error("the address is taken")]
    EmailTaken,
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

/// A change of a user's roles.
#[derive(Clone, Debug)]
pub struct ReplaceRoles {
    /// Whose roles.
    pub user: UserId,
    /// The version the user must still have; it grows by one.
    pub version: u64,
    /// All roles the user shall hold.
    pub roles: BTreeSet<RoleName>,
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

/// Keeps users.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Keeps a new user with its events. Of several callers with one address or user name, exactly
    /// one inserts.
    async fn insert_user(&self, user: &User, events: &[OutboxEvent])
    -> Result<(), InsertUserError>;

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

    /// Sets the roles of a user and writes the events with it.
    async fn replace_roles(
        &self,
        change: &ReplaceRoles,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError>;

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

    /// The names of all roles that are defined.
    async fn list_roles(&self) -> Result<BTreeSet<RoleName>, StoreError>;
}
