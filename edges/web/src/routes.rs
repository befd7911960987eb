//! The route table: every path, who may call it, and what can go wrong.

use aide::axum::routing::{ApiMethodRouter, delete_with, get_with, post_with};
use aide::transform::TransformOperation;

use crate::access::Access::{self, Anyone, SignedIn};
use crate::code::Code;
use crate::state::AppState;
use crate::{
    contract, discovery, forward_auth, health, refreshes, registrations, revocations, session_list,
    sign_ins, sign_outs,
};

/// Where a route is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mount {
    /// Under `server.base_path`.
    Base,
    /// At the root, and under the path of the public URL, because verifiers put it before.
    Issuer,
    /// At the root of both listeners.
    BothListeners,
    /// At the root of the operations listener only.
    Operations,
}

/// A row of the table.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) mount: Mount,
    pub(crate) handler: ApiMethodRouter<AppState>,
}

/// What the contract says of a call, beside what its handler's types say.
struct About {
    id: &'static str,
    summary: &'static str,
    /// The problems of the use case itself; those of its access and body follow from the row.
    problems: &'static [Code],
}

const fn about(id: &'static str, summary: &'static str, problems: &'static [Code]) -> About {
    About { id, summary, problems }
}

/// A body that has to be JSON can be wrong in these ways.
const BODY: [Code; 5] = [
    Code::ValidationFailed,
    Code::MalformedRequest,
    Code::RequestTimeout,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
];
/// A bearer can be refused in these ways.
const BEARER: [Code; 4] =
    [Code::InvalidToken, Code::TokenExpired, Code::SessionRevoked, Code::AccountDisabled];
/// Anything can fail.
const ALWAYS: [Code; 2] = [Code::Internal, Code::DependencyUnavailable];

/// Every route there is.
#[rustfmt::skip]
pub(crate) fn all() -> Vec<Route> {
    use Code::{
        AccountDisabled, EmailTaken, Forbidden, InvalidCredentials, InvalidToken, NotFound,
        Overloaded, SessionRevoked, TokenExpired, UsernameTaken, ValidationFailed,
    };
    use Mount::{Base, BothListeners, Issuer, Operations};
    vec![
        post(Base, "/auth/register", Anyone, registrations::register, about("registerUser", "Sign up",
            &[Forbidden, EmailTaken, UsernameTaken, Overloaded])),
        post(Base, "/auth/login", Anyone, sign_ins::login, about("loginUser", "Sign in",
            &[InvalidCredentials, AccountDisabled, Overloaded])),
        post(Base, "/auth/refresh", Anyone, refreshes::refresh, about("refreshToken", "Rotate a refresh token",
            &[InvalidToken, TokenExpired, SessionRevoked, AccountDisabled])),
        post(Base, "/auth/logout", Anyone, sign_outs::logout, about("logoutUser", "End a session",
            &[InvalidToken, TokenExpired, AccountDisabled])),
        post(Base, "/auth/logout-all", SignedIn, sign_outs::logout_all, about("logoutEverywhere", "End every session", &[])),
        get(Base, "/auth/me", SignedIn, session_list::me, about("getCurrentUser", "Who am I", &[])),
        get(Base, "/auth/sessions", SignedIn, session_list::list, about("listSessions", "Where am I signed in",
            &[ValidationFailed])),
        delete(Base, "/auth/sessions/{id}", SignedIn, session_list::end, about("endSession", "End one of my sessions",
            &[NotFound])),
        get(Base, "/auth/verify", SignedIn, forward_auth::verify, about("verifyToken", "Forward-auth for proxies", &[])),

        get(Issuer, "/.well-known/jwks.json", Anyone, discovery::jwks, about("getKeys", "Public keys", &[])),
        get(Issuer, "/.well-known/openid-configuration", Anyone, discovery::metadata,
            about("getOpenIdConfiguration", "Metadata for verifiers", &[])),
        get(Issuer, "/.well-known/oauth-authorization-server", Anyone, discovery::metadata,
            about("getAuthorizationServerMetadata", "Metadata for verifiers", &[])),
        get(Issuer, "/.well-known/revocations", Anyone, revocations::revocations,
            about("getRevocations", "What has ended before its tokens expired", &[])),

        get(Base, "/openapi.json", Anyone, contract::openapi, about("getContract", "This document", &[])),
        get(Base, "/docs", Anyone, contract::docs, about("getDocumentation", "This document for people", &[])),

        get(BothListeners, "/livez", Anyone, health::live, about("getLiveness", "Liveness", &[])),
        get(BothListeners, "/readyz", Anyone, health::ready, about("getReadiness", "Readiness", &[])),
        get(Operations, "/metrics", Anyone, health::metrics, about("getMetrics", "Figures for Prometheus", &[])),
    ]
}

macro_rules! verb {
    ($name:ident, $with:ident) => {
        fn $name<H, I, O, T>(
            mount: Mount,
            path: &'static str,
            access: Access,
            handler: H,
            about: About,
        ) -> Route
        where
            H: axum::handler::Handler<T, AppState> + aide::operation::OperationHandler<I, O>,
            I: aide::OperationInput,
            O: aide::OperationOutput,
            T: 'static,
        {
            let handler = $with(handler, |operation| describe(operation, access, &about));
            Route { path, access, mount, handler }
        }
    };
}

verb!(get, get_with);
verb!(post, post_with);
verb!(delete, delete_with);

/// Adds to a call what follows from its row.
fn describe<'t>(
    mut operation: TransformOperation<'t>,
    access: Access,
    about: &About,
) -> TransformOperation<'t> {
    let mut codes: Vec<Code> = [about.problems, &ALWAYS].concat();
    if operation.inner_mut().request_body.is_some() {
        codes.extend(BODY);
    }
    operation = operation.id(about.id).summary(about.summary);
    if access == SignedIn {
        codes.extend(BEARER);
        operation = operation.security_requirement("bearer");
    }
    contract::with_problems(operation, &codes)
}
