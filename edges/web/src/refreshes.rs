use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use service::{Origin, RefreshError, RefreshPath};

use crate::answer::Private;
use crate::code::Code;
use crate::inputs::JsonBody;
use crate::problem::Problem;
use crate::state::AppState;
use crate::token_answer::{TokenAnswer, read_refresh_token, token_answer};

/// A refresh token to exchange.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshRequest {
    /// The newest refresh token of a session.
    refresh_token: String,
}

/// `POST /auth/refresh`
pub(crate) async fn refresh(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<RefreshRequest>,
) -> Result<Private<TokenAnswer>, Problem> {
    let token =
        read_refresh_token(&body.refresh_token).ok_or_else(|| Problem::new(Code::InvalidToken))?;
    match state.service.refresh(&token, &origin).await {
        Ok(refreshed) => {
            state.metrics.refreshed(refreshed.path.name());
            if refreshed.path == RefreshPath::CaughtUp {
                let session = token.session;
                tracing::warn!(session.id = %session, "a refresh token was ahead of its record");
            }
            Ok(Private(token_answer(&refreshed.tokens, &state.service.policy().role_order)))
        }
        Err(error) => {
            state.metrics.refreshed(outcome(&error));
            if matches!(error, RefreshError::Replayed) {
                let session = token.session;
                tracing::warn!(session.id = %session, "a refresh token was replayed");
            }
            Err(error.into())
        }
    }
}

const fn outcome(error: &RefreshError) -> &'static str {
    match error {
        RefreshError::NotGenuine => "not_genuine",
        RefreshError::Expired => "expired",
        RefreshError::Revoked => "revoked",
        RefreshError::Replayed => "replayed",
        RefreshError::EnrolmentRequired => "enrolment_required",
        RefreshError::AccountDisabled => "account_disabled",
        RefreshError::LimitReached(_) => "limited",
        RefreshError::Failure(_) => "failure",
    }
}
