use zeroize::Zeroizing;

use super::BcryptCost;

/// What bcrypt takes of a password; the rest it would ignore.
pub(super) const PASSWORD_BYTES_MAX: usize = 72;

/// Bytes of the tag that the string keeps: the last of 24 is dropped, as everywhere.
pub(super) const TAG_BYTES: usize = 23;

/// The bcrypt of `password`, of which no byte after the 72nd counts: the caller refuses a longer
/// one.
pub(super) fn tag(cost: BcryptCost, salt: [u8; 16], password: &[u8]) -> [u8; TAG_BYTES] {
    // The key is the text with its terminating zero, as OpenBSD has it.
    let mut key = Zeroizing::new([0; PASSWORD_BYTES_MAX]);
    let length = password.len().min(PASSWORD_BYTES_MAX);
    key[..length].copy_from_slice(&password[..length]);
    let key_bytes = (length + 1).min(PASSWORD_BYTES_MAX);
    let tag = ::bcrypt::bcrypt(cost.number(), salt, &key[..key_bytes]);
    *tag.first_chunk().expect("bcrypt yields 24 bytes")
}

#[cfg(test)]
mod tests {
    use domain::PasswordHash;

    use super::super::stored_hash::StoredHash;
    use super::*;

    fn is_of(text: &str, password: &str) -> bool {
        match StoredHash::parse(&PasswordHash::new(text)).unwrap() {
            StoredHash::Bcrypt { cost, salt, tag: expected } => {
                tag(cost, salt, password.as_bytes()) == expected
            }
            StoredHash::Argon2id { .. } => false,
        }
    }

    /// From jBCrypt's `TestBCrypt.java` and Openwall's `crypt_blowfish`.
    #[test]
    fn published_hashes_are_of_their_passwords() {
        for (password, text) in [
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
            ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
            ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            (
                "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                "$2y$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            ),
        ] {
            assert!(is_of(text, password), "{text}");
            assert!(!is_of(text, "another"), "{text}");
        }
    }

    #[test]
    fn the_72nd_byte_counts_still() {
        let cost = BcryptCost::new(4).unwrap();
        let full = "x".repeat(72);
        let other = format!("{}y", &full[..71]);
        assert_ne!(tag(cost, [7; 16], full.as_bytes()), tag(cost, [7; 16], other.as_bytes()));
        assert_ne!(tag(cost, [7; 16], full.as_bytes()), tag(cost, [7; 16], &full.as_bytes()[..71]));
    }

    #[test]
    fn the_strings_of_the_bcrypt_crate_are_ours() {
        let text = ::bcrypt::hash_with_salt("correct horse", 4, [9; 16]).unwrap().to_string();
        let parsed = StoredHash::parse(&PasswordHash::new(text.as_str())).unwrap();
        assert_eq!(parsed.write().expose(), text);
        assert!(is_of(&text, "correct horse"));
    }
}
