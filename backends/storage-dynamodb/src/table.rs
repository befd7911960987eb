//! The table, for whoever makes it: `doorward migrate` in development, infrastructure code
//! elsewhere.
//!
//! # What has to be made
//!
//! | | |
//! |---|---|
//! | key | `PK` (S, hash), `SK` (S, range) |
//! | index `GSI1` | `GSI1PK` (S, hash), `GSI1SK` (**N**, range), projection `KEYS_ONLY` |
//! | index `GSI2` | `GSI2PK` (S, hash), `GSI2SK` (S, range), projection `KEYS_ONLY` |
//! | time to live | attribute `ttl` |
//! | billing | on demand, or provisioned for table and both indexes |
//!
//! No local index and no stream are needed. Point-in-time recovery, deletion protection and a key
//! of one's own are the operator's choice. `doorward migrate` has to be run once on a table that
//! was made by infrastructure code, too: it writes the item of the roles.
//!
//! # Items
//!
//! | item | `PK` | `SK` |
//! |---|---|---|
//! | user, or the tombstone of one | `USER#<user>` | `PROFILE` |
//! | session | `USER#<user>` | `SESS#<session>` |
//! | device | `USER#<user>` | `DEVICE#<digest, hex>` |
//! | trusted device | `USER#<user>` | `DEVICE_TRUSTED#<device>` |
//! | one-time code | `USER#<user>` | `CODE#<kind>` |
//! | sign-in that wants another step | `USER#<user>` | `PENDING#<digest, hex>` |
//! | whose address | `EMAIL#<key>` | `EMAIL` |
//! | whose user name | `USERNAME#<name>` | `USERNAME` |
//! | where a challenge leads | `CHALLENGE#<challenge>` | `CHALLENGE` |
//! | waiting event | `OUTBOX#<0-3>` | event |
//! | mail | `MAIL#<0-3>` | mail |
//! | revocation | `REVOCATIONS#<0-3>` | `<order, 20 digits>#<operation>` |
//! | part of the revocation sequence | `COUNTERS` | `REVOCATIONS#<00-15>` |
//! | how far revocations were swept | `COUNTERS` | `SWEPT` |
//! | limit | `LIMIT#<key, hex>` | `LIMIT` |
//! | record of the deployment | `RECORD#<name>` | `RECORD` |
//! | the roles | `ROLES` | `ROLES` |
//! | how many opened the table | `INSTANCES` | `INSTANCES` |
//!
//! | item | index | hash | range |
//! |---|---|---|---|
//! | user | `GSI2` | `USER#<0-3>` | user |
//! | tombstone with remains | `GSI1` | `ERASED#<0-3>` | when the user was erased |
//! | session | `GSI1` | `SESSION#<0-3>` | absolute expiry |
//! | device | `GSI1` | `DEVICE#<0-3>` | expiry |
//! | trusted device | `GSI1` | `DEVICE_TRUSTED#<0-3>` | expiry |
//! | one-time code | `GSI1` | `CODE#<0-3>` | expiry |
//! | sign-in that wants another step | `GSI1` | `PENDING#<0-3>` | expiry |
//! | where a challenge leads | `GSI1` | `CHALLENGE#<0-3>` | expiry of its code |
//! | where a challenge leads | `GSI2` | `CHALLENGES#<user>` | challenge |
//! | revocation | `GSI1` | `REVOCATION#<0-3>` | expiry |
//! | mail | `GSI1` | `MAIL#<0-3>` | when it is due |
//! | mail that goes with its user | `GSI2` | `OWNER#<user>` | mail |
//! | record of the deployment | `GSI2` | `RECORDS` | name |
//!
//! In the partition of a user, sessions are the last: whoever lists them relies on it.
//!
//! A digit after `#` is a shard, chosen by a hash of the last part of the item's name, so that no
//! partition is written by everybody. The sequence of revocations is the sum of its parts.
//!
//! # What the indexes are for
//!
//! Both are eventually consistent, so they only say where to look: what is found there is read, or
//! changed under a condition, in the table itself, and what is not yet found there is found next
//! time. `GSI1` finds what is due by a moment (sweeps, mails), `GSI2` lists users, records, and
//! the mails and challenges of one user. Nobody signs in, refreshes or signs out by an index.
//!
//! # Time to live
//!
//! A safety net, for deployments whose sweeps do not run, and for limits, which nothing
//! else removes. `ttl` is in seconds and lies at least [`KEPT_AFTER_EXPIRY`] after the
//! expiry; no read and no condition relies on it.
//!
//! # Attributes
//!
//! Moments are numbers of milliseconds and end in `_at_ms`; ids are text as the API shows them;
//! digests and sealed values are binary; what is absent has no attribute. `op` is the operation
//! that changed the item last (`operation.rs`).

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::{LimitKey, StoreError};
use domain::{
    ChallengeId, CodeKind, DeviceDigest, EventId, MailId, SessionId, Timestamp, TrustedDeviceId,
    UserId,
};

