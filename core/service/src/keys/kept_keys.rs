//! The ring as text: a JSON array of keys.

use std::time::Duration;

use domain::{KeyMaterial, KeyRecord, KeyRing, Timestamp};
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyRingError;

/// Reads what [`write`] made, of this or an earlier release.
pub(super) fn read(text: &SecretSlice<u8>) -> Result<KeyRing, KeyRingError> {
    let kept: Vec<KeptKey> =
        serde_json::from_slice(text.expose_secret()).map_err(|error| KeyRingError::Malformed {
            // No more of it: the parser quotes what it did not expect, and that may be a secret.
            line: error.line(),
            column: error.column(),
        })?;
    Ok(KeyRing::of(kept.into_iter().map(KeyRecord::from).collect()))
}

/// The ring as it is kept.
pub(super) fn write(ring: &KeyRing) -> Result<SecretSlice<u8>, KeyRingError> {
    let kept: Vec<KeptKey> = ring.keys().iter().map(KeptKey::from).collect();
    json_within(RING_BYTES_MAX, &kept).ok_or(KeyRingError::TooLong)
}

/// Longest ring, in bytes: AWS Secrets Manager keeps 64 KiB, and a further key must find room.
const RING_BYTES_MAX: usize = 60 * 1024;

/// The value as JSON; `None` if that is longer than `bytes_max`.
pub(super) fn json_within(bytes_max: usize, value: &impl Serialize) -> Option<SecretSlice<u8>> {
    // Of one size from the beginning: a text that grows leaves copies in freed memory.
    let mut room = Zeroizing::new(vec![0; bytes_max]);
    let mut rest = room.as_mut_slice();
    serde_json::to_writer(&mut rest, value).ok()?;
    let written = bytes_max - rest.len();
    // A copy of the exact size: to shrink the text would leave one in freed memory.
    Some(SecretSlice::from(room[..written].to_vec()))
}

/// A key as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptKey {
    kid: String,
    algorithm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pkcs8: Option<Binary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Binary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote: Option<KeptRemote>,
    sign_from_ms: i64,
    retire_at_ms: Option<i64>,
    remove_at_ms: Option<i64>,
    /// Not in rings of the first release.
    #[serde(default)]
    grace_ms: Option<u64>,
    #[serde(default)]
    revoked: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptRemote {
    name: String,
    public: Binary,
}

impl From<&KeyRecord> for KeptKey {
    fn from(key: &KeyRecord) -> Self {
        let (mut pkcs8, mut secret, mut remote) = (None, None, None);
        match &key.material {
            KeyMaterial::KeyPair(bytes) => pkcs8 = Some(Binary::of(bytes)),
            KeyMaterial::Shared(bytes) => secret = Some(Binary::of(bytes)),
            KeyMaterial::Remote { name, public } => {
                let public = Binary(public.clone().into());
                remote = Some(KeptRemote { name: name.clone(), public });
            }
            KeyMaterial::Gone => {}
        }
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            pkcs8,
            secret,
            remote,
            sign_from_ms: key.sign_from.unix_ms(),
            retire_at_ms: key.retire_at.map(Timestamp::unix_ms),
            remove_at_ms: key.remove_at.map(Timestamp::unix_ms),
            grace_ms: Some(key.grace.as_millis().try_into().unwrap_or(u64::MAX)),
            revoked: key.is_revoked,
        }
    }
}

impl From<KeptKey> for KeyRecord {
    fn from(kept: KeptKey) -> Self {
        let material = match kept {
            KeptKey { pkcs8: Some(bytes), .. } => KeyMaterial::KeyPair(bytes.into_secret()),
            KeptKey { secret: Some(bytes), .. } => KeyMaterial::Shared(bytes.into_secret()),
            KeptKey { remote: Some(KeptRemote { name, public }), .. } => {
                KeyMaterial::Remote { name, public: public.0.to_vec() }
            }
            _ => KeyMaterial::Gone,
        };
        let known_ms = kept.remove_at_ms.zip(kept.retire_at_ms);
        let known_ms = known_ms.map(|(removed, retired)| removed.saturating_sub(retired));
        let grace_ms = kept.grace_ms.or(known_ms.and_then(|ms| u64::try_from(ms).ok()));
        Self {
            kid: kept.kid,
            algorithm: kept.algorithm,
            material,
            sign_from: Timestamp::from_unix_ms(kept.sign_from_ms),
            retire_at: kept.retire_at_ms.map(Timestamp::from_unix_ms),
            remove_at: kept.remove_at_ms.map(Timestamp::from_unix_ms),
            // A server lengthens it.
            grace: Duration::from_millis(grace_ms.unwrap_or_default()),
            is_revoked: kept.revoked,
        }
    }
}

