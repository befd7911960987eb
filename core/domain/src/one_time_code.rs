//! Codes that prove a mailbox: a long secret for links, and a short code for typing.

use std::fmt;

use zeroize::Zeroizing;

use crate::{ChallengeId, EmailAddress, IdError, Timestamp, UserId, crockford};

/// What a code is good for. There is one record for each user and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeKind {
    /// Verifies the address that an account was made with.
    VerifyAddress,
    /// Sets a new password.
    ResetPassword,
    /// Verifies the address that an account shall have from then on.
    ChangeAddress,
}

impl CodeKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::VerifyAddress, Self::ResetPassword, Self::ChangeAddress];

    /// The stable name, in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyAddress => "verify_address",
            Self::ResetPassword => "reset_password",
            Self::ChangeAddress => "change_address",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }

    const fn tag(self) -> u8 {
        match self {
            Self::VerifyAddress => 1,
            Self::ResetPassword => 2,
            Self::ChangeAddress => 3,
        }
    }
}

/// How often a short code may be tried.
pub const SHORT_CODE_TRIES_MAX: u32 = 5;

/// The record of a code: digests only, so a leaked database proves no mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode {
    /// Whose mailbox it proves. For an unknown address an id that no user has.
    pub user: UserId,
    /// What it is good for.
    pub kind: CodeKind,
    /// What a client names the record by when it sends the short code.
    pub challenge: ChallengeId,
    /// SHA-256 of the secret in the link.
    pub secret_digest: [u8; 32],
    /// Keyed MAC of the short code.
    pub short_code_mac: [u8; 32],
    /// How often the short code was tried.
    pub tries: u32,
    /// The mailbox that it was sent to: the one that the user shall have, or has; a code that was
    /// sent to an address which the user has no longer proves nothing. None where nobody got it.
    pub email: Option<EmailAddress>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the short code stops working.
    pub short_code_expires_at: Timestamp,
    /// When the link stops working.
    pub expires_at: Timestamp,
}

/// Names the record, and shows nothing of what it compares with.
impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeCode")
            .field("user", &self.user)
            .field("kind", &self.kind)
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}

/// What a link carries: which record, and the 256-bit secret whose digest the record keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeToken {
    /// Whose record.
    pub user: UserId,
    /// Which of the user's records.
    pub kind: CodeKind,
    /// The secret.
    pub secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for CodeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeToken(…)")
    }
}

/// The bytes are no token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a one-time token")]
pub struct CodeTokenError;

impl From<IdError> for CodeTokenError {
    fn from(_: IdError) -> Self {
        Self
    }
}

impl CodeToken {
    /// The most bytes of a token: kind, secret, and the longest user id.
    pub const BYTES_MAX: usize = 1 + 32 + 128;

    /// The token as bytes: the kind, the secret, the user id.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![self.kind.tag()]);
        bytes.extend_from_slice(self.secret.as_slice());
        bytes.extend_from_slice(self.user.as_str().as_bytes());
        bytes
    }

    /// Reads what [`CodeToken::to_bytes`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, CodeTokenError> {
        let (tag, rest) = bytes.split_first().ok_or(CodeTokenError)?;
        let (secret, user) = rest.split_first_chunk::<32>().ok_or(CodeTokenError)?;
        let kind = CodeKind::ALL.into_iter().find(|kind| kind.tag() == *tag);
        let user = std::str::from_utf8(user).map_err(|_| CodeTokenError)?;
        Ok(Self {
            user: UserId::parse(user)?,
            kind: kind.ok_or(CodeTokenError)?,
            secret: Zeroizing::new(*secret),
        })
    }
}

/// Eight characters for typing: 40 bits in Crockford's base32, which has no `I`, `L`, `O` and `U`.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortCode(Zeroizing<[u8; 8]>);

/// The text cannot be a short code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has 8 letters and digits")]
pub struct ShortCodeError;

impl ShortCode {
    /// The code of these random bytes.
    pub fn new(random: [u8; 5]) -> Self {
        let bits = random.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        Self(crockford::write(bits))
    }

    /// Reads what a person typed: in any case, with spaces and hyphens, and with the letters that
    /// look like digits.
    pub fn parse(typed: &str) -> Result<Self, ShortCodeError> {
        crockford::read(typed).map(Self).ok_or(ShortCodeError)
    }

    /// The eight characters, to be compared under a MAC.
    pub fn expose(&self) -> &[u8; 8] {
        &self.0
    }

    /// As a mail shows it: two groups of four.
    pub fn to_text(&self) -> Zeroizing<String> {
        crockford::to_text(&self.0)
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShortCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_code_is_read_as_people_type_it() {
        let code = ShortCode::new([0, 0, 0, 0, 0x21]);
        assert_eq!(*code.to_text(), "0000-0011");
        for typed in ["00000011", "oooo-ooil", " 0000 00I1 ", "OoOo-0011"] {
            assert_eq!(ShortCode::parse(typed), Ok(code.clone()), "{typed}");
        }
        for wrong in ["", "0000-001", "0000-00111", "0000-001U", "0000-001é"] {
            assert_eq!(ShortCode::parse(wrong), Err(ShortCodeError), "{wrong}");
        }
    }

    #[test]
    fn neither_token_nor_code_nor_record_is_shown() {
        let token = CodeToken {
            user: UserId::parse("u").unwrap(),
            kind: CodeKind::ResetPassword,
            secret: Zeroizing::new([7; 32]),
        };
        assert_eq!(format!("{token:?}"), "CodeToken(…)");
        assert_eq!(format!("{:?}", ShortCode::new([7; 5])), "ShortCode(…)");
    }

    proptest! {
        #[test]
        fn every_short_code_reads_back(random: [u8; 5]) {
            let code = ShortCode::new(random);
            prop_assert_eq!(ShortCode::parse(&code.to_text()), Ok(code));
        }

        #[test]
        fn every_token_reads_back(secret: [u8; 32], user in "[!-~]{1,128}", kind in 0_usize..3) {
            let token = CodeToken {
                user: UserId::parse(&user).unwrap(),
                kind: CodeKind::ALL[kind],
                secret: Zeroizing::new(secret),
            };
            prop_assert!(token.to_bytes().len() <= CodeToken::BYTES_MAX);
            prop_assert_eq!(CodeToken::parse(&token.to_bytes()), Ok(token));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CodeToken::parse(&bytes);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = ShortCode::parse(&text);
        }
    }
}
