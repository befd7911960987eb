use axum::Extension;
use axum::extract::State;
use domain::EmailAddress;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{CodeRequested, Origin};

use crate::answer::Accepted;
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::registrations::EMAIL_PATTERN;
use crate::state::AppState;

/// Whose mailbox is to get a code.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CodeRequest {
    /// The address of the account.
    #[schemars(length(max = 254), regex(pattern = EMAIL_PATTERN))]
    email: String,
}

/// That a code was asked for. Says nothing of whether anybody gets one.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Challenge {
    /// What the short code of the mail is sent back with.
    challenge_id: String,
    /// Seconds for which the short code works; a link may work longer.
    expires_in: u64,
}

impl From<CodeRequested> for Challenge {
    fn from(requested: CodeRequested) -> Self {
        Self {
            challenge_id: requested.challenge.to_string(),
            expires_in: requested.expires_in.as_secs(),
        }
    }
}

/// `POST /auth/password/forgot`
pub(crate) async fn password_reset(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<CodeRequest>,
) -> Result<Accepted<Challenge>, Problem> {
    let email = parse(&body)?;
    Ok(Accepted(state.service.request_password_reset(&email, &origin).await?.into()))
}

/// `POST /auth/verify-email/resend`
pub(crate) async fn verification(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<CodeRequest>,
) -> Result<Accepted<Challenge>, Problem> {
    let email = parse(&body)?;
    Ok(Accepted(state.service.resend_verification(&email, &origin).await?.into()))
}

fn parse(body: &CodeRequest) -> Result<EmailAddress, Problem> {
    let mut mistakes = Mistakes::default();
    mistakes.email(&body.email).ok_or_else(|| mistakes.into_problem())
}
