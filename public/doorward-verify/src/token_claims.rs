use std::fmt;

use doorward_claims::AccessClaims;

use crate::authorization::Authorize;
use crate::error::VerifyError;
use crate::jws::Verified;
use crate::key_set::KeySet;
use crate::shared_secret_claims::SharedSecretClaims;
use crate::tokens::{Policy, check_access_token, check_shared_secret_token};

/// What a service gets to know of a token: [`AccessClaims`] of a Doorward issuer's, or, in the
/// shared-secret profile, [`SharedSecretClaims`].
///
/// The type decides what is checked, so that claims that may be absent cannot be mistaken for
/// claims that were verified. There are no others than these two.
pub trait TokenClaims: Authorize + Checked + Clone + fmt::Debug + Send + Sync + 'static {
    /// The user's id.
    fn subject(&self) -> &str;
}

/// How a kind of token is checked. Not to be named outside of this crate.
pub trait Checked: Sized {
    #[doc(hidden)]
    fn check(
        token: &str,
        keys: &KeySet,
        policy: &Policy,
        now_unix_seconds: i64,
    ) -> Result<Verified<Self>, VerifyError>;

    /// What the list of revocations speaks of; nothing where tokens name no session.
    #[doc(hidden)]
    fn as_revocable(&self) -> Option<&AccessClaims>;
}

impl TokenClaims for AccessClaims {
    fn subject(&self) -> &str {
        &self.sub
    }
}

impl Checked for AccessClaims {
    fn check(
        token: &str,
        keys: &KeySet,
        policy: &Policy,
        now_unix_seconds: i64,
    ) -> Result<Verified<Self>, VerifyError> {
        check_access_token(token, keys, policy, now_unix_seconds)
    }

    fn as_revocable(&self) -> Option<&AccessClaims> {
        Some(self)
    }
}

impl TokenClaims for SharedSecretClaims {
    fn subject(&self) -> &str {
        &self.sub
    }
}

impl Checked for SharedSecretClaims {
    fn check(
        token: &str,
        keys: &KeySet,
        policy: &Policy,
        now_unix_seconds: i64,
    ) -> Result<Verified<Self>, VerifyError> {
        check_shared_secret_token(token, keys, policy, now_unix_seconds)
    }

    fn as_revocable(&self) -> Option<&AccessClaims> {
        None
    }
}
