//! The contract as OpenAPI 3.1, generated from the handlers' types and the route table.

use aide::axum::ApiRouter;
use aide::openapi::{Info, OpenApi, SecurityScheme, Server};

use crate::contract::Contract;
use crate::docs_page;
use crate::public_document::PublicDocument;
use crate::routes::{self, Mount};
use crate::state::AppState;
use crate::web_settings::WebSettings;

/// The contract of a deployment with these settings.
pub(crate) fn contract(settings: &WebSettings) -> Contract {
    let api = describe(&format!("{}{}", settings.public_url, settings.base_path));
    let openapi = PublicDocument::json(&api);
    let page = docs_page::render(&openapi.body).into_bytes();
    Contract { openapi, page: PublicDocument::new("text/html; charset=utf-8", page) }
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
        if !matches!(route.mount, Mount::Operations | Mount::Pages) {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Tests go through the contract to find every way to tokens: what it does not name must be
    /// none.
    #[test]
    fn what_the_contract_does_not_name_are_pages_and_what_operators_see() {
        let named = describe("http://127.0.0.1");
        let named: BTreeSet<String> = named.paths.unwrap().paths.into_keys().collect();
        let mut unnamed = routes::all();
        unnamed.retain(|route| !named.contains(route.path));
        for route in unnamed {
            let is_page = route.mount == Mount::Pages && route.path.starts_with("/pages/");
            let is_operations = route.mount == Mount::Operations;
            assert!(is_page || is_operations, "{}", route.path);
        }
    }
}