use crate::failure::malformed;
use crate::row::Item;

/// The index of what is due by a moment.
pub const BY_MOMENT: &str = "GSI1";
/// The index of what is listed.
pub const BY_LIST: &str = "GSI2";
/// The attribute that is the time to live.
pub const TTL: &str = "ttl";
/// How long after its expiry an item is left to the sweeps before the time to live takes it.
pub const KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(7 * 24);
/// A mail that was given up is shown to operators for two weeks after its last attempt.
pub const MAIL_KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(30 * 24);

/// Partitions that rows of one kind are spread over.
pub(crate) const SHARDS: u64 = 4;
/// Parts of the revocation sequence: as many revocations at one moment do not hinder each other.
pub(crate) const COUNTERS: u64 = 16;

/// What [`BY_MOMENT`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Session,
    Device,
    TrustedDevice,
    Code,
    PendingSignIn,
    Challenge,
    Revocation,
    Mail,
    Erased,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "SESSION",
            Self::Device => "DEVICE",
            Self::TrustedDevice => "DEVICE_TRUSTED",
            Self::Code => "CODE",
            Self::PendingSignIn => "PENDING",
            Self::Challenge => "CHALLENGE",
            Self::Revocation => "REVOCATION",
            Self::Mail => "MAIL",
            Self::Erased => "ERASED",
        }
    }

    /// The partition of the index.
    pub(crate) fn partition(self, shard: u64) -> String {
        format!("{}#{shard}", self.name())
    }
}

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(crate) fn user(id: &UserId) -> Self {
        Self::new(user_partition(id), "PROFILE")
    }

    pub(crate) fn session(user: &UserId, id: SessionId) -> Self {
        Self::new(user_partition(user), format!("SESS#{id}"))
    }

    pub(crate) fn device(user: &UserId, digest: DeviceDigest) -> Self {
        Self::new(user_partition(user), format!("DEVICE#{}", hex(&digest.0)))
    }

    pub(crate) fn trusted_device(user: &UserId, id: TrustedDeviceId) -> Self {
        Self::new(user_partition(user), format!("{TRUSTED_DEVICES}{id}"))
    }

    pub(crate) fn code(user: &UserId, kind: CodeKind) -> Self {
        Self::new(user_partition(user), format!("CODE#{}", kind.name()))
    }

    pub(crate) fn pending_sign_in(user: &UserId, secret_digest: [u8; 32]) -> Self {
        Self::new(user_partition(user), format!("PENDING#{}", hex(&secret_digest)))
    }

    pub(crate) fn email(key: &str) -> Self {
        Self::new(format!("EMAIL#{key}"), "EMAIL")
    }

    pub(crate) fn username(name: &str) -> Self {
        Self::new(format!("USERNAME#{name}"), "USERNAME")
    }

    pub(crate) fn challenge(id: ChallengeId) -> Self {
        Self::new(format!("CHALLENGE#{id}"), "CHALLENGE")
    }

    pub(crate) fn event(id: EventId) -> Self {
        let id = id.to_string();
        Self::new(outbox_partition(shard_of(&id)), id)
    }

    pub(crate) fn mail(id: MailId) -> Self {
        let id = id.to_string();
        Self::new(mail_partition(shard_of(&id)), id)
    }

    pub(crate) fn revocation(order: u64, operation: &str) -> Self {
        let partition = revocation_partition(shard_of(operation));
        Self::new(partition, format!("{order:020}#{operation}"))
    }

    pub(crate) fn counter(operation: &str) -> Self {
        let part = digest_of(operation) % COUNTERS;
        Self::new(COUNTER_PARTITION, format!("REVOCATIONS#{part:02}"))
    }

    /// The key of a revocation by its sort key.
    pub(crate) fn revocation_named(name: &str) -> Result<Self, StoreError> {
        let (_, operation) =
            name.split_once('#').ok_or_else(|| malformed("name of a revocation", "it has no #"))?;
        Ok(Self::new(revocation_partition(shard_of(operation)), name))
    }

    pub(crate) fn swept() -> Self {
        Self::new(COUNTER_PARTITION, "SWEPT")
    }

    pub(crate) fn limit(key: LimitKey) -> Self {
        Self::new(format!("LIMIT#{}", hex(&key.0)), "LIMIT")
    }

    pub(crate) fn record(name: &str) -> Self {
        Self::new(format!("RECORD#{name}"), "RECORD")
    }

    pub(crate) fn roles() -> Self {
        Self::new("ROLES", "ROLES")
    }

    /// Where nothing stands: a probe of the table.
    pub(crate) fn probe() -> Self {
        Self::new("PROBE", "PROBE")
    }

    pub(crate) fn instances() -> Self {
        Self::new("INSTANCES", "INSTANCES")
    }

    /// The key as the SDK takes it.
    pub(crate) fn item(&self) -> Item {
        HashMap::from([
            ("PK".to_owned(), AttributeValue::S(self.pk.clone())),
            ("SK".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// The sort keys of trusted devices begin so.
pub(crate) const TRUSTED_DEVICES: &str = "DEVICE_TRUSTED#";

/// The partition of the parts of the revocation sequence.
pub(crate) const COUNTER_PARTITION: &str = "COUNTERS";

/// The partition of [`BY_LIST`] that records are listed in.
pub(crate) const RECORD_LIST: &str = "RECORDS";

pub(crate) fn user_partition(id: &UserId) -> String {
    format!("USER#{id}")
}

pub(crate) fn outbox_partition(shard: u64) -> String {
    format!("OUTBOX#{shard}")
}

pub(crate) fn mail_partition(shard: u64) -> String {
    format!("MAIL#{shard}")
}

pub(crate) fn revocation_partition(shard: u64) -> String {
    format!("REVOCATIONS#{shard}")
}

/// The partition of [`BY_LIST`] that a user is listed in.
pub(crate) fn user_list(shard: u64) -> String {
    format!("USER#{shard}")
}

/// The partition of [`BY_LIST`] that a user's mails are listed in.
pub(crate) fn owner_list(user: &UserId) -> String {
    format!("OWNER#{user}")
}

/// The partition of [`BY_LIST`] that the challenges of a user's codes are listed in.
pub(crate) fn challenge_list(user: &UserId) -> String {
    format!("CHALLENGES#{user}")
}

/// The shard of whatever has that name.
pub(crate) fn shard_of(name: &str) -> u64 {
    digest_of(name) % SHARDS
}

/// When the time to live may take what expires then.
pub(crate) fn ttl_of(expires_at: Timestamp, kept: Duration) -> i64 {
    expires_at.plus(kept).unix_seconds()
}

/// FNV-1a with its upper half folded in: the same on every machine and in every release, since it
/// says where items are.
pub(crate) fn digest_of(text: &str) -> u64 {
    let digest = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    digest ^ (digest >> 32)
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spread_over_all_shards_and_stay_where_they_are() {
        assert_eq!(digest_of("user_1"), digest_of("user_1"));
        let mut counts = [0; 4];
        for number in 0..400 {
            counts[usize::try_from(shard_of(&format!("user_{number}"))).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| *count > 60), "{counts:?}");
    }

    #[test]
    fn digests_are_written_with_all_their_zeros() {
        assert_eq!(hex(&[0, 1, 0x2a, 0xff]), "00012aff");
    }

    #[test]
    fn sessions_are_the_last_of_what_belongs_to_a_user() {
        let user = UserId::parse("u").unwrap();
        let session = Key::session(&user, SessionId::from_bytes([0; 16]));
        let before = [
            Key::user(&user),
            Key::device(&user, DeviceDigest([255; 16])),
            Key::trusted_device(&user, TrustedDeviceId::from_bytes([255; 16])),
            Key::pending_sign_in(&user, [255; 32]),
        ];
        let codes = CodeKind::ALL.map(|kind| Key::code(&user, kind));
        for key in before.iter().chain(&codes) {
            assert!(key.pk == session.pk && key.sk < session.sk, "{key:?}");
        }
    }
}
