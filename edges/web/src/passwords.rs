use axum::Extension;
use axum::extract::State;
use domain::Password;
use schemars::{JsonSchema, Schema};
use secrecy::SecretString;
use serde::Deserialize;
use service::{Origin, PresentedCode};

use crate::access::SignedIn;
use crate::answer::Done;
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::presented_code::{CodeFields, asks_for_one_form};
use crate::problem::Problem;
use crate::state::AppState;

/// A code from a mail, and the password to set.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = asks_for_a_code_and_a_password)]
pub(crate) struct PasswordReset {
    /// The part of the link behind the `#`, or a `resetToken`.
    #[schemars(with = "String")]
    token: Option<SecretString>,
    /// As the call answered that sent the mail.
    #[schemars(with = "String")]
    challenge_id: Option<String>,
    /// The short code of the mail.
    #[schemars(with = "String")]
    code: Option<SecretString>,
    /// As at registration.
    #[schemars(with = "String", length(min = 8, max = 512))]
    new_password: SecretString,
}

fn asks_for_a_code_and_a_password(schema: &mut Schema) {
    asks_for_one_form(schema, &["newPassword"]);
}

/// The password, and the one to set in its place.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordChange {
    /// The one that signs in now.
    #[schemars(with = "String")]
    current_password: SecretString,
    /// As at registration.
    #[schemars(with = "String", length(min = 8, max = 512))]
    new_password: SecretString,
}

/// `POST /auth/password/reset`
pub(crate) async fn reset(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<PasswordReset>,
) -> Result<Done, Problem> {
    let (code, new) = parse(&body)?;
    state.service.reset_password(&code, &new, &origin).await?;
    Ok(Done)
}

/// `POST /auth/password/change`
pub(crate) async fn change(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<PasswordChange>,
) -> Result<Done, Problem> {
    let mut mistakes = Mistakes::default();
    let current = mistakes.password_in("currentPassword", &body.current_password);
    let new = mistakes.password_in("newPassword", &body.new_password);
    let (Some(current), Some(new)) = (current, new) else {
        return Err(mistakes.into_problem());
    };
    let passwords = service::PasswordChange { current, new };
    state.service.change_password(&caller, &passwords, &origin).await?;
    Ok(Done)
}

fn parse(body: &PasswordReset) -> Result<(PresentedCode, Password), Problem> {
    let mut mistakes = Mistakes::default();
    let challenge = body.challenge_id.as_deref();
    let fields = CodeFields { token: body.token.as_ref(), challenge, code: body.code.as_ref() };
    let code = fields.parse(&mut mistakes)?;
    let new = mistakes.password_in("newPassword", &body.new_password);
    match (code, new) {
        (Some(code), Some(new)) if mistakes.is_empty() => Ok((code, new)),
        _ => Err(mistakes.into_problem()),
    }
}
