use std::sync::atomic::{AtomicU64, Ordering};

use contracts::Entropy;

/// Bytes that look random and are the same in every run: the hash of a seed and a counter.
///
/// Instances on one store need different seeds, or they would make the same ids.
pub struct CountingEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl CountingEntropy {
    /// Starts the sequence of that seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.counter.fetch_add(1, Ordering::Relaxed);
            let input = [self.seed.to_be_bytes(), count.to_be_bytes()].concat();
            chunk.copy_from_slice(&crypto::digest(&input)[..chunk.len()]);
        }
    }
}
