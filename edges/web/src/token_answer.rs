use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{RefreshToken, RoleName};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;
use service::Tokens;

use crate::user_view::UserView;

/// Marks our refresh tokens, so that scanners find leaked ones.
const PREFIX: &str = "dwr_";

/// What a client gets to prove its session with.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Tokens")]
pub(crate) struct TokenAnswer {
    /// A JWT (RFC 9068) for `Authorization: Bearer`.
    access_token: String,
    /// Opaque; buys the next tokens, once.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// Seconds until the refresh token expires if it is not used.
    refresh_expires_in: u64,
    /// What this browser sends with its next sign-ins, to be asked for no second factor; where the
    /// user wanted that.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
    /// Who signed in.
    user: UserView,
}

pub(crate) fn token_answer(tokens: &Tokens, role_order: &[RoleName]) -> TokenAnswer {
    let device_token = tokens.device_token.as_ref();
    TokenAnswer {
        access_token: tokens.access_token.expose_secret().to_owned(),
        refresh_token: write_refresh_token(&tokens.refresh_token),
        token_type: "Bearer",
        expires_in: tokens.access_expires_in.as_secs(),
        refresh_expires_in: tokens.refresh_expires_in.as_secs(),
        device_token: device_token.map(|token| token.expose_secret().to_owned()),
        user: UserView::new(&tokens.user, role_order),
    }
}

fn write_refresh_token(token: &RefreshToken) -> String {
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(token.to_bytes()))
}

/// Reads a refresh token; `None` for what we never wrote.
pub(crate) fn read_refresh_token(text: &str) -> Option<RefreshToken> {
    let encoded = text.strip_prefix(PREFIX)?;
    if encoded.len() > domain::TOKEN_BYTES_MAX * 4 / 3 + 1 {
        return None;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    RefreshToken::parse(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use domain::{SessionId, UserId};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_reads_back_whatever_the_user_id() {
        for user in ["u", &"x".repeat(128)] {
            let token = RefreshToken {
                user: UserId::parse(user).unwrap(),
                session: SessionId::from_bytes([1; 16]),
                generation: 7,
                mac: [9; 32],
            };
            assert_eq!(read_refresh_token(&write_refresh_token(&token)), Some(token));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_none_has_a_second_spelling(text in "(dwr_)?[A-Za-z0-9_=-]{0,120}") {
            if let Some(token) = read_refresh_token(&text) {
                prop_assert_eq!(write_refresh_token(&token), text);
            }
        }
    }
}
