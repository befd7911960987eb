//! Tokens of services that share a secret with us and nothing else, as they are today.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use axum::routing::get;
use doorward_verify::{
    AccessToken, Audience, Authorize as _, BearerLayer, BuildVerifierError, KeySet, ParseKeyError,
    Policy, SharedSecretClaims, Verifier, VerifyError, VerifyingKey, verify_access_token,
    verify_shared_secret_token,
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::signing::{NOW, SECRET, SigningKey, claims};

const CHATBOT: &str = "https://chatbot.example.com";

/// Made by `jsonwebtoken` 9.0.3 (Node) and, to the byte, by `PyJWT` 2.15.1 (Python).
const WITH_NAME_AND_ROLE: &str = "\
    eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiJ1c2VyXzEiLCJuYW1lIjoiSm9obiBEb2UiLCJyb2xlIjoiQURNSU4iLCJpYXQiOjE3MzEzMzMxMDAsImV4cCI6MTczMTMzNDAwMH0.\
    3W5zF0zLWuj8gKWkOPI93MwV0ZlfmI1WEsvii7kRUUc";
const WITH_TYPE: &str = "\
    eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiJ1c2VyXzEiLCJ1c2VybmFtZSI6ImpvaG5kb2UiLCJlbWFpbCI6ImpvaG5AZXhhbXBsZS5jb20iLCJ0eXBlIjoiYWNjZXNzIiwicm9sZSI6IlVTRVIiLCJpYXQiOjE3MzEzMzMxMDAsImV4cCI6MTczMTMzNDAwMH0.\
    qovMblvf_CWd-2wdnnBNbZ0rCjeiyEZUuLbOxLThZPU";
const REFRESH: &str = "\
    eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiJ1c2VyXzEiLCJ1c2VybmFtZSI6ImpvaG5kb2UiLCJlbWFpbCI6ImpvaG5AZXhhbXBsZS5jb20iLCJ0eXBlIjoicmVmcmVzaCIsInJvbGUiOiJVU0VSIiwiaWF0IjoxNzMxMzMzMTAwLCJleHAiOjE3MzEzMzQwMDB9.\
    outHLiTH6Jafa84yeQOSZkbaJ_nmRp-PoPQb5lMra90";

fn secrets() -> KeySet {
    [VerifyingKey::from_shared_secret(SECRET).unwrap()].into_iter().collect()
}

fn policy() -> Policy {
    Policy::new(CHATBOT, ["api"])
}

fn verify(token: &str) -> Result<SharedSecretClaims, VerifyError> {
    verify_shared_secret_token(token, &secrets(), &policy(), NOW)
}

/// A token with the usual header of such services, and with these claims beside `sub` and `exp`.
fn token(others: &Value) -> String {
    token_under(&json!({ "alg": "HS256", "typ": "JWT" }), others)
}

fn token_under(header: &Value, others: &Value) -> String {
    let mut payload = json!({ "sub": "user_1", "exp": NOW + 840 });
    payload.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    SigningKey::secret(SECRET).compact(&header.to_string(), &payload.to_string())
}

#[test]
fn tokens_that_other_languages_make_are_accepted_as_they_are() {
    let claims = verify(WITH_NAME_AND_ROLE).unwrap();
    assert_eq!(
        (claims.sub.as_str(), claims.exp, claims.iat),
        ("user_1", NOW + 840, Some(NOW - 60))
    );
    assert_eq!((claims.name.as_deref(), claims.role.as_deref()), (Some("John Doe"), Some("ADMIN")));
    assert_eq!((claims.kind, claims.email, claims.iss, claims.aud), (None, None, None, None));

    let claims = verify(WITH_TYPE).unwrap();
    assert_eq!(claims.kind.as_deref(), Some("access"));
    assert_eq!(claims.username.as_deref(), Some("johndoe"));
    assert_eq!(claims.email.as_deref(), Some("john@example.com"));
    assert_eq!((claims.email_verified, claims.name), (None, None));
}

#[test]
fn the_ordinary_profile_refuses_them() {
    for token in [WITH_NAME_AND_ROLE, WITH_TYPE, REFRESH] {
        let refused = verify_access_token(token, &secrets(), &policy(), NOW);
        assert_eq!(refused, Err(VerifyError::WrongType));
    }
    // Nor does the right type of header make up for claims that are not there.
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    let token = token_under(&header, &json!({}));
    let refused = verify_access_token(&token, &secrets(), &policy(), NOW);
    assert!(matches!(refused, Err(VerifyError::Malformed { .. })));
}

#[test]
fn a_claim_may_be_absent_but_not_wrong() {
    let long = "https://chatbot.example.com/";
    for (others, outcome) in [
        (json!({}), Ok(())),
        (json!({ "iss": CHATBOT, "aud": "api", "type": "access" }), Ok(())),
        (json!({ "aud": ["x", "api"] }), Ok(())),
        (json!({ "nbf": NOW, "iat": NOW }), Ok(())),
        (json!({ "iss": long }), Err(VerifyError::WrongIssuer)),
        (json!({ "iss": "" }), Err(VerifyError::WrongIssuer)),
        (json!({ "aud": "x" }), Err(VerifyError::WrongAudience)),
        (json!({ "aud": [] }), Err(VerifyError::WrongAudience)),
        (json!({ "type": "refresh" }), Err(VerifyError::WrongType)),
        (json!({ "type": "Access" }), Err(VerifyError::WrongType)),
        (json!({ "type": "" }), Err(VerifyError::WrongType)),
        (json!({ "exp": NOW - 30 }), Err(VerifyError::Expired)),
        (json!({ "exp": NOW - 29 }), Ok(())),
        (json!({ "nbf": NOW + 31 }), Err(VerifyError::NotYetValid)),
        (json!({ "iat": NOW + 31 }), Err(VerifyError::NotYetValid)),
        (json!({ "iat": NOW + 31, "nbf": NOW }), Err(VerifyError::NotYetValid)),
    ] {
        assert_eq!(verify(&token(&others)).map(drop), outcome, "{others}");
    }
    for others in [json!({ "iss": null }), json!({ "aud": null }), json!({ "type": null })] {
        let refused = verify(&token(&others));
        assert!(matches!(refused, Err(VerifyError::Malformed { .. })), "{others}");
    }
}

#[test]
fn a_token_without_an_end_is_refused_in_every_profile() {
    let key = SigningKey::secret(SECRET);
    let mut full = serde_json::to_value(claims()).unwrap();
    full.as_object_mut().unwrap().remove("exp");
    full["iss"] = json!(CHATBOT);
    for payload in [json!({ "sub": "user_1", "iat": NOW - 60 }), full] {
        let token = key.token(&payload);
        let refused = verify(&token);
        assert!(matches!(refused, Err(VerifyError::Malformed { .. })), "{payload}");
        let refused = verify_access_token(&token, &secrets(), &policy(), NOW);
        assert!(matches!(refused, Err(VerifyError::Malformed { .. })), "{payload}");
    }
}

#[test]
fn a_refresh_token_is_refused_in_every_profile() {
    assert_eq!(verify(REFRESH), Err(VerifyError::WrongType));
    let mut full = claims();
    full.iss = CHATBOT.into();
    full.kind = "refresh".into();
    let token = SigningKey::secret(SECRET).token(&full);
    assert_eq!(verify(&token), Err(VerifyError::WrongType));
    let refused = verify_access_token(&token, &secrets(), &policy(), NOW);
    assert_eq!(refused, Err(VerifyError::WrongType));
}

#[test]
fn a_token_of_doorward_itself_is_accepted_too() {
    let mut full = claims();
    full.iss = CHATBOT.into();
    let claims = verify(&SigningKey::secret(SECRET).token(&full)).unwrap();
    assert_eq!(claims.aud, Some(Audience::One("api".into())));
    assert_eq!((claims.roles, claims.sid), (full.roles, Some(full.sid)));
}

#[test]
fn the_header_may_leave_type_and_key_out_but_not_name_others() {
    let kid = SigningKey::secret(SECRET).kid;
    for (header, outcome) in [
        (json!({ "alg": "HS256" }), Ok(())),
        (json!({ "typ": "jwt", "alg": "HS256" }), Ok(())),
        (json!({ "alg": "HS256", "typ": "at+jwt" }), Ok(())),
        (json!({ "alg": "HS256", "typ": "JWT", "kid": kid }), Ok(())),
        // The other side may name the secret as it likes.
        (json!({ "alg": "HS256", "typ": "JWT", "kid": "2024-01" }), Ok(())),
        (json!({ "alg": "HS256", "typ": "refresh+jwt" }), Err(VerifyError::WrongType)),
        (json!({ "alg": "HS256", "typ": "revocations+jwt" }), Err(VerifyError::WrongType)),
        (json!({ "alg": "HS384", "typ": "JWT" }), Err(VerifyError::WrongAlgorithm)),
        (json!({ "alg": "none", "typ": "JWT" }), Err(VerifyError::WrongAlgorithm)),
        (json!({ "alg": "RS256", "typ": "JWT" }), Err(VerifyError::UnacceptedAlgorithm)),
    ] {
        let token = token_under(&header, &json!({}));
        assert_eq!(verify(&token).map(drop), outcome, "{header}");
    }
}

#[test]
fn a_kid_of_ours_chooses_the_secret_and_no_other() {
    let other = [9; 32];
    let mut keys = secrets();
    keys.insert(VerifyingKey::from_shared_secret(&other).unwrap());
    let header = json!({ "alg": "HS256", "kid": SigningKey::secret(&other).kid });
    let token = token_under(&header, &json!({}));
    let refused = verify_shared_secret_token(&token, &keys, &policy(), NOW);
    assert_eq!(refused, Err(VerifyError::BadSignature));
}

#[test]
fn public_keys_sign_nothing_in_this_profile() {
    let public = SigningKey::ed25519();
    let mut keys = public.key_set();
    keys.extend(secrets());
    let mut full = claims();
    full.iss = CHATBOT.into();
    let refused = verify_shared_secret_token(&public.token(&full), &keys, &policy(), NOW);
    assert_eq!(refused, Err(VerifyError::UnacceptedAlgorithm));

    let policy = Policy { algorithms: vec![public.algorithm], ..policy() };
    for key in [public, SigningKey::secret(SECRET)] {
        let refused = verify_shared_secret_token(&key.token(&full), &keys, &policy, NOW);
        assert_eq!(refused, Err(VerifyError::UnacceptedAlgorithm), "HS256 is switched off");
    }
}

#[test]
fn a_secret_of_somebody_else_is_refused() {
    let stranger = SigningKey::secret(&[9; 32]);
    let payload = json!({ "sub": "user_1", "exp": NOW + 840 }).to_string();
    let token = stranger.compact(r#"{"alg":"HS256","typ":"JWT"}"#, &payload);
    assert_eq!(verify(&token), Err(VerifyError::BadSignature));
    let (message, _) = WITH_TYPE.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{message}.")), Err(VerifyError::BadSignature));
}

#[test]
fn one_role_is_enough_to_be_asked_for() {
    let claims = verify(WITH_NAME_AND_ROLE).unwrap();
    assert!(claims.require_role("ADMIN").is_ok());
    assert!(claims.require_role("USER").is_err());
    let claims = verify(&token(&json!({ "role": "USER", "roles": ["USER", "EDITOR"] }))).unwrap();
    assert!(claims.require_role("EDITOR").is_ok());
    assert!(claims.require_permission("chat:write").is_err());
    let claims = verify(&token(&json!({ "permissions": ["a"], "scope": "b c" }))).unwrap();
    assert!(claims.require_permission("a").is_ok());
    assert!(claims.require_scope("c").is_ok());
    assert!(claims.require_role("").is_err());
}

fn profile() -> Verifier<SharedSecretClaims> {
    let builder = Verifier::shared_secret_profile(CHATBOT).audience("api").shared_secret(SECRET);
    builder.clock(|| NOW).build().unwrap()
}

async fn ask(app: &Router, path: &str, token: &str) -> (u16, String) {
    let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {token}"));
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn handlers_and_layers_take_such_tokens_when_they_say_so() {
    type Token = AccessToken<SharedSecretClaims>;
    let admin = Router::new()
        .route("/admin", get(async |token: Token| token.role.clone().unwrap_or_default()))
        .layer(BearerLayer::new(profile()).require_role("ADMIN"));
    let app = Router::new()
        .route("/", get(async |token: Token| token.sub.clone()))
        .route("/log", get(async |token: Token| format!("{token:?}")))
        .route("/maybe", get(async |token: Option<Token>| format!("{}", token.is_some())))
        .merge(admin)
        .with_state(profile());

    assert_eq!(ask(&app, "/", WITH_TYPE).await, (200, "user_1".into()));
    assert_eq!(ask(&app, "/log", WITH_TYPE).await, (200, "AccessToken(user_1)".into()));
    assert_eq!(ask(&app, "/maybe", WITH_TYPE).await, (200, "true".into()));
    assert_eq!(ask(&app, "/admin", WITH_NAME_AND_ROLE).await, (200, "ADMIN".into()));
    assert_eq!(ask(&app, "/admin", WITH_TYPE).await.0, 403);
    assert_eq!(ask(&app, "/", REFRESH).await.0, 401);
}

#[tokio::test]
async fn without_an_audience_only_tokens_for_nobody_are_accepted() {
    let builder = Verifier::shared_secret_profile("auth").shared_secret(SECRET).clock(|| NOW);
    let verifier = builder.build().unwrap();
    assert_eq!(verifier.realm(), "auth");
    assert!(verifier.verify(WITH_TYPE).await.is_ok());
    let refused = verifier.verify(&token(&json!({ "aud": "api" }))).await;
    assert_eq!(refused.unwrap_err(), VerifyError::WrongAudience);
}

#[test]
fn a_profile_without_a_usable_secret_is_refused() {
    let builder = || Verifier::shared_secret_profile(CHATBOT).audience("api");
    assert!(matches!(builder().build(), Err(BuildVerifierError::NoSecret)));
    let short = builder().shared_secret("too short").build();
    assert!(matches!(short, Err(BuildVerifierError::Secret(ParseKeyError::SecretTooShort))));
    let outside = builder().shared_secret_file("secret").build();
    assert!(matches!(outside, Err(BuildVerifierError::NoRuntime)));
}
