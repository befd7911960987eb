use std::fmt;

use zeroize::Zeroizing;

use crate::{AuthenticationMethod, IdError, Timestamp, UserId};

/// How often a code may be tried before the person has to begin again.
pub const PENDING_TRIES_MAX: u32 = 5;

/// What a sign-in still wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingStep {
    /// The second factor.
    Verification,
    /// That a second factor is set up: one of the user's roles asks for it.
    Enrolment,
}

impl PendingStep {
    const ALL: [Self; 2] = [Self::Verification, Self::Enrolment];

    /// The stable name, in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Enrolment => "enrolment",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == text)
    }
}

/// A sign-in that has passed its first factor. It buys its own next step and nothing else, and is
/// dead once the user's epoch has risen, which every change of factors does.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the secret in the session token.
    pub secret_digest: [u8; 32],
    /// The user's epoch, read together with what was proved.
    pub epoch: u64,
    /// What is wanted next.
    pub step: PendingStep,
    /// What was proved so far.
    pub methods: Vec<AuthenticationMethod>,
    /// How often a code was tried.
    pub tries: u32,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// Names the sign-in, and shows nothing of what it compares with.
impl fmt::Debug for PendingSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSignIn")
            .field("user", &self.user)
            .field("step", &self.step)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// What a client shows to go on with a sign-in: the 256-bit secret whose digest the record keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingToken {
    /// Whose sign-in.
    pub user: UserId,
    /// The secret.
    pub secret: Zeroizing<[u8; 32]>,
}

/// The bytes are no token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a session token")]
pub struct PendingTokenError;

impl From<IdError> for PendingTokenError {
    fn from(_: IdError) -> Self {
        Self
    }
}

impl PendingToken {
    /// The most bytes of a token: secret, and the longest user id.
    pub const BYTES_MAX: usize = 32 + 128;

    /// The token as bytes: the secret, the user id.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::BYTES_MAX));
        bytes.extend_from_slice(self.secret.as_slice());
        bytes.extend_from_slice(self.user.as_str().as_bytes());
        bytes
    }

    /// Reads what [`PendingToken::to_bytes`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, PendingTokenError> {
        let (secret, user) = bytes.split_first_chunk::<32>().ok_or(PendingTokenError)?;
        let user = std::str::from_utf8(user).map_err(|_| PendingTokenError)?;
        Ok(Self { user: UserId::parse(user)?, secret: Zeroizing::new(*secret) })
    }
}

impl fmt::Debug for PendingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_read_by_its_name() {
        for step in PendingStep::ALL {
            assert_eq!(PendingStep::parse(step.name()), Some(step));
        }
        assert_eq!(PendingStep::parse("Enrolment"), None);
    }

    #[test]
    fn a_token_reads_back_and_nothing_else_is_one() {
        for user in ["u", &"x".repeat(128)] {
            let user = UserId::parse(user).unwrap();
            let token = PendingToken { user, secret: Zeroizing::new([7; 32]) };
            assert_eq!(PendingToken::parse(&token.to_bytes()), Ok(token));
        }
        for wrong in [&[][..], &[7; 32], &[7; 31], &[7; 161], &[0xff; 40]] {
            assert_eq!(PendingToken::parse(wrong), Err(PendingTokenError));
        }
    }
}
