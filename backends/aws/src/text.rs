use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// Longest secret, in bytes: what AWS Secrets Manager holds.
pub(crate) const BYTES_MAX: usize = 64 * 1024;

/// Why what stands under a reference cannot be used. No variant holds anything of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableSecret {
    #[error("it is longer than {BYTES_MAX} bytes")]
    TooLong,
    #[error("it is not a JSON object")]
    NotJsonObject,
    #[error("the member of the JSON object is not a text")]
    NotTextMember,
}

/// The text under `key` of the JSON object that `whole` is, or all of it without a key; `None` if
/// it has no such member.
pub(crate) fn part(
    whole: SecretString,
    key: Option<&str>,
) -> Result<Option<SecretString>, UnusableSecret> {
    if whole.expose_secret().len() > BYTES_MAX {
        return Err(UnusableSecret::TooLong);
    }
    let Some(key) = key else { return Ok(Some(whole)) };
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
            let _ = part(SecretString::from(whole), Some(&key));
        }
    }

    #[test]
    fn the_longest_secret_is_read_and_a_longer_one_is_refused() {
        let text = |bytes| SecretString::from("x".repeat(bytes));
        assert!(matches!(part(text(BYTES_MAX), None), Ok(Some(_))));
        assert!(matches!(part(text(BYTES_MAX + 1), None), Err(UnusableSecret::TooLong)));
    }
}
