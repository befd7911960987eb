use argon2::Block;
use zeroize::Zeroize;

use super::{Argon2Params, HashingFailure};

/// Which implementation of argon2 computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Argon2EngineKind {
    /// `argon2-rust`: three times as fast, by the vector instructions of the processor it runs on.
    #[default]
    Fast,
    /// The `argon2` of `RustCrypto`: older, widely read, almost without `unsafe`. The oracle that
    /// the fast one is tested against, and its replacement should it ever be found wanting.
    RustCrypto,
}

impl Argon2EngineKind {
    /// A new engine; it takes its memory with its first hash.
    pub(super) fn build(self) -> Box<dyn Argon2Engine> {
        match self {
            Self::Fast => Box::new(FastEngine::default()),
            Self::RustCrypto => Box::new(RustCryptoEngine::default()),
        }
    }
}

/// Computes argon2id, version 19. Belongs to one thread and reuses its memory from hash to hash,
/// since page faults otherwise cost a tenth of the time; dropping it wipes and returns the memory.
pub(super) trait Argon2Engine {
    /// Fills `tag` with the hash of `password`; its length is part of what is hashed.
    fn hash(
        &mut self,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure>;
}

#[derive(Default)]
struct FastEngine {
    hasher: Option<argon2_rust::Hasher>,
}

impl Argon2Engine for FastEngine {
    fn hash(
        &mut self,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure> {
        use argon2_rust::params::{Memory, TagLen};
        use argon2_rust::{Algorithm, Argon2, Params, Version};

        let params = Params::builder()
            .memory(Memory::kib(params.memory_kib().into()))
            .passes(params.passes())
            .lanes(params.lanes())
            // A pool of threads around it is bounded; it must not start its own.
            .threads(1)
            .tag_len(TagLen::bytes(tag.len() as u64))
            .build()
            .map_err(HashingFailure::engine)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hasher = self.hasher.get_or_insert_with(|| argon2.hasher());
        hasher.set_argon2(argon2);
        hasher.hash_into(password, salt, tag).map_err(HashingFailure::engine)
    }
}

#[derive(Default)]
struct RustCryptoEngine {
    memory: Vec<Block>,
}

impl Argon2Engine for RustCryptoEngine {
    fn hash(
        &mut self,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure> {
        use argon2::{Algorithm, Argon2, Params, Version};

        let params =
            Params::new(params.memory_kib(), params.passes(), params.lanes(), Some(tag.len()))
                .map_err(HashingFailure::engine)?;
        self.reserve(params.block_count())?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password, salt, tag, self.memory.as_mut_slice())
            .map_err(HashingFailure::engine)
    }
}

/// Blocks of 1 KiB that glibc surely maps and, once freed, returns to the system; fewer it would
/// keep from the second time on. What is beyond the needed ones is never touched, so it takes
/// addresses but no memory.
const BLOCKS_MAPPED: usize = 33 * 1_024;

impl RustCryptoEngine {
    /// Makes room for so many blocks, without leaving a copy of the old ones behind.
    fn reserve(&mut self, blocks: usize) -> Result<(), HashingFailure> {
        if self.memory.len() < blocks {
            *self = Self::default();
            let capacity = blocks.max(BLOCKS_MAPPED);
            self.memory.try_reserve_exact(capacity).map_err(HashingFailure::engine)?;
            self.memory.resize(blocks, Block::new());
        }
        Ok(())
    }
}

/// What is left in memory would let one test guesses of the last password.
impl Drop for RustCryptoEngine {
    fn drop(&mut self) {
        self.memory.iter_mut().for_each(Zeroize::zeroize);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag_of(
        engine: &mut dyn Argon2Engine,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
    ) -> [u8; 32] {
        let mut tag = [0; 32];
        engine.hash(params, password, salt, &mut tag).unwrap();
        tag
    }

    /// From `test.c` of the reference implementation: 64 MiB, two passes.
    #[test]
    fn both_engines_compute_the_answer_of_the_reference() {
        let params = Argon2Params::new(65_536, 2, 1).unwrap();
        for kind in [Argon2EngineKind::Fast, Argon2EngineKind::RustCrypto] {
            let tag = tag_of(&mut *kind.build(), params, b"password", b"somesalt");
            let expected = [
                0x09, 0x31, 0x61, 0x15, 0xd5, 0xcf, 0x24, 0xed, 0x5a, 0x15, 0xa3, 0x1a, 0x3b, 0xa3,
                0x26, 0xe5, 0xcf, 0x32, 0xed, 0xc2, 0x47, 0x02, 0x98, 0x7c, 0x02, 0xb6, 0x56, 0x6f,
                0x61, 0x91, 0x3c, 0xf7,
            ];
            assert_eq!(tag, expected, "{kind:?}");
        }
    }

    #[test]
    fn both_engines_agree_on_the_parameters_of_production() {
        let mut fast = Argon2EngineKind::Fast.build();
        let mut oracle = Argon2EngineKind::RustCrypto.build();
        for password in ["correct horse", "battery staple"] {
            let params = Argon2Params::RECOMMENDED;
            assert_eq!(
                tag_of(&mut *fast, params, password.as_bytes(), &[7; 16]),
                tag_of(&mut *oracle, params, password.as_bytes(), &[7; 16]),
            );
        }
    }

    #[test]
    fn reused_memory_gives_the_same_hash_each_time() {
        let small = Argon2Params::new(64, 1, 1).unwrap();
        let large = Argon2Params::new(512, 2, 2).unwrap();
        for kind in [Argon2EngineKind::Fast, Argon2EngineKind::RustCrypto] {
            let mut reused = kind.build();
            for params in [small, large, small, large, large, small] {
                assert_eq!(
                    tag_of(&mut *reused, params, b"password", b"somesalt"),
                    tag_of(&mut *kind.build(), params, b"password", b"somesalt"),
                );
            }
        }
    }

    #[test]
    fn memory_is_taken_once_and_kept() {
        let params = Argon2Params::new(64, 1, 1).unwrap();
        let mut fast = FastEngine::default();
        let mut oracle = RustCryptoEngine::default();
        for _ in 0..3 {
            tag_of(&mut fast, params, b"password", b"somesalt");
            assert_eq!(fast.hasher.as_ref().unwrap().reserved_blocks(), 64);
            tag_of(&mut oracle, params, b"password", b"somesalt");
            assert_eq!(oracle.memory.len(), 64);
        }
    }

    #[test]
    fn a_salt_that_is_too_short_is_a_failure() {
        let params = Argon2Params::new(64, 1, 1).unwrap();
        for kind in [Argon2EngineKind::Fast, Argon2EngineKind::RustCrypto] {
            let outcome = kind.build().hash(params, b"password", b"short", &mut [0; 32]);
            assert!(matches!(outcome, Err(HashingFailure::Engine(_))));
        }
    }

    prop_compose! {
        fn any_params()(lanes in 1_u32..=4, passes in 1_u32..=4, spare_kib in 0_u32..=256)
            -> Argon2Params
        {
            Argon2Params::new(8 * lanes + spare_kib, passes, lanes).unwrap()
        }
    }

    proptest! {
        #[test]
        fn both_engines_agree(
            cases in proptest::collection::vec((
                any_params(),
                proptest::collection::vec(any::<u8>(), 0..200),
                proptest::collection::vec(any::<u8>(), 8..=64),
                16_usize..=64,
            ), 1..4),
        ) {
            let mut fast = Argon2EngineKind::Fast.build();
            let mut oracle = Argon2EngineKind::RustCrypto.build();
            for (params, password, salt, length) in cases {
                let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
                fast.hash(params, &password, &salt, &mut ours).unwrap();
                oracle.hash(params, &password, &salt, &mut theirs).unwrap();
                prop_assert_eq!(&ours, &theirs);
            }
        }
    }
}
