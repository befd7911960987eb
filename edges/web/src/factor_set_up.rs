use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HeaderValue, VARY};
use axum::response::{IntoResponse, Response};
use contracts::chain;
use domain::BackupCode;
use schemars::{JsonSchema, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service::{Enroller, NewFactor, Origin, read_pending_token};

use crate::access::{SignedIn, bearer_token};
use crate::answer::{Inferred, Private, response};
use crate::factor_codes::{CODE_PATTERN, totp_code};
use crate::inputs::{JsonBody, OptionalJsonBody};
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::qr_code::{QrCode, prefers_svg};
use crate::sign_ins::{Refused, note_refusal};
use crate::state::AppState;
use crate::token_answer::{TokenAnswer, token_answer};

/// Who sets up a second factor, where no bearer says so.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactorSetUp {
    /// Of a sign-in that has to set up a factor.
    #[schemars(with = "Option<String>")]
    session_token: Option<SecretString>,
}

/// A secret for an authenticator app. Nothing is enabled yet.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactorSecret {
    /// For typing: base32.
    secret: String,
    /// What the QR code says.
    otpauth_uri: String,
    /// A PNG as a data URI.
    qr_code: String,
}

/// The first code of a new secret.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactorConfirmation {
    /// Of a sign-in that has to set up a factor, where no bearer says who calls.
    #[schemars(with = "Option<String>")]
    session_token: Option<SecretString>,
    /// What the authenticator app shows.
    #[schemars(with = "String", regex(pattern = CODE_PATTERN))]
    code: SecretString,
}

/// A second factor that sign-ins ask for from now on.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactorEnabled {
    /// Each stands in for the app once. They are not shown again.
    backup_codes: Vec<String>,
    /// What a sign-in gets that had to set up a factor.
    #[serde(flatten)]
    tokens: Option<TokenAnswer>,
}

/// Backup codes in the place of the old ones.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewBackupCodes {
    /// Each stands in for the app once. They are not shown again.
    backup_codes: Vec<String>,
}

/// A secret as JSON, or as SVG for whoever wants to show the code and nothing else.
pub(crate) enum SetUpAnswer {
    Json(FactorSecret),
    Svg(String),
}

/// `POST /auth/mfa/setup`
pub(crate) async fn set_up(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    OptionalJsonBody(body): OptionalJsonBody<FactorSetUp>,
) -> Result<SetUpAnswer, Problem> {
    let token = body.and_then(|body| body.session_token);
    let by = enroller(&state, &headers, token.as_ref()).await?;
    let factor = state.service.set_up_factor(&by, &origin).await?;
    let code = QrCode::of(factor.uri.expose_secret());
    Ok(if prefers_svg(&headers) {
        SetUpAnswer::Svg(code.to_svg())
    } else {
        SetUpAnswer::Json(to_answer(&factor, &code))
    })
}

/// `POST /auth/mfa/verify-setup`
pub(crate) async fn confirm(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<FactorConfirmation>,
) -> Result<Private<FactorEnabled>, Problem> {
    let mut mistakes = Mistakes::default();
    let Some(code) = totp_code(&body.code, &mut mistakes) else {
        return Err(mistakes.into_problem());
    };
    let by = enroller(&state, &headers, body.session_token.as_ref()).await?;
    let enabled = state.service.enable_factor(&by, &code, &origin).await?;
    let tokens = enabled.tokens.unwrap_or_else(|failure| {
        let refused = Refused { reason: "failure", account: None, user: None };
        note_refusal(&state, &origin, &refused);
        tracing::error!(cause = chain(&failure), "a factor was enabled, but no session began");
        None
    });
    let role_order = &state.service.policy().role_order;
    let tokens = tokens.map(|tokens| token_answer(&tokens, role_order));
    if tokens.is_some() {
        state.metrics.signed_in("success");
    }
    Ok(Private(FactorEnabled { backup_codes: to_texts(&enabled.backup_codes), tokens }))
}

/// `POST /auth/mfa/backup-codes`
pub(crate) async fn renew(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
) -> Result<Private<NewBackupCodes>, Problem> {
    let codes = state.service.renew_backup_codes(&caller, &origin).await?;
    Ok(Private(NewBackupCodes { backup_codes: to_texts(&codes) }))
}

/// A session token in the body, else the bearer. A bearer beside it is a mistake: they may be of
/// two people.
async fn enroller(
    state: &AppState,
    headers: &HeaderMap,
    session_token: Option<&SecretString>,
) -> Result<Enroller, Problem> {
    match (session_token, bearer_token(headers)?) {
        (Some(_), Some(_)) => {
            let mut mistakes = Mistakes::default();
            let message = "give a session token or a bearer".to_owned();
            mistakes.note("sessionToken", "invalid", message);
            Err(mistakes.into_problem())
        }
        (Some(text), None) => {
            let token = read_pending_token(text.expose_secret());
            Ok(Enroller::Pending(token.ok_or_else(Problem::session_token)?))
        }
        (None, Some(token)) => {
            Ok(Enroller::Caller(Box::new(state.service.authenticate(token).await?)))
        }
        (None, None) => Err(Problem::no_credentials()),
    }
}

fn to_answer(factor: &NewFactor, code: &QrCode) -> FactorSecret {
    FactorSecret {
        secret: factor.secret.expose_secret().to_owned(),
        otpauth_uri: factor.uri.expose_secret().to_owned(),
        qr_code: code.to_png_uri(),
    }
}

fn to_texts(codes: &[BackupCode]) -> Vec<String> {
    codes.iter().map(|code| code.to_text().to_string()).collect()
}

impl IntoResponse for SetUpAnswer {
    fn into_response(self) -> Response {
        const SVG: (axum::http::HeaderName, HeaderValue) =
            (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
        let mut response = match self {
            Self::Json(secret) => Private(secret).into_response(),
            Self::Svg(document) => ([SVG], document).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(VARY, HeaderValue::from_static("accept"));
        response
    }
}

impl OperationOutput for SetUpAnswer {
    type Inner = FactorSecret;

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Inferred {
        let mut inferred = Private::<FactorSecret>::inferred_responses(ctx, operation);
        let svg = response("image/svg+xml", json_schema!({ "type": "string" }));
        for (_, answer) in &mut inferred {
            answer.content.extend(svg.content.clone());
        }
        inferred
    }
}
