use std::net::IpAddr;

use aide::OperationInput;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::Caller;

use crate::client_address::PeerAddress;
use crate::code::Code;
use crate::problem::Problem;
use crate::state::AppState;

/// Who may call a route: a column of the route table, without default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody; what the handler needs, it asks for itself.
    Anyone,
    /// Whoever bears an access token whose session and user are alive in the store.
    SignedIn,
    /// As `SignedIn`, and the user has authenticated within the last ten minutes (RFC 9470).
    SteppedUp,
    /// Whoever sits at the machine of a development deployment.
    Developer,
}

/// Lets signed-in callers through, and tells the handler who they are.
pub(crate) async fn require_signed_in(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = match bearer_token(request.headers()) {
        Ok(Some(token)) => token.to_owned(),
        Ok(None) => return Problem::no_credentials().into_response(),
        Err(problem) => return problem.into_response(),
    };
    match state.service.authenticate(&token).await {
        Ok(caller) => {
            request.extensions_mut().insert(SignedIn(caller));
            next.run(request).await
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Lets signed-in callers through whose authentication is recent. Stands behind
/// [`require_signed_in`].
pub(crate) async fn require_stepped_up(
    State(state): State<AppState>,
    SignedIn(caller): SignedIn,
    mut request: Request,
    next: Next,
) -> Response {
    if state.service.require_recent(&caller).is_err() {
        return Problem::step_up_required().into_response();
    }
    // Taken above; the handler wants it, too.
    request.extensions_mut().insert(SignedIn(caller));
    next.run(request).await
}

/// Lets nobody through but programs on this machine that call it by a name of this machine: a page
/// in a browser that was led here by a name of its own is refused.
pub(crate) async fn require_developer(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<PeerAddress>();
    let is_local = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if state.mailbox.is_some() && is_local && host.is_some_and(is_loopback_host) {
        next.run(request).await
    } else {
        Problem::new(Code::NotFound).into_response()
    }
}

/// Whether a `Host` header means this machine.
fn is_loopback_host(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The caller of a route whose access is [`Access::SignedIn`] or [`Access::SteppedUp`].
#[derive(Clone)]
pub(crate) struct SignedIn(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Absent only where the table says `Anyone`, and then nobody may pass.
        parts.extensions.remove::<Self>().ok_or_else(Problem::no_credentials)
    }
}

impl OperationInput for SignedIn {}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1), if there is such a header.
///
/// Two headers, another scheme, or a token of other characters are refused, not overlooked.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let refused = || Problem::bearer(Code::InvalidToken);
    if values.next().is_some() {
        return Err(refused());
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(refused)?;
    let token = token.trim_matches(' ');
    let is_token = !token.is_empty() && token.bytes().all(is_token_byte);
    if scheme.eq_ignore_ascii_case("bearer") && is_token { Ok(Some(token)) } else { Err(refused()) }
}

/// `b64token` of RFC 6750 §2.1.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(values: &[&str]) -> Result<Option<String>, ()> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer_token(&headers).map(|found| found.map(str::to_owned)).map_err(|_| ())
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost:9090", "127.0.0.1", "127.8.8.8:1", "[::1]:9090", "LOCALHOST"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["example.com", "localhost.example.com", "192.0.2.1", "", "127.0.0.1.nip.io"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        assert_eq!(token(&["bEARER a.b.c"]), Ok(Some("a.b.c".to_owned())));
        assert_eq!(token(&[]), Ok(None));
    }

    #[test]
    fn nonsense_is_refused_and_not_taken_for_absence() {
        for values in [
            &["Basic YTpi"][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(token(values), Err(()), "{values:?}");
        }
    }
}
