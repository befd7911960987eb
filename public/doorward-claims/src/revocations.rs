use serde::{Deserialize, Serialize};

/// The claims of the signed list at `/.well-known/revocations`: what has ended before its tokens
/// expired.
///
/// Moments are whole seconds since the epoch. A verifier treats an expired list, or one whose `seq`
/// is lower than one it has seen, as unreachable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationClaims {
    /// The issuer's URL.
    pub iss: String,
    /// When the list was signed.
    pub iat: i64,
    /// When the list becomes worthless: 60 s later.
    pub exp: i64,
    /// Grows with every revocation and never falls, so that an old list cannot stand in for a new.
    pub seq: u64,
    /// At most 10,000 ends, newest first.
    pub entries: Vec<RevocationEntry>,
    /// Present when there were more ends than fit: tokens with an earlier `iat` are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_issued_before: Option<i64>,
}

/// One end. Ids are digests (the first 16 bytes of SHA-256, base64url), so that a public list names
/// nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RevocationEntry {
    /// One session ended.
    Session {
        /// Digest of the token's `sid`.
        sid: String,
    },
    /// All sessions of a user that began before an epoch ended.
    Subject {
        /// Digest of the token's `sub`.
        sub: String,
        /// Tokens whose `session_epoch` is below this are refused.
        epoch_below: u64,
        /// Digest of the one session that lives on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        except: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_the_shape_that_the_contract_names() {
        let session = RevocationEntry::Session { sid: "s".into() };
        let subject =
            RevocationEntry::Subject { sub: "u".into(), epoch_below: 4, except: Some("s".into()) };
        assert_eq!(serde_json::to_string(&session).unwrap(), r#"{"sid":"s"}"#);
        assert_eq!(
            serde_json::to_string(&subject).unwrap(),
            r#"{"sub":"u","epoch_below":4,"except":"s"}"#
        );
    }
}
