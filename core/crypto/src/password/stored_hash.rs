use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{NO_PAD, STANDARD_NO_PAD};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use domain::PasswordHash;

use super::{Argon2Params, BcryptCost, HashAlgorithm, bcrypt};

/// Bytes of the salt of a new hash (RFC 9106 §3.1).
pub(super) const SALT_BYTES: usize = 16;
/// Bytes of the tag of a new argon2id hash.
pub(super) const TAG_BYTES: usize = 32;
/// What an imported argon2id hash may have; less than 16 bytes of tag would be guessable.
const SALT_BYTES_IMPORTED: std::ops::RangeInclusive<usize> = 8..=64;
const TAG_BYTES_IMPORTED: std::ops::RangeInclusive<usize> = 16..=64;

/// A stored hash that no password can be checked against. A failure of ours, or of whoever imported
/// it: never the same as a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// It begins with no prefix that we know.
    #[error("the stored hash is neither argon2id nor bcrypt")]
    UnknownAlgorithm,
    /// argon2i or argon2d: RFC 9106 §4 wants argon2id for passwords.
    #[error("the stored hash is of an argon2 other than argon2id")]
    NotArgon2id,
    /// The version before RFC 9106.
    #[error("the stored hash is of an argon2 version other than 19")]
    OldVersion,
    /// It is not written as the PHC string format, or bcrypt, wants it.
    #[error("the stored hash is malformed")]
    Malformed,
    /// It demands more work than a sign-in may cost, or is too short to be safe.
    #[error("the stored hash has parameters outside the allowed bounds")]
    OutOfBounds,
}

/// A stored hash, read and found usable.
#[derive(Clone)]
pub(super) enum StoredHash {
    Argon2id { params: Argon2Params, salt: Box<[u8]>, tag: Box<[u8]> },
    Bcrypt { cost: BcryptCost, salt: [u8; SALT_BYTES], tag: [u8; bcrypt::TAG_BYTES] },
}

impl StoredHash {
    /// A hash that costs the same as a new one and that no password is of.
    pub(super) fn dummy(algorithm: HashAlgorithm, salt: [u8; SALT_BYTES]) -> Self {
        match algorithm {
            HashAlgorithm::Argon2id(params) => {
                Self::Argon2id { params, salt: Box::new(salt), tag: Box::new([0; TAG_BYTES]) }
            }
            HashAlgorithm::Bcrypt { cost } => {
                Self::Bcrypt { cost, salt, tag: [0; bcrypt::TAG_BYTES] }
            }
        }
    }

    pub(super) fn parse(hash: &PasswordHash) -> Result<Self, UnusableHash> {
        let text = hash.expose().strip_prefix('$').ok_or(UnusableHash::UnknownAlgorithm)?;
        let (prefix, rest) = text.split_once('$').ok_or(UnusableHash::UnknownAlgorithm)?;
        match prefix {
            "argon2id" => parse_argon2id(rest),
            "argon2i" | "argon2d" => Err(UnusableHash::NotArgon2id),
            // They differ in bugs that `2a` and `2y` once named, not in the algorithm.
            "2a" | "2b" | "2y" => parse_bcrypt(rest),
            _ => Err(UnusableHash::UnknownAlgorithm),
        }
    }

    /// The string to keep: PHC, or `$2b$`.
    pub(super) fn write(&self) -> PasswordHash {
        PasswordHash::new(match self {
            Self::Argon2id { params, salt, tag } => format!(
                "$argon2id$v=19$m={},t={},p={}${}${}",
                params.memory_kib(),
                params.passes(),
                params.lanes(),
                STANDARD_NO_PAD.encode(salt),
                STANDARD_NO_PAD.encode(tag),
            ),
            Self::Bcrypt { cost, salt, tag } => {
                let (salt, tag) = (BCRYPT.encode(salt), BCRYPT.encode(tag));
                format!("$2b${:02}${salt}{tag}", cost.number())
            }
        })
    }

