use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aide::OperationOutput;
use aide::openapi::{ReferenceOr, Response as ResponseDoc, StatusCode as StatusDoc};
use aide::transform::TransformOperation;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use contracts::BoxError;
use domain::{RequestId, WeakPassword};
use schemars::JsonSchema;
use serde::Serialize;
use service::LimitReached;

use crate::answer::response;
use crate::code::Code;

/// What a limit is, and what is left of it (draft-ietf-httpapi-ratelimit-headers).
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// An answer that is not what the caller asked for. Rendered with the request id, and logged if it
/// has a cause, in one place: `exchange`.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    pub(crate) limit: Option<Box<LimitReached>>,
    challenge: Option<HeaderValue>,
    allow: Option<HeaderValue>,
    pub(crate) cause: Option<Arc<BoxError>>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct FieldError {
    /// The member of the body, or the parameter.
    pub(crate) field: Cow<'static, str>,
    /// Stable and machine-readable.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
}

/// The document of RFC 9457, with our extensions.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemDocument<'a> {
    /// `urn:doorward:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The same for every problem of this code.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What to do about it.
    detail: &'a str,
    /// Stable and machine-readable.
    code: &'a str,
    /// Ties the answer to log lines and events.
    request_id: &'a str,
    /// What is wrong with each field, where that is the problem.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    errors: &'a [FieldError],
}

impl Problem {
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            limit: None,
            challenge: None,
            allow: None,
            cause: None,
        }
    }

    /// Says more than the code's own advice. Never repeats what the caller sent.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn validation(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::ValidationFailed) }
    }

    /// No credentials were sent: RFC 6750 §3.1 names no error then.
    pub(crate) fn no_credentials() -> Self {
        let challenge = HeaderValue::from_static(r#"Bearer realm="doorward""#);
        Self { challenge: Some(challenge), ..Self::new(Code::InvalidToken) }
    }

    /// The bearer token is no good, for the reason that the code names.
    pub(crate) fn bearer(code: Code) -> Self {
        const CHALLENGE: &str = r#"Bearer realm="doorward", error="invalid_token""#;
        Self { challenge: Some(HeaderValue::from_static(CHALLENGE)), ..Self::new(code) }
    }

    /// The sign-in is too old for this call (RFC 9470 §3).
    pub(crate) fn step_up_required() -> Self {
        let max_age = service::RECENT.as_secs();
        let challenge =
            format!(r#"Bearer error="insufficient_user_authentication", max_age="{max_age}""#);
        let challenge = HeaderValue::try_from(challenge).expect("words and a number are ASCII");
        Self { challenge: Some(challenge), ..Self::new(Code::StepUpRequired) }
    }

    /// A session gets no more tokens before its user has a second factor.
    pub(crate) fn enrolment_required() -> Self {
        Self::new(Code::SessionRevoked)
            .detail("Your role asks for a second factor: sign in again to set it up.")
    }

    /// The session token of a sign-in is no good.
    pub(crate) fn session_token() -> Self {
        Self::new(Code::InvalidToken).detail("The session token is not valid: sign in again.")
    }

    /// A password cannot be chosen; `field` is where it was given.
    pub(crate) fn weak_password(field: &'static str, why: WeakPassword) -> Self {
        let message = why.to_string();
        Self::validation(vec![FieldError { field: field.into(), code: why.code(), message }])
    }

    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::RateLimited) }
    }

    /// A limit is reached, which the answer describes.
    pub(crate) fn limit_reached(reached: LimitReached) -> Self {
        Self { limit: Some(Box::new(reached)), ..Self::rate_limited(reached.wait) }
    }

    pub(crate) fn overloaded(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::Overloaded) }
    }

    /// Ours to mend: the cause goes to the log, not to the caller.
    pub(crate) fn internal(cause: impl Into<BoxError>) -> Self {
        Self { cause: Some(Arc::new(cause.into())), ..Self::new(Code::Internal) }
    }

    pub(crate) fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self {
            cause: Some(Arc::new(cause.into())),
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(Code::DependencyUnavailable)
        }
    }

    pub(crate) fn method_not_allowed(allow: Option<HeaderValue>) -> Self {
        Self { allow, ..Self::new(Code::MethodNotAllowed) }
    }

    /// What is wrong with the first field that is, in words for people.
    pub(crate) fn first_message(&self) -> &str {
        self.errors.first().map_or("this is not right", |error| &error.message)
    }

    /// When to try again, as a header.
    pub(crate) fn retry_after(&self) -> Option<HeaderValue> {
        self.retry_after.map(|wait| HeaderValue::from(whole_seconds(wait).max(1)))
    }

    /// The answer as it goes out.
    pub(crate) fn render(&self, request: &RequestId) -> Response {
        let document = ProblemDocument {
            kind: format!("urn:doorward:problem:{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.as_deref().unwrap_or_else(|| self.code.advice()),
            code: self.code.name(),
            request_id: request.as_str(),
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&document).expect("a document of text and numbers is JSON");
        (self.code.status(), self.headers(), body).into_response()
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, wait);
        }
        if let Some(reached) = &self.limit {
            headers.extend(rate_limit_fields(reached));
        }
        if let Some(challenge) = &self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(allow) = &self.allow {
            headers.insert(ALLOW, allow.clone());
        }
        headers
    }
}

/// The fields of draft-ietf-httpapi-ratelimit-headers: what the quota is, and that none is left.
fn rate_limit_fields(reached: &LimitReached) -> [(HeaderName, HeaderValue); 2] {
    let LimitReached { limit, quota, wait } = reached;
    let (name, count, period) = (limit.name(), quota.count(), quota.period().as_secs().max(1));
    let policy = format!(r#""{name}";q={count};w={period}"#);
    let left = format!(r#""{name}";r=0;t={}"#, whole_seconds(*wait));
    [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)].map(|(field, text)| {
        (field, HeaderValue::try_from(text).expect("names and numbers are ASCII"))
    })
}

/// Rounded up: whoever comes back then must not be too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Leaves the rendering to `exchange`, which knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The route table says which problems a call can have, and [`with_problems`] what they look like.
impl OperationOutput for Problem {
    type Inner = Self;
}

/// Adds an answer for each status that the codes have and the handler's types do not tell of,
/// naming the codes.
pub(crate) fn with_problems<'t>(
    mut operation: TransformOperation<'t>,
    codes: &[Code],
) -> TransformOperation<'t> {
    let problem = aide::generate::in_context(|ctx| {
        response("application/problem+json", ctx.schema.subschema_for::<ProblemDocument<'_>>())
    });
    let responses = operation.inner_mut().responses.get_or_insert_default();
    let mut by_status = BTreeMap::<u16, BTreeSet<&str>>::new();
    for code in codes {
        by_status.entry(code.status().as_u16()).or_default().insert(code.name());
    }
    for (status, names) in by_status {
        let names: Vec<&str> = names.into_iter().collect();
        let answer = ResponseDoc { description: names.join(", "), ..problem.clone() };
        let status = StatusDoc::Code(status);
        responses.responses.entry(status).or_insert(ReferenceOr::Item(answer));
    }
    operation
}
