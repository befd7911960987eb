use std::sync::atomic::{AtomicU64, Ordering};

use doorward_claims::Algorithm;

use crate::error::VerifyError;
use crate::jws::Verified;

/// How many tokens a verifier has seen since it was built, to be put into a service's metrics.
///
/// It tells when an algorithm may be switched off: once no token under it has been accepted for as
/// long as tokens live, by any instance of any service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokensSeen {
    accepted: [u64; Algorithm::ALL.len()],
    refused: [u64; RefusalKind::ALL.len()],
}

impl TokensSeen {
    /// How many tokens under this algorithm were accepted.
    pub const fn accepted(&self, algorithm: Algorithm) -> u64 {
        self.accepted[algorithm as usize]
    }

    /// How many tokens were not accepted, for reasons of this kind.
    pub const fn refused(&self, kind: RefusalKind) -> u64 {
        self.refused[kind as usize]
    }
}

/// The kinds of reasons not to accept a token, few enough for a label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalKind {
    /// No token at all, or one that breaks a rule of its form.
    Malformed,
    /// Under an algorithm that is switched off here.
    UnacceptedAlgorithm,
    /// Not signed with a key of the issuer's.
    Untrusted,
    /// Of another type or issuer, or for another audience.
    Misplaced,
    /// Expired, or not valid yet.
    Untimely,
    /// Its session has ended.
    Revoked,
    /// The fault is ours: keys or revocations could not be had.
    Unavailable,
}

impl RefusalKind {
    /// Every one there is, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::UnacceptedAlgorithm,
        Self::Untrusted,
        Self::Misplaced,
        Self::Untimely,
        Self::Revoked,
        Self::Unavailable,
    ];

    /// The kind that an error is of.
    pub const fn of(error: &VerifyError) -> Self {
        match error {
            VerifyError::Malformed { .. } => Self::Malformed,
            VerifyError::UnacceptedAlgorithm => Self::UnacceptedAlgorithm,
            VerifyError::WrongAlgorithm
            | VerifyError::UnknownKey { .. }
            | VerifyError::BadSignature => Self::Untrusted,
            VerifyError::WrongType | VerifyError::WrongIssuer | VerifyError::WrongAudience => {
                Self::Misplaced
            }
            VerifyError::Expired | VerifyError::NotYetValid => Self::Untimely,
            VerifyError::Revoked => Self::Revoked,
            VerifyError::KeysUnavailable | VerifyError::RevocationsUnavailable => Self::Unavailable,
        }
    }

    /// A stable name, for the label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnacceptedAlgorithm => "unaccepted_algorithm",
            Self::Untrusted => "untrusted",
            Self::Misplaced => "misplaced",
            Self::Untimely => "untimely",
            Self::Revoked => "revoked",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Counts for all requests at once; nobody waits for anybody.
#[derive(Debug, Default)]
pub(super) struct TokenCounters {
    accepted: [AtomicU64; Algorithm::ALL.len()],
    refused: [AtomicU64; RefusalKind::ALL.len()],
}

impl TokenCounters {
    pub(super) fn count<T>(&self, outcome: &Result<Verified<T>, VerifyError>) {
        let counter = match outcome {
            Ok(verified) => &self.accepted[verified.algorithm as usize],
            Err(error) => &self.refused[RefusalKind::of(error) as usize],
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> TokensSeen {
        TokensSeen {
            accepted: self.accepted.each_ref().map(|counter| counter.load(Ordering::Relaxed)),
            refused: self.refused.each_ref().map(|counter| counter.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_all_are_in_the_order_of_their_places() {
        for (place, algorithm) in Algorithm::ALL.into_iter().enumerate() {
            assert_eq!(algorithm as usize, place);
        }
        for (place, kind) in RefusalKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
