use doorward_claims::Algorithm;
use serde_json::{Value, json};

use crate::key::{Key, encode};

/// Two secrets that an issuer may share.
pub const ISSUER_SECRETS: [&[u8; 32]; 2] =
    [b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"];

/// What every forgery starts from.
pub struct Scene<'a> {
    /// What a good token says; it is to be valid at `now`.
    claims: Value,
    pub(crate) now: i64,
    /// The key whose tokens are forged.
    pub(crate) key: &'a Key,
    /// Another key of the same algorithm, which is trusted too.
    pub(crate) twin: &'a Key,
    /// A trusted key of each other algorithm.
    pub(crate) others: Vec<&'a Key>,
    /// A key of the same algorithm that nobody trusts.
    pub(crate) stranger: Key,
}

/// Two keys of each algorithm, secrets too.
pub fn trusted_keys() -> Vec<Key> {
    let made = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDsa]
        .into_iter()
        .flat_map(|algorithm| [Key::generate(algorithm), Key::generate(algorithm)]);
    made.chain(ISSUER_SECRETS.map(|secret| Key::from_secret(secret))).collect()
}

impl<'a> Scene<'a> {
    /// Forges tokens of the first key of that algorithm.
    ///
    /// - `claims`: those of a token that is accepted at `now_unix_seconds`, give or take nine
    ///   seconds.
    /// - `trusted`: all keys that the verifier has, as [`trusted_keys`] makes them.
    pub fn new(
        claims: Value,
        now_unix_seconds: i64,
        trusted: &'a [Key],
        algorithm: Algorithm,
    ) -> Self {
        let mut same = trusted.iter().filter(|key| key.algorithm == algorithm);
        let (key, twin) = (same.next().unwrap(), same.next().unwrap());
        let stranger = match algorithm {
            Algorithm::HS256 => Key::from_secret(b"a secret that nobody here has been told"),
            _ => Key::generate(algorithm),
        };
        let mut others: Vec<&Key> =
            trusted.iter().filter(|key| key.algorithm != algorithm).collect();
        others.dedup_by_key(|key| key.algorithm);
        let mut scene = Self { claims, now: now_unix_seconds, key, twin, others, stranger };
        scene.make_room_for_other_writings();
        scene
    }

    /// A token with which everything is right.
    pub fn token(&self) -> String {
        self.key.compact(self.header().to_string(), self.payload())
    }

    /// Whether the key is a secret: a verifier that knows no such `kid` then tries all it has.
    pub(crate) fn is_shared(&self) -> bool {
        self.key.algorithm.is_symmetric()
    }

    /// A header with a member that nobody knows, so that it has what
    /// [`Self::make_room_for_other_writings`] gives to the payload.
    pub(crate) fn header(&self) -> Value {
        let mut header = self.key.header();
        pad(&mut header, "x");
        header
    }

    pub(crate) fn payload(&self) -> String {
        self.claims.to_string()
    }

    /// A well-signed token whose header has been changed.
    pub(crate) fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        with_header(self.key, &self.payload(), change)
    }

    /// The same, signed by a key that nobody trusts.
    pub(crate) fn strange(&self, change: impl FnOnce(&mut Value)) -> String {
        with_header(&self.stranger, &self.payload(), change)
    }

    /// A well-signed token with another text as its header.
    pub(crate) fn with_header_text(&self, header: impl AsRef<[u8]>) -> String {
        self.key.compact(header, self.payload())
    }

    /// A well-signed token whose claims have been changed.
    pub(crate) fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims.clone();
        change(&mut claims);
        self.with_payload(claims.to_string())
    }

    /// A well-signed token with another text as its payload.
    pub(crate) fn with_payload(&self, payload: impl AsRef<[u8]>) -> String {
        self.key.compact(self.key.header().to_string(), payload)
    }

    pub(crate) fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap()
    }

    /// Chooses claims whose token can be written in other ways: each segment has letters that
    /// differ between the alphabets of base64, and bits at its end that stand for nothing.
    fn make_room_for_other_writings(&mut self) {
        for number in 0.. {
            self.claims["jti"] = json!(format!("token-{number}"));
            pad(&mut self.claims, "name");
            let token = self.token();
            let signature = token.rsplit_once('.').unwrap().1;
            if signature.contains(['-', '_']) {
                break;
            }
        }
        // A signature by ECDSA differs each time; whoever needs such letters looks again.
    }
}

fn with_header(key: &Key, payload: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut header = key.header();
    change(&mut header);
    key.compact(header.to_string(), payload)
}

/// Sets a member so that the text has a letter of the one alphabet only, and a length that leaves
/// four bits over.
fn pad(object: &mut Value, member: &str) {
    for length in 3..6 {
        object[member] = json!("?".repeat(length));
        let text = object.to_string();
        if text.len() % 3 == 1 {
            assert!(encode(&text).contains('_'));
            return;
        }
    }
    panic!("one of three lengths in a row leaves one byte over");
}
