use std::fmt;

use uuid::Builder;

use crate::time::Timestamp;
use crate::typeid;

/// Randomness of an id, made by the caller: an id is a moment and 74 of these bits (`UUIDv7`).
pub type RandomBits = [u8; 10];

/// The text is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct IdError;

/// Names a user: opaque and stable.
///
/// Ours are `user_` and a `TypeID` suffix, and sort by creation. An imported user keeps a foreign
/// id, so a `UserId` is any text of 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Box<str>);

const USER_ID_BYTES_MAX: usize = 128;

impl UserId {
    /// A new id for a user who signs up `now`.
    pub fn new(now: Timestamp, random: RandomBits) -> Self {
        Self(format!("user_{}", typeid::encode(uuid_v7(now, random))).into())
    }

    /// Reads an id, ours or a foreign one.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fits = (1..=USER_ID_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(IdError)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A new id, made `now`.
            pub fn new(now: Timestamp, random: RandomBits) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The id with these 128 bits.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// When it was made: the first 48 bits (RFC 9562 §5.7).
            pub fn made_at(&self) -> Timestamp {
                let ms = self.0[..6].iter().fold(0_i64, |ms, byte| (ms << 8) | i64::from(*byte));
                Timestamp::from_unix_ms(ms)
            }

            /// The 128 bits of the id.
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Reads the prefixed text.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(typeid::decode)
                    .map(Self)
                    .ok_or(IdError)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, typeid::encode(self.0))
            }
        }
    };
}

typed_id!(
    /// Names a session: `sess_…`.
    SessionId, "sess"
);
typed_id!(
    /// Names an event: `evt_…`. Consumers drop an id they have seen.
    EventId, "evt"
);
typed_id!(
    /// Names one access token, its `jti`: `tok_…`.
    TokenId, "tok"
);

typed_id!(
    /// Names the record of a one-time code: `chal_…`.
    ChallengeId, "chal"
);
typed_id!(
    /// Names a trusted device: `dev_…`.
    TrustedDeviceId, "dev"
);
typed_id!(
    /// Names a mail: `mail_…`.
    MailId, "mail"
);

fn uuid_v7(now: Timestamp, random: RandomBits) -> [u8; 16] {
    let ms = u64::try_from(now.unix_ms()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(ms, &random).into_uuid().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);

    #[test]
    fn an_id_says_when_it_was_made() {
        let at = Timestamp::from_unix_ms(1_731_333_100_007);
        assert_eq!(TrustedDeviceId::new(at, [255; 10]).made_at(), at);
    }

    #[test]
    fn ids_sort_by_the_moment_they_were_made() {
        let early = UserId::new(NOW, [0xff; 10]);
        let late = UserId::new(NOW.plus(std::time::Duration::from_millis(1)), [0; 10]);
        assert!(early < late);
        assert!(early.as_str().starts_with("user_01jcd"), "{early}");
    }

    #[test]
    fn a_session_id_reads_back_and_is_no_event_id() {
        let id = SessionId::new(NOW, [7; 10]);
        assert_eq!(SessionId::parse(&id.to_string()), Ok(id));
        assert_eq!(EventId::parse(&id.to_string()), Err(IdError));
    }

    #[test]
    fn a_foreign_user_id_is_kept_as_it_is() {
        assert_eq!(UserId::parse("auth0|5f7c").unwrap().as_str(), "auth0|5f7c");
        for wrong in ["", "with space", "ü", &"x".repeat(129)] {
            assert_eq!(UserId::parse(wrong), Err(IdError), "{wrong}");
        }
    }
}
