use async_trait::async_trait;
use domain::{
    Account, AuthenticationMethod, DeviceDigest, Revocation, Session, SessionEnd, SessionId,
    Timestamp, TrustedDevice, UserId,
};

use crate::{Notices, OutboxEvent, Replaced, StoreError};

/// A session with its user, as one consistent read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Whose it is, and what they may do.
    pub account: Account,
}

/// A device that a user has signed in with, or a network that they have signed in from, as far as
/// it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Which.
    pub digest: DeviceDigest,
    /// When it is forgotten, unless the user signs in with it again.
    pub expires_at: Timestamp,
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The device and the network, known from now on: no two have one digest.
    pub devices: Vec<KnownDevice>,
    /// The device that is trusted from now on. No other has its id.
    pub trusts: Option<TrustedDevice>,
    /// What goes out with it.
    pub notices: Notices,
}

/// Whether a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertSession {
    /// It did.
    Yes,
    /// The user's epoch has passed the session's, or the user was disabled or erased meanwhile.
    EpochPassed,
}

/// A move of a session to a newer refresh generation.
#[derive(Clone, Debug)]
pub struct Advance {
    /// Whose session.
    pub user: UserId,
    /// Which session.
    pub session: SessionId,
    /// The generation the record must still have.
    pub from: u64,
    /// The generation from now on.
    pub to: u64,
    /// When it happens.
    pub at: Timestamp,
    /// The user agent that asked for it.
    pub by: Option<Box<str>>,
    /// When the new token expires.
    pub idle_expires_at: Timestamp,
    /// The session's key, where it was sealed anew.
    pub resealed: Option<Resealed>,
}

/// A value that was sealed anew: what it says stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// The value as it was read.
    pub old: Box<[u8]>,
    /// The value from now on.
    pub new: Box<[u8]>,
}

/// The sealed key of a session, and what a page after it needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// Whose session.
    pub user: UserId,
    /// Which session.
    pub session: SessionId,
    /// When the session expires at the latest.
    pub expires_at: Timestamp,
    /// Its key, sealed by the service.
    pub sealed_refresh_key: Box<[u8]>,
}

/// A lost answer to be forgiven.
#[derive(Clone, Debug)]
pub struct Forgive {
    /// Whose session.
    pub user: UserId,
    /// Which session.
    pub session: SessionId,
    /// The generation the record must still have, and which is forgiven from now on.
    pub generation: u64,
    /// The forgiven generation that the record must still have.
    pub forgiven: u64,
}

/// A user has proved again who they are.
#[derive(Clone, Debug)]
pub struct Reauthenticate {
    /// Whose session.
    pub user: UserId,
    /// Which session.
    pub session: SessionId,
    /// The epoch that was read with the credentials.
    pub epoch: u64,
    /// When they did.
    pub at: Timestamp,
    /// How they did.
    pub methods: Vec<AuthenticationMethod>,
}

/// Whether a compare-and-set of a session won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// It did.
    Yes,
    /// The record has moved or ended since it was read: read again and decide again.
    Stale,
}

/// The end of one session.
#[derive(Clone, Debug)]
pub struct EndSession {
    /// Whose session.
    pub user: UserId,
    /// Which session.
    pub session: SessionId,
    /// When and why.
    pub end: SessionEnd,
    /// Tells stateless verifiers.
    pub revocation: Revocation,
}

/// Whether a session was ended by this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was.
    Yes,
    /// It had ended before, or is gone; nothing was written.
    Already,
}

/// Keeps sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a new session, its devices and its notices, if the user is active and still has the
    /// session's epoch: a sign-in that raced a reset does not survive it. The user's sign-in time
    /// is set with it, or right after it.
    async fn insert_session(&self, new: &NewSession) -> Result<InsertSession, StoreError>;

    /// Whether the user has signed in with that device and it is not forgotten by `now`.
    async fn find_device(
        &self,
        user: &UserId,
        device: DeviceDigest,
        now: Timestamp,
    ) -> Result<Option<KnownDevice>, StoreError>;

    /// The session with its user.
    async fn find_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError>;

    /// Sessions of a user that are alive at `now`, by id, after `after`.
    async fn list_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError>;

    /// Moves a session that has not ended from one generation to another, in one compare-and-set.
    /// A key that was sealed anew is written with it, or right after it.
    async fn advance_generation(&self, advance: &Advance) -> Result<Advanced, StoreError>;

    /// Records that the answer which carried `generation` was lost, in one compare-and-set.
    async fn advance_forgiven(&self, forgive: &Forgive) -> Result<Advanced, StoreError>;

    /// Renews time and methods of a session's authentication, if the session has not ended and both
    /// it and the user, who is active, have the epoch. A renewal that is older than the last
    /// changes nothing, and is none the less one.
    async fn advance_authentication(
        &self,
        renewal: &Reauthenticate,
    ) -> Result<Advanced, StoreError>;

    /// Ends a session, with its revocation and the events. Of several callers, one ends it.
    async fn end_session(
        &self,
        end: &EndSession,
        events: &[OutboxEvent],
    ) -> Result<Ended, StoreError>;

    /// Keys of sessions in whatever state, in an order of the store's own, after that one, whose
    /// session may be gone. An empty page is the end. Sessions that begin meanwhile may be missing.
    async fn list_sealed_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError>;

    /// Replaces a session's key, whatever state the session is in, if it is still the old one.
    async fn replace_sealed_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError>;
}