    /// Whether a new hash would be made with the same algorithm and parameters.
    pub(super) fn is_as_chosen(&self, chosen: HashAlgorithm) -> bool {
        match self {
            Self::Argon2id { params, salt, tag } => {
                chosen == HashAlgorithm::Argon2id(*params)
                    && salt.len() == SALT_BYTES
                    && tag.len() == TAG_BYTES
            }
            Self::Bcrypt { cost, .. } => chosen == HashAlgorithm::Bcrypt { cost: *cost },
        }
    }
}

/// Reads `v=19$m=19456,t=2,p=1$<salt>$<tag>`: just so, since every hasher writes it so.
fn parse_argon2id(text: &str) -> Result<StoredHash, UnusableHash> {
    let mut fields = text.split('$');
    let version = fields.next().and_then(|field| field.strip_prefix("v="));
    // Before there were versions, the field was left out.
    if version != Some("19") {
        return Err(UnusableHash::OldVersion);
    }
    let (Some(params), Some(salt), Some(tag), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(UnusableHash::Malformed);
    };
    let params = parse_params(params)?;
    let salt = STANDARD_NO_PAD.decode(salt).map_err(|_| UnusableHash::Malformed)?;
    let tag = STANDARD_NO_PAD.decode(tag).map_err(|_| UnusableHash::Malformed)?;
    if !(SALT_BYTES_IMPORTED.contains(&salt.len()) && TAG_BYTES_IMPORTED.contains(&tag.len())) {
        return Err(UnusableHash::OutOfBounds);
    }
    Ok(StoredHash::Argon2id { params, salt: salt.into(), tag: tag.into() })
}

