//! Codes that prove a mailbox: how they are made, and when one that is presented counts.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contracts::{PutCode, SpendCode};
use domain::{
    ChallengeId, CodeKind, CodeToken, EmailAddress, OneTimeCode, SHORT_CODE_TRIES_MAX, ShortCode,
    Timestamp, UserId,
};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::Service;
use crate::failure::Failure;
use crate::nobody::{nobody_named, to_nobody};

/// How long a short code works: short enough that five tries against 40 bits are nothing.
const SHORT_CODE_TTL: Duration = Duration::from_mins(10);
/// Marks our one-time tokens, so that scanners find leaked ones.
const PREFIX: &str = "dwo_";

/// What somebody presents to prove a mailbox.
#[derive(Clone, Debug)]
pub enum PresentedCode {
    /// The token of a link.
    Token(CodeToken),
    /// What was typed, for the challenge that a call returned.
    Typed {
        /// Names the record.
        challenge: ChallengeId,
        /// The code.
        code: ShortCode,
    },
}

/// That a code was asked for, whether or not anybody gets one.
#[derive(Clone, Copy, Debug)]
pub struct CodeRequested {
    /// What the short code is sent back with.
    pub challenge: ChallengeId,
    /// How long the short code works.
    pub expires_in: Duration,
}

/// A code that was just made: the record, and what only the mail may say.
pub(crate) struct FreshCode {
    pub(crate) record: OneTimeCode,
    pub(crate) token: CodeToken,
    pub(crate) short: ShortCode,
}

/// Writes a token as links and bodies carry it.
pub fn write_code_token(token: &CodeToken) -> SecretString {
    let bytes = token.to_bytes();
    SecretString::from(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// Reads a token; `None` for what we never wrote.
pub fn read_code_token(text: &str) -> Option<CodeToken> {
    let encoded = text.strip_prefix(PREFIX)?;
    if encoded.len() > CodeToken::BYTES_MAX * 4 / 3 + 1 {
        return None;
    }
    let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?);
    CodeToken::parse(&bytes).ok()
}

impl Service {
    /// A new code for that user and kind, which goes to that mailbox.
    pub(crate) fn fresh_code(
        &self,
        user: &UserId,
        kind: CodeKind,
        email: &EmailAddress,
        now: Timestamp,
    ) -> FreshCode {
        let token =
            CodeToken { user: user.clone(), kind, secret: Zeroizing::new(self.entropy.bytes()) };
        let short = ShortCode::new(self.entropy.bytes());
        let challenge = ChallengeId::new(now, self.entropy.bytes());
        let record = OneTimeCode {
            user: user.clone(),
            kind,
            challenge,
            secret_digest: crypto::digest(token.secret.as_slice()),
            short_code_mac: self.code_key.mac(&compared_bytes(challenge, &short)),
            tries: 0,
            email: Some(email.clone()),
            created_at: now,
            short_code_expires_at: now.plus(self.short_code_ttl(kind)),
            expires_at: now.plus(self.code_ttl(kind)),
        };
        FreshCode { record, token, short }
    }

    /// A code that nobody gets: kept where one for that address would be, as long as its short code
    /// could be tried.
    pub(crate) fn code_for_nobody(
        &self,
        kind: CodeKind,
        email: &EmailAddress,
        now: Timestamp,
    ) -> FreshCode {
        let mut fresh = self.fresh_code(&self.nobody(email), kind, email, now);
        fresh.record.email = None;
        fresh.record.expires_at = fresh.record.short_code_expires_at;
        fresh
    }

    /// The challenge to answer with, where an older code stood in the way of `refused`.
    ///
    /// Where registration tells who has an account, it is that of the older code: the mail that
    /// went out is of use with either answer. Where it does not, two challenges alike would tell
    /// that there was an account before, and so would an answer that came without a write. So a
    /// code for nobody is put, as if it were the first.
    pub(crate) async fn challenge_in_place_of(
        &self,
        refused: PutCode,
        standing: ChallengeId,
    ) -> Result<ChallengeId, Failure> {
        if self.policy.registration.reveals_existing {
            return Ok(standing);
        }
        let challenge = refused.code.challenge;
        let put = self.for_nobody(refused);
        self.stores.codes.put_code(&put).await?;
        Ok(challenge)
    }

    /// The same for nobody, under an id of its own.
    fn for_nobody(&self, mut put: PutCode) -> PutCode {
        let nobody = nobody_named(&self.entropy.bytes::<16>());
        put.code.email = None;
        put.code.expires_at = put.code.short_code_expires_at;
        // What the code is compared with was made for another owner: it proves nothing to anybody.
        put.code.short_code_mac = self.entropy.bytes();
        put.notices.mails.iter_mut().for_each(to_nobody);
        put.notices.events.iter_mut().for_each(|event| event.subject = Some(nobody.clone()));
        put.code.user = nobody;
        put
    }

    /// How long a short code of that kind works.
    pub(crate) fn short_code_ttl(&self, kind: CodeKind) -> Duration {
        self.code_ttl(kind).min(SHORT_CODE_TTL)
    }

    /// How long the link of such a code works.
    pub(crate) fn code_ttl(&self, kind: CodeKind) -> Duration {
        match kind {
            CodeKind::ResetPassword => self.policy.codes.reset_ttl,
            CodeKind::VerifyAddress | CodeKind::ChangeAddress => self.policy.codes.verify_ttl,
        }
    }

    /// The record that is meant, if what is presented proves it and it is one of `kinds`. Nothing
    /// is spent but, for a short code, one of its tries: that is counted before it is compared.
    pub(crate) async fn proven_code(
        &self,
        presented: &PresentedCode,
        kinds: &[CodeKind],
    ) -> Result<Option<OneTimeCode>, Failure> {
        let now = self.clock.now();
        let codes = &self.stores.codes;
        let record = match presented {
            PresentedCode::Token(token) => {
                let found = codes.find_code(&token.user, token.kind, now).await?;
                let digest = crypto::digest(token.secret.as_slice());
                // A digest of 256 random bits may be compared at any speed: who could tune it
                // would have to find preimages.
                found.filter(|code| code.secret_digest == digest)
            }
            PresentedCode::Typed { challenge, code } => {
                let found = codes.advance_tries(*challenge, SHORT_CODE_TRIES_MAX, now).await?;
                let bytes = compared_bytes(*challenge, code);
                found.filter(|record| self.code_key.is_genuine(&bytes, &record.short_code_mac))
            }
        };
        Ok(record.filter(|record| kinds.contains(&record.kind)))
    }
}

/// That an operation takes the code along.
pub(crate) fn spend(code: &OneTimeCode, now: Timestamp) -> SpendCode {
    SpendCode { user: code.user.clone(), kind: code.kind, secret_digest: code.secret_digest, now }
}

/// A short code counts only for its own challenge, which names one record.
fn compared_bytes(challenge: ChallengeId, code: &ShortCode) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(challenge.bytes().to_vec());
    bytes.extend_from_slice(code.expose());
    bytes
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_is_one() {
        for user in ["u", &"x".repeat(128)] {
            let token = CodeToken {
                user: UserId::parse(user).unwrap(),
                kind: CodeKind::ResetPassword,
                secret: Zeroizing::new([7; 32]),
            };
            let text = write_code_token(&token);
            assert_eq!(read_code_token(text.expose_secret()), Some(token));
        }
        for wrong in ["", "dwo_", "dwr_AAAA", "dwo_====", &"x".repeat(1000)] {
            assert_eq!(read_code_token(wrong), None, "{wrong}");
        }
    }
}
