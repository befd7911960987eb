//! What verifiers read about us: from memory, cacheable, for everybody.

use axum::extract::State;
use axum::http::HeaderMap;
use doorward_claims::Algorithm;
use serde_json::json;

use crate::public_document::{JsonObject, PublicAnswer, PublicDocument};
use crate::state::AppState;

/// Documents that never change while we run.
pub(crate) struct Documents {
    metadata: PublicDocument,
}

impl Documents {
    pub(crate) fn new(issuer: &str, algorithm: Algorithm) -> Self {
        let metadata = json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [algorithm.name()],
        });
        Self { metadata: PublicDocument::json(&metadata) }
    }
}

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`
pub(crate) async fn metadata(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> PublicAnswer<JsonObject> {
    state.documents.metadata.answer(&headers)
}

/// `GET /.well-known/jwks.json`
pub(crate) async fn jwks(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> PublicAnswer<JsonObject> {
    let keys = state.service.keys().public_keys(state.service.clock().now());
    PublicDocument::json(&keys).answer(&headers)
}
