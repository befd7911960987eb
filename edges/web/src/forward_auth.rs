use axum::http::{HeaderMap, HeaderValue};
use domain::{Permission, RoleName};

use crate::access::SignedIn;
use crate::answer::InHeaders;

/// `GET /auth/verify`: forward-auth for nginx, Traefik and Envoy.
///
/// The proxy must strip incoming `X-Auth-*` headers and copy these.
pub(crate) async fn verify(SignedIn(caller): SignedIn) -> InHeaders {
    let user = &caller.account.user;
    let roles: Vec<&str> = user.roles.iter().map(RoleName::as_str).collect();
    let scope: Vec<&str> = caller.account.permissions.iter().map(Permission::as_str).collect();
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        // All of these are visible ASCII by their types.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put("x-auth-user-id", user.id.as_str());
    if user.is_email_verified {
        put("x-auth-email", user.email.as_typed());
    }
    put("x-auth-roles", &roles.join(","));
    put("x-auth-scope", &scope.join(" "));
    InHeaders(headers)
}
