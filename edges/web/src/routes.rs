//! The route table: every path, who may call it, and what can go wrong.

use aide::axum::routing::{ApiMethodRouter, delete_with, get_with, patch_with, post_with};
use aide::transform::TransformOperation;
use service::Limit::{ForgotAddress, LoginAddress, RegisterAddress};

use crate::access::Access::{self, Anyone, Developer, SignedIn, SteppedUp};
use crate::code::Code;
use crate::discovery::metadata;
use crate::limited::Limited::{self, ByAddress, No, RefusalsByAddress};
use crate::problem::with_problems;
use crate::state::AppState;
use crate::{
    address_verifications, code_requests, contract, discovery, factor_removal, factor_set_up,
    factor_verification, forward_auth, health, mailbox, pages, passwords, profile, refreshes,
    registrations, revocations, session_list, sign_ins, sign_outs, step_ups,
};

use Mount::{Base, BothListeners, Issuer, Operations, Pages};

/// Where a route is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mount {
    /// Under `server.base_path`.
    Base,
    /// At the root, and under the path of the public URL, because verifiers put it before.
    Issuer,
    /// At the root of both listeners.
    BothListeners,
    /// Under `server.base_path`, for people and not for programs: no part of the contract.
    Pages,
    /// At the root of the operations listener only.
    Operations,
}

/// A row of the table.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) limited: Limited,
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

