//! Answers by what they mean, each describing itself to the contract.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as ResponseDoc, SchemaObject};
use axum::Json;
use axum::http::header::{CACHE_CONTROL, HeaderName, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema};
use serde::Serialize;

/// On every answer with tokens or personal data.
const NO_STORE: (HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// `200` with a body that nobody stores on the way.
pub(crate) struct Private<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Private<T> {
    fn into_response(self) -> Response {
        ([NO_STORE], Json(self.0)).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Private<T> {
    type Inner = T;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Inferred {
        inferred(200, "Done", json::<T>(ctx))
    }
}

/// `201` with the new thing and where it is found.
pub(crate) struct Created<T> {
    pub(crate) location: String,
    pub(crate) body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let location = [(LOCATION, self.location)];
        (StatusCode::CREATED, location, Private(self.body)).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Created<T> {
    type Inner = T;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Inferred {
        inferred(201, "Made", json::<T>(ctx))
    }
}

/// `202`: what was asked for is under way, and nobody stores on the way that it was.
pub(crate) struct Accepted<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Private(self.0)).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Accepted<T> {
    type Inner = T;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Inferred {
        inferred(202, "Accepted", json::<T>(ctx))
    }
}

/// `204`: done, and nothing to say.
pub(crate) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl OperationOutput for Done {
    type Inner = ();

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Inferred {
        inferred(204, "Done", ResponseDoc::default())
    }
}

/// `200` that says all in headers, for nobody to store.
pub(crate) struct InHeaders(pub(crate) HeaderMap);

impl IntoResponse for InHeaders {
    fn into_response(self) -> Response {
        ([NO_STORE], self.0).into_response()
    }
}

impl OperationOutput for InHeaders {
    type Inner = ();

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Inferred {
        inferred(200, "Allowed; the headers tell who calls", ResponseDoc::default())
    }
}

/// What an answer says of itself: its status and its form.
pub(crate) type Inferred = Vec<(Option<u16>, ResponseDoc)>;

pub(crate) fn inferred(status: u16, description: &str, response: ResponseDoc) -> Inferred {
    vec![(Some(status), ResponseDoc { description: description.to_owned(), ..response })]
}

/// An answer with a body of that type.
pub(crate) fn response(content_type: &str, schema: impl Into<Option<Schema>>) -> ResponseDoc {
    let schema = schema.into().map(|json_schema| SchemaObject {
        json_schema,
        example: None,
        external_docs: None,
    });
    let media = MediaType { schema, ..MediaType::default() };
    ResponseDoc {
        content: [(content_type.to_owned(), media)].into_iter().collect(),
        ..ResponseDoc::default()
    }
}

fn json<T: JsonSchema>(ctx: &mut GenContext) -> ResponseDoc {
    response("application/json", ctx.schema.subschema_for::<T>())
}
