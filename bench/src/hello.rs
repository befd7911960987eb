//! The reference server: the least that an axum service can do.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Result;
use crate::raw_key::{RawKey, split};

/// Serves until it is killed.
pub(crate) fn serve(key: Option<&str>) -> Result<()> {
    let mut router = Router::new().route("/hello", get(hello));
    if let Some(jwk) = key {
        let key = Arc::new(RawKey::from_jwk(&serde_json::from_str(jwk)?)?);
        router = router.merge(Router::new().route("/me", get(me)).with_state(key));
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        Ok(axum::serve(listener, router).await?)
    })
}

async fn hello() -> Json<Value> {
    Json(json!({ "message": "hello" }))
}

/// Checks the signature and nothing else.
async fn me(
    State(key): State<Arc<RawKey>>,
    headers: HeaderMap,
) -> std::result::Result<Json<Value>, StatusCode> {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let (message, signature) = split(token).map_err(|_| StatusCode::UNAUTHORIZED)?;
    if key.is_genuine(message, &signature) {
        Ok(hello().await)
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}
