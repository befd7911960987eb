//! The signed list by which stateless services learn, within seconds, what has ended.

use std::sync::Arc;
use std::time::Duration;

use crypto::revocation_digest;
use domain::{Revocation, RevocationScope, SessionId, Timestamp, UserId};
use doorward_claims::{REVOCATIONS_TYP, RevocationClaims, RevocationEntry};
use tokio::sync::Mutex;

use crate::Service;
use crate::failure::Failure;

/// Most entries of a list; beyond it one moment stands for the oldest.
const ENTRIES_MAX: usize = 10_000;
/// How long a list is worth something.
const LIST_TTL: Duration = Duration::from_mins(1);
/// A list is signed anew after this, so that one confirmed by `304` is still worth something.
const RESIGN_AFTER: Duration = Duration::from_secs(20);
/// How often the store is asked at most: the followers' requests cost it nothing.
const READ_AFTER: Duration = Duration::from_secs(1);
/// Longer than a token lives, for clocks that differ.
const REVOCATION_SLACK: Duration = Duration::from_mins(1);

/// The list, signed.
#[derive(Debug)]
pub struct SignedRevocations {
    /// A compact JWS of type `revocations+jwt`.
    pub jws: String,
    /// Changes whenever the list was signed anew.
    pub etag: String,
}

/// The list as last signed, and when it was last read and signed.
#[derive(Default)]
pub(crate) struct RevocationCache(Mutex<Option<Cached>>);

struct Cached {
    signed: Arc<SignedRevocations>,
    sequence: u64,
    read_at: Timestamp,
    signed_at: Timestamp,
}

impl Service {
    /// The list of what has ended while its tokens may still be about, at most a second old.
    pub async fn signed_revocations(&self) -> Result<Arc<SignedRevocations>, Failure> {
        let now = self.clock.now();
        // Held across the read on purpose: of many followers at once, one asks the store.
        let mut cache = self.revocations.0.lock().await;
        if let Some(cached) =
            cache.as_ref().filter(|cached| is_fresh(cached.read_at, now, READ_AFTER))
        {
            return Ok(Arc::clone(&cached.signed));
        }
        let found = self.stores.revocations.list_revocations(now, ENTRIES_MAX + 1).await?;
        if let Some(cached) = cache.as_mut().filter(|cached| {
            cached.sequence == found.sequence && is_fresh(cached.signed_at, now, RESIGN_AFTER)
        }) {
            cached.read_at = now;
            return Ok(Arc::clone(&cached.signed));
        }
        let claims = self.revocation_claims(found.sequence, &found.rows, now);
        let signed = Arc::new(SignedRevocations {
            jws: self.live_keys.sign(REVOCATIONS_TYP, &claims, now).await?,
            etag: format!("\"{}-{}\"", found.sequence, now.unix_ms()),
        });
        *cache = Some(Cached {
            signed: Arc::clone(&signed),
            sequence: found.sequence,
            read_at: now,
            signed_at: now,
        });
        Ok(signed)
    }

    fn revocation_claims(
        &self,
        sequence: u64,
        rows: &[Revocation],
        now: Timestamp,
    ) -> RevocationClaims {
        let (kept, dropped) = rows.split_at(rows.len().min(ENTRIES_MAX));
        RevocationClaims {
            iss: self.policy.issuer.clone(),
            iat: now.unix_seconds(),
            exp: now.plus(LIST_TTL).unix_seconds(),
            seq: sequence,
            entries: kept.iter().map(to_entry).collect(),
            // Rows come newest first: whatever was dropped had ended by then, and so had its tokens
            // been issued. Rounded up, because `iat` is rounded down.
            all_issued_before: dropped.first().map(|row| row.ended_at.unix_seconds() + 1),
        }
    }

    /// What tells services that one session ended.
    pub(crate) fn session_revocation(&self, session: SessionId, now: Timestamp) -> Revocation {
        Revocation {
            scope: RevocationScope::Session(session),
            ended_at: now,
            expires_at: now.plus(self.revocation_ttl()),
        }
    }

    /// What tells services that all sessions of a user ended that began before an epoch, save
    /// perhaps one.
    pub(crate) fn user_revocation(
        &self,
        user: &UserId,
        epoch_below: u64,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Revocation {
        Revocation {
            scope: RevocationScope::User { user: user.clone(), epoch_below, except },
            ended_at: now,
            expires_at: now.plus(self.revocation_ttl()),
        }
    }

    /// How long a revocation concerns anyone.
    fn revocation_ttl(&self) -> Duration {
        self.policy.access_ttl + REVOCATION_SLACK
    }
}

/// A clock that went back makes nothing fresh for longer.
fn is_fresh(since: Timestamp, now: Timestamp, span: Duration) -> bool {
    since <= now && now.since(since) < span
}

fn to_entry(revocation: &Revocation) -> RevocationEntry {
    match &revocation.scope {
        RevocationScope::Session(session) => {
            RevocationEntry::Session { sid: revocation_digest(&session.to_string()) }
        }
        RevocationScope::User { user, epoch_below, except } => RevocationEntry::Subject {
            sub: revocation_digest(user.as_str()),
            epoch_below: *epoch_below,
            except: except.map(|session| revocation_digest(&session.to_string())),
        },
    }
}