/// Bytes, which JSON holds in base64.
struct Binary(Zeroizing<Vec<u8>>);

impl Binary {
    fn of(secret: &SecretSlice<u8>) -> Self {
        Self(secret.expose_secret().to_vec().into())
    }

    fn into_secret(self) -> SecretSlice<u8> {
        // A copy of the exact size, as in `json_within`; the original is erased.
        SecretSlice::from(self.0.to_vec())
    }
}

impl Serialize for Binary {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;

        to.serialize_str(&Zeroizing::new(base64::prelude::BASE64_STANDARD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use base64::Engine as _;

        let text = Zeroizing::new(String::deserialize(from)?);
        let bytes = base64::prelude::BASE64_STANDARD.decode(text.as_bytes());
        // What the decoder says may quote what it read.
        bytes.map(|bytes| Self(bytes.into())).map_err(|_| serde::de::Error::custom("not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);

    fn key(kid: &str, material: KeyMaterial) -> KeyRecord {
        KeyRecord::new(kid.to_owned(), "RS256".to_owned(), material, NOW, Duration::from_secs(7))
    }

    #[test]
    fn a_ring_is_read_as_it_was_written() {
        let mut revoked = key("d", KeyMaterial::Gone);
        revoked.is_revoked = true;
        revoked.retire_at = Some(NOW);
        revoked.remove_at = Some(NOW.plus(Duration::from_secs(1)));
        let remote = KeyMaterial::Remote { name: "alias/a".to_owned(), public: vec![3] };
        let ring = KeyRing::of(vec![
            key("a", KeyMaterial::KeyPair(SecretSlice::from(vec![1]))),
            key("b", KeyMaterial::Shared(SecretSlice::from(vec![2]))),
            key("c", remote),
            revoked,
        ]);
        let text = write(&ring).unwrap();
        let read = read(&text).unwrap();
        assert_eq!(write(&read).unwrap().expose_secret(), text.expose_secret());
        assert!(matches!(&read.keys()[1].material, KeyMaterial::Shared(bytes)
            if bytes.expose_secret() == [2]));
        assert_eq!(read.keys()[3].remove_at, ring.keys()[3].remove_at);
        assert!(read.keys()[3].is_revoked);
    }

    #[test]
    fn a_ring_of_the_first_release_is_read() {
        let text = r#"[{"kid":"a","algorithm":"ES256","pkcs8":"AQI=","sign_from_ms":5,
            "retire_at_ms":null,"remove_at_ms":null},
            {"kid":"b","algorithm":"ES256","pkcs8":"AQI=","sign_from_ms":3,
            "retire_at_ms":4,"remove_at_ms":44}]"#;
        let ring = read(&SecretSlice::from(text.as_bytes().to_vec())).unwrap();
        assert_eq!(ring.keys()[0].sign_from, Timestamp::from_unix_ms(5));
        assert!(!ring.keys()[0].is_revoked);
        assert_eq!(ring.keys()[0].grace, Duration::ZERO);
        assert_eq!(ring.keys()[1].grace, Duration::from_millis(40));
    }

    #[test]
    fn an_error_does_not_show_what_was_read() {
        for text in [
            r#"[{"kid":"a","algorithm":"ES256","pkcs8":"hunter2!","sign_from_ms":5}]"#,
            r#"[{"kid":"a","algorithm":"ES256","pkcs8":"AQI=","sign_from_ms":"hunter2"}]"#,
            r#"[{"kid":"a","algorithm":"ES256","revoked":"hunter2"}]"#,
            r#"["hunter2"]"#,
            r#""hunter2""#,
            r#"{"JWT_SECRET":"hunter2"}"#,
            r#"{"hunter2":"a"}"#,
            "hunter2",
            "",
        ] {
            let error = read(&SecretSlice::from(text.as_bytes().to_vec())).unwrap_err();
            let said = format!("{error:?} {}", contracts::chain(&error));
            assert!(!said.contains("hunter2"), "{said}");
            assert!(said.contains("malformed at line 1, column"), "{said}");
        }
    }

    #[test]
    fn a_ring_that_would_not_be_kept_is_refused_with_the_reason() {
        // Four characters for three bytes.
        let ring = |bytes: usize| {
            let secret = KeyMaterial::Shared(SecretSlice::from(vec![7; bytes]));
            KeyRing::of(vec![key("a", secret)])
        };
        assert!(write(&ring(44 * 1024)).unwrap().expose_secret().len() <= 60 * 1024);
        let error = write(&ring(46 * 1024)).unwrap_err();
        assert!(matches!(error, KeyRingError::TooLong));
        assert!(error.to_string().contains("longer than 60 KiB"), "{error}");
    }
}
