use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{NewAccount, Origin};

use crate::answer::Created;
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;
use crate::user_view::UserView;

/// What `EmailAddress` accepts, but for lengths and the last label being a number.
const EMAIL_PATTERN: &str = concat!(
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,32}(\.[A-Za-z0-9]{1,16}){0,1}@",
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,3}[A-Za-z]{2,20}$",
);
/// What `Username` accepts.
const USERNAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{2,31}$";

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
pub(crate) struct Registered {
    /// As `GET /auth/me` shows it.
    user: UserView,
}

/// `POST /auth/register`
pub(crate) async fn register(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<Registration>,
) -> Result<Created<Registered>, Problem> {
    let account = parse(&body)?;
    let made = state.service.sign_up(account, &origin).await?;
    let user = UserView::new(&made, &state.service.policy().role_order);
    let location = format!("{}{}/auth/me", state.settings.public_url, state.settings.base_path);
    Ok(Created { location, body: Registered { user } })
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
