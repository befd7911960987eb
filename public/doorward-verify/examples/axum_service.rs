//! An axum service that trusts the tokens of a Doorward issuer: routes for strangers, for users,
//! and for administrators.
//!
//! `cargo run --example axum_service -- http://127.0.0.1:8080`, then `curl http://127.0.0.1:8081/`.

use axum::Router;
use axum::routing::get;
use doorward_verify::{AccessToken, BearerLayer, Refusal, Revocations, Verifier};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let verifier =
        Verifier::builder(issuer).audience("api").revocations(Revocations::FailOpen).build()?;

    let administration = Router::new()
        .route("/admin", get(async |token: AccessToken| format!("at your service, {}", token.sub)))
        .layer(BearerLayer::new(verifier.clone()).require_role("ADMIN"));
    let app = Router::new()
        .route("/", get(greet))
        .route("/profile", get(profile))
        .merge(administration)
        .with_state(verifier);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

/// Serves strangers too; a bad token is refused all the same.
async fn greet(token: Option<AccessToken>) -> String {
    token.map_or_else(|| "hello stranger".to_owned(), |token| format!("hello {}", token.sub))
}

async fn profile(token: AccessToken) -> Result<String, Refusal> {
    token.require_scope("profile:read")?;
    Ok(format!("{} <{}>", token.sub, token.email.as_deref().unwrap_or("no verified address")))
}
