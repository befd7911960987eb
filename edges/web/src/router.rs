use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::access::{Access, require_developer, require_signed_in, require_stepped_up};
use crate::code::Code;
use crate::exchange::{REQUEST_ID, exchange, panicked};
use crate::limited::limit_address;
use crate::openapi;
use crate::problem::{Problem, RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::routes::{self, Mount, Route};
use crate::state::AppState;

/// The public listener: everything but metrics.
pub fn public_router(state: &AppState) -> Router {
    let (mut api, mut open) = (Router::new(), Router::new());
    for route in routes::all() {
        let router = if route.mount == Mount::Base { &mut api } else { &mut open };
        let paths = public_paths(&route, state);
        let handler = gated(route, state);
        for path in paths {
            *router = std::mem::take(router).route(&path, handler.clone());
        }
    }
    // What is open to every origin says so itself.
    let contract = Extension(openapi::contract(&state.settings));
    finish(open.merge(with_cors(api, state)).layer(contract), state)
}

/// The operations listener: health and metrics.
pub fn operations_router(state: &AppState) -> Router {
    let mut router = Router::new();
    for route in routes::all() {
        if matches!(route.mount, Mount::BothListeners | Mount::Operations) {
            router = router.route(route.path, gated(route, state));
        }
    }
    finish(router, state)
}

/// Where the public listener answers a row of the table.
fn public_paths(route: &Route, state: &AppState) -> Vec<String> {
    let path = route.path;
    let issuer_path = path_of(&state.settings.public_url);
    match route.mount {
        Mount::Operations => vec![],
        Mount::BothListeners => vec![path.to_owned()],
        Mount::Base | Mount::Pages => vec![format!("{}{path}", state.settings.base_path)],
        Mount::Issuer if issuer_path.is_empty() => vec![path.to_owned()],
        // OpenID Connect Discovery §4 puts the suffix behind the issuer's path, RFC 8414 §3.1
        // before it; a proxy that strips the path leaves the bare one.
        Mount::Issuer => {
            vec![path.to_owned(), format!("{issuer_path}{path}"), format!("{path}{issuer_path}")]
        }
    }
}

/// The path of a URL without trailing slash: empty or `/auth`.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("", |at| &after_scheme[at..])
}

fn gated(route: Route, state: &AppState) -> MethodRouter<AppState> {
    let limited = route.limited;
    let limit =
        move |state, origin, request, next| limit_address(limited, state, origin, request, next);
    let handler = MethodRouter::from(route.handler)
        .route_layer(middleware::from_fn_with_state(state.clone(), limit));
    let signed_in = middleware::from_fn_with_state(state.clone(), require_signed_in);
    match route.access {
        Access::Anyone => handler,
        Access::SignedIn => handler.route_layer(signed_in),
        // The layer that is added last runs first.
        Access::SteppedUp => handler
            .route_layer(middleware::from_fn_with_state(state.clone(), require_stepped_up))
            .route_layer(signed_in),
        Access::Developer => {
            handler.route_layer(middleware::from_fn_with_state(state.clone(), require_developer))
        }
    }
}

fn with_cors(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    let origins = state.cors_origins();
    if origins.is_empty() {
        return router;
    }
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([
            LOCATION,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            REQUEST_ID,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
        ]);
    router.layer(cors)
}

/// Adds what is common to all requests.
fn finish(router: Router<AppState>, state: &AppState) -> Router {
    router
        .fallback(|| async { Problem::new(Code::NotFound) })
        .layer(middleware::from_fn(name_problems))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state.clone(), exchange))
        .with_state(state.clone())
}

/// Turns the bare refusals of the router and of extractors into problems.
async fn name_problems(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.extensions().get::<Problem>().is_some() {
        return response;
    }
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            let allow = response.headers().get(axum::http::header::ALLOW).cloned();
            response.extensions_mut().insert(Problem::method_not_allowed(allow));
            response
        }
        _ => response,
    }
}
