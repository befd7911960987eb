use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use service::Origin;

use crate::access::{SignedIn, bearer_token};
use crate::answer::Done;
use crate::code::Code;
use crate::inputs::OptionalJsonBody;
use crate::problem::Problem;
use crate::state::AppState;
use crate::token_answer::read_refresh_token;

/// Which session to end, where no access token names it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignOut {
    /// A refresh token of the session, the newest or an older one.
    refresh_token: Option<String>,
}

/// `POST /auth/logout`: by the refresh token in the body, else by the bearer.
pub(crate) async fn logout(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    OptionalJsonBody(body): OptionalJsonBody<SignOut>,
) -> Result<Done, Problem> {
    if let Some(text) = body.and_then(|body| body.refresh_token) {
        let token = read_refresh_token(&text).ok_or_else(|| Problem::new(Code::InvalidToken))?;
        state.service.sign_out_by_refresh_token(&token, &origin).await?;
        return Ok(Done);
    }
    let token = bearer_token(&headers)?.ok_or_else(Problem::no_credentials)?;
    state.service.sign_out_by_access_token(token, &origin).await?;
    Ok(Done)
}

/// `POST /auth/logout-all`
pub(crate) async fn logout_all(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
) -> Result<Done, Problem> {
    state.service.sign_out_everywhere(&caller, &origin).await?;
    Ok(Done)
}
