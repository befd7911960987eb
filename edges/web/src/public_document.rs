//! Documents for everybody: cacheable, with a validator, readable from any origin.

use std::marker::PhantomData;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::Schema;

use crate::answer::{Inferred, inferred, response};

/// How long verifiers and gateways may keep keys and metadata.
const CACHE_FOR: &str = "public, max-age=300";

/// A document for everybody, with its validator.
#[derive(Clone)]
pub(crate) struct PublicDocument {
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    pub(crate) etag: String,
}

impl PublicDocument {
    pub(crate) fn json(value: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("text and numbers are JSON");
        Self::new("application/json", body)
    }

    pub(crate) fn new(content_type: &'static str, body: Vec<u8>) -> Self {
        let etag = format!("\"{:016x}\"", fnv1a(&body));
        Self { body: body.into(), content_type, cache_control: CACHE_FOR, etag }
    }

    /// The document, or `304` where the caller has it already (RFC 9110 §13.1.2).
    pub(crate) fn answer<K>(&self, request: &HeaderMap) -> PublicAnswer<K> {
        let is_known = request
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == self.etag || tag == "*");
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.body.clone().into_response()
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(ETAG, etag);
        }
        PublicAnswer(response, PhantomData)
    }
}

/// A validator need not resist anyone: it only has to change with the document.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The answer with a public document, of a kind that the contract can describe.
pub(crate) struct PublicAnswer<K>(Response, PhantomData<K>);

impl<K> PublicAnswer<K> {
    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }
}

/// What the contract says of a kind of document.
pub(crate) trait DocumentKind {
    const CONTENT_TYPE: &'static str;

    fn schema() -> Option<Schema>;
}

/// A JSON object of a standard, described by its RFC and not by a schema of ours.
pub(crate) struct JsonObject;

impl DocumentKind for JsonObject {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema() -> Option<Schema> {
        Some(schemars::json_schema!({ "type": "object" }))
    }
}

/// A compact JWS.
pub(crate) struct Jwt;

impl DocumentKind for Jwt {
    const CONTENT_TYPE: &'static str = "application/jwt";

    /// A schema is for JSON; what a compact JWS looks like, its media type says.
    fn schema() -> Option<Schema> {
        None
    }
}

/// A page for people.
pub(crate) struct HtmlPage;

impl DocumentKind for HtmlPage {
    const CONTENT_TYPE: &'static str = "text/html";

    fn schema() -> Option<Schema> {
        Some(schemars::json_schema!({ "type": "string" }))
    }
}

impl<K> IntoResponse for PublicAnswer<K> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<K: DocumentKind> OperationOutput for PublicAnswer<K> {
    type Inner = K;

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Inferred {
        inferred(200, "Done", response(K::CONTENT_TYPE, K::schema()))
    }
}
