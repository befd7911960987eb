use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use doorward_claims::AccessClaims;
use http::HeaderMap;

use super::credentials::Credentials;
use super::refusal::{Reason, Refusal};
use crate::authorization::Requirement;
use crate::token_claims::TokenClaims;
use crate::verifier::Verifier;

/// A token that was verified, as handlers receive it: its claims are its fields.
///
/// The [`BearerLayer`](crate::BearerLayer) puts it into the request's extensions, and with the
/// feature `axum` it is an extractor. Clones are cheap.
///
/// In the shared-secret profile, handlers take an `AccessToken<SharedSecretClaims>`.
pub struct AccessToken<C = AccessClaims> {
    claims: Arc<C>,
    verifier: Verifier<C>,
}

impl<C: TokenClaims> AccessToken<C> {
    /// The claims, for use beyond the request.
    pub fn claims(&self) -> Arc<C> {
        Arc::clone(&self.claims)
    }

    /// Refuses a token without the role. The refusal is a response: `?` is enough in a handler.
    pub fn require_role(&self, role: &str) -> Result<(), Refusal> {
        self.require(&Requirement::Role(role.to_owned()))
    }

    /// Refuses a token without the permission.
    pub fn require_permission(&self, permission: &str) -> Result<(), Refusal> {
        self.require(&Requirement::Permission(permission.to_owned()))
    }

    /// Refuses a token without the scope.
    pub fn require_scope(&self, scope: &str) -> Result<(), Refusal> {
        self.require(&Requirement::Scope(scope.to_owned()))
    }

    /// Refuses a token that does not meet the requirement.
    pub fn require(&self, requirement: &Requirement) -> Result<(), Refusal> {
        requirement
            .check(&*self.claims)
            .map_err(|error| Refusal::new(Reason::Insufficient(error), self.verifier.realm()))
    }

    /// Verifies the token that a request carries.
    pub(crate) async fn of(headers: &HeaderMap, verifier: &Verifier<C>) -> Result<Self, Refusal> {
        let reason = match Credentials::of(headers) {
            Credentials::Missing => Reason::NoCredentials,
            Credentials::Malformed => Reason::MalformedRequest,
            Credentials::Token(token) => match verifier.verify(token).await {
                Ok(claims) => {
                    return Ok(Self { claims: Arc::new(claims), verifier: verifier.clone() });
                }
                Err(error) => Reason::Token(error),
            },
        };
        Err(Refusal::new(reason, verifier.realm()))
    }

    /// Whether that verifier, and not one with another issuer or audience, has accepted it.
    #[cfg(feature = "axum")]
    pub(crate) fn was_verified_by(&self, verifier: &Verifier<C>) -> bool {
        self.verifier.is_same(verifier)
    }
}

impl<C> Clone for AccessToken<C> {
    fn clone(&self) -> Self {
        Self { claims: Arc::clone(&self.claims), verifier: self.verifier.clone() }
    }
}

impl<C> Deref for AccessToken<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.claims
    }
}

/// Logs show whose token it is, and no personal data.
impl<C: TokenClaims> fmt::Debug for AccessToken<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken({})", self.claims.subject())
    }
}
