//! What happens around every request, once: request id, client address, time limit, panics,
//! problems, the log line, the figures.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::{Client, RequestId, TokenId};
use service::Origin;
use tokio::time::{Instant, timeout};

use crate::client_address::{PeerAddress, client_address, forwarded_entries};
use crate::code::Code;
use crate::pages::render::ShownAsPage;
use crate::problem::Problem;
use crate::state::AppState;

/// Ties an answer to its log lines; taken from the caller if it sends a usable one.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Nothing of ours takes that long; a client must not wait for ever.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Gives the request its id and origin, waits for the answer, and makes it presentable.
pub(crate) async fn exchange(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(&state, &request);
    let peer = request.extensions().get::<PeerAddress>().copied();
    note_proxies(&state, request.headers());
    let address = client_address(peer, request.headers(), state.settings.trusted_proxies);
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let client = Client::new(address, user_agent);
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(Origin { request_id: Some(id.clone()), client });

    let answer = timeout(ANSWER_TIME_MAX, next.run(request)).await;
    let mut response =
        answer.unwrap_or_else(|_| Problem::unavailable("the answer took too long").into_response());
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log_cause(&problem, &id, &route);
        if let Some(reached) = &problem.limit {
            state.metrics.limited(reached.limit.name());
        }
        if response.extensions().get::<ShownAsPage>().is_none() {
            response = dressed(problem.render(&id), std::mem::take(response.headers_mut()));
        }
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = started.elapsed();
    let status = response.status().as_u16();
    state.metrics.answered((method, &route), status, took);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(%method, route, status, duration_ms, request.id = %id, "answered");
    response
}

/// Counts the entries of `X-Forwarded-For`, and says once that nobody believes them: behind a proxy
/// that the settings do not know, all clients are one, and share the limits of one.
fn note_proxies(state: &AppState, headers: &HeaderMap) {
    let entries = forwarded_entries(headers).count();
    state.metrics.forwarded(entries);
    let is_unexpected = entries > 0 && state.settings.trusted_proxies == 0;
    if is_unexpected && !state.has_told_of_proxies.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "requests come with X-Forwarded-For, which is not believed: if a proxy of yours writes \
             it, set server.trusted_proxies, or all clients are limited as one"
        );
    }
}

/// The rendered problem with what layers further in have added, such as the headers without which a
/// browser keeps the problem from the script that asked.
fn dressed(mut rendered: Response, mut headers: HeaderMap) -> Response {
    headers.remove(CONTENT_LENGTH);
    headers.extend(std::mem::take(rendered.headers_mut()));
    *rendered.headers_mut() = headers;
    rendered
}

/// The answer to a panic: a defect of ours, which must not cost the connection.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives it away")]
pub(crate) fn panicked(payload: Box<dyn std::any::Any + Send>) -> Response {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}

/// The caller's id if it sent a usable one, else a new one.
fn request_id(state: &AppState, request: &Request) -> RequestId {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    given.and_then(RequestId::parse).unwrap_or_else(|| {
        let fresh = TokenId::new(state.service.clock().now(), state.service.entropy().bytes());
        let text = fresh.to_string().replacen("tok_", "req_", 1);
        RequestId::parse(&text).expect("an id is visible ASCII")
    })
}

/// Whatever a client may call its method, metrics get one of a few names.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The one place where failures are logged, with all that led to them.
fn log_cause(problem: &Problem, id: &RequestId, route: &str) {
    let Some(cause) = &problem.cause else { return };
    let chain = contracts::chain(&***cause);
    if problem.code == Code::Internal {
        tracing::error!(request.id = %id, route, cause = chain, "a request failed");
    } else {
        tracing::warn!(request.id = %id, route, cause = chain, "a dependency did not answer");
    }
}
