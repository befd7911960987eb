use std::time::Duration;

use doorward_claims::{AccessClaims, Algorithm, Audience, RevocationClaims, TOKEN_KIND};

use crate::error::VerifyError;
use crate::jws::{Expected, TokenForm, TypRule, Verified, verify_expected};
use crate::key_set::KeySet;
use crate::shared_secret_claims::SharedSecretClaims;

/// Whose tokens a service accepts, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The issuer's URL, character for character as in its tokens.
    pub issuer: String,
    /// The service's own names; a token must be for one of them. With none, every token is refused.
    pub audiences: Vec<String>,
    /// How far our clock and the issuer's may stand apart.
    pub leeway: Duration,
    /// Only what is signed with one of these is accepted, whatever keys there are; all by default.
    pub algorithms: Vec<Algorithm>,
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
            algorithms: Algorithm::ALL.to_vec(),
        }
    }

    fn expects(&self, form: TokenForm) -> Expected<'_> {
        Expected { form, typ: TypRule::Exact, algorithms: &self.algorithms }
    }

    fn check_issuer(&self, issuer: &str) -> Result<(), VerifyError> {
        if issuer == self.issuer { Ok(()) } else { Err(VerifyError::WrongIssuer) }
    }

    fn check_audience(&self, token_is_for: &Audience) -> Result<(), VerifyError> {
        let is_ours = self.audiences.iter().any(|audience| token_is_for.contains(audience));
        if is_ours { Ok(()) } else { Err(VerifyError::WrongAudience) }
    }

    fn check_times(&self, valid: Validity, now: i64) -> Result<(), VerifyError> {
        if self.has_passed(valid.until, now) {
            return Err(VerifyError::Expired);
        }
        if valid.from.is_some_and(|moment| self.is_to_come(moment, now)) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(())
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

/// When a token is good, in seconds since the epoch.
#[derive(Clone, Copy)]
struct Validity {
    from: Option<i64>,
    until: i64,
}

fn check_kind(kind: &str) -> Result<(), VerifyError> {
    if kind == TOKEN_KIND { Ok(()) } else { Err(VerifyError::WrongType) }
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
    check_access_token(token, keys, policy, now_unix_seconds).map(|verified| verified.claims)
}

/// Does what [`verify_access_token`] does, and says what the token is signed with: for whoever
/// counts when an algorithm may be switched off.
pub fn check_access_token(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now_unix_seconds: i64,
) -> Result<Verified<AccessClaims>, VerifyError> {
    let verified: Verified<AccessClaims> =
        verify_expected(token, policy.expects(TokenForm::ACCESS), keys)?;
    let claims = &verified.claims;
    check_kind(&claims.kind)?;
    policy.check_issuer(&claims.iss)?;
    policy.check_audience(&claims.aud)?;
    let from = Some(claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat)));
    policy.check_times(Validity { from, until: claims.exp }, now_unix_seconds)?;
    Ok(verified)
}

/// Checks a token of a service with which we share a secret and nothing else: the shared-secret
/// profile.
///
/// HS256 only. `exp` must be there; `iss`, `aud`, `type`, `nbf`, `iat` and the header's `kid` and
/// `typ` are checked where they are, and may be absent. So a policy without audiences refuses a
/// token that is for somebody, and accepts one that does not say. Choose it only for a secret that
/// signs nothing but such tokens: without `type`, a refresh token looks like an access token.
///
/// - `now_unix_seconds`: the time, since this crate's core reads no clock.
pub fn verify_shared_secret_token(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now_unix_seconds: i64,
) -> Result<SharedSecretClaims, VerifyError> {
    check_shared_secret_token(token, keys, policy, now_unix_seconds).map(|verified| verified.claims)
}

pub(crate) fn check_shared_secret_token(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now_unix_seconds: i64,
) -> Result<Verified<SharedSecretClaims>, VerifyError> {
    let is_accepted = policy.algorithms.contains(&Algorithm::HS256);
    let algorithms: &[_] = if is_accepted { &[Algorithm::HS256] } else { &[] };
    let expected = Expected { form: TokenForm::ACCESS, typ: TypRule::MayBePlain, algorithms };
    let verified: Verified<SharedSecretClaims> = verify_expected(token, expected, keys)?;
    let claims = &verified.claims;
    claims.kind.as_deref().map_or(Ok(()), check_kind)?;
    claims.iss.as_deref().map_or(Ok(()), |issuer| policy.check_issuer(issuer))?;
    claims.aud.as_ref().map_or(Ok(()), |audience| policy.check_audience(audience))?;
    let validity = Validity { from: claims.nbf.max(claims.iat), until: claims.exp };
    policy.check_times(validity, now_unix_seconds)?;
    Ok(verified)
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
    let verified = verify_expected(token, policy.expects(TokenForm::REVOCATIONS), keys)?;
    let claims: RevocationClaims = verified.claims;
    policy.check_issuer(&claims.iss)?;
    let validity = Validity { from: Some(claims.iat), until: claims.exp };
    policy.check_times(validity, now_unix_seconds)?;
    Ok(claims)
}