fn parse_params(text: &str) -> Result<Argon2Params, UnusableHash> {
    let mut fields = text.split(',');
    let mut number = |name: &str| {
        let digits = fields.next()?.strip_prefix(name)?.strip_prefix('=')?;
        // `parse` alone would take a sign.
        let is_canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        is_canonical.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let (Some(memory), Some(passes), Some(lanes)) = (number("m"), number("t"), number("p")) else {
        return Err(UnusableHash::Malformed);
    };
    if fields.next().is_some() {
        return Err(UnusableHash::Malformed);
    }
    Argon2Params::new(memory, passes, lanes).map_err(|_| UnusableHash::OutOfBounds)
}

/// Reads `12$<22 characters of salt><31 of tag>`.
fn parse_bcrypt(text: &str) -> Result<StoredHash, UnusableHash> {
    let (cost, rest) = text.split_once('$').ok_or(UnusableHash::Malformed)?;
    let is_two_digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost = cost.parse().ok().filter(|_| is_two_digits).ok_or(UnusableHash::Malformed)?;
    let (salt, tag) = rest.split_at_checked(22).ok_or(UnusableHash::Malformed)?;
    let salt = BCRYPT.decode(salt).ok().and_then(|salt| salt.try_into().ok());
    let tag = BCRYPT.decode(tag).ok().and_then(|tag| tag.try_into().ok());
    let (Some(salt), Some(tag)) = (salt, tag) else {
        return Err(UnusableHash::Malformed);
    };
    let cost = BcryptCost::new(cost).map_err(|_| UnusableHash::OutOfBounds)?;
    Ok(StoredHash::Bcrypt { cost, salt, tag })
}

/// Some programs leave bits set that stand for nothing at the end of a salt; bcrypt ignores them.
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, BCRYPT_CONFIG);
const BCRYPT_CONFIG: GeneralPurposeConfig = NO_PAD.with_decode_allow_trailing_bits(true);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT: &str = "BwcHBwcHBwcHBwcHBwcHBw";
    const TAG: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";
    const BCRYPT_REST: &str = "m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";

    fn refusal(text: &str) -> Option<UnusableHash> {
        StoredHash::parse(&PasswordHash::new(text)).err()
    }

    #[test]
    fn a_hash_is_written_as_it_is_read() {
        for text in [
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2id$v=19$m=64,t=16,p=4$c29tZXNhbHQ${TAG}"),
            format!("$2b$06${BCRYPT_REST}"),
        ] {
            let parsed = StoredHash::parse(&PasswordHash::new(text.as_str())).unwrap();
            assert_eq!(parsed.write().expose(), text);
        }
    }

    #[test]
    fn only_argon2id_of_version_19_is_taken() {
        let rest = format!("m=64,t=1,p=1${SALT}${TAG}");
        for (prefix, expected) in [
            ("$argon2i$v=19$", UnusableHash::NotArgon2id),
            ("$argon2d$v=19$", UnusableHash::NotArgon2id),
            ("$argon2$v=19$", UnusableHash::UnknownAlgorithm),
            ("$ARGON2ID$v=19$", UnusableHash::UnknownAlgorithm),
            ("argon2id$v=19$", UnusableHash::UnknownAlgorithm),
            ("$argon2id$v=16$", UnusableHash::OldVersion),
            ("$argon2id$", UnusableHash::OldVersion),
        ] {
            assert_eq!(refusal(&format!("{prefix}{rest}")), Some(expected), "{prefix}");
        }
        for text in ["", "$", "$$", "secret", "$scrypt$ln=17,r=8,p=1$aa$bb", "$2x$06$", "$1$a$b"] {
            assert_eq!(refusal(text), Some(UnusableHash::UnknownAlgorithm), "{text}");
        }
    }

    #[test]
    fn parameters_are_written_in_one_way_only() {
        for params in [
            "",
            "m=64",
            "m=64,t=1",
            "t=1,m=64,p=1",
            "m=64,t=1,p=1,",
            "m=64,t=1,p=1,x=1",
            "m=+64,t=1,p=1",
            "m=064,t=1,p=1",
            "m=,t=1,p=1",
            "m=-1,t=1,p=1",
            "m=64, t=1,p=1",
            "m=6_4,t=1,p=1",
            "m=99999999999,t=1,p=1",
            "m=64,t=1,p=1,data=AAAA",
        ] {
            let text = format!("$argon2id$v=19${params}${SALT}${TAG}");
            assert_eq!(refusal(&text), Some(UnusableHash::Malformed), "{params}");
        }
    }

    #[test]
    fn a_hash_that_would_take_the_machine_is_refused() {
        for params in [
            "m=4294967295,t=1,p=1",
            "m=262145,t=1,p=1",
            "m=64,t=17,p=1",
            "m=64,t=4294967295,p=1",
            "m=64,t=1,p=5",
            "m=64,t=1,p=0",
            "m=64,t=0,p=1",
            "m=0,t=1,p=1",
            "m=31,t=1,p=4",
        ] {
            let text = format!("$argon2id$v=19${params}${SALT}${TAG}");
            assert_eq!(refusal(&text), Some(UnusableHash::OutOfBounds), "{params}");
        }
        for cost in ["00", "03", "16", "31", "99"] {
            let text = format!("$2b${cost}${BCRYPT_REST}");
            assert_eq!(refusal(&text), Some(UnusableHash::OutOfBounds), "{cost}");
        }
    }

    #[test]
    fn salt_and_tag_are_canonical_base64_within_their_lengths() {
        let refusal = |rest: &str| refusal(&format!("$argon2id$v=19$m=64,t=1,p=1${rest}"));
        let malformed = Some(UnusableHash::Malformed);
        assert_eq!(refusal(&format!("{SALT}==${TAG}")), malformed);
        assert_eq!(refusal(&format!("{SALT}${TAG}=")), malformed);
        assert_eq!(refusal(&format!("{SALT}${TAG}$")), malformed);
        assert_eq!(refusal(SALT), malformed);
        assert_eq!(refusal(&format!("-_-_-_-_-_-_${TAG}")), malformed);
        assert_eq!(refusal(&format!("{}x${TAG}", &SALT[..21])), malformed);
        let out_of_bounds = Some(UnusableHash::OutOfBounds);
        assert_eq!(refusal(&format!("c29tZXM${TAG}")), out_of_bounds);
        assert_eq!(refusal(&format!("${TAG}")), out_of_bounds);
        assert_eq!(refusal(&format!("{SALT}$CQkJCQkJCQkJCQkJCQkJ")), out_of_bounds);
        assert_eq!(refusal(&format!("{SALT}$")), out_of_bounds);
        assert_eq!(refusal(&format!("{SALT}${}", "CQkJ".repeat(22))), out_of_bounds);
    }

    #[test]
    fn bcrypt_has_its_one_form_and_three_names() {
        for prefix in ["2a", "2b", "2y"] {
            assert_eq!(refusal(&format!("${prefix}$06${BCRYPT_REST}")), None);
        }
        for text in ["$2b$6$", "$2b$+6$", "$2b$006$", "$2b$$"] {
            assert_eq!(refusal(&format!("{text}{BCRYPT_REST}")), Some(UnusableHash::Malformed));
        }
        for rest in [&BCRYPT_REST[1..], "", "ä", &format!("{BCRYPT_REST}a"), &"é".repeat(27)] {
            assert_eq!(refusal(&format!("$2b$06${rest}")), Some(UnusableHash::Malformed));
        }
    }

    #[test]
    fn bits_that_stand_for_nothing_are_ignored_in_bcrypt() {
        let parse = |text: &str| StoredHash::parse(&PasswordHash::new(text)).unwrap().write();
        let canonical = format!("$2b$06${BCRYPT_REST}");
        // The last character of the salt carries two bits.
        let sloppy = format!("$2b$06${}P{}", &BCRYPT_REST[..21], &BCRYPT_REST[22..]);
        assert_ne!(canonical, sloppy);
        assert_eq!(parse(&canonical), parse(&sloppy));
    }

    #[test]
    fn other_parameters_are_outdated() {
        let parse = |text: &str| StoredHash::parse(&PasswordHash::new(text)).unwrap();
        let chosen = HashAlgorithm::Argon2id(Argon2Params::RECOMMENDED);
        let current = format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}");
        assert!(parse(&current).is_as_chosen(chosen));
        for other in [
            current.replace("t=2", "t=3"),
            current.replace("m=19456", "m=19457"),
            current.replace("p=1", "p=2"),
            current.replace(SALT, "c29tZXNhbHQ"),
            current.replace(TAG, SALT),
            format!("$2b$06${BCRYPT_REST}"),
        ] {
            assert!(!parse(&other).is_as_chosen(chosen), "{other}");
        }
        let six = HashAlgorithm::Bcrypt { cost: BcryptCost::new(6).unwrap() };
        let seven = HashAlgorithm::Bcrypt { cost: BcryptCost::new(7).unwrap() };
        let stored = parse(&format!("$2a$06${BCRYPT_REST}"));
        assert!(stored.is_as_chosen(six) && !stored.is_as_chosen(seven));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r"(\$(argon2id|2b|v=19|m=64,t=1,p=1|06|\PC{0,60})){0,7}") {
            if let Ok(parsed) = StoredHash::parse(&PasswordHash::new(text)) {
                let written = parsed.write();
                prop_assert_eq!(StoredHash::parse(&written).unwrap().write(), written);
            }
        }

        #[test]
        fn argon2id_reads_back(salt: [u8; 16], tag: [u8; 32], passes in 1_u32..=16) {
            let params = Argon2Params::new(64, passes, 1).unwrap();
            let hash = StoredHash::Argon2id { params, salt: salt.into(), tag: tag.into() }.write();
            prop_assert_eq!(StoredHash::parse(&hash).unwrap().write(), hash);
        }
    }
}
