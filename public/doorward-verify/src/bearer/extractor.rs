use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::access_token::AccessToken;
use super::refusal::Refusal;
use crate::token_claims::TokenClaims;
use crate::verifier::Verifier;

/// Takes the token that the layer has verified, or verifies it here.
///
/// The [`Verifier`] comes from the router's state, so that forgetting it is an error of the
/// compiler, and forgetting the layer is none.
impl<S, C> FromRequestParts<S> for AccessToken<C>
where
    S: Send + Sync,
    C: TokenClaims,
    Verifier<C>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let verifier = Verifier::<C>::from_ref(state);
        let from_layer = parts.extensions.get::<Self>();
        // A layer may trust another issuer than the state does.
        if let Some(token) = from_layer.filter(|token| token.was_verified_by(&verifier)) {
            return Ok(token.clone());
        }
        Self::of(&parts.headers, &verifier).await
    }
}

/// For handlers that serve strangers too: `None` without an `Authorization` header. A token that
/// is not accepted is refused even so, lest its bearer take themselves for signed in.
impl<S, C> OptionalFromRequestParts<S> for AccessToken<C>
where
    S: Send + Sync,
    C: TokenClaims,
    Verifier<C>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}
