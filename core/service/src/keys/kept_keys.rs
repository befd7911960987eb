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
        serde_json::from_slice(text.expose_secret()).map_err(KeyRingError::Malformed)?;
    Ok(KeyRing::of(kept.into_iter().map(KeyRecord::from).collect()))
}

/// The ring as it is kept.
pub(super) fn write(ring: &KeyRing) -> Result<SecretSlice<u8>, KeyRingError> {
    let kept: Vec<KeptKey> = ring.keys().iter().map(KeptKey::from).collect();
    let mut text = Zeroizing::new(Vec::with_capacity(BYTES_USUAL));
    serde_json::to_writer(&mut *text, &kept).map_err(KeyRingError::Malformed)?;
    // A copy of the exact size: to shrink the text would leave one in freed memory.
    Ok(SecretSlice::from(text.to_vec()))
}

/// Room for ten RSA keys: growing would leave copies in freed memory.
const BYTES_USUAL: usize = 32 * 1024;

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

    fn into_secret(mut self) -> SecretSlice<u8> {
        SecretSlice::from(std::mem::take(&mut *self.0))
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
        let text = r#"[{"kid":"a","algorithm":"ES256","pkcs8":"hunter2!","sign_from_ms":5}]"#;
        let error = read(&SecretSlice::from(text.as_bytes().to_vec())).unwrap_err();
        assert!(!contracts::chain(&error).contains("hunter2"), "{error:?}");
    }
}
