use serde::{Deserialize, Serialize};

/// Value of the `type` claim of an access token. A token of any other type buys nothing.
pub const TOKEN_KIND: &str = "access";

/// What an access token says about its bearer (RFC 9068 §2.2 and our own additions).
///
/// Moments are whole seconds since the epoch. A claim without a value is left out, never null.
/// Duplicate members are refused when parsing (RFC 8725 §2.4 in spirit: one reading for all).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer's URL, character for character as in its discovery document.
    pub iss: String,
    /// The user's id: opaque and stable.
    pub sub: String,
    /// Whom the token is for.
    pub aud: Audience,
    /// The client that the token was issued to; `first-party` for Doorward's own calls.
    pub client_id: String,
    /// Issued at, in seconds; never rounded up, since gateways refuse a future `iat`.
    pub iat: i64,
    /// Expires at, in seconds.
    pub exp: i64,
    /// Not valid before, in seconds; Doorward leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Unique id of this token.
    pub jti: String,
    /// The session that the token names.
    pub sid: String,
    /// The user's session epoch when the session began: a later epoch ends the token.
    pub session_epoch: u64,
    /// Always [`TOKEN_KIND`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Present only when the address is verified: services identify people by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the user's address is verified.
    #[serde(default)]
    pub email_verified: bool,
    /// The user name, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name to greet the person by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The foremost of `roles` by the configured order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// All roles of the user.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What the roles permit.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// `permissions`, space-separated, so that a gateway's route scopes work on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When the person last proved who they are, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How they proved it (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// The `aud` claim: a string when there is one audience, else an array (RFC 7519 §4.1.3).
///
/// AWS load balancers compare the JSON type too, so the distinction is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One audience, as a JSON string.
    One(String),
    /// Several, as a JSON array.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `wanted` is among the audiences.
    pub fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(only) => only == wanted,
            Self::Many(all) => all.iter().any(|one| one == wanted),
        }
    }
}

impl From<&[String]> for Audience {
    fn from(audiences: &[String]) -> Self {
        match audiences {
            [only] => Self::One(only.clone()),
            all => Self::Many(all.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> AccessClaims {
        AccessClaims {
            iss: "https://auth.example.com".into(),
            sub: "user_1".into(),
            aud: Audience::One("api".into()),
            client_id: "first-party".into(),
            iat: 1_731_333_100,
            exp: 1_731_334_000,
            nbf: None,
            jti: "j".into(),
            sid: "sess_1".into(),
            session_epoch: 3,
            kind: TOKEN_KIND.into(),
            email: None,
            email_verified: false,
            username: None,
            name: None,
            role: None,
            roles: vec![],
            permissions: vec![],
            scope: None,
            auth_time: None,
            amr: vec![],
        }
    }

    #[test]
    fn a_claim_without_a_value_is_left_out() {
        assert_eq!(
            serde_json::to_string(&claims()).unwrap(),
            r#"{"iss":"https://auth.example.com","sub":"user_1","aud":"api","client_id":"first-party","iat":1731333100,"exp":1731334000,"jti":"j","sid":"sess_1","session_epoch":3,"type":"access","email_verified":false,"roles":[],"permissions":[]}"#
        );
    }

    #[test]
    fn one_audience_is_a_string_and_two_are_an_array() {
        let one: &[String] = &["api".to_owned()];
        let two: &[String] = &["api".to_owned(), "admin".to_owned()];
        assert_eq!(serde_json::to_string(&Audience::from(one)).unwrap(), r#""api""#);
        assert_eq!(serde_json::to_string(&Audience::from(two)).unwrap(), r#"["api","admin"]"#);
        assert!(Audience::from(two).contains("admin"));
        assert!(!Audience::from(one).contains("admin"));
    }

    #[test]
    fn a_duplicate_claim_is_refused() {
        let text = serde_json::to_string(&claims()).unwrap().replacen('{', r#"{"sub":"other","#, 1);
        assert!(serde_json::from_str::<AccessClaims>(&text).is_err());
    }
}
