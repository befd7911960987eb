//! The contract as OpenAPI 3.1, generated from the handlers' types and the route table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aide::axum::ApiRouter;
use aide::openapi::{
    Info, MediaType, OpenApi, ReferenceOr, Response as ResponseDoc, SchemaObject, SecurityScheme,
    Server, StatusCode,
};
use aide::transform::TransformOperation;
use axum::extract::State;
use axum::http::HeaderMap;

use schemars::Schema;

use crate::code::Code;
use crate::docs_page;
use crate::problem::ProblemDocument;
use crate::public_document::{HtmlPage, JsonObject, PublicAnswer, PublicDocument};
use crate::routes::{self, Mount};
use crate::state::{AppState, WebSettings};

/// What `EmailAddress` accepts, but for lengths and the last label being a number.
pub(crate) const EMAIL_PATTERN: &str = concat!(
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,32}(\.[A-Za-z0-9]{1,16}){0,1}@",
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,3}[A-Za-z]{2,20}$",
);
/// What `Username` accepts.
pub(crate) const USERNAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{2,31}$";

/// The contract's documents, made when first asked for.
pub(crate) struct Contract {
    settings: WebSettings,
    documents: OnceLock<[PublicDocument; 2]>,
}

impl Contract {
    pub(crate) fn new(settings: &WebSettings) -> Self {
        Self { settings: settings.clone(), documents: OnceLock::new() }
    }

    fn documents(&self) -> &[PublicDocument; 2] {
        self.documents.get_or_init(|| {
            let url = format!("{}{}", self.settings.public_url, self.settings.base_path);
            let api = describe(&url);
            let json = PublicDocument::json(&api);
            let page = docs_page::render(&json.body);
            [json, PublicDocument::new("text/html; charset=utf-8", page.into_bytes())]
        })
    }
}

/// `GET /openapi.json`
pub(crate) async fn openapi(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> PublicAnswer<JsonObject> {
    state.contract.documents()[0].answer(&headers)
}

/// `GET /docs`
pub(crate) async fn docs(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> PublicAnswer<HtmlPage> {
    // Markup and style only, so a policy that allows nothing else costs nothing.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    state.contract.documents()[1]
        .answer(&headers)
        .with("content-security-policy", policy)
        .with("x-content-type-options", "nosniff")
}

/// The contract as JSON, for `doorward openapi`: the same for every deployment but for the server.
pub fn openapi_json() -> String {
    let api = describe("http://127.0.0.1:8080");
    let mut text = serde_json::to_string_pretty(&api).expect("the contract is JSON");
    text.push('\n');
    text
}

fn describe(server: &str) -> OpenApi {
    aide::generate::extract_schemas(true);
    let mut api = OpenApi {
        info: Info {
            title: "Doorward".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: Some("Signs people up, signs them in, and hands services tokens.".into()),
            ..Info::default()
        },
        servers: vec![Server { url: server.to_owned(), ..Server::default() }],
        ..OpenApi::default()
    };
    let mut router = ApiRouter::<AppState>::new();
    for route in routes::all() {
        if route.mount != Mount::Operations {
            router = router.api_route(route.path, route.handler);
        }
    }
    let bearer = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: Some("JWT".to_owned()),
        description: Some("An access token from /auth/login or /auth/refresh.".to_owned()),
        extensions: Default::default(),
    };
    let _ = router.finish_api_with(&mut api, |api| api.security_scheme("bearer", bearer));
    api
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

/// Adds an answer for each status that the codes have and the handler's types do not tell of,
/// naming the codes.
pub(crate) fn with_problems<'t>(
    mut operation: TransformOperation<'t>,
    codes: &[Code],
) -> TransformOperation<'t> {
    let problem = aide::generate::in_context(|ctx| {
        response("application/problem+json", ctx.schema.subschema_for::<ProblemDocument<'_>>())
    });
    let responses = operation.inner_mut().responses.get_or_insert_default();
    let mut by_status = BTreeMap::<u16, BTreeSet<&str>>::new();
    for code in codes {
        by_status.entry(code.status().as_u16()).or_default().insert(code.name());
    }
    for (status, names) in by_status {
        let names: Vec<&str> = names.into_iter().collect();
        let answer = ResponseDoc { description: names.join(", "), ..problem.clone() };
        let status = StatusCode::Code(status);
        responses.responses.entry(status).or_insert(ReferenceOr::Item(answer));
    }
    operation
}
