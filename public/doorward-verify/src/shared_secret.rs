use std::fmt;

use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

/// A secret that is shared with the issuer: erased when it goes, and never shown.
#[derive(Clone)]
pub struct SharedSecret(Zeroizing<Vec<u8>>);

/// Why a text holds no shared secret. Nothing of the text is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseSharedSecretError {
    /// It begins like a JSON object and is none, or a member that should be text is not, or comes
    /// twice.
    #[error("the secret looks like a JSON object, but cannot be read as one")]
    Json,
    /// A JSON object without the member.
    #[error("the JSON object has neither JWT_SECRET nor JWT_ACCESS_SECRET")]
    NoMember,
    /// Both members, with different values: which one is meant is anybody's guess.
    #[error("the JSON object has a JWT_SECRET and a different JWT_ACCESS_SECRET")]
    TwoMembers,
}

impl SharedSecret {
    /// The bytes that sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SharedSecret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<String> for SharedSecret {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&[u8]> for SharedSecret {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl From<&str> for SharedSecret {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl AsRef<[u8]> for SharedSecret {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Logs show that there is a secret, never which one.
impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

/// Finds the shared secret in what a deployment keeps: the secret itself, or a JSON object with the
/// member `JWT_SECRET` or `JWT_ACCESS_SECRET`.
///
/// Of a plain secret one line end at its end is left out, since editors and `echo` add it; all else
/// belongs to it. A text that begins with `{` and a quotation mark, or stands between braces, must
/// be a JSON object. How long the secret is, is for who uses it to judge.
pub fn shared_secret_in(text: &str) -> Result<SharedSecret, ParseSharedSecretError> {
    if is_meant_as_object(text) {
        return secret_of_object(text);
    }
    let plain = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
    Ok(SharedSecret::from(plain))
}

/// Also true for a broken object: to sign with its text would hide the mistake.
fn is_meant_as_object(text: &str) -> bool {
    text.trim()
        .strip_prefix('{')
        .is_some_and(|rest| rest.trim_start().starts_with('"') || rest.ends_with('}'))
}

fn secret_of_object(json: &str) -> Result<SharedSecret, ParseSharedSecretError> {
    #[derive(Deserialize)]
    struct Kept {
        #[serde(rename = "JWT_SECRET")]
        general: Option<Zeroizing<String>>,
        #[serde(rename = "JWT_ACCESS_SECRET")]
        access: Option<Zeroizing<String>>,
    }
    // The parser's own error would quote what it has found.
    let kept: Kept = serde_json::from_str(json).map_err(|_| ParseSharedSecretError::Json)?;
    match (kept.general, kept.access) {
        (Some(general), Some(access)) if general != access => {
            Err(ParseSharedSecretError::TwoMembers)
        }
        (Some(secret), _) | (None, Some(secret)) => Ok(SharedSecret::from(secret.as_str())),
        (None, None) => Err(ParseSharedSecretError::NoMember),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<String, ParseSharedSecretError> {
        let secret = shared_secret_in(text)?;
        Ok(String::from_utf8(secret.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn a_plain_secret_loses_one_line_end_and_nothing_else() {
        for (text, secret) in [
            ("s3cret", "s3cret"),
            ("s3cret\n", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            ("s3cret\n\n", "s3cret\n"),
            (" s3cret \n", " s3cret "),
            ("s3cret\r", "s3cret\r"),
            ("\"s3cret\"", "\"s3cret\""),
            ("{s3cret", "{s3cret"),
            ("s3cret}", "s3cret}"),
            ("[\"s3cret\"]", "[\"s3cret\"]"),
            ("", ""),
        ] {
            assert_eq!(found(text).as_deref(), Ok(secret), "{text:?}");
        }
    }

    #[test]
    fn a_json_object_holds_the_secret_under_either_name() {
        for text in [
            r#"{"JWT_SECRET":"s3cret"}"#,
            r#"{"JWT_ACCESS_SECRET":"s3cret"}"#,
            r#"{"JWT_SECRET":"s3cret","JWT_ACCESS_SECRET":"s3cret"}"#,
            r#"{"JWT_SECRET":"s3cret","JWT_REFRESH_SECRET":"other","port":1}"#,
            "\n{\n  \"JWT_SECRET\": \"s3cret\"\n}\n",
            r#"{"JWT_SECRET":"s3cret"}"#,
            r#"{"JWT_SECRET":"s3cret","JWT_ACCESS_SECRET":null}"#,
        ] {
            assert_eq!(found(text).as_deref(), Ok("s3cret"), "{text}");
        }
        // Inside an object a line end has been written on purpose.
        assert_eq!(found(r#"{"JWT_SECRET":"s3cret\n"}"#).as_deref(), Ok("s3cret\n"));
    }

    #[test]
    fn an_object_that_does_not_say_which_secret_is_an_error() {
        for (text, error) in [
            (r#"{"SECRET":"s3cret"}"#, ParseSharedSecretError::NoMember),
            ("{}", ParseSharedSecretError::NoMember),
            (r#"{"JWT_SECRET":null}"#, ParseSharedSecretError::NoMember),
            (r#"{"JWT_SECRET":"a","JWT_ACCESS_SECRET":"b"}"#, ParseSharedSecretError::TwoMembers),
            (r#"{"JWT_SECRET":"a","JWT_SECRET":"a"}"#, ParseSharedSecretError::Json),
            (r#"{"JWT_SECRET":7}"#, ParseSharedSecretError::Json),
            (r#"{"JWT_SECRET":"s3cret""#, ParseSharedSecretError::Json),
            (r#"{ "JWT_SECRET": "s3cret", }"#, ParseSharedSecretError::Json),
            ("{'JWT_SECRET': 's3cret'}", ParseSharedSecretError::Json),
            ("{s3cret}", ParseSharedSecretError::Json),
        ] {
            assert_eq!(found(text), Err(error), "{text}");
        }
    }

    #[test]
    fn no_output_shows_a_secret() {
        let secret = shared_secret_in("s3cret").unwrap();
        assert_eq!(format!("{secret:?}"), "SharedSecret(…)");
        let error = found(r#"{"JWT_SECRET":["s3cret"]}"#).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}
