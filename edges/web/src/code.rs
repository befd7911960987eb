use std::fmt::Write as _;

use axum::http::StatusCode;

/// The stable, machine-readable name of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    ValidationFailed,
    MalformedRequest,
    /// Of a bearer or a refresh token.
    InvalidToken,
    /// Of a one-time token or code.
    UnusableToken,
    InvalidCredentials,
    PasswordRequired,
    InvalidFactor,
    StepUpRequired,
    TokenExpired,
    SessionRevoked,
    EmailNotVerified,
    AccountDisabled,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    EmailTaken,
    UsernameTaken,
    MfaAlreadyEnabled,
    MfaNotEnabled,
    Conflict,
    PayloadTooLarge,
    UnsupportedMediaType,
    RateLimited,
    Internal,
    Overloaded,
    DependencyUnavailable,
}

/// A code with what a client should know of it.
struct Row {
    code: Code,
    name: &'static str,
    status: StatusCode,
    title: &'static str,
    advice: &'static str,
}

const fn row(
    code: Code,
    name: &'static str,
    status: StatusCode,
    (title, advice): (&'static str, &'static str),
) -> Row {
    Row { code, name, status, title, advice }
}

const ROWS: [Row; 27] = [
    row(
        Code::ValidationFailed,
        "validation_failed",
        StatusCode::BAD_REQUEST,
        ("Some values are not right", "`errors` names each field with what is wrong."),
    ),
    row(
        Code::MalformedRequest,
        "malformed_request",
        StatusCode::BAD_REQUEST,
        (
            "The request could not be read",
            "Send one JSON object in UTF-8 without repeated members.",
        ),
    ),
    row(
        Code::InvalidToken,
        "invalid_token",
        StatusCode::UNAUTHORIZED,
        ("The token is not valid", "Sign in, or refresh, and send the new token."),
    ),
    row(
        Code::UnusableToken,
        "invalid_token",
        StatusCode::BAD_REQUEST,
        (
            "The link or code cannot be used",
            "It was used, replaced, or has expired: ask for a new one.",
        ),
    ),
    row(
        Code::InvalidCredentials,
        "invalid_credentials",
        StatusCode::UNAUTHORIZED,
        ("The credentials are not right", "Check address or user name, and password."),
    ),
    row(
        Code::PasswordRequired,
        "password_required",
        StatusCode::UNAUTHORIZED,
        (
            "Prove that you set the password",
            "Send `password`, or a bearer of that user; or `discardPassword` to start over.",
        ),
    ),
    row(
        Code::InvalidFactor,
        "invalid_mfa_code",
        StatusCode::UNAUTHORIZED,
        (
            "The code of the second factor is not right",
            "Send as `code` what the app shows now, which counts once, or a `backupCode`.",
        ),
    ),
    row(
        Code::StepUpRequired,
        "step_up_required",
        StatusCode::UNAUTHORIZED,
        ("Your sign-in is too old or too weak for this", "Call `/auth/step-up`, then try again."),
    ),
    row(
        Code::TokenExpired,
        "token_expired",
        StatusCode::UNAUTHORIZED,
        ("The token has expired", "Refresh an access token; sign in for a refresh token."),
    ),
    row(
        Code::SessionRevoked,
        "session_revoked",
        StatusCode::UNAUTHORIZED,
        ("The session has ended", "Sign in again."),
    ),
    row(
        Code::EmailNotVerified,
        "email_not_verified",
        StatusCode::FORBIDDEN,
        ("The address is not verified", "Open the link in the mail, or ask for another mail."),
    ),
    row(
        Code::AccountDisabled,
        "account_disabled",
        StatusCode::FORBIDDEN,
        ("The account is disabled", "An administrator can enable it."),
    ),
    row(
        Code::Forbidden,
        "forbidden",
        StatusCode::FORBIDDEN,
        ("This is not allowed", "The deployment or your permissions do not allow it."),
    ),
    row(
        Code::NotFound,
        "not_found",
        StatusCode::NOT_FOUND,
        ("There is nothing here", "Check the path and the id."),
    ),
    row(
        Code::MethodNotAllowed,
        "method_not_allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        ("The method is not allowed here", "`Allow` names the methods that are."),
    ),
    row(
        Code::RequestTimeout,
        "request_timeout",
        StatusCode::REQUEST_TIMEOUT,
        ("The request took too long to arrive", "Send the whole body at once."),
    ),
    row(
        Code::EmailTaken,
        "email_taken",
        StatusCode::CONFLICT,
        ("The address has an account", "Sign in instead, or use another address."),
    ),
    row(
        Code::UsernameTaken,
        "username_taken",
        StatusCode::CONFLICT,
        ("The user name is taken", "Choose another."),
    ),
    row(
        Code::MfaAlreadyEnabled,
        "mfa_already_enabled",
        StatusCode::CONFLICT,
        ("There is a second factor already", "Disable it first, to set up another."),
    ),
    row(
        Code::MfaNotEnabled,
        "mfa_not_enabled",
        StatusCode::CONFLICT,
        ("There is no second factor", "Set one up with `/auth/mfa/setup`."),
    ),
    row(
        Code::Conflict,
        "conflict",
        StatusCode::CONFLICT,
        ("This does not go with how things are now", "`detail` says what has to be done first."),
    ),
    row(
        Code::PayloadTooLarge,
        "payload_too_large",
        StatusCode::PAYLOAD_TOO_LARGE,
        ("The body is too large", "No body may exceed 64 KiB."),
    ),
    row(
        Code::UnsupportedMediaType,
        "unsupported_media_type",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ("The body is not JSON", "Send `Content-Type: application/json`."),
    ),
    row(
        Code::RateLimited,
        "rate_limited",
        StatusCode::TOO_MANY_REQUESTS,
        ("That was asked for too often", "Try again after `Retry-After` seconds."),
    ),
    row(
        Code::Internal,
        "internal",
        StatusCode::INTERNAL_SERVER_ERROR,
        ("Something went wrong on our side", "Tell the operator the `requestId`."),
    ),
    row(
        Code::Overloaded,
        "overloaded",
        StatusCode::SERVICE_UNAVAILABLE,
        ("Too much is going on", "Try again after `Retry-After` seconds."),
    ),
    row(
        Code::DependencyUnavailable,
        "dependency_unavailable",
        StatusCode::SERVICE_UNAVAILABLE,
        ("Something that we need does not answer", "Try again after `Retry-After` seconds."),
    ),
];

impl Code {
    fn row(self) -> &'static Row {
        ROWS.iter().find(|row| row.code == self).expect("a test holds that every code has a row")
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn status(self) -> StatusCode {
        self.row().status
    }

    pub(crate) fn title(self) -> &'static str {
        self.row().title
    }

    pub(crate) fn advice(self) -> &'static str {
        self.row().advice
    }
}

/// The page of all codes, for `docs/generated/error-codes.md`.
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Error codes\n\nGenerated by `cargo xtask generate`; do not edit.\n\n\
         Every error is an `application/problem+json` document (RFC 9457) with one of these \
         codes.\n\n\
         | code | status | title | what to do |\n|---|---|---|---|\n",
    );
    for row in &ROWS {
        let status = row.status.as_u16();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{}` | {status} | {} | {} |", row.name, row.title, row.advice);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_row_and_one_name_for_a_status() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.code as usize, index, "{} stands in the order of the enum", row.name);
            assert_eq!(row.code.row().name, row.name);
            let alike = |other: &&Row| (other.name, other.status) == (row.name, row.status);
            assert_eq!(ROWS.iter().filter(alike).count(), 1);
        }
        assert_eq!(ROWS.len(), Code::DependencyUnavailable as usize + 1);
    }
}
