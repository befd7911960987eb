use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::unusable::UnusableSecret;

/// The text under `key` of the JSON object that `whole` is; `None` if it has no such member.
pub(crate) fn of(whole: &SecretString, key: &str) -> Result<Option<SecretString>, UnusableSecret> {
    // The parser's own error quotes what it did not expect, which may be the secret.
    let mut members: Map<String, Value> =
        serde_json::from_str(whole.expose_secret()).map_err(|_| UnusableSecret::NotJsonObject)?;
    match members.remove(key) {
        Some(Value::String(text)) => Ok(Some(SecretString::from(text))),
        Some(_) => Err(UnusableSecret::NotTextMember),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_the_reading_of_members_panic(whole in ".*", key in ".*") {
            let _ = of(&SecretString::from(whole), &key);
        }
    }
}
