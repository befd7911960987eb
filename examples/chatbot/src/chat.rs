use axum::routing::post;
use axum::{Json, Router};
use doorward_verify::{AccessClaims, AccessToken, Verifier};
use serde::{Deserialize, Serialize};

/// What a person says.
#[derive(Deserialize)]
struct ChatRequest {
    message: String,
}

/// What the bot says to that.
#[derive(Serialize)]
struct ChatResponse {
    response: String,
}

/// The whole service: one path, for those whom `verifier` lets in.
pub(crate) fn router(verifier: Verifier) -> Router {
    Router::new().route("/api/chat", post(chat)).with_state(verifier)
}

/// `POST /api/chat`
async fn chat(token: AccessToken, Json(request): Json<ChatRequest>) -> Json<ChatResponse> {
    let response = format!("Hello, {}! You said: {}", name_of(&token), request.message);
    Json(ChatResponse { response })
}

/// The best name that the claims have.
fn name_of(claims: &AccessClaims) -> &str {
    claims.name.as_deref().or(claims.username.as_deref()).unwrap_or("there")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn a_person_is_greeted_by_the_best_name_there_is() {
        let claims = |names: &Value| -> AccessClaims {
            let mut claims = json!({
                "iss": "https://auth.example.com", "sub": "user_1", "aud": "api", "client_id": "c",
                "iat": 1, "exp": 2, "jti": "j", "sid": "s", "session_epoch": 0, "type": "access",
            });
            claims.as_object_mut().unwrap().append(&mut names.as_object().unwrap().clone());
            serde_json::from_value(claims).unwrap()
        };
        let both = claims(&json!({ "name": "John Doe", "username": "johndoe" }));
        assert_eq!(name_of(&both), "John Doe");
        assert_eq!(name_of(&claims(&json!({ "username": "johndoe" }))), "johndoe");
        assert_eq!(name_of(&claims(&json!({}))), "there");
    }

    #[tokio::test]
    async fn a_stranger_is_asked_for_a_token() {
        let verifier =
            Verifier::builder("https://auth.example.com").audience("api").shared_secret([7; 32]);
        let request = Request::post("/api/chat").body(Body::from(r#"{"message":"hi"}"#)).unwrap();
        let response = router(verifier.build().unwrap()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"api\"");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"], "invalid_token");
    }
}
