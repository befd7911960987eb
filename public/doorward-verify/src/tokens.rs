use std::time::Duration;

use doorward_claims::{AccessClaims, RevocationClaims, TOKEN_KIND};

use crate::error::VerifyError;
use crate::jws::{TokenForm, verify_signed};
use crate::key_set::KeySet;

/// Whose tokens a service accepts, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The issuer's URL, character for character as in its tokens.
    pub issuer: String,
    /// The service's own names; a token must be for one of them. With none, every token is refused.
    pub audiences: Vec<String>,
    /// How far our clock and the issuer's may stand apart.
    pub leeway: Duration,
}

impl Policy {
    /// What clocks that are kept by NTP never exceed.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

    /// Accepts tokens of `issuer` that are for one of `audiences`.
    pub fn new<A: Into<String>>(
        issuer: impl Into<String>,
        audiences: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: audiences.into_iter().map(Into::into).collect(),
            leeway: Self::DEFAULT_LEEWAY,
        }
    }

    /// Whether a moment that ends something has passed, even on a clock that runs ahead.
    pub(crate) const fn has_passed(&self, moment: i64, now: i64) -> bool {
        now >= moment.saturating_add(self.leeway_seconds())
    }

    /// Whether a moment that begins something is still to come, even on a clock that runs behind.
    const fn is_to_come(&self, moment: i64, now: i64) -> bool {
        moment > now.saturating_add(self.leeway_seconds())
    }

    const fn leeway_seconds(&self) -> i64 {
        let seconds = self.leeway.as_secs();
        if seconds > i64::MAX as u64 { i64::MAX } else { seconds.cast_signed() }
    }
}

/// Checks an access token: form, type, signature, issuer, audience and times (RFC 9068 §4).
///
/// Whether its session has ended meanwhile is for [`RevocationIndex`](crate::RevocationIndex) to
/// say.
///
/// - `now_unix_seconds`: the time, since this crate's core reads no clock.
pub fn verify_access_token(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now_unix_seconds: i64,
) -> Result<AccessClaims, VerifyError> {
    let claims: AccessClaims = verify_signed(token, TokenForm::ACCESS, keys)?;
    if claims.kind != TOKEN_KIND {
        return Err(VerifyError::WrongType);
    }
    if claims.iss != policy.issuer {
        return Err(VerifyError::WrongIssuer);
    }
    if !policy.audiences.iter().any(|audience| claims.aud.contains(audience)) {
        return Err(VerifyError::WrongAudience);
    }
    if policy.has_passed(claims.exp, now_unix_seconds) {
        return Err(VerifyError::Expired);
    }
    let begins = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
    if policy.is_to_come(begins, now_unix_seconds) {
        return Err(VerifyError::NotYetValid);
    }
    Ok(claims)
}

/// Checks the signed list of revocations: form, type, signature, issuer and times.
///
/// The caller must refuse a list whose `seq` is lower than one it has seen: it is an old one.
pub fn verify_revocations(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now_unix_seconds: i64,
) -> Result<RevocationClaims, VerifyError> {
    let claims: RevocationClaims = verify_signed(token, TokenForm::REVOCATIONS, keys)?;
    if claims.iss != policy.issuer {
        return Err(VerifyError::WrongIssuer);
    }
    if policy.has_passed(claims.exp, now_unix_seconds) {
        return Err(VerifyError::Expired);
    }
    if policy.is_to_come(claims.iat, now_unix_seconds) {
        return Err(VerifyError::NotYetValid);
    }
    Ok(claims)
}
