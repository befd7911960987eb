//! What handlers take from a request: bodies, paths and queries, each refused as a problem.

use std::time::Duration;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, SchemaObject};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::problem::Problem;

/// No body of ours comes near it.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// A body that takes longer is being dripped.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// A JSON body. Unknown members are ignored, repeated ones refused.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = is_json(&request);
        let bytes = read(request).await?;
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalJsonBody<T>(pub(crate) Option<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = is_json(&request);
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        parse(&bytes).map(|value| Self(Some(value)))
    }
}

/// The parameters of the query string; unknown ones are ignored.
pub(crate) struct QueryParameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(value)| Self(value)).map_err(|_| {
            Problem::new(Code::ValidationFailed).detail("A query parameter has the wrong form.")
        })
    }
}

/// The parameters of the path. What cannot be read names nothing that exists.
pub(crate) struct PathParameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(value)| Self(value))
            .map_err(|_| Problem::new(Code::NotFound))
    }
}

/// `application/json` or a type with the suffix `+json` (RFC 6839), whatever its parameters.
fn is_json(request: &Request) -> bool {
    let Some(Ok(value)) = request.headers().get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || essence.strip_prefix("application/").is_some_and(|rest| rest.ends_with("+json"))
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX);
    match tokio::time::timeout(BODY_TIME_MAX, body.collect()).await {
        Err(_) => Err(Problem::new(Code::RequestTimeout)),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Code::PayloadTooLarge))
        }
        Ok(Err(_)) => Err(Problem::new(Code::MalformedRequest).detail("The body broke off.")),
    }
}

/// Never repeats what was sent: it may be a password.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let place = format!("line {}, column {}", cause.line(), cause.column());
        if !cause.is_data() {
            let detail = format!("The body is not JSON in UTF-8: it fails at {place}.");
            return Problem::new(Code::MalformedRequest).detail(detail);
        }
        let text = cause.to_string();
        // What serde says of names is safe to pass on; what it says of values is not.
        let what = match text.split('`').nth(1) {
            Some(name) if text.starts_with("missing field") => format!("`{name}` is missing"),
            Some(name) if text.starts_with("duplicate field") => {
                let detail = format!("The member `{name}` is repeated.");
                return Problem::new(Code::MalformedRequest).detail(detail);
            }
            _ if path == "." => "it has to be an object".to_owned(),
            _ => format!("`{path}` has the wrong type"),
        };
        Problem::new(Code::ValidationFailed).detail(format!("The body is not right: {what}."))
    })?;
    json.end().map_err(|_| {
        Problem::new(Code::MalformedRequest).detail("Something follows the JSON value.")
    })?;
    Ok(value)
}

fn document<T: JsonSchema>(ctx: &mut GenContext, operation: &mut Operation, is_required: bool) {
    let schema = SchemaObject {
        json_schema: ctx.schema.subschema_for::<T>(),
        example: None,
        external_docs: None,
    };
    let media = MediaType { schema: Some(schema), ..MediaType::default() };
    operation.request_body = Some(ReferenceOr::Item(RequestBody {
        content: [("application/json".to_owned(), media)].into_iter().collect(),
        required: is_required,
        ..RequestBody::default()
    }));
}

impl<T: JsonSchema> OperationInput for JsonBody<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        document::<T>(ctx, operation, true);
    }
}

impl<T: JsonSchema> OperationInput for OptionalJsonBody<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        document::<T>(ctx, operation, false);
    }
}

impl<T: JsonSchema> OperationInput for PathParameters<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Path::<T>::operation_input(ctx, operation);
    }
}

impl<T: JsonSchema> OperationInput for QueryParameters<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Query::<T>::operation_input(ctx, operation);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Credentials {
        #[serde(rename = "password")]
        _password: String,
    }

    fn refused(body: &[u8]) -> Code {
        parse::<Credentials>(body).unwrap_err().code
    }

    #[test]
    fn what_is_not_json_is_malformed_and_what_does_not_fit_is_not_valid() {
        assert_eq!(refused(b"{"), Code::MalformedRequest);
        assert_eq!(refused(b""), Code::MalformedRequest);
        assert_eq!(refused(b"{\"password\": \"\xff\"}"), Code::MalformedRequest);
        assert_eq!(refused(br#"{"password":"a","password":"b"}"#), Code::MalformedRequest);
        assert_eq!(refused(br#"{"password":"a"} x"#), Code::MalformedRequest);
        assert_eq!(refused(br#"{"password":1}"#), Code::ValidationFailed);
        assert_eq!(refused(b"{}"), Code::ValidationFailed);
        assert_eq!(refused(b"[]"), Code::ValidationFailed);
        assert_eq!(refused(b"null"), Code::ValidationFailed);
    }

    #[test]
    fn a_refusal_does_not_repeat_what_was_sent() {
        let problem = parse::<Credentials>(br#"{"password":["s3cret"]}"#).unwrap_err();
        assert!(!format!("{problem:?}").contains("s3cret"));
        let problem = parse::<Credentials>(br#""s3cret""#).unwrap_err();
        assert!(!format!("{problem:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Credentials>(&bytes);
        }
    }
}