/// A call that has no problems of its own.
const fn about(id: &'static str, summary: &'static str) -> About {
    About { id, summary, problems: &[] }
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
/// Calls that anyone may make, but that go by a bearer where there is one.
const MAY_BEAR: [&str; 4] = ["logoutUser", "verifyEmail", "setupMfa", "verifyMfaSetup"];
/// Anything can fail.
const ALWAYS: [Code; 2] = [Code::Internal, Code::DependencyUnavailable];

/// How often one address may do what strangers can do.
const SIGN_UPS: Limited = ByAddress(RegisterAddress);
const SIGN_INS: Limited = RefusalsByAddress(LoginAddress);
const MAILS: Limited = ByAddress(ForgotAddress);

/// Every route there is.
#[rustfmt::skip]
pub(crate) fn all() -> Vec<Route> {
    vec![
        post(Base, "/auth/register", Anyone, SIGN_UPS, registrations::register, REGISTER),
        post(Base, "/auth/verify-email", Anyone, No, address_verifications::verify, VERIFY_EMAIL),
        post(Base, "/auth/verify-email/resend", Anyone, MAILS, code_requests::verification, RESEND),
        post(Base, "/auth/login", Anyone, SIGN_INS, sign_ins::login, LOGIN),
        post(Base, "/auth/refresh", Anyone, No, refreshes::refresh, REFRESH),
        post(Base, "/auth/logout", Anyone, No, sign_outs::logout, LOGOUT),
        post(Base, "/auth/logout-all", SignedIn, No, sign_outs::logout_all, LOGOUT_ALL),
        post(Base, "/auth/password/forgot", Anyone, MAILS, code_requests::password_reset, FORGOT),
        post(Base, "/auth/password/reset", Anyone, No, passwords::reset, RESET),
        post(Base, "/auth/password/change", SteppedUp, No, passwords::change, CHANGE_PASSWORD),
        post(Base, "/auth/mfa/verify", Anyone, SIGN_INS, factor_verification::verify, VERIFY_MFA),
        post(Base, "/auth/mfa/setup", Anyone, No, factor_set_up::set_up, SET_UP_MFA),
        post(Base, "/auth/mfa/verify-setup", Anyone, No, factor_set_up::confirm, CONFIRM_MFA),
        post(Base, "/auth/mfa/backup-codes", SteppedUp, No, factor_set_up::renew, BACKUP),
        post(Base, "/auth/mfa/disable", SteppedUp, No, factor_removal::disable, DISABLE_MFA),
        post(Base, "/auth/step-up", SignedIn, No, step_ups::step_up, STEP_UP),
        get(Base, "/auth/me", SignedIn, No, profile::me, ME),
        patch(Base, "/auth/me", SignedIn, No, profile::update, UPDATE_ME),
        delete(Base, "/auth/me", SteppedUp, No, profile::erase, DELETE_ME),
        get(Base, "/auth/sessions", SignedIn, No, session_list::list, SESSIONS),
        delete(Base, "/auth/sessions/{id}", SignedIn, No, session_list::end, END_SESSION),
        get(Base, "/auth/verify", SignedIn, No, forward_auth::verify, VERIFY),

        get(Issuer, "/.well-known/jwks.json", Anyone, No, discovery::jwks, JWKS),
        get(Issuer, "/.well-known/openid-configuration", Anyone, No, metadata, OPENID),
        get(Issuer, "/.well-known/oauth-authorization-server", Anyone, No, metadata, OAUTH),
        get(Issuer, "/.well-known/revocations", Anyone, No, revocations::revocations, REVOCATIONS),

        get(Base, "/openapi.json", Anyone, No, contract::openapi, OPENAPI),
        get(Base, "/docs", Anyone, No, contract::docs, DOCS),

        get(BothListeners, "/livez", Anyone, No, health::live, LIVE),
        get(BothListeners, "/readyz", Anyone, No, health::ready, READY),
        get(Operations, "/metrics", Anyone, No, health::metrics, METRICS),
        unlisted(Operations, "/dev/mailbox", Developer, No, axum::routing::get(mailbox::list)),

        unlisted(Pages, "/pages/verify", Anyone, No, pages::verify()),
        unlisted(Pages, "/pages/confirm", Anyone, No, pages::confirm()),
        unlisted(Pages, "/pages/reset", Anyone, No, pages::reset()),
        unlisted(Pages, "/pages/pages.css", Anyone, No, axum::routing::get(pages::style)),
        unlisted(Pages, "/pages/pages.js", Anyone, No, axum::routing::get(pages::script)),
    ]
}

// What the contract says of each: its operation id, a summary, and the problems of its use case.
const REGISTER: About = About {
    id: "registerUser",
    summary: "Sign up",
    problems: &[Code::Forbidden, Code::EmailTaken, Code::UsernameTaken, Code::Overloaded],
};
const VERIFY_EMAIL: About = About {
    id: "verifyEmail",
    summary: "Verify an address",
    problems: &[
        Code::UnusableToken,
        Code::PasswordRequired,
        Code::InvalidCredentials,
        Code::InvalidToken,
        Code::TokenExpired,
        Code::SessionRevoked,
        Code::AccountDisabled,
        Code::EmailTaken,
        Code::RateLimited,
        Code::Overloaded,
    ],
};
const RESEND: About = about("resendVerification", "Send the verification mail again");
const LOGIN: About = About {
    id: "loginUser",
    summary: "Sign in",
    problems: &[
        Code::InvalidCredentials,
        Code::AccountDisabled,
        Code::EmailNotVerified,
        Code::Overloaded,
    ],
};
const FORGOT: About = about("requestPasswordReset", "Ask for a way to set a new password");
const RESET: About = About {
    id: "confirmPasswordReset",
    summary: "Set a new password by mail",
    problems: &[Code::UnusableToken, Code::Overloaded],
};
const CHANGE_PASSWORD: About = About {
    id: "changePassword",
    summary: "Change my password",
    problems: &[Code::InvalidCredentials, Code::RateLimited, Code::Overloaded],
};
const STEP_UP: About = About {
    id: "stepUp",
    summary: "Prove again who I am",
    problems: &[Code::InvalidCredentials, Code::InvalidFactor, Code::RateLimited, Code::Overloaded],
};
const VERIFY_MFA: About = About {
    id: "verifyMfa",
    summary: "Complete a sign-in with the second factor",
    problems: &[
        Code::InvalidToken,
        Code::InvalidFactor,
        Code::AccountDisabled,
        Code::EmailNotVerified,
    ],
};
const SET_UP_MFA: About = About {
    id: "setupMfa",
    summary: "Begin to set up a second factor",
    problems: &[
        Code::InvalidToken,
        Code::TokenExpired,
        Code::SessionRevoked,
        Code::AccountDisabled,
        Code::StepUpRequired,
        Code::MfaAlreadyEnabled,
    ],
};
const CONFIRM_MFA: About = About {
    id: "verifyMfaSetup",
    summary: "Enable the second factor with its first code",
    problems: &[
        Code::InvalidToken,
        Code::TokenExpired,
        Code::SessionRevoked,
        Code::AccountDisabled,
        Code::StepUpRequired,
        Code::InvalidFactor,
        Code::MfaAlreadyEnabled,
        Code::Conflict,
    ],
};
const BACKUP: About = About {
    id: "regenerateBackupCodes",
    summary: "New backup codes",
    problems: &[Code::MfaNotEnabled],
};
const DISABLE_MFA: About = About {
    id: "disableMfa",
    summary: "Remove my second factor",
    problems: &[Code::InvalidCredentials, Code::MfaNotEnabled, Code::RateLimited, Code::Overloaded],
};
const UPDATE_ME: About = About {
    id: "updateCurrentUser",
    summary: "Change my profile",
    problems: &[Code::StepUpRequired, Code::EmailTaken, Code::UsernameTaken, Code::RateLimited],
};
const DELETE_ME: About = about("deleteCurrentUser", "Erase my account");
const REFRESH: About = About {
    id: "refreshToken",
    summary: "Rotate a refresh token",
    problems: &[
        Code::InvalidToken,
        Code::TokenExpired,
        Code::SessionRevoked,
        Code::AccountDisabled,
        Code::RateLimited,
    ],
};
const LOGOUT: About = About {
    id: "logoutUser",
    summary: "End a session",
    problems: &[Code::InvalidToken, Code::TokenExpired, Code::AccountDisabled],
};
const LOGOUT_ALL: About = about("logoutEverywhere", "End every session");
const ME: About = about("getCurrentUser", "Who am I");
const SESSIONS: About = About {
    id: "listSessions",
    summary: "Where am I signed in",
    problems: &[Code::ValidationFailed],
};
const END_SESSION: About =
    About { id: "endSession", summary: "End one of my sessions", problems: &[Code::NotFound] };
const VERIFY: About = about("verifyToken", "Forward-auth for proxies");
const JWKS: About = about("getKeys", "Public keys");
const OPENID: About = about("getOpenIdConfiguration", "Metadata for verifiers");
const OAUTH: About = about("getAuthorizationServerMetadata", "Metadata for verifiers");
const REVOCATIONS: About = about("getRevocations", "What ended before its tokens expired");
const OPENAPI: About = about("getContract", "This document");
const DOCS: About = about("getDocumentation", "This document for people");
const LIVE: About = about("getLiveness", "Liveness");
const READY: About = about("getReadiness", "Readiness");
const METRICS: About = about("getMetrics", "Figures for Prometheus");

macro_rules! verb {
    ($name:ident, $with:ident) => {
        #[expect(clippy::too_many_arguments, reason = "as many as the table has columns")]
        fn $name<H, I, O, T>(
            mount: Mount,
            path: &'static str,
            access: Access,
            limited: Limited,
            handler: H,
            about: About,
        ) -> Route
        where
            H: axum::handler::Handler<T, AppState> + aide::operation::OperationHandler<I, O>,
            I: aide::OperationInput,
            O: aide::OperationOutput,
            T: 'static,
        {
            let handler =
                $with(handler, |operation| describe(operation, (access, limited), &about));
            Route { path, access, limited, mount, handler }
        }
    };
}

verb!(get, get_with);
verb!(post, post_with);
verb!(delete, delete_with);
verb!(patch, patch_with);

/// A path that is no part of the contract.
fn unlisted(
    mount: Mount,
    path: &'static str,
    access: Access,
    limited: Limited,
    handler: axum::routing::MethodRouter<AppState>,
) -> Route {
    Route { path, access, limited, mount, handler: ApiMethodRouter::from(handler) }
}

/// Adds to a call what follows from its row.
fn describe<'t>(
    mut operation: TransformOperation<'t>,
    (access, limited): (Access, Limited),
    about: &About,
) -> TransformOperation<'t> {
    let mut codes: Vec<Code> = [about.problems, &ALWAYS].concat();
    if operation.inner_mut().request_body.is_some() {
        codes.extend(BODY);
    }
    operation = operation.id(about.id).summary(about.summary);
    if matches!(access, SignedIn | SteppedUp) {
        codes.extend(BEARER);
        operation = operation.security_requirement("bearer");
    }
    if MAY_BEAR.contains(&about.id) {
        operation = operation.security_requirement("bearer");
        operation.inner_mut().security.push(Default::default());
    }
    if limited != No {
        codes.push(Code::RateLimited);
    }
    if access == SteppedUp {
        codes.push(Code::StepUpRequired);
    }
    with_problems(operation, &codes)
}
