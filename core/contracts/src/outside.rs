use async_trait::async_trait;
use domain::Timestamp;

use crate::StoreError;

/// Tells the time. Given to whoever needs it, so that a test can move it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Makes bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// As many unguessable bytes as the caller needs.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// Something that readiness depends on.
#[async_trait]
pub trait Probe: Send + Sync {
    /// The name that readiness shows.
    fn name(&self) -> &'static str;

    /// Succeeds if it can do its work now.
    async fn check(&self) -> Result<(), StoreError>;
}
