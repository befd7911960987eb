use std::sync::atomic::{AtomicU64, Ordering};

use doorward_claims::Algorithm;

/// How many access tokens this instance has accepted, by what they were signed with: it tells when
/// an algorithm may be switched off.
#[derive(Debug, Default)]
pub(crate) struct TokensSeen([AtomicU64; Algorithm::ALL.len()]);

impl TokensSeen {
    pub(crate) fn count(&self, algorithm: Algorithm) {
        self.0[algorithm as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accepted(&self, algorithm: Algorithm) -> u64 {
        self.0[algorithm as usize].load(Ordering::Relaxed)
    }
}
