//! The small pages that mails lead to: verify an address, confirm a new one, set a password, and
//! the word that it worked or did not.
//!
//! `GET` consumes nothing, since mail scanners follow links. The token stands in the fragment,
//! which no server sees; one script moves it into the form. Without script the page asks for the
//! short code. No cookie is set or read: what a form may do, its token allows, and `Origin` keeps
//! other sites from posting it.

mod forms;
pub(crate) mod render;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use domain::ChallengeId;
use secrecy::SecretString;
use serde::Deserialize;
use service::{AddressProof, Origin, write_code_token};

use crate::problem::Problem;
use crate::state::AppState;

use forms::{FormBody, PageForm};
use render::{FormPage, LinkParts, Outcome};

/// What a link carries outside its fragment.
#[derive(Deserialize)]
struct LinkQuery {
    #[serde(rename = "c")]
    challenge: Option<String>,
}

/// `/pages/verify`
pub(crate) fn verify() -> MethodRouter<AppState> {
    get(async |state, query| open(state, query, FormPage::Verify)).post(submit_verify)
}

/// `/pages/confirm`
pub(crate) fn confirm() -> MethodRouter<AppState> {
    get(async |state, query| open(state, query, FormPage::Confirm)).post(submit_confirm)
}

/// `/pages/reset`
pub(crate) fn reset() -> MethodRouter<AppState> {
    get(async |state, query| open(state, query, FormPage::Reset)).post(submit_reset)
}

/// `/pages/pages.css`
pub(crate) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("assets/pages.css"))
}

/// `/pages/pages.js`
pub(crate) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("assets/pages.js"))
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "public, max-age=300"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

fn open(State(state): State<AppState>, RawQuery(query): RawQuery, page: FormPage) -> Response {
    // What is no challenge of ours is not shown, not even as a value of the form.
    let link = serde_urlencoded::from_str::<LinkQuery>(&query.unwrap_or_default());
    let challenge = link.ok().and_then(|link| link.challenge).unwrap_or_default();
    let challenge = ChallengeId::parse(&challenge).map(|id| id.to_string()).unwrap_or_default();
    state.pages.form(page, &LinkParts { challenge: &challenge, token: None }, None)
}

async fn submit_verify(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    FormBody(form): FormBody,
) -> Response {
    let page = FormPage::Verify;
    let proof = if form.discard.as_deref() == Some("yes") {
        Ok(AddressProof::DiscardPassword)
    } else {
        form.password_proof()
    };
    match verify_address(&state, &form, (proof, &origin)).await {
        Ok(Some(token)) => {
            let link = LinkParts { token: Some(&token), ..LinkParts::default() };
            state.pages.form(FormPage::Reset, &link, None)
        }
        Ok(None) => state.pages.outcome(StatusCode::OK, &Outcome::ADDRESS_VERIFIED),
        Err(problem) => state.pages.problem(page, &form.link(), problem),
    }
}

async fn submit_confirm(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    FormBody(form): FormBody,
) -> Response {
    match verify_address(&state, &form, (form.password_proof(), &origin)).await {
        Ok(_) => state.pages.outcome(StatusCode::OK, &Outcome::ADDRESS_CHANGED),
        Err(problem) => state.pages.problem(FormPage::Confirm, &form.link(), problem),
    }
}

async fn submit_reset(
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    FormBody(form): FormBody,
) -> Response {
    match reset_password(&state, &form, &origin).await {
        Ok(()) => state.pages.outcome(StatusCode::OK, &Outcome::PASSWORD_SET),
        Err(problem) => state.pages.problem(FormPage::Reset, &form.link(), problem),
    }
}

/// Verifies the address; the token is there where a new password has to be set.
async fn verify_address(
    state: &AppState,
    form: &PageForm,
    (proof, origin): (Result<AddressProof, Problem>, &Origin),
) -> Result<Option<SecretString>, Problem> {
    let (code, proof) = (form.code()?, proof?);
    let verified = state.service.verify_address(&code, &proof, origin).await?;
    Ok(verified.reset.map(|token| write_code_token(&token)))
}

async fn reset_password(state: &AppState, form: &PageForm, origin: &Origin) -> Result<(), Problem> {
    let (code, new) = (form.code()?, form.new_password()?);
    Ok(state.service.reset_password(&code, &new, origin).await?)
}
