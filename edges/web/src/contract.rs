//! Serves the contract; `openapi` makes it.

use axum::Extension;
use axum::http::HeaderMap;

use crate::public_document::{HtmlPage, JsonObject, PublicAnswer, PublicDocument};

/// The contract of this deployment, for machines and for people.
#[derive(Clone)]
pub(crate) struct Contract {
    pub(crate) openapi: PublicDocument,
    pub(crate) page: PublicDocument,
}

/// `GET /openapi.json`
pub(crate) async fn openapi(
    Extension(contract): Extension<Contract>,
    headers: HeaderMap,
) -> PublicAnswer<JsonObject> {
    contract.openapi.answer(&headers)
}

/// `GET /docs`
pub(crate) async fn docs(
    Extension(contract): Extension<Contract>,
    headers: HeaderMap,
) -> PublicAnswer<HtmlPage> {
    // Markup and style only, so a policy that allows nothing else costs nothing.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    contract
        .page
        .answer(&headers)
        .with("content-security-policy", policy)
        .with("x-content-type-options", "nosniff")
}
