use axum::extract::State;
use axum::http::HeaderMap;

use crate::problem::Problem;
use crate::public_document::{Jwt, PublicAnswer, PublicDocument};
use crate::state::AppState;

/// `GET /.well-known/revocations`
pub(crate) async fn revocations(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<PublicAnswer<Jwt>, Problem> {
    let signed = state.service.signed_revocations().await?;
    let document = PublicDocument {
        body: signed.jws.clone().into(),
        content_type: "application/jwt",
        cache_control: "public, max-age=5",
        etag: signed.etag.clone(),
    };
    Ok(document.answer(&headers))
}
