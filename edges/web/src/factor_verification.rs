use axum::Extension;
use axum::extract::State;
use domain::{PendingStep, PendingToken};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service::{NextStep, Origin, VerifyFactorError, read_pending_token, write_pending_token};

use crate::answer::Private;
use crate::factor_codes::{BACKUP_CODE_PATTERN, CODE_PATTERN, FactorFields, asks_for_one_code};
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::sign_ins::{Refused, note_refusal};
use crate::state::AppState;
use crate::token_answer::{TokenAnswer, token_answer};

/// The second factor that a sign-in wants.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = asks_for_one_code)]
pub(crate) struct FactorVerification {
    /// As the sign-in answered.
    #[schemars(with = "String")]
    session_token: SecretString,
    /// What the authenticator app shows.
    #[schemars(with = "String", regex(pattern = CODE_PATTERN))]
    code: Option<SecretString>,
    /// What the user has kept for when the app is lost.
    #[schemars(with = "String", regex(pattern = BACKUP_CODE_PATTERN))]
    backup_code: Option<SecretString>,
    /// Ask for no second factor on this browser for a while, where the deployment allows that.
    remember_device: Option<bool>,
}

/// A sign-in that is not complete.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NextStepAnswer {
    /// The second factor is wanted, at `/auth/mfa/verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_required: Option<bool>,
    /// A second factor has to be set up, at `/auth/mfa/setup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_enrolment_required: Option<bool>,
    /// Opaque; buys that step and nothing else.
    session_token: String,
    /// What the step can be done with: `totp`, `backup_code`.
    mfa_methods: Vec<&'static str>,
    /// Always `Bearer`: whoever has the session token may go on.
    token_type: &'static str,
    /// Seconds until the session token expires.
    expires_in: u64,
}

impl NextStepAnswer {
    pub(crate) fn new(next: &NextStep) -> Self {
        let is = |step| (next.step == step).then_some(true);
        let backup = next.has_backup_codes.then_some("backup_code");
        Self {
            mfa_required: is(PendingStep::Verification),
            mfa_enrolment_required: is(PendingStep::Enrolment),
            session_token: write_pending_token(&next.token).expose_secret().to_owned(),
            mfa_methods: ["totp"].into_iter().chain(backup).collect(),
            token_type: "Bearer",
            expires_in: next.expires_in.as_secs(),
        }
    }
}

/// `POST /auth/mfa/verify`
pub(crate) async fn verify(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<FactorVerification>,
) -> Result<Private<TokenAnswer>, Problem> {
    let mut mistakes = Mistakes::default();
    let fields = FactorFields { code: body.code.as_ref(), backup_code: body.backup_code.as_ref() };
    let Some(presented) = fields.parse(&mut mistakes) else {
        if mistakes.is_empty() {
            mistakes.note("code", "missing", "give code or backupCode".to_owned());
        }
        return Err(mistakes.into_problem());
    };
    let token = read_pending_token(body.session_token.expose_secret());
    let token = token.ok_or_else(Problem::session_token)?;
    let trusts = body.remember_device.unwrap_or_default();
    match state.service.verify_factor(&token, &presented, trusts, &origin).await {
        Ok(tokens) => {
            state.metrics.signed_in("success");
            Ok(Private(token_answer(&tokens, &state.service.policy().role_order)))
        }
        Err(error) => {
            note_refusal(&state, &origin, &refused(&error, &token));
            Err(error.into())
        }
    }
}

/// Why, and of whom, where the session token was genuine.
fn refused<'a>(error: &VerifyFactorError, token: &'a PendingToken) -> Refused<'a> {
    let (reason, user) = match error {
        VerifyFactorError::NotUsable => ("unusable_session_token", None),
        VerifyFactorError::WrongCode => ("wrong_code", Some(&token.user)),
        VerifyFactorError::AccountDisabled => ("account_disabled", Some(&token.user)),
        VerifyFactorError::EmailNotVerified => ("email_not_verified", Some(&token.user)),
        VerifyFactorError::LimitReached(_) => ("limited", Some(&token.user)),
        VerifyFactorError::Failure(_) => ("failure", None),
    };
    Refused { reason, account: None, user }
}
