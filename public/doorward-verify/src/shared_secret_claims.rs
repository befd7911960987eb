use std::fmt;

use doorward_claims::Audience;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

/// What a token says that comes from a service with which we share a secret and nothing else.
///
/// Only `sub` and `exp` are sure to be there. The rest is what such services write, and is nothing
/// but their word: nobody has verified `email`, say. Moments are whole seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedSecretClaims {
    /// The user's id.
    pub sub: String,
    /// Expires at, in seconds.
    #[serde(deserialize_with = "moment")]
    pub exp: i64,
    /// Issued at, in seconds.
    #[serde(default, deserialize_with = "some_moment", skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Not valid before, in seconds.
    #[serde(default, deserialize_with = "some_moment", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Who issued it; if present, it is the issuer that we trust.
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Whom it is for; if present, one of our audiences is among them.
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// If present, `access`.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// Unique id of this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The session that the token names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the issuer says that the address is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name to greet the person by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role, often the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// All roles, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What the roles permit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Scopes, space-separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A claim that is checked: null is there, and is not what it should be.
fn some<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn some_moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    moment(deserializer).map(Some)
}

/// A number of seconds, whose fraction is left out (RFC 7519 §2 allows one, and makers that divide
/// milliseconds write it).
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(MomentVisitor)
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since the epoch")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<i64, E> {
        Ok(seconds)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<i64, E> {
        i64::try_from(seconds).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<i64, E> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and JSON has no NaN")]
        Ok(seconds.floor() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<SharedSecretClaims, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_moment_may_have_a_fraction() {
        let claims = parse(r#"{"sub":"u","exp":1731334000.75,"iat":1.7e9}"#).unwrap();
        assert_eq!((claims.exp, claims.iat), (1_731_334_000, Some(1_700_000_000)));
        for exp in ["\"1731334000\"", "null", "true", "[]", "18446744073709551615", "1e999"] {
            assert!(parse(&format!(r#"{{"sub":"u","exp":{exp}}}"#)).is_err(), "{exp}");
        }
    }

    #[test]
    fn null_is_no_absence_where_a_claim_is_checked() {
        for claim in ["iss", "aud", "type", "iat", "nbf", "exp", "sub"] {
            let json = format!(r#"{{"sub":"u","exp":1,"{claim}":null}}"#);
            assert!(parse(&json).is_err(), "{claim}");
        }
        let claims = parse(r#"{"sub":"u","exp":1,"name":null,"role":null}"#).unwrap();
        assert_eq!((claims.name, claims.role), (None, None));
    }

    #[test]
    fn a_claim_that_comes_twice_is_refused() {
        for json in [
            r#"{"sub":"u","sub":"v","exp":1}"#,
            r#"{"sub":"u","exp":1,"exp":2}"#,
            r#"{"sub":"u","exp":1,"type":"access","type":"refresh"}"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
