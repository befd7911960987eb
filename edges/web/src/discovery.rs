//! What verifiers read about us: from memory, cacheable, for everybody.

use axum::extract::State;
use axum::http::HeaderMap;

use crate::public_document::{JsonObject, PublicAnswer, PublicDocument};
use crate::state::AppState;

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`
pub(crate) async fn metadata(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> PublicAnswer<JsonObject> {
    let algorithms = state.service.keys().algorithms(state.service.clock().now());
    crate::metadata::metadata(&state.settings.public_url, &algorithms).answer(&headers)
}

/// `GET /.well-known/jwks.json`
pub(crate) async fn jwks(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> PublicAnswer<JsonObject> {
    let keys = state.service.keys().public_keys(state.service.clock().now());
    PublicDocument::json(&keys).answer(&headers)
}
