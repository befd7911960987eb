use async_trait::async_trait;
use domain::{ChallengeId, CodeKind, OneTimeCode, Timestamp, UserId};

use crate::{Notices, StoreError};

/// A code that shall take the place of an older one.
#[derive(Clone, Debug)]
pub struct PutCode {
    /// The code.
    pub code: OneTimeCode,
    /// An older one that was made after this moment stays, and nothing is written.
    pub unless_made_after: Timestamp,
    /// What goes out with it.
    pub notices: Notices,
}

/// Whether a code was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePut {
    /// It was.
    Yes,
    /// An older one was too young to be replaced; this is its challenge.
    TooSoon(ChallengeId),
}

/// A code that an operation takes along: it must still be there, and is gone afterwards.
#[derive(Clone, Debug)]
pub struct SpendCode {
    /// Whose.
    pub user: UserId,
    /// Which of the user's.
    pub kind: CodeKind,
    /// Of the secret that the record must still have.
    pub secret_digest: [u8; 32],
    /// It must expire after this moment.
    pub now: Timestamp,
}

/// Keeps codes that work once: one record for each user and kind.
#[async_trait]
pub trait OneTimeCodeStore: Send + Sync {
    /// Keeps the code in place of an older one of that user and kind, with its notices, unless the
    /// older one is too young. No user of that id has to exist.
    async fn put_code(&self, put: &PutCode) -> Result<CodePut, StoreError>;

    /// The user's code of that kind, if it expires after `now`.
    async fn find_code(
        &self,
        user: &UserId,
        kind: CodeKind,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError>;

    /// Counts a try of a short code and returns its record as it is then, if there were fewer than
    /// `tries_max` tries and the short code expires after `now`. Counted before anybody compares,
    /// so that guesses at one moment cannot share a try.
    async fn advance_tries(
        &self,
        challenge: ChallengeId,
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError>;
}
