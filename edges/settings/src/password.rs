use std::num::{NonZeroU16, NonZeroU32};

use domain::PasswordPolicy;

use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::value::Value;

/// What passwords must be and how they are hashed.
#[derive(Clone, Debug)]
pub struct PasswordSettings {
    /// What a new password must be. With bcrypt, `bytes_max` is at most 72.
    pub policy: PasswordPolicy,
    /// How new passwords are hashed. Hashes of the other kind still verify.
    pub algorithm: PasswordAlgorithm,
    /// Which code computes argon2id, for new hashes and for old ones.
    pub implementation: Argon2Implementation,
    /// How many passwords are hashed at once; `None`: as many as there are cores.
    pub hashing_threads: Option<NonZeroU16>,
    /// How many more may wait; beyond that a request is refused.
    pub queue_max: NonZeroU32,
}

/// How new passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordAlgorithm {
    /// argon2id with 19 MiB, 2 passes and 1 lane.
    Argon2id,
    /// bcrypt, which ignores what is beyond 72 bytes.
    Bcrypt {
        /// Each step doubles the work: 10 to 15.
        cost: u32,
    },
}

/// Which code computes argon2id. Both compute the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2Implementation {
    /// The crate `argon2-rust`: three times as fast.
    Argon2Rust,
    /// The crate `argon2` of the Rust Crypto project: the most widely reviewed.
    RustCrypto,
}

#[derive(Clone, Copy)]
enum AlgorithmName {
    Argon2id,
    Bcrypt,
}

const ALGORITHMS: [(&str, AlgorithmName); 2] =
    [("argon2id", AlgorithmName::Argon2id), ("bcrypt", AlgorithmName::Bcrypt)];

const IMPLEMENTATIONS: [(&str, Argon2Implementation); 2] = [
    ("argon2-rust", Argon2Implementation::Argon2Rust),
    ("rustcrypto", Argon2Implementation::RustCrypto),
];

/// What bcrypt hashes of a password.
const BCRYPT_BYTES_MAX: u16 = 72;

pub(crate) fn read(reader: &mut Reader) -> Result<PasswordSettings, Refused> {
    let algorithm = read_algorithm(reader);
    let policy = read_policy(reader, algorithm);
    let implementation = reader.word("password.implementation", &IMPLEMENTATIONS);
    let hashing_threads = reader.integer("password.hashing_threads", 0..=256);
    let queue_max = reader.integer("password.queue_max", 1..=100_000);
    Ok(PasswordSettings {
        policy: policy?,
        algorithm: algorithm?,
        implementation: implementation?,
        hashing_threads: NonZeroU16::new(hashing_threads?),
        queue_max: NonZeroU32::new(queue_max?).expect("the range begins with 1"),
    })
}

fn read_algorithm(reader: &mut Reader) -> Result<PasswordAlgorithm, Refused> {
    let name = reader.word("password.algorithm", &ALGORITHMS);
    // Checked even if it is not used: who writes it wants to use it one day.
    let cost = reader.integer("password.bcrypt_cost", 10..=15);
    match name? {
        AlgorithmName::Argon2id => Ok(PasswordAlgorithm::Argon2id),
        AlgorithmName::Bcrypt => Ok(PasswordAlgorithm::Bcrypt { cost: cost? }),
    }
}

/// `algorithm`: what `password.algorithm` says, unless it was refused.
fn read_policy(
    reader: &mut Reader,
    algorithm: Result<PasswordAlgorithm, Refused>,
) -> Result<PasswordPolicy, Refused> {
    let characters_min: Result<u16, Refused> = reader.integer("password.characters_min", 8..=64);
    let bytes_max = reader.integer("password.bytes_max", 64..=4096);
    let has_blocklist = reader.boolean("password.blocklist");
    let is_bcrypt = matches!(algorithm, Ok(PasswordAlgorithm::Bcrypt { .. }));
    let bytes_max =
        if is_bcrypt { bytes_max.and_then(|max| cap_for_bcrypt(reader, max)) } else { bytes_max };
    Ok(PasswordPolicy {
        characters_min: characters_min?.into(),
        bytes_max: bytes_max?.into(),
        has_blocklist: has_blocklist?,
    })
}

/// Lowers the default in silence, but not what somebody chose.
fn cap_for_bcrypt(reader: &mut Reader, bytes_max: u16) -> Result<u16, Refused> {
    const PATH: &str = "password.bytes_max";
    if bytes_max <= BCRYPT_BYTES_MAX {
        return Ok(bytes_max);
    }
    if reader.is_default(PATH) {
        reader.show(PATH, &Value::Integer(BCRYPT_BYTES_MAX.into()));
        return Ok(BCRYPT_BYTES_MAX);
    }
    let problem = format!("{bytes_max} is more than bcrypt hashes");
    Err(reader.refuse(PATH, Wrong::new(problem, "write at most 72, or choose argon2id")))
}
