//! The signed list by which stateless services learn, within seconds, what has ended.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use contracts::{StoreError, chain};
use crypto::revocation_digest;
use domain::{Revocation, RevocationScope, SessionId, Timestamp, UserId};
use doorward_claims::{REVOCATIONS_TYP, RevocationClaims, RevocationEntry};
use tokio::sync::Mutex;

use crate::failure::Failure;
use crate::{KeyTable, Service};

/// Most entries of a list; beyond it one moment stands for the oldest.
const ENTRIES_MAX: usize = 10_000;
/// How long a list is worth something.
const LIST_TTL: Duration = Duration::from_mins(1);
/// A list is signed anew after this, so that one confirmed by `304` is still worth something.
const RESIGN_AFTER: Duration = Duration::from_secs(20);
/// How long a list is served if no new one can be made: caches may add five seconds to it.
const SERVED_FOR: Duration = Duration::from_secs(55);
/// How often the store is asked at most: the followers' requests cost it nothing.
const READ_AFTER: Duration = Duration::from_secs(1);
/// How long a failure is everybody's: whoever asks a store that is down waits for it to answer.
const FAILED_FOR: Duration = Duration::from_secs(1);
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

/// What became of making the list, for all followers.
#[derive(Default)]
pub(crate) struct RevocationCache {
    /// Held while a list is made, so that one makes it for all.
    making: Mutex<()>,
    last: RwLock<Last>,
}

#[derive(Default)]
struct Last {
    list: Option<Cached>,
    /// Of the last attempt, if it did.
    failed: Option<Failed>,
}

/// The list as last signed, and when it was last read and signed.
struct Cached {
    signed: Arc<SignedRevocations>,
    sequence: u64,
    /// The key that it was signed with.
    kid: String,
    read_at: Timestamp,
    signed_at: Timestamp,
}

/// When there was no making a list, and why.
struct Failed {
    at: Timestamp,
    why: String,
}

impl Service {
    /// The list of what has ended while its tokens may still be about: at most a second old, or
    /// what there is while a new one cannot be made, but none that is about to expire.
    ///
    /// Nobody waits for a slow store or signer but who makes the list, and who finds none to go on
    /// with.
    pub async fn signed_revocations(&self) -> Result<Arc<SignedRevocations>, Failure> {
        let cache = &self.revocations;
        if let Some(known) = self.known_revocations() {
            return known;
        }
        let _making = if let Ok(making) = cache.making.try_lock() {
            making
        } else {
            if let Some(good) = self.good_revocations() {
                return Ok(good);
            }
            let making = cache.making.lock().await;
            // Made meanwhile, for everybody who has waited, however long that took.
            if let Some(good) = self.good_revocations() {
                return Ok(good);
            }
            making
        };
        if let Some(known) = self.known_revocations() {
            return known;
        }
        match self.make_revocations(self.clock.now()).await {
            Ok(signed) => Ok(signed),
            Err(failure) => {
                let failed = Failed { at: self.clock.now(), why: chain(&failure) };
                cache.write().failed = Some(failed);
                self.good_revocations().ok_or(failure)
            }
        }
    }

    /// What a follower is told without anything being made.
    fn known_revocations(&self) -> Option<Result<Arc<SignedRevocations>, Failure>> {
        let (now, keys) = (self.clock.now(), self.keys());
        let last = self.revocations.read();
        let is_newest = |list: &&Cached| {
            is_fresh(list.read_at, now, READ_AFTER)
                && keys.signing_kid(now) == Some(list.kid.as_str())
        };
        if let Some(list) = last.list.as_ref().filter(is_newest) {
            return Some(Ok(Arc::clone(&list.signed)));
        }
        let failed = last.failed.as_ref();
        let failed = failed.filter(|failed| is_fresh(failed.at, now, FAILED_FOR))?;
        Some(last.good(&keys, now).ok_or_else(|| failed.again()))
    }

    /// The last list, if followers can make use of it.
    fn good_revocations(&self) -> Option<Arc<SignedRevocations>> {
        self.revocations.read().good(&self.keys(), self.clock.now())
    }

    async fn make_revocations(&self, now: Timestamp) -> Result<Arc<SignedRevocations>, Failure> {
        let found = self.stores.revocations.list_revocations(now, ENTRIES_MAX + 1).await?;
        // Before it is signed: if the keys change meanwhile, it is signed once more.
        let kid = self.keys().signing_kid(now).ok_or(Failure::NoSigningKey)?.to_owned();
        if let Some(unchanged) = self.revocations.confirm(found.sequence, &kid, now) {
            return Ok(unchanged);
        }
        let claims = self.revocation_claims(found.sequence, &found.rows, now);
        let signed = Arc::new(SignedRevocations {
            jws: self.live_keys.sign(REVOCATIONS_TYP, &claims, now).await?,
            etag: format!("\"{}-{}\"", found.sequence, now.unix_ms()),
        });
        let list = Cached {
            signed: Arc::clone(&signed),
            sequence: found.sequence,
            kid,
            read_at: now,
            signed_at: now,
        };
        *self.revocations.write() = Last { list: Some(list), failed: None };
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

impl RevocationCache {
    /// The last list, if nothing has changed and it need not be signed anew.
    fn confirm(&self, sequence: u64, kid: &str, now: Timestamp) -> Option<Arc<SignedRevocations>> {
        let mut last = self.write();
        let cached = last.list.as_mut().filter(|cached| {
            cached.sequence == sequence
                && cached.kid == kid
                && is_fresh(cached.signed_at, now, RESIGN_AFTER)
        })?;
        cached.read_at = now;
        let signed = Arc::clone(&cached.signed);
        last.failed = None;
        Some(signed)
    }

    // Nothing panics between two changes of it, so there is no half of one.
    fn read(&self) -> RwLockReadGuard<'_, Last> {
        self.last.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Last> {
        self.last.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    /// The list, if it is worth something to a follower who knows these keys.
    fn good(&self, keys: &KeyTable, now: Timestamp) -> Option<Arc<SignedRevocations>> {
        let list = self.list.as_ref()?;
        let is_trusted = keys.verifying_keys(now).iter().any(|key| key.kid() == list.kid);
        (is_trusted && is_fresh(list.signed_at, now, SERVED_FOR)).then(|| Arc::clone(&list.signed))
    }
}

impl Failed {
    /// What everybody else is told.
    fn again(&self) -> Failure {
        let why = format!("the list could not be made a moment ago: {}", self.why);
        Failure::Store(StoreError::Unavailable(why.into()))
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
