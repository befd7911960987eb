use std::collections::{HashMap, HashSet};

use doorward_claims::{AccessClaims, RevocationClaims, RevocationEntry};

use crate::digests::revocation_digest;

/// A list of revocations, arranged so that asking costs the same however long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationIndex {
    seq: u64,
    expires_at: i64,
    all_issued_before: Option<i64>,
    sessions: HashSet<String>,
    subjects: HashMap<String, Vec<SubjectEnd>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SubjectEnd {
    epoch_below: u64,
    except: Option<String>,
}

impl RevocationIndex {
    /// Which list this is; a later one has a greater number.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// When the list becomes worthless, in seconds since the epoch.
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Whether the session that a token names has ended.
    pub fn is_revoked(&self, claims: &AccessClaims) -> bool {
        self.all_issued_before.is_some_and(|moment| claims.iat < moment)
            || self.has_session_ended(claims)
            || self.have_all_sessions_ended(claims)
    }

    fn has_session_ended(&self, claims: &AccessClaims) -> bool {
        !self.sessions.is_empty() && self.sessions.contains(&revocation_digest(&claims.sid))
    }

    fn have_all_sessions_ended(&self, claims: &AccessClaims) -> bool {
        if self.subjects.is_empty() {
            return false;
        }
        let ends = self.subjects.get(&revocation_digest(&claims.sub));
        ends.into_iter().flatten().any(|end| end.includes(claims))
    }
}

impl SubjectEnd {
    fn includes(&self, claims: &AccessClaims) -> bool {
        let lives_on = |except: &String| *except == revocation_digest(&claims.sid);
        claims.session_epoch < self.epoch_below && !self.except.as_ref().is_some_and(lives_on)
    }
}

impl From<RevocationClaims> for RevocationIndex {
    fn from(list: RevocationClaims) -> Self {
        let mut sessions = HashSet::new();
        let mut subjects = HashMap::<String, Vec<SubjectEnd>>::new();
        for entry in list.entries {
            match entry {
                RevocationEntry::Session { sid } => {
                    sessions.insert(sid);
                }
                RevocationEntry::Subject { sub, epoch_below, except } => {
                    subjects.entry(sub).or_default().push(SubjectEnd { epoch_below, except });
                }
            }
        }
        Self {
            seq: list.seq,
            expires_at: list.exp,
            all_issued_before: list.all_issued_before,
            sessions,
            subjects,
        }
    }
}
