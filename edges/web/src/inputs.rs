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
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::code::Code;
use crate::problem::{FieldError, Problem};

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

/// The whole body, if it is short and comes in time.
pub(crate) async fn read(request: Request) -> Result<Bytes, Problem> {
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
    // First the whole text, so that what is not JSON is refused as that wherever it goes wrong.
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8."))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        malformed(format!("The body is not JSON: it fails at line {line}, column {column}."))
    })?;
    // A list would be taken for the members in their order.
    if !text.trim_start().starts_with('{') {
        let detail = "The body has to be a JSON object.";
        return Err(Problem::new(Code::ValidationFailed).detail(detail));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        explain(path, &error.into_inner())
    })
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Code::MalformedRequest).detail(detail)
}

/// What serde says of names is safe to pass on; what it says of values is not.
fn explain(path: String, cause: &serde_json::Error) -> Problem {
    let text = cause.to_string();
    let error = match text.split('`').nth(1) {
        Some(name) if text.starts_with("duplicate field") => {
            return malformed(format!("The member `{name}` is repeated."));
        }
        Some(name) if text.starts_with("missing field") => FieldError {
            field: name.to_owned().into(),
            code: "missing",
            message: "this has to be given".to_owned(),
        },
        // Escapes that stand for no character.
        _ if !cause.is_data() => return malformed("The body holds text that is not Unicode."),
        _ => FieldError {
            field: path.into(),
            code: "wrong_type",
            message: "this has the wrong type".to_owned(),
        },
    };
    Problem::validation(vec![error])
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
