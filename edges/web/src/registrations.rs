use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{NewAccount, Origin, SignedUp, VerifyEmail};

use crate::answer::{Accepted, Created, Inferred};
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;
use crate::user_view::UserView;

/// What `EmailAddress` accepts, but for lengths and the last label being a number.
pub(crate) const EMAIL_PATTERN: &str = concat!(
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,32}(\.[A-Za-z0-9]{1,16}){0,1}@",
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,3}[A-Za-z]{2,20}$",
);
/// What `Username` accepts.
pub(crate) const USERNAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{2,31}$";

/// What a stranger sends to sign up.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Registration {
    /// Unique without regard to case.
    #[schemars(length(max = 254), regex(pattern = EMAIL_PATTERN))]
    email: String,
    /// Unicode is welcome; it counts after NFKC. Common passwords and one's own names are refused.
    #[schemars(with = "String", length(min = 8, max = 512))]
    password: SecretString,
    /// An address or this signs in.
    #[schemars(regex(pattern = USERNAME_PATTERN))]
    username: Option<String>,
    /// What to call the person.
    #[schemars(length(min = 1, max = 200))]
    name: Option<String>,
}

/// The new user.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registered {
    /// As `GET /auth/me` shows it.
    user: UserView,
    /// Whether the address has to be verified before the first sign-in.
    verification_required: bool,
    /// What the short code of the verification mail is sent back with; null if none was sent.
    challenge_id: Option<String>,
}

/// Where the deployment does not say which addresses are taken: a mail says the rest.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistrationRequested {
    /// Always true.
    verification_required: bool,
    /// What the short code of the verification mail is sent back with.
    challenge_id: String,
}

/// The two answers to a registration.
pub(crate) enum RegistrationAnswer {
    Made(Box<Created<Registered>>),
    SaidByMail(Accepted<RegistrationRequested>),
}

impl IntoResponse for RegistrationAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::Made(answer) => answer.into_response(),
            Self::SaidByMail(answer) => answer.into_response(),
        }
    }
}

impl OperationOutput for RegistrationAnswer {
    type Inner = Registered;

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Inferred {
        let mut answers = Created::<Registered>::inferred_responses(ctx, operation);
        answers.extend(Accepted::<RegistrationRequested>::inferred_responses(ctx, operation));
        answers
    }
}

/// `POST /auth/register`
pub(crate) async fn register(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<Registration>,
) -> Result<RegistrationAnswer, Problem> {
    let account = parse(&body)?;
    let policy = state.service.policy();
    let (account, challenge) = match state.service.sign_up(account, &origin).await? {
        SignedUp::SaidByMail(requested) => {
            let challenge_id = requested.challenge.to_string();
            let requested = RegistrationRequested { verification_required: true, challenge_id };
            return Ok(RegistrationAnswer::SaidByMail(Accepted(requested)));
        }
        SignedUp::Made { account, challenge } => (account, challenge),
    };
    let body = Registered {
        user: UserView::new(&account, &policy.role_order),
        verification_required: policy.registration.verify_email == VerifyEmail::Required,
        challenge_id: challenge.map(|challenge| challenge.to_string()),
    };
    let location = format!("{}{}/auth/me", state.settings.public_url, state.settings.base_path);
    Ok(RegistrationAnswer::Made(Box::new(Created { location, body })))
}

fn parse(body: &Registration) -> Result<NewAccount, Problem> {
    let mut mistakes = Mistakes::default();
    let email = mistakes.email(&body.email);
    let username = mistakes.username(body.username.as_deref());
    let name = mistakes.name(body.name.as_deref());
    let password = mistakes.password(&body.password);
    match (email, password) {
        (Some(email), Some(password)) if mistakes.is_empty() => {
            Ok(NewAccount { email, username, name, password })
        }
        _ => Err(mistakes.into_problem()),
    }
}
