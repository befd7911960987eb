use domain::{EmailAddress, Password, PersonName, Username};
use secrecy::SecretString;

use crate::problem::{FieldError, Problem};

/// Collects what is wrong with a body, so that the caller hears of all of it at once.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<FieldError>);

impl Mistakes {
    /// Keeps the value, or notes what is wrong with it.
    pub(crate) fn take<T, E: std::fmt::Display>(
        &mut self,
        field: &'static str,
        parsed: Result<T, E>,
    ) -> Option<T> {
        parsed.map_err(|error| self.note(field, "invalid", error.to_string())).ok()
    }

    pub(crate) fn note(&mut self, field: &'static str, code: &'static str, message: String) {
        self.0.push(FieldError { field: field.into(), code, message });
    }

    pub(crate) fn email(&mut self, typed: &str) -> Option<EmailAddress> {
        self.take("email", EmailAddress::parse(typed))
    }

    pub(crate) fn username(&mut self, typed: Option<&str>) -> Option<Username> {
        self.take("username", Username::parse(typed?))
    }

    pub(crate) fn name(&mut self, typed: Option<&str>) -> Option<PersonName> {
        self.take("name", PersonName::parse(typed?))
    }

    pub(crate) fn password(&mut self, typed: &SecretString) -> Option<Password> {
        self.password_in("password", typed)
    }

    pub(crate) fn password_in(
        &mut self,
        field: &'static str,
        typed: &SecretString,
    ) -> Option<Password> {
        // The one thing that can be wrong with a password before the policy is asked.
        Password::parse(typed).map_err(|error| self.note(field, "too_long", error.to_string())).ok()
    }

    /// The mistakes as an answer; call when a value is missing.
    pub(crate) fn into_problem(self) -> Problem {
        Problem::validation(self.0)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
