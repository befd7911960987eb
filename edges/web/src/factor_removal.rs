use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use service::Origin;

use crate::access::SignedIn;
use crate::answer::Done;
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;

/// What shows, beside a recent authentication, that it is the user.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FactorRemoval {
    /// The password.
    #[schemars(with = "String")]
    password: SecretString,
}

/// `POST /auth/mfa/disable`
pub(crate) async fn disable(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<FactorRemoval>,
) -> Result<Done, Problem> {
    let mut mistakes = Mistakes::default();
    let Some(password) = mistakes.password(&body.password) else {
        return Err(mistakes.into_problem());
    };
    state.service.disable_factor(&caller, &password, &origin).await?;
    Ok(Done)
}
