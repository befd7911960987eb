use super::argon2::{Argon2Engine, Argon2EngineKind};
use super::stored_hash::TAG_BYTES;
use super::{Argon2Params, BcryptCost, HashAlgorithm, HashingFailure, bcrypt};

/// Why the pool does not start: on this machine, password hashing computes something wrong.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// A published example has another result here.
    #[error("{0} does not compute a known answer on this machine")]
    WrongAnswer(&'static str),
    /// The two implementations differ over values that nobody has published.
    #[error("two implementations of argon2id disagree on this machine")]
    Disagreement,
    /// An implementation refused.
    #[error("the self-test could not be computed")]
    Failed(#[from] HashingFailure),
}

/// Checks what the pool is going to use, within a few milliseconds: the vector instructions that
/// the fast engine chooses differ from processor to processor, and a wrong hash would lock people
/// out for good.
///
/// `salt` is the deployment's own, so that not only published values are compared.
pub(super) fn run(
    algorithm: HashAlgorithm,
    engine: &mut dyn Argon2Engine,
    salt: [u8; 16],
) -> Result<(), SelfTestError> {
    check_known_answers(engine)?;
    check_agreement(engine, salt)?;
    if matches!(algorithm, HashAlgorithm::Bcrypt { .. }) {
        check_bcrypt()?;
    }
    Ok(())
}

/// From `test.c` of the reference implementation: 256 KiB, two passes, of one and of two lanes.
const KNOWN_ANSWERS: [(u32, [u8; TAG_BYTES]); 2] = [
    (
        1,
        [
            0x9d, 0xfe, 0xb9, 0x10, 0xe8, 0x0b, 0xad, 0x03, 0x11, 0xfe, 0xe2, 0x0f, 0x9c, 0x0e,
            0x2b, 0x12, 0xc1, 0x79, 0x87, 0xb4, 0xca, 0xc9, 0x0c, 0x2e, 0xf5, 0x4d, 0x5b, 0x30,
            0x21, 0xc6, 0x8b, 0xfe,
        ],
    ),
    (
        2,
        [
            0x6d, 0x09, 0x3c, 0x50, 0x1f, 0xd5, 0x99, 0x96, 0x45, 0xe0, 0xea, 0x3b, 0xf6, 0x20,
            0xd7, 0xb8, 0xbe, 0x7f, 0xd2, 0xdb, 0x59, 0xc2, 0x0d, 0x9f, 0xff, 0x95, 0x39, 0xda,
            0x2b, 0xf5, 0x70, 0x37,
        ],
    ),
];

fn check_known_answers(engine: &mut dyn Argon2Engine) -> Result<(), SelfTestError> {
    for (lanes, answer) in KNOWN_ANSWERS {
        let mut tag = [0; TAG_BYTES];
        engine.hash(small(256, 2, lanes), b"password", b"somesalt", &mut tag)?;
        if tag != answer {
            return Err(SelfTestError::WrongAnswer("argon2id"));
        }
    }
    Ok(())
}

fn check_agreement(engine: &mut dyn Argon2Engine, salt: [u8; 16]) -> Result<(), SelfTestError> {
    let (mut ours, mut theirs) = ([0; TAG_BYTES], [0; TAG_BYTES]);
    let params = small(512, 3, 1);
    let password = "pässword of another length, over a block of BLAKE2b: ".repeat(4);
    engine.hash(params, password.as_bytes(), &salt, &mut ours)?;
    let mut oracle = Argon2EngineKind::RustCrypto.build();
    oracle.hash(params, password.as_bytes(), &salt, &mut theirs)?;
    if ours == theirs { Ok(()) } else { Err(SelfTestError::Disagreement) }
}

/// `$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe`, of "a", from jBCrypt.
fn check_bcrypt() -> Result<(), SelfTestError> {
    const SALT: [u8; 16] = [
        0xa3, 0x61, 0x2d, 0x8c, 0x9a, 0x37, 0xda, 0xc2, 0xf9, 0x9d, 0x94, 0xda, 0x03, 0xbd, 0x45,
        0x21,
    ];
    const TAG: [u8; bcrypt::TAG_BYTES] = [
        0xe6, 0xd5, 0x38, 0x31, 0xf8, 0x20, 0x60, 0xdc, 0x08, 0xa2, 0xe8, 0x48, 0x9c, 0xe8, 0x50,
        0xce, 0x48, 0xfb, 0xf9, 0x76, 0x97, 0x87, 0x38,
    ];
    let cost = BcryptCost::new(6).expect("the cost is within the bounds");
    if bcrypt::tag(cost, SALT, b"a") == TAG {
        Ok(())
    } else {
        Err(SelfTestError::WrongAnswer("bcrypt"))
    }
}

fn small(memory_kib: u32, passes: u32, lanes: u32) -> Argon2Params {
    Argon2Params::new(memory_kib, passes, lanes).expect("the parameters are within the bounds")
}
