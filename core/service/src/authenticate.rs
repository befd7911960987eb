use std::time::Duration;

use contracts::{SignedIn, StoreError};
use crypto::{TokenPolicy, Verified, VerifyError, check_access_token};
use domain::{Account, Session, SessionId, SessionState, Timestamp, UserId};
use doorward_claims::AccessClaims;

use crate::Service;
use crate::failure::Failure;

/// How far the clocks of our own instances may stand apart.
const OWN_LEEWAY: Duration = Duration::from_secs(10);

/// Why a bearer is nobody here.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The token is not one of ours, or not for us.
    #[error("the access token is not valid")]
    InvalidToken(#[source] Option<VerifyError>),
    /// The token, or its session, has expired.
    #[error("the access token has expired")]
    Expired,
    /// The session was ended.
    #[error("the session was ended")]
    Revoked,
    /// The user may not sign in.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The work could not be done.
    #[error("the caller could not be looked up")]
    Failure(#[from] Failure),
}

/// Whoever calls, as the store knows them now: a token only names a session.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The session that the token names.
    pub session: Session,
    /// Whose it is, and what they may do.
    pub account: Account,
}

impl Service {
    /// Finds out who bears `token`, reading session and user from the store.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, AuthenticateError> {
        let now = self.clock.now();
        let policy = TokenPolicy {
            leeway: OWN_LEEWAY,
            ..TokenPolicy::new(&self.policy.issuer, &self.policy.audiences)
        };
        let claims = self.verify(token, &policy, now).await?;
        let (Ok(user), Ok(session)) = (UserId::parse(&claims.sub), SessionId::parse(&claims.sid))
        else {
            return Err(AuthenticateError::InvalidToken(None));
        };
        let found = self.stores.sessions.find_session(&user, session).await?;
        // A genuine token of a session that is gone: it was swept or its user erased.
        let SignedIn { session, account } = found.ok_or(AuthenticateError::Revoked)?;
        match session.state(&account.user, now) {
            SessionState::Alive => Ok(Caller { session, account }),
            SessionState::Ended => Err(AuthenticateError::Revoked),
            SessionState::UserDisabled => Err(AuthenticateError::AccountDisabled),
            SessionState::Expired => Err(AuthenticateError::Expired),
        }
    }
}

impl Service {
    /// Verifies a token, with the keys read again if it may be under one that we do not know yet.
    async fn verify(
        &self,
        token: &str,
        policy: &TokenPolicy,
        now: Timestamp,
    ) -> Result<AccessClaims, AuthenticateError> {
        let keys = self.live_keys.table();
        let seconds = now.unix_seconds();
        let mut outcome = check_access_token(token, &keys.verifying_keys(now), policy, seconds);
        if outcome.as_ref().is_err_and(may_be_of_new_key) {
            let reloaded = self.live_keys.reload_for_unknown_key(&keys, now).await;
            if reloaded.map_err(|error| Failure::Keys(Box::new(error)))? {
                let keys = self.live_keys.table();
                outcome = check_access_token(token, &keys.verifying_keys(now), policy, seconds);
            }
        }
        let Verified { claims, algorithm } = outcome.map_err(|error| match error {
            VerifyError::Expired => AuthenticateError::Expired,
            other => AuthenticateError::InvalidToken(Some(other)),
        })?;
        self.tokens_seen.count(algorithm);
        Ok(claims)
    }
}

/// Under a secret that we do not know the signature is wrong, or there is no secret at all.
const fn may_be_of_new_key(error: &VerifyError) -> bool {
    matches!(
        error,
        VerifyError::UnknownKey { .. } | VerifyError::BadSignature | VerifyError::WrongAlgorithm
    )
}

impl From<StoreError> for AuthenticateError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}
