use axum::Extension;
use axum::extract::State;
use domain::{Password, UserId};
use schemars::{JsonSchema, Schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{AccountDigest, HashingError, Issued, Origin, SignInError};

use crate::answer::Private;
use crate::factor_verification::NextStepAnswer;
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;
use crate::token_answer::{TokenAnswer, token_answer};

/// Who wants to sign in: exactly one of the three names, and the password.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = asks_for_one_name)]
pub(crate) struct Credentials {
    /// An address.
    #[schemars(with = "String")]
    email: Option<String>,
    /// A user name.
    #[schemars(with = "String")]
    username: Option<String>,
    /// Either.
    #[schemars(with = "String")]
    identifier: Option<String>,
    /// The password.
    #[schemars(with = "String")]
    password: SecretString,
    /// What a trusted browser was given: it is asked for no second factor.
    #[serde(rename = "deviceToken")]
    #[schemars(with = "String")]
    device_token: Option<SecretString>,
}

/// Tokens, or what is wanted before them.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum SignInAnswer {
    Tokens(Box<TokenAnswer>),
    NextStep(NextStepAnswer),
}

/// Says in the contract what the types cannot: exactly one of the three names.
fn asks_for_one_name(schema: &mut Schema) {
    let only = |name: &str| json!({ "required": [name] });
    schema.insert("required".to_owned(), json!(["password"]));
    schema.insert("oneOf".to_owned(), json!(["email", "username", "identifier"].map(only)));
}

/// `POST /auth/login`
pub(crate) async fn login(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<Credentials>,
) -> Result<Private<SignInAnswer>, Problem> {
    let (identifier, password) = parse(&body)?;
    let device_token = body.device_token.as_ref().map(ExposeSecret::expose_secret);
    match state.service.sign_in(identifier, &password, device_token, &origin).await {
        Ok(Issued::Tokens(tokens)) => {
            state.metrics.signed_in("success");
            let answer = token_answer(&tokens, &state.service.policy().role_order);
            Ok(Private(SignInAnswer::Tokens(Box::new(answer))))
        }
        Ok(Issued::NextStep(next)) => {
            state.metrics.signed_in("second_factor_wanted");
            Ok(Private(SignInAnswer::NextStep(NextStepAnswer::new(&next))))
        }
        Err(error) => {
            note_refusal(&state, &origin, &refused(&error));
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

/// What is known of a sign-in that was refused: enough to see an attack, too little to name anyone.
pub(crate) struct Refused<'a> {
    pub(crate) reason: &'static str,
    /// As a keyed hash of what was typed.
    pub(crate) account: Option<&'a AccountDigest>,
    /// Once the password was right.
    pub(crate) user: Option<&'a UserId>,
}

fn refused(error: &SignInError) -> Refused<'_> {
    let (reason, account) = match error {
        SignInError::InvalidCredentials(refusal) => (refusal.reason, Some(&refusal.account)),
        SignInError::AccountDisabled(account) => ("account_disabled", Some(account)),
        SignInError::EmailNotVerified(account) => ("email_not_verified", Some(account)),
        SignInError::Hashing(HashingError::Overloaded(_)) => ("overloaded", None),
        SignInError::Hashing(HashingError::LimitReached(_)) => ("limited", None),
        SignInError::Hashing(_) | SignInError::Failure(_) => ("failure", None),
    };
    Refused { reason, account, user: None }
}

/// Counts and logs a sign-in that was refused, with from where and why.
pub(crate) fn note_refusal(state: &AppState, origin: &Origin, refused: &Refused<'_>) {
    state.metrics.signed_in(refused.reason);
    tracing::warn!(
        client.address = origin.client.address.map(tracing::field::display),
        reason = refused.reason,
        account = refused.account.map(tracing::field::display),
        user.id = refused.user.map(tracing::field::display),
        request.id = origin.request_id.as_ref().map(tracing::field::display),
        "a sign-in was refused"
    );
}
