use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use thiserror::Error;

use crate::authorization::{InsufficientScope, Requirement};
use crate::error::VerifyError;

/// Seconds after which a caller may try again when the fault is ours: the pace of our own fetches.
const RETRY_AFTER_SECONDS: u16 = 5;

/// Why a request is not let in, and the answer that says so: status and challenge of RFC 6750 §3,
/// with a problem document (RFC 9457) as its body.
#[derive(Clone, Debug, Error)]
#[error("the request is not let in")]
pub struct Refusal {
    #[source]
    reason: Reason,
    realm: String,
}

#[derive(Clone, Debug, Error)]
pub(crate) enum Reason {
    #[error("send an access token in the Authorization header, as Bearer")]
    NoCredentials,
    #[error("send one Authorization header, with one bearer token")]
    MalformedRequest,
    #[error(transparent)]
    Token(VerifyError),
    #[error(transparent)]
    Insufficient(InsufficientScope),
}

impl Refusal {
    pub(crate) fn new(reason: Reason, realm: &str) -> Self {
        Self { reason, realm: realm.to_owned() }
    }

    /// The status of the answer: 400, 401, 403 or 503.
    pub const fn status(&self) -> StatusCode {
        match &self.reason {
            Reason::MalformedRequest => StatusCode::BAD_REQUEST,
            Reason::Token(error) if error.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Reason::NoCredentials | Reason::Token(_) => StatusCode::UNAUTHORIZED,
            Reason::Insufficient(_) => StatusCode::FORBIDDEN,
        }
    }

    /// The stable, machine-readable name of the problem, as Doorward itself uses it.
    pub const fn code(&self) -> &'static str {
        match &self.reason {
            Reason::Token(VerifyError::Expired) => "token_expired",
            Reason::Token(VerifyError::Revoked) => "session_revoked",
            Reason::Token(error) if error.is_unavailable() => "dependency_unavailable",
            Reason::NoCredentials | Reason::Token(_) => "invalid_token",
            Reason::MalformedRequest => "malformed_request",
            Reason::Insufficient(_) => "forbidden",
        }
    }

    /// What the caller may be told, in a sentence.
    pub fn detail(&self) -> String {
        let text = self.reason.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).chain(['.']).collect()
    }

    /// The value of `WWW-Authenticate`; none where the fault is not the caller's.
    ///
    /// Without credentials it has no error code: the caller has made no mistake yet (§3.1).
    pub fn challenge(&self) -> Option<String> {
        let realm = format!("Bearer realm=\"{}\"", quotable(&self.realm));
        let error = match &self.reason {
            Reason::NoCredentials => return Some(realm),
            Reason::Token(error) if error.is_unavailable() => return None,
            Reason::MalformedRequest => "invalid_request",
            Reason::Token(_) => "invalid_token",
            Reason::Insufficient(_) => "insufficient_scope",
        };
        let description = quotable(&self.reason.to_string());
        let scope = self.missing_scope().map(|scope| format!(", scope=\"{}\"", quotable(scope)));
        Some(format!(
            "{realm}, error=\"{error}\", error_description=\"{description}\"{}",
            scope.unwrap_or_default()
        ))
    }

    /// The answer, in the body type of whatever HTTP stack is in use.
    pub fn to_response<B: From<String>>(&self) -> Response<B> {
        let mut response = Response::new(B::from(self.problem()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let challenge = self.challenge().map(HeaderValue::try_from);
        if let Some(Ok(challenge)) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }

    fn problem(&self) -> String {
        let code = self.code();
        let problem = Problem {
            kind: format!("urn:doorward:problem:{code}"),
            title: self.title(),
            status: self.status().as_u16(),
            detail: self.detail(),
            code,
        };
        serde_json::to_string(&problem).expect("text and numbers can be written as JSON")
    }

    const fn title(&self) -> &'static str {
        match &self.reason {
            Reason::NoCredentials => "A token is needed",
            Reason::MalformedRequest => "The request is malformed",
            Reason::Token(VerifyError::Expired) => "The token has expired",
            Reason::Token(VerifyError::Revoked) => "The session has ended",
            Reason::Token(error) if error.is_unavailable() => "The issuer cannot be reached",
            Reason::Token(_) => "The token cannot be used",
            Reason::Insufficient(_) => "The token does not allow this",
        }
    }

    /// A role is no scope, so naming it there would send clients to ask for it in vain.
    fn missing_scope(&self) -> Option<&str> {
        match &self.reason {
            Reason::Insufficient(InsufficientScope {
                missing: Requirement::Scope(name) | Requirement::Permission(name),
            }) => Some(name),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
}

/// Leaves what RFC 6750 §3 allows between quotes; a service's own names may hold anything.
fn quotable(text: &str) -> String {
    let may_stay = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    text.chars().filter(may_stay).collect()
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for Refusal {
    fn into_response(self) -> axum_core::response::Response {
        self.to_response()
    }
}
