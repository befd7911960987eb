use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use service::{FieldChange, Origin, ProfileChange};

use crate::access::SignedIn;
use crate::answer::{Done, Private};
use crate::code_requests::Challenge;
use crate::inputs::JsonBody;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::registrations::{EMAIL_PATTERN, USERNAME_PATTERN};
use crate::state::AppState;
use crate::user_view::UserView;

/// What is to be different (RFC 7396): an absent member stays as it is, null removes it.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ProfilePatch {
    /// What to call the person.
    #[serde(default)]
    #[schemars(with = "Option<String>", length(min = 1, max = 200))]
    name: Member,
    /// An address or this signs in.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = USERNAME_PATTERN))]
    username: Member,
    /// Takes effect once the new address is verified.
    #[serde(default)]
    #[schemars(with = "String", length(max = 254), regex(pattern = EMAIL_PATTERN))]
    email: Member,
}

/// A member of a patch, which tells null from absence.
#[derive(Default)]
enum Member {
    #[default]
    Absent,
    Null,
    Text(String),
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(input)?.map_or(Self::Null, Self::Text))
    }
}

impl Member {
    /// What shall become of the field; one that is wrong was noted by `parse` and stays.
    fn into_change<T>(self, parse: impl FnOnce(&str) -> Option<T>) -> FieldChange<T> {
        match self {
            Self::Absent => FieldChange::Keep,
            Self::Null => FieldChange::Remove,
            Self::Text(text) => parse(&text).map_or(FieldChange::Keep, FieldChange::Set),
        }
    }
}

/// The user after the change.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatchedProfile {
    #[serde(flatten)]
    user: UserView,
    /// Where another address was asked for: what the code in the mail to it is sent back with.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_change: Option<Challenge>,
}

/// `GET /auth/me`
pub(crate) async fn me(
    State(state): State<AppState>,
    SignedIn(caller): SignedIn,
) -> Private<UserView> {
    Private(UserView::new(&caller.account, &state.service.policy().role_order))
}

/// `PATCH /auth/me`
pub(crate) async fn update(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<ProfilePatch>,
) -> Result<Private<PatchedProfile>, Problem> {
    let wanted = parse(body)?;
    let changed = state.service.change_profile(&caller, &wanted, &origin).await?;
    Ok(Private(PatchedProfile {
        user: UserView::new(&changed.account, &state.service.policy().role_order),
        email_change: changed.requested.map(Challenge::from),
    }))
}

/// `DELETE /auth/me`
pub(crate) async fn erase(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
) -> Result<Done, Problem> {
    state.service.erase_account(&caller, &origin).await?;
    Ok(Done)
}

fn parse(body: ProfilePatch) -> Result<ProfileChange, Problem> {
    let mut mistakes = Mistakes::default();
    let name = body.name.into_change(|text| mistakes.name(Some(text)));
    let username = body.username.into_change(|text| mistakes.username(Some(text)));
    let email = match body.email.into_change(|text| mistakes.email(text)) {
        FieldChange::Keep => None,
        FieldChange::Set(email) => Some(email),
        FieldChange::Remove => {
            mistakes.note("email", "invalid", "an account keeps an address".to_owned());
            None
        }
    };
    if mistakes.is_empty() {
        Ok(ProfileChange { name, username, email })
    } else {
        Err(mistakes.into_problem())
    }
}
