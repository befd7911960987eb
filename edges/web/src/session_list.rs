use axum::Extension;
use axum::extract::State;
use domain::{Session, SessionId, TrustedDevice, TrustedDeviceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{Origin, SESSIONS_PAGE_MAX, rfc3339};

use crate::access::SignedIn;
use crate::answer::{Done, Private};
use crate::code::Code;
use crate::inputs::{PathParameters, QueryParameters};
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;

const PAGE_DEFAULT: u16 = 50;

/// Which part of a list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Page {
    /// `nextCursor` of the page before.
    #[schemars(regex(pattern = "^sess_[0-7][0-9a-hjkmnp-tv-z]{25}$"))]
    cursor: Option<String>,
    /// Most items of the answer.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u16>,
}

/// Part of a list.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionPage {
    /// The oldest first.
    items: Vec<SessionView>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Browsers that need no second factor, the oldest first; on the first page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    trusted_devices: Vec<TrustedDeviceView>,
}

/// A session, as its user sees it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Session")]
pub(crate) struct SessionView {
    /// Names the session.
    id: String,
    /// What the client that signed in calls itself.
    device: Option<String>,
    /// From where it signed in.
    ip: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339: the last refresh.
    last_used_at: String,
    /// Whether this call comes from it.
    current: bool,
}

/// A browser that needs no second factor for a while.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TrustedDevice")]
pub(crate) struct TrustedDeviceView {
    /// Names it: ended like a session.
    id: String,
    /// What the client called itself when it was trusted.
    device: Option<String>,
    /// From where it was.
    ip: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339: the last sign-in without the factor, or the one that it began with.
    last_used_at: String,
    /// RFC 3339: when the factor is asked for again.
    expires_at: String,
    /// Whether this call comes from the session that was begun on it last.
    current: bool,
}

/// A path parameter: the id of a session or a trusted device.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionPath {
    /// As the list shows it.
    id: String,
}

/// `GET /auth/sessions`
pub(crate) async fn list(
    State(state): State<AppState>,
    SignedIn(caller): SignedIn,
    QueryParameters(page): QueryParameters<Page>,
) -> Result<Private<SessionPage>, Problem> {
    let mut mistakes = Mistakes::default();
    let limit = usize::from(page.limit.unwrap_or(PAGE_DEFAULT));
    if !(1..=SESSIONS_PAGE_MAX).contains(&limit) {
        mistakes.note("limit", "invalid", format!("a limit is 1 to {SESSIONS_PAGE_MAX}"));
    }
    let after = page.cursor.map(|cursor| mistakes.take("cursor", SessionId::parse(&cursor)));
    if !mistakes.is_empty() {
        return Err(mistakes.into_problem());
    }
    let after = after.flatten();
    let sessions = state.service.list_sessions(&caller, after, limit).await?;
    let is_full = sessions.len() == limit;
    let next_cursor = sessions.last().filter(|_| is_full).map(|session| session.id.to_string());
    let current = caller.session.id;
    let items = sessions.iter().map(|session| to_view(session, current)).collect();
    let devices = match after {
        None => state.service.list_trusted_devices(&caller).await?,
        Some(_) => Vec::new(),
    };
    let trusted_devices = devices.iter().map(|device| device_view(device, current)).collect();
    Ok(Private(SessionPage { items, next_cursor, trusted_devices }))
}

/// `DELETE /auth/sessions/{id}`
pub(crate) async fn end(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    SignedIn(caller): SignedIn,
    PathParameters(path): PathParameters<SessionPath>,
) -> Result<Done, Problem> {
    if let Ok(device) = TrustedDeviceId::parse(&path.id) {
        state.service.end_trust(&caller, device).await?;
    } else {
        let session = SessionId::parse(&path.id).map_err(|_| Problem::new(Code::NotFound))?;
        state.service.end_session(&caller, session, &origin).await?;
    }
    Ok(Done)
}

fn device_view(device: &TrustedDevice, current: SessionId) -> TrustedDeviceView {
    TrustedDeviceView {
        id: device.id.to_string(),
        device: device.client.user_agent.as_deref().map(str::to_owned),
        ip: device.client.address.map(|address| address.to_string()),
        created_at: rfc3339(device.created_at),
        last_used_at: rfc3339(device.last_used_at),
        expires_at: rfc3339(device.expires_at),
        current: device.session == current,
    }
}

fn to_view(session: &Session, current: SessionId) -> SessionView {
    SessionView {
        id: session.id.to_string(),
        device: session.client.user_agent.as_deref().map(str::to_owned),
        ip: session.client.address.map(|address| address.to_string()),
        created_at: rfc3339(session.created_at),
        last_used_at: rfc3339(session.last_used_at),
        current: session.id == current,
    }
}
