use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::response::Response;
use domain::Password;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::{AddressProof, PresentedCode};

use super::render::{LinkParts, Outcome};
use crate::code::Code;
use crate::inputs::read;
use crate::mistakes::Mistakes;
use crate::presented_code::CodeFields;
use crate::problem::Problem;
use crate::state::AppState;

/// What the forms of the pages send.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PageForm {
    /// The challenge of the link.
    #[serde(rename = "c")]
    pub(super) challenge: String,
    /// The token of the link.
    pub(super) token: Option<SecretString>,
    /// The short code.
    pub(super) code: Option<SecretString>,
    pub(super) password: Option<SecretString>,
    pub(super) new_password: Option<SecretString>,
    /// Set by the button that discards the password.
    pub(super) discard: Option<String>,
}

impl PageForm {
    /// What the form shows again.
    pub(super) fn link(&self) -> LinkParts<'_> {
        LinkParts { challenge: &self.challenge, token: self.token.as_ref() }
    }

    /// The token if there is one, else the short code.
    pub(super) fn code(&self) -> Result<PresentedCode, Problem> {
        let mut mistakes = Mistakes::default();
        let fields = match filled(self.token.as_ref()) {
            Some(token) => CodeFields { token: Some(token), challenge: None, code: None },
            None => CodeFields {
                token: None,
                challenge: Some(&self.challenge),
                code: Some(filled(self.code.as_ref()).ok_or_else(no_code)?),
            },
        };
        fields.parse(&mut mistakes)?.ok_or_else(|| mistakes.into_problem())
    }

    pub(super) fn password_proof(&self) -> Result<AddressProof, Problem> {
        let password = filled(self.password.as_ref());
        let password = password.ok_or_else(|| Problem::new(Code::PasswordRequired))?;
        let parsed = Password::parse(password);
        parsed.map(AddressProof::Password).map_err(|_| Problem::new(Code::InvalidCredentials))
    }

    pub(super) fn new_password(&self) -> Result<Password, Problem> {
        let mut mistakes = Mistakes::default();
        // Blanks were typed: they are for the policy to judge.
        let typed = self.new_password.as_ref().filter(|typed| !typed.expose_secret().is_empty());
        let new = if let Some(typed) = typed {
            mistakes.password_in("newPassword", typed)
        } else {
            mistakes.note("newPassword", "missing", "choose a password".to_owned());
            None
        };
        new.ok_or_else(|| mistakes.into_problem())
    }
}

/// A browser sends what was left empty, too.
fn filled(field: Option<&SecretString>) -> Option<&SecretString> {
    field.filter(|text| !text.expose_secret().trim().is_empty())
}

fn no_code() -> Problem {
    let mut mistakes = Mistakes::default();
    mistakes.note("code", "missing", "type the code from the mail".to_owned());
    mistakes.into_problem()
}

/// A form that one of our own pages sent.
pub(super) struct FormBody(pub(super) PageForm);

impl FromRequest<AppState> for FormBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let refused = |problem: Problem, outcome: &Outcome| {
            Err(state.pages.refusal(problem.code.status(), outcome, problem))
        };
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let is_ours = origins.next().is_some_and(|origin| origin == state.pages.origin());
        if !is_ours || origins.next().is_some() {
            return refused(foreign_origin(), &Outcome::FOREIGN_ORIGIN);
        }
        if !is_form(&request) {
            return refused(Problem::new(Code::UnsupportedMediaType), &Outcome::UNREADABLE);
        }
        let bytes = match read(request).await {
            Ok(bytes) => bytes,
            Err(problem) => return refused(problem, &Outcome::UNREADABLE),
        };
        serde_urlencoded::from_bytes(&bytes).map(Self).map_err(|_| {
            let problem = Problem::new(Code::MalformedRequest);
            state.pages.refusal(StatusCode::BAD_REQUEST, &Outcome::UNREADABLE, problem)
        })
    }
}

/// A form of another site, or of none.
fn foreign_origin() -> Problem {
    Problem::new(Code::Forbidden)
}

fn is_form(request: &Request) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
