use axum::Extension;
use axum::extract::State;
use domain::Password;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use service::{Origin, SignInError};

use crate::body::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;
use crate::token_answer::{TokenResponse, token_answer};

/// Who wants to sign in: exactly one of the three names, and the password.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Credentials {
    /// An address.
    email: Option<String>,
    /// A user name.
    username: Option<String>,
    /// Either.
    identifier: Option<String>,
    /// The password.
    #[schemars(with = "String")]
    password: SecretString,
}

/// `POST /auth/login`
pub(crate) async fn login(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<Credentials>,
) -> Result<TokenResponse, Problem> {
    let (identifier, password) = parse(&body)?;
    match state.service.sign_in(identifier, &password, &origin).await {
        Ok(tokens) => {
            state.metrics.signed_in("success");
            Ok(token_answer(&tokens, &state.service.policy().role_order))
        }
        Err(error) => {
            note_failure(&state, &origin, &error);
            Err(error.into())
        }
    }
}

fn parse(body: &Credentials) -> Result<(&str, Password), Problem> {
    let mut mistakes = Mistakes::default();
    let named = [&body.email, &body.username, &body.identifier];
    let mut named = named.into_iter().filter_map(Option::as_deref);
    let (first, second) = (named.next(), named.next());
    if first.is_none() || second.is_some() {
        let message = "give exactly one of email, username and identifier".to_owned();
        mistakes.note("identifier", "invalid", message);
    }
    match (first, mistakes.password(&body.password)) {
        (Some(identifier), Some(password)) if mistakes.is_empty() => Ok((identifier, password)),
        _ => Err(mistakes.into_problem()),
    }
}

/// From where, why, and as a keyed hash who: enough to see an attack, too little to name anyone.
fn note_failure(state: &AppState, origin: &Origin, error: &SignInError) {
    let (reason, account) = match error {
        SignInError::InvalidCredentials(refusal) => (refusal.reason, Some(&refusal.account)),
        SignInError::AccountDisabled(account) => ("account_disabled", Some(account)),
        SignInError::Overloaded(_) => ("overloaded", None),
        SignInError::Failure(_) => ("failure", None),
    };
    state.metrics.signed_in(reason);
    tracing::warn!(
        client.address = origin.client.address.map(tracing::field::display),
        reason,
        account = account.map(tracing::field::display),
        request.id = origin.request_id.as_ref().map(tracing::field::display),
        "a sign-in was refused"
    );
}
