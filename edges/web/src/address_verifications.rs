use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use schemars::{JsonSchema, Schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service::{AddressProof, Origin, PresentedCode, write_code_token};

use crate::access::bearer_token;
use crate::answer::Private;
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::presented_code::{CodeFields, asks_for_one_form};
use crate::problem::Problem;
use crate::state::AppState;
use crate::user_view::UserView;

/// A code from a mail, and what shows that whoever reads the mail set the password: the password, a
/// bearer of that user, or neither, and then the password goes.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = asks_for_a_code)]
pub(crate) struct AddressVerification {
    /// The part of the link behind the `#`.
    #[schemars(with = "String")]
    token: Option<SecretString>,
    /// As the call answered that sent the mail.
    #[schemars(with = "String")]
    challenge_id: Option<String>,
    /// The short code of the mail.
    #[schemars(with = "String")]
    code: Option<SecretString>,
    /// The password of the account.
    #[schemars(with = "String")]
    password: Option<SecretString>,
    /// Verify the address without proof, and remove every password and session that was set before.
    discard_password: Option<bool>,
}

fn asks_for_a_code(schema: &mut Schema) {
    asks_for_one_form(schema, &[]);
}

/// The user whose address is verified now.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressVerified {
    /// As `GET /auth/me` shows it.
    user: UserView,
    /// Sets a new password at `/auth/password/reset`, where the old one was discarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_token: Option<String>,
}

/// `POST /auth/verify-email`
pub(crate) async fn verify(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<AddressVerification>,
) -> Result<Private<AddressVerified>, Problem> {
    let (code, mut proof) = parse(&body)?;
    // A bearer that does not count is refused and not overlooked.
    if let (AddressProof::None, Some(token)) = (&proof, bearer_token(&headers)?) {
        proof = AddressProof::Session(Box::new(state.service.authenticate(token).await?));
    }
    let verified = state.service.verify_address(&code, &proof, &origin).await?;
    let reset_token =
        verified.reset.map(|token| write_code_token(&token).expose_secret().to_owned());
    let user = UserView::new(&verified.account, &state.service.policy().role_order);
    Ok(Private(AddressVerified { user, reset_token }))
}

fn parse(body: &AddressVerification) -> Result<(PresentedCode, AddressProof), Problem> {
    let mut mistakes = Mistakes::default();
    let challenge = body.challenge_id.as_deref();
    let fields = CodeFields { token: body.token.as_ref(), challenge, code: body.code.as_ref() };
    let code = fields.parse(&mut mistakes)?;
    let proof = match (&body.password, body.discard_password.unwrap_or_default()) {
        (Some(_), true) => {
            let message = "give the password, or discard it".to_owned();
            mistakes.note("discardPassword", "invalid", message);
            None
        }
        (Some(password), false) => mistakes.password(password).map(AddressProof::Password),
        (None, true) => Some(AddressProof::DiscardPassword),
        (None, false) => Some(AddressProof::None),
    };
    match (code, proof) {
        (Some(code), Some(proof)) if mistakes.is_empty() => Ok((code, proof)),
        _ => Err(mistakes.into_problem()),
    }
}
