use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use doorward_claims::AccessClaims;
use http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use super::access_token::AccessToken;
use super::refusal::Refusal;
use crate::authorization::Requirement;
use crate::token_claims::TokenClaims;
use crate::verifier::Verifier;

/// Lets only requests with a good token through, in any stack that speaks `http` and `tower`.
///
/// Handlers find the [`AccessToken`] in the request's extensions.
#[derive(Debug)]
pub struct BearerLayer<C = AccessClaims> {
    verifier: Verifier<C>,
    requirements: Arc<[Requirement]>,
}

impl<C> Clone for BearerLayer<C> {
    fn clone(&self) -> Self {
        Self { verifier: self.verifier.clone(), requirements: Arc::clone(&self.requirements) }
    }
}

impl<C: TokenClaims> BearerLayer<C> {
    /// Accepts what `verifier` accepts.
    pub fn new(verifier: Verifier<C>) -> Self {
        Self { verifier, requirements: Arc::new([]) }
    }

    /// Lets only tokens with this role through.
    #[must_use]
    pub fn require_role(self, role: impl Into<String>) -> Self {
        self.require(Requirement::Role(role.into()))
    }

    /// Lets only tokens with this permission through.
    #[must_use]
    pub fn require_permission(self, permission: impl Into<String>) -> Self {
        self.require(Requirement::Permission(permission.into()))
    }

    /// Lets only tokens with this scope through.
    #[must_use]
    pub fn require_scope(self, scope: impl Into<String>) -> Self {
        self.require(Requirement::Scope(scope.into()))
    }

    /// Lets only tokens through that meet this and all earlier requirements.
    #[must_use]
    pub fn require(mut self, requirement: Requirement) -> Self {
        self.requirements = self.requirements.iter().cloned().chain([requirement]).collect();
        self
    }

    async fn admit(&self, headers: &HeaderMap) -> Result<AccessToken<C>, Refusal> {
        let token = AccessToken::of(headers, &self.verifier).await?;
        self.requirements.iter().try_for_each(|requirement| token.require(requirement))?;
        Ok(token)
    }
}

impl<S, C> Layer<S> for BearerLayer<C> {
    type Service = BearerService<S, C>;

    fn layer(&self, inner: S) -> BearerService<S, C> {
        BearerService { inner, gate: self.clone() }
    }
}

/// A service behind a [`BearerLayer`].
#[derive(Debug)]
pub struct BearerService<S, C = AccessClaims> {
    inner: S,
    gate: BearerLayer<C>,
}

impl<S: Clone, C> Clone for BearerService<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: self.gate.clone() }
    }
}

impl<S, C, RequestBody, ResponseBody> Service<Request<RequestBody>> for BearerService<S, C>
where
    C: TokenClaims,
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    RequestBody: Send + 'static,
    ResponseBody: From<String>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        // The service that was found ready must be the one that is called.
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        let gate = self.gate.clone();
        Box::pin(async move {
            match gate.admit(request.headers()).await {
                Ok(token) => {
                    request.extensions_mut().insert(token);
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.to_response()),
            }
        })
    }
}
