use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use minijinja::{Environment, UndefinedBehavior, context};
use secrecy::{ExposeSecret, SecretString};

use crate::code::Code;
use crate::problem::Problem;
use crate::web_settings::WebSettings;

const TEMPLATES: [(&str, &str); 6] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("form.html", include_str!("templates/form.html")),
    ("verify.html", include_str!("templates/verify.html")),
    ("confirm.html", include_str!("templates/confirm.html")),
    ("reset.html", include_str!("templates/reset.html")),
    ("outcome.html", include_str!("templates/outcome.html")),
];

/// Our own script and style, and nothing else: no text that got into a page can run or load.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Browsers send `Origin: null` from a page without referrers, and then no form of ours would work.
const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// A page with a form.
#[derive(Clone, Copy, Debug)]
pub(super) enum FormPage {
    Verify,
    Confirm,
    Reset,
}

impl FormPage {
    const fn template(self) -> &'static str {
        match self {
            Self::Verify => "verify.html",
            Self::Confirm => "confirm.html",
            Self::Reset => "reset.html",
        }
    }
}

/// What a form keeps of the link that led to it.
#[derive(Clone, Copy, Default)]
pub(super) struct LinkParts<'a> {
    pub(super) challenge: &'a str,
    pub(super) token: Option<&'a SecretString>,
}

/// A page that says how it ended.
pub(super) struct Outcome {
    title: &'static str,
    message: &'static str,
}

impl Outcome {
    pub(super) const ADDRESS_VERIFIED: Self =
        Self::done("Your address is verified", "Thank you. You can close this page and sign in.");
    pub(super) const ADDRESS_CHANGED: Self = Self::done(
        "Your address is changed",
        "From now on you sign in with it, and our mails go there.",
    );
    pub(super) const PASSWORD_SET: Self = Self::done(
        "Your password is changed",
        "You are signed out everywhere. Sign in with the new password.",
    );
    pub(super) const UNUSABLE: Self = Self::failed(
        "The link or the code was used already, has expired, or was replaced by a newer mail. \
         Ask for a new mail where you came from.",
    );
    pub(super) const TAKEN: Self =
        Self::failed("Meanwhile another account has this address. Nothing has changed.");
    pub(super) const FOREIGN_ORIGIN: Self =
        Self::failed("The form was not sent from our own page. Open the link in the mail again.");
    pub(super) const UNREADABLE: Self =
        Self::failed("The form could not be read. Open the link in the mail again.");

    const fn done(title: &'static str, message: &'static str) -> Self {
        Self { title, message }
    }

    const fn failed(message: &'static str) -> Self {
        Self { title: "That did not work", message }
    }
}

/// Marks an answer that shows a problem as a page: it is logged like others, and not rendered
/// again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownAsPage;

/// The pages of a deployment.
pub(crate) struct Pages {
    templates: Environment<'static>,
    product: String,
    origin: String,
    password_characters_min: usize,
}

impl Pages {
    pub(crate) fn new(settings: &WebSettings, password_characters_min: usize) -> Self {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source).expect("a test renders every page");
        }
        let product = settings.product_name.clone();
        let origin = origin_of(&settings.public_url).to_owned();
        Self { templates, product, origin, password_characters_min }
    }

    /// The origin (RFC 6454) that forms of ours are sent from.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// A page with its form, and what was wrong with it before.
    pub(super) fn form(
        &self,
        page: FormPage,
        link: &LinkParts<'_>,
        problem: Option<&str>,
    ) -> Response {
        let values = context! {
            product => self.product.as_str(),
            challenge => link.challenge,
            token => link.token.map_or("", |token| token.expose_secret()),
            problem => problem,
            password_min => self.password_characters_min,
        };
        self.render(StatusCode::OK, page.template(), values)
    }

    /// The page that says how it ended.
    pub(super) fn outcome(&self, status: StatusCode, outcome: &Outcome) -> Response {
        let values = context! {
            product => self.product.as_str(),
            title => outcome.title,
            message => outcome.message,
        };
        self.render(status, "outcome.html", values)
    }

    /// The page that says that it did not work.
    pub(super) fn refusal(
        &self,
        status: StatusCode,
        outcome: &Outcome,
        problem: Problem,
    ) -> Response {
        shown(self.outcome(status, outcome), problem)
    }

    /// What a problem looks like: the form again where another try can help, else the end.
    pub(super) fn problem(
        &self,
        page: FormPage,
        link: &LinkParts<'_>,
        problem: Problem,
    ) -> Response {
        let status = problem.code.status();
        let words = match problem.code {
            Code::UnusableToken => return self.refusal(status, &Outcome::UNUSABLE, problem),
            Code::EmailTaken => return self.refusal(status, &Outcome::TAKEN, problem),
            Code::InvalidCredentials => "The password is not right.".to_owned(),
            Code::PasswordRequired => "Enter the password of your account.".to_owned(),
            Code::ValidationFailed => sentence(problem.first_message()),
            _ => "That cannot be done at this moment. Try again in a minute.".to_owned(),
        };
        let mut response = self.form(page, link, Some(&words));
        *response.status_mut() = status;
        if let Some(wait) = problem.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, wait);
        }
        shown(response, problem)
    }

    fn render(&self, status: StatusCode, template: &str, values: minijinja::Value) -> Response {
        let page = self.templates.get_template(template);
        let html = page.and_then(|page| page.render(values)).expect("a test renders every page");
        (status, HEADERS, html).into_response()
    }
}

/// The page in place of the problem, which is still logged.
fn shown(mut response: Response, problem: Problem) -> Response {
    response.extensions_mut().insert(ShownAsPage);
    response.extensions_mut().insert(problem);
    response
}

/// What is wrong, with a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{capital}{}.", letters.as_str().trim_end_matches('.'))
}

/// Scheme, host and port of a URL.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |path| &url[..host + path])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin_of("https://a.example:8443/auth/v1"), "https://a.example:8443");
        assert_eq!(origin_of("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        assert_eq!(sentence("use at least 8 characters"), "Use at least 8 characters.");
        assert_eq!(sentence("done."), "Done.");
    }
}
