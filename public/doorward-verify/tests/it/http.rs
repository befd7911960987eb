//! The answers that callers get, to the byte.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::header::{
    AUTHORIZATION, AsHeaderName, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use doorward_verify::{
    AccessClaims, AccessToken, Audience, BearerLayer, Refusal, Requirement, RevocationEntry,
    Revocations, Verifier, revocation_digest,
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::issuer::{Issuer, Outage};
use crate::signing::{ISSUER, NOW, SECRET, SigningKey, claims};

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn ask(app: &Router, path: &str, authorization: &[&str]) -> Answer {
    let mut request = Request::get(path);
    for value in authorization {
        request = request.header(AUTHORIZATION, *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn verifier() -> Verifier {
    let builder = Verifier::builder(ISSUER).audience("api").shared_secret(SECRET);
    builder.clock(|| NOW).build().unwrap()
}

fn bearer(change: impl FnOnce(&mut AccessClaims)) -> String {
    let mut claims = claims();
    change(&mut claims);
    format!("Bearer {}", SigningKey::secret(SECRET).token(&claims))
}

fn audience(name: &str) -> Audience {
    Audience::One(name.into())
}

fn app() -> Router {
    let layered = Router::new()
        .route("/admin", get(async |token: AccessToken| token.sub.clone()))
        .layer(BearerLayer::new(verifier()).require_role("ADMIN"));
    Router::new()
        .route("/", get(async |token: AccessToken| token.sub.clone()))
        .route("/maybe", get(maybe))
        .route("/write", get(write))
        .route("/delete", get(delete))
        .merge(layered)
        .with_state(verifier())
}

async fn maybe(token: Option<AccessToken>) -> String {
    token.map_or_else(|| "nobody".to_owned(), |token| token.sub.clone())
}

async fn write(token: AccessToken) -> Result<&'static str, Refusal> {
    token.require_scope("chat:write")?;
    Ok("written")
}

async fn delete(token: AccessToken) -> Result<&'static str, Refusal> {
    token.require_permission("chat:delete")?;
    Ok("deleted")
}

#[tokio::test]
async fn a_good_token_reaches_the_handler() {
    let answer = ask(&app(), "/", &[&bearer(|_| {})]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "user_1"));
}

#[tokio::test]
async fn without_credentials_the_challenge_has_no_error() {
    for authorization in [&[][..], &["Basic am9objpzZWNyZXQ="]] {
        let answer = ask(&app(), "/", authorization).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="api""#));
        assert_eq!(answer.header(CONTENT_TYPE), Some("application/problem+json"));
        assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"));
        assert_eq!(
            answer.body,
            r#"{"type":"urn:doorward:problem:invalid_token","title":"A token is needed","status":401,"detail":"Send an access token in the Authorization header, as Bearer.","code":"invalid_token"}"#
        );
    }
}

#[tokio::test]
async fn a_bad_token_is_told_what_is_wrong_with_it() {
    for (authorization, description, code) in [
        (bearer(|claims| claims.exp = NOW - 31), "the token has expired", "token_expired"),
        (
            bearer(|claims| claims.aud = audience("x")),
            "the token is for another audience",
            "invalid_token",
        ),
        (
            "Bearer x".into(),
            "the token is malformed: it does not have three segments",
            "invalid_token",
        ),
    ] {
        let answer = ask(&app(), "/", &[&authorization]).await;
        assert_eq!(answer.status, 401);
        let challenge = format!(
            r#"Bearer realm="api", error="invalid_token", error_description="{description}""#
        );
        assert_eq!(answer.header(WWW_AUTHENTICATE), Some(challenge.as_str()));
        assert!(answer.body.ends_with(&format!(r#""code":"{code}"}}"#)), "{}", answer.body);
    }
    let answer = ask(&app(), "/", &[&bearer(|claims| claims.exp = NOW - 31)]).await;
    assert_eq!(
        answer.body,
        r#"{"type":"urn:doorward:problem:token_expired","title":"The token has expired","status":401,"detail":"The token has expired.","code":"token_expired"}"#
    );
}

#[tokio::test]
async fn an_authorization_that_can_be_read_in_two_ways_is_a_bad_request() {
    let good = bearer(|_| {});
    for authorization in [&[good.as_str(), good.as_str()][..], &["Bearer"], &["Bearer a b"]] {
        let answer = ask(&app(), "/", authorization).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.header(WWW_AUTHENTICATE),
            Some(
                r#"Bearer realm="api", error="invalid_request", error_description="send one Authorization header, with one bearer token""#
            )
        );
    }
}

#[tokio::test]
async fn a_token_that_does_not_allow_it_is_forbidden() {
    let good = bearer(|_| {});
    assert_eq!(ask(&app(), "/write", &[&good]).await.body, "written");

    let answer = ask(&app(), "/write", &[&bearer(|claims| claims.scope = None)]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.header(WWW_AUTHENTICATE),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="the token lacks the scope chat:write", scope="chat:write""#
        )
    );
    assert_eq!(
        answer.body,
        r#"{"type":"urn:doorward:problem:forbidden","title":"The token does not allow this","status":403,"detail":"The token lacks the scope chat:write.","code":"forbidden"}"#
    );

    let answer = ask(&app(), "/delete", &[&good]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.header(WWW_AUTHENTICATE),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="the token lacks the permission chat:delete", scope="chat:delete""#
        )
    );
}

#[tokio::test]
async fn a_layer_guards_all_behind_it() {
    assert_eq!(ask(&app(), "/admin", &[]).await.status, 401);
    let answer = ask(&app(), "/admin", &[&bearer(|_| {})]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.header(WWW_AUTHENTICATE),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="the token lacks the role ADMIN""#
        )
    );
    let admin = bearer(|claims| claims.roles = vec!["USER".into(), "ADMIN".into()]);
    assert_eq!(ask(&app(), "/admin", &[&admin]).await.body, "user_1");
}

