use domain::Password;

use super::bcrypt;

/// How costly an argon2id hash is (RFC 9106 §3.1): bounded, so that neither a setting nor a stored
/// hash can take the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Parameters outside the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// Each lane needs 8 KiB (RFC 9106 §3.1).
    #[error("argon2id takes 8 KiB for each lane to {MEMORY_KIB_MAX} KiB of memory")]
    Memory,
    /// Time is linear in them.
    #[error("argon2id takes 1 to {PASSES_MAX} passes")]
    Passes,
    /// They are computed one after the other here.
    #[error("argon2id takes 1 to {LANES_MAX} lanes")]
    Lanes,
    /// Each step doubles the time.
    #[error("bcrypt takes a cost from {} to {}", BcryptCost::MIN, BcryptCost::MAX)]
    BcryptCost,
}

const MEMORY_KIB_MAX: u32 = 256 * 1_024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 4;

impl Argon2Params {
    /// 19 MiB, two passes, one lane: what OWASP's password storage cheat sheet names first.
    pub const RECOMMENDED: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };

    /// Checks the bounds. Lanes beyond one only make imported hashes verifiable: they are computed
    /// one after the other, by one thread.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ParamsError> {
        if lanes < 1 || lanes > LANES_MAX {
            return Err(ParamsError::Lanes);
        }
        if memory_kib < 8 * lanes || memory_kib > MEMORY_KIB_MAX {
            return Err(ParamsError::Memory);
        }
        if passes < 1 || passes > PASSES_MAX {
            return Err(ParamsError::Passes);
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Memory in KiB, `m` of the PHC string.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory, `t` of the PHC string.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes, `p` of the PHC string.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}

/// How costly a bcrypt hash is: the logarithm of its rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BcryptCost(u32);

impl BcryptCost {
    /// The least that bcrypt knows. OWASP asks for 10.
    pub const MIN: u32 = 4;
    /// About two seconds of one core.
    pub const MAX: u32 = 15;

    /// Checks the bounds.
    pub const fn new(cost: u32) -> Result<Self, ParamsError> {
        if cost < Self::MIN || cost > Self::MAX {
            return Err(ParamsError::BcryptCost);
        }
        Ok(Self(cost))
    }

    /// The number in the hash.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// How new passwords are hashed. Stored hashes are verified by whatever they were made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// Argon2id, version 19 (RFC 9106).
    Argon2id(Argon2Params),
    /// bcrypt, written `$2b$`, for stores that other programs read too.
    Bcrypt {
        /// The logarithm of its rounds.
        cost: BcryptCost,
    },
}

impl HashAlgorithm {
    /// Whether the password can be hashed whole; bcrypt would cut it after 72 bytes.
    pub fn can_hash(self, password: &Password) -> bool {
        match self {
            Self::Argon2id(_) => true,
            Self::Bcrypt { .. } => password.expose().len() <= bcrypt::PASSWORD_BYTES_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stay_within_their_bounds() {
        assert_eq!(Argon2Params::new(19_456, 2, 1), Ok(Argon2Params::RECOMMENDED));
        assert!(Argon2Params::new(8, 1, 1).is_ok());
        assert!(Argon2Params::new(262_144, 16, 4).is_ok());
        assert_eq!(Argon2Params::new(7, 1, 1), Err(ParamsError::Memory));
        assert_eq!(Argon2Params::new(31, 1, 4), Err(ParamsError::Memory));
        assert_eq!(Argon2Params::new(262_145, 1, 1), Err(ParamsError::Memory));
        assert_eq!(Argon2Params::new(8, 0, 1), Err(ParamsError::Passes));
        assert_eq!(Argon2Params::new(8, 17, 1), Err(ParamsError::Passes));
        assert_eq!(Argon2Params::new(64, 1, 0), Err(ParamsError::Lanes));
        assert_eq!(Argon2Params::new(64, 1, 5), Err(ParamsError::Lanes));
        assert_eq!(BcryptCost::new(3), Err(ParamsError::BcryptCost));
        assert_eq!(BcryptCost::new(16), Err(ParamsError::BcryptCost));
        assert_eq!(BcryptCost::new(15).unwrap().number(), 15);
        assert_eq!(ParamsError::BcryptCost.to_string(), "bcrypt takes a cost from 4 to 15");
    }
}
