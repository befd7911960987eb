use secrecy::ExposeSecret;

use crate::Environment;
use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::secret_input::{self, SecretInput};

/// Reads what a server knows us by: a secret that is a JSON object with `username` and `password`.
/// The form of one that is named is for the one who opens it.
pub(crate) fn read(
    reader: &mut Reader,
    path: &str,
    environment: Result<Environment, Refused>,
) -> Result<Option<SecretInput>, Refused> {
    let secret = secret_input::read_optional(reader, path, environment)?;
    let literal = secret.as_ref().and_then(SecretInput::as_literal);
    if literal.is_some_and(|text| !is_username_and_password(text.expose_secret())) {
        let problem = "is neither a reference nor a JSON object with username and password";
        let right = "write env:NAME or file:PATH, naming such an object";
        return Err(reader.refuse(path, Wrong::new(problem, right)));
    }
    Ok(secret)
}

fn is_username_and_password(text: &str) -> bool {
    serde_json::from_str(text).is_ok_and(|object: serde_json::Value| {
        ["username", "password"]
            .iter()
            .all(|member| object.get(member).is_some_and(serde_json::Value::is_string))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_are_written_have_a_username_and_a_password() {
        assert!(is_username_and_password(r#"{"username":"a","password":"","x":1}"#));
        for text in
            ["a:b", "[]", r#""a""#, r#"{"username":"a"}"#, r#"{"username":"a","password":1}"#]
        {
            assert!(!is_username_and_password(text), "{text}");
        }
    }
}