#[tokio::test]
async fn a_layer_may_require_several_things() {
    let layer = BearerLayer::new(verifier())
        .require_permission("chat:write")
        .require_scope("profile:read")
        .require(Requirement::Role("USER".into()));
    let app = Router::new().route("/", get(async || "in")).layer(layer);
    assert_eq!(ask(&app, "/", &[&bearer(|_| {})]).await.status, 200);
    assert_eq!(ask(&app, "/", &[&bearer(|claims| claims.roles.clear())]).await.status, 403);
    assert_eq!(ask(&app, "/", &[&bearer(|claims| claims.permissions.clear())]).await.status, 403);
    assert_eq!(ask(&app, "/", &[&bearer(|claims| claims.scope = None)]).await.status, 403);
}

#[tokio::test]
async fn a_handler_for_strangers_refuses_bad_tokens_all_the_same() {
    assert_eq!(ask(&app(), "/maybe", &[]).await.body, "nobody");
    assert_eq!(ask(&app(), "/maybe", &[&bearer(|_| {})]).await.body, "user_1");
    assert_eq!(ask(&app(), "/maybe", &["Bearer x"]).await.status, 401);
}

#[tokio::test]
async fn a_token_that_a_layer_has_verified_is_not_verified_again() {
    let key = Arc::new(SigningKey::ed25519());
    let issuer = Issuer::start(&key).await;
    let clock = issuer.clock.clone();
    // Each reading of the clock is one verification, and a second later.
    let counter = clock.clone();
    let verifier = Verifier::builder(&issuer.url)
        .audience("api")
        .without_background_task()
        .clock(move || {
            counter.advance(1);
            counter.now()
        })
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", get(async |token: AccessToken| token.sub.clone()))
        .layer(BearerLayer::new(verifier.clone()))
        .with_state(verifier);
    let token = format!("Bearer {}", issuer.token(&key));
    assert_eq!(ask(&app, "/", &[&token]).await.body, "user_1");
    assert_eq!(clock.now(), NOW + 1);
}

