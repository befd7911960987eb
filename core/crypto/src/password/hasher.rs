use domain::PasswordHash;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::argon2::Argon2Engine;
use super::stored_hash::{SALT_BYTES, StoredHash, TAG_BYTES};
use super::{Argon2Params, HashAlgorithm, bcrypt};

/// Why a hash could not be computed, though nothing is wrong with the password.
#[derive(Debug, thiserror::Error)]
pub enum HashingFailure {
    /// The argon2 implementation refused; most likely there is no memory left.
    #[error("the argon2 implementation failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread panicked at it, or the pool was dropped meanwhile.
    #[error("the hashing thread gave no answer")]
    NoAnswer,
}

impl HashingFailure {
    pub(super) fn engine(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Engine(Box::new(error))
    }
}

/// Makes the engine of a thread; tests put one in that counts or fails.
pub(super) type BuildEngine = dyn Fn() -> Box<dyn Argon2Engine> + Send + Sync;

/// Hashes and verifies, on one thread.
pub(super) struct Hasher<'a> {
    chosen: HashAlgorithm,
    build_engine: &'a BuildEngine,
    engine: Option<Box<dyn Argon2Engine>>,
}

impl<'a> Hasher<'a> {
    /// Takes no memory before the first hash.
    pub(super) fn new(chosen: HashAlgorithm, build_engine: &'a BuildEngine) -> Self {
        Self { chosen, build_engine, engine: None }
    }

    pub(super) fn hash(
        &mut self,
        password: &str,
        salt: [u8; SALT_BYTES],
    ) -> Result<PasswordHash, HashingFailure> {
        let hash = match self.chosen {
            HashAlgorithm::Argon2id(params) => {
                let mut tag = Box::new([0; TAG_BYTES]);
                self.argon2id(params, password, &salt, tag.as_mut_slice())?;
                StoredHash::Argon2id { params, salt: Box::new(salt), tag }
            }
            HashAlgorithm::Bcrypt { cost } => {
                let tag = bcrypt::tag(cost, salt, password.as_bytes());
                StoredHash::Bcrypt { cost, salt, tag }
            }
        };
        Ok(hash.write())
    }

    /// Whether `stored` is the hash of `password`. Takes the same time wherever they differ.
    pub(super) fn verify(
        &mut self,
        password: &str,
        stored: &StoredHash,
    ) -> Result<bool, HashingFailure> {
        match stored {
            StoredHash::Argon2id { params, salt, tag } => {
                let mut computed = Zeroizing::new(vec![0; tag.len()]);
                self.argon2id(*params, password, salt, &mut computed)?;
                Ok(computed.ct_eq(tag).into())
            }
            StoredHash::Bcrypt { cost, salt, tag } => {
                // A longer password costs the same, so that time does not tell of the refusal.
                let computed = bcrypt::tag(*cost, *salt, password.as_bytes());
                Ok(bool::from(computed.ct_eq(tag)) && password.len() <= bcrypt::PASSWORD_BYTES_MAX)
            }
        }
    }

    /// Whether it holds on to memory.
    pub(super) fn holds_memory(&self) -> bool {
        self.engine.is_some()
    }

    /// Wipes and returns the memory; the next hash takes some again.
    pub(super) fn release_memory(&mut self) {
        self.engine = None;
    }

    fn argon2id(
        &mut self,
        params: Argon2Params,
        password: &str,
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure> {
        let engine = self.engine.get_or_insert_with(self.build_engine);
        let outcome = engine.hash(params, password.as_bytes(), salt, tag);
        // One imported hash must not make the thread keep more memory than its own hashes need.
        if params.memory_kib() > self.memory_kib_kept() {
            self.release_memory();
        }
        outcome
    }

    fn memory_kib_kept(&self) -> u32 {
        match self.chosen {
            HashAlgorithm::Argon2id(params) => params.memory_kib(),
            HashAlgorithm::Bcrypt { .. } => Argon2Params::RECOMMENDED.memory_kib(),
        }
    }
}
