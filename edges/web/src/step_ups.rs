use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service::Origin;

use crate::access::SignedIn;
use crate::answer::Private;
use crate::factor_codes::{BACKUP_CODE_PATTERN, CODE_PATTERN, FactorFields, takes_one_code};
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;

/// What proves again who calls.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = takes_one_code)]
pub(crate) struct StepUp {
    /// The password.
    #[schemars(with = "String")]
    password: SecretString,
    /// What the authenticator app shows, where there is a second factor.
    #[schemars(with = "Option<String>", regex(pattern = CODE_PATTERN))]
    code: Option<SecretString>,
    /// Or what the user has kept for when the app is lost.
    #[schemars(with = "Option<String>", regex(pattern = BACKUP_CODE_PATTERN))]
    backup_code: Option<SecretString>,
}

/// An access token that says when its user authenticated last.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SteppedUp {
    /// A JWT (RFC 9068) for `Authorization: Bearer`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
}

/// `POST /auth/step-up`
pub(crate) async fn step_up(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<StepUp>,
) -> Result<Private<SteppedUp>, Problem> {
    let mut mistakes = Mistakes::default();
    let fields = FactorFields { code: body.code.as_ref(), backup_code: body.backup_code.as_ref() };
    let factor = fields.parse(&mut mistakes);
    let password = match mistakes.password(&body.password) {
        Some(password) if mistakes.is_empty() => password,
        _ => return Err(mistakes.into_problem()),
    };
    let stepped_up = state.service.step_up(&caller, &password, factor.as_ref(), &origin).await?;
    Ok(Private(SteppedUp {
        access_token: stepped_up.access_token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: stepped_up.expires_in.as_secs(),
    }))
}