#[tokio::test]
async fn a_layer_with_another_verifier_does_not_vouch_for_ours() {
    let lenient = Verifier::builder(ISSUER).audience("other").shared_secret(SECRET).clock(|| NOW);
    let app = Router::new()
        .route("/", get(async |token: AccessToken| token.sub.clone()))
        .layer(BearerLayer::new(lenient.build().unwrap()))
        .with_state(verifier());
    let other = bearer(|claims| claims.aud = audience("other"));
    assert_eq!(ask(&app, "/", &[&other]).await.status, 401);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_our_fault_and_not_the_callers() {
    let key = Arc::new(SigningKey::ed25519());
    let issuer = Issuer::start(&key).await;
    issuer.fail_with(Outage::Status(StatusCode::BAD_GATEWAY));
    let app = Router::new()
        .route("/", get(async |token: AccessToken| token.sub.clone()))
        .with_state(issuer.verifier().build().unwrap());
    let token = format!("Bearer {}", issuer.token(&key));
    let answer = ask(&app, "/", &[&token]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header(WWW_AUTHENTICATE), None);
    assert_eq!(answer.header(RETRY_AFTER), Some("5"));
    assert_eq!(
        answer.body,
        r#"{"type":"urn:doorward:problem:dependency_unavailable","title":"The issuer cannot be reached","status":503,"detail":"The keys of the issuer cannot be fetched.","code":"dependency_unavailable"}"#
    );
}

#[tokio::test]
async fn an_ended_session_is_told_so_and_a_missing_list_is_our_fault() {
    let key = Arc::new(SigningKey::ed25519());
    let issuer = Issuer::start(&key).await;
    let verifier = issuer.verifier().revocations(Revocations::FailClosed).build().unwrap();
    let app = Router::new()
        .route("/", get(async |token: AccessToken| token.sub.clone()))
        .with_state(verifier.clone());
    let token = format!("Bearer {}", issuer.token(&key));
    assert_eq!(ask(&app, "/", &[&token]).await.status, 503);

    let ended = RevocationEntry::Session { sid: revocation_digest(&claims().sid) };
    issuer.publish_list(&key, &issuer.list(1, vec![ended]));
    verifier.refresh().await;
    let answer = ask(&app, "/", &[&token]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header(WWW_AUTHENTICATE),
        Some(
            r#"Bearer realm="api", error="invalid_token", error_description="the session of the token has ended""#
        )
    );
    assert!(answer.body.ends_with(r#""code":"session_revoked"}"#));
}

#[tokio::test]
async fn a_token_shows_no_personal_data_in_logs() {
    let app = Router::new()
        .route("/", get(async |token: AccessToken| format!("{token:?}")))
        .with_state(verifier());
    assert_eq!(ask(&app, "/", &[&bearer(|_| {})]).await.body, "AccessToken(user_1)");
}

#[tokio::test]
async fn the_verifier_may_be_a_part_of_the_state() {
    #[derive(Clone)]
    struct AppState {
        verifier: Verifier,
    }
    impl FromRef<AppState> for Verifier {
        fn from_ref(state: &AppState) -> Self {
            state.verifier.clone()
        }
    }
    let app = Router::new()
        .route("/", get(async |token: AccessToken| token.claims().sid.clone()))
        .with_state(AppState { verifier: verifier() });
    assert_eq!(ask(&app, "/", &[&bearer(|_| {})]).await.body, "sess_1");
}

#[tokio::test]
async fn a_realm_cannot_break_out_of_its_quotes() {
    let builder = Verifier::builder(ISSUER).audience("api").shared_secret(SECRET);
    let verifier = builder.realm("my \"chat\"\r\nx: y\\").build().unwrap();
    let app = Router::new().route("/", get(async |_: AccessToken| "")).with_state(verifier);
    let answer = ask(&app, "/", &[]).await;
    assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="my chatx: y""#));
}
