//! What a password is worth against a hash.

use super::*;

#[tokio::test]
async fn a_password_is_verified_against_its_hash_and_no_other() {
    for engine in [Argon2EngineKind::Fast, Argon2EngineKind::RustCrypto] {
        for algorithm in [cheap(), bcrypt_4()] {
            let settings = HashingSettings { engine, ..settings(algorithm) };
            let pool = PasswordPool::start(settings, DUMMY_SALT, Arc::new(|| ())).unwrap();
            let hash = pool.hash(&password("correct horse"), SALT).await.unwrap();
            let verdict = pool.verify(&password("correct horse"), Some(&hash)).await.unwrap();
            assert_eq!(verdict, Verdict::Yes);
            for wrong in ["", "correct horsf", "correct horse ", "Correct horse"] {
                let verdict = pool.verify(&password(wrong), Some(&hash)).await.unwrap();
                assert_eq!(verdict, Verdict::No, "{wrong}");
            }
        }
    }
}

/// The exact bytes in the store: what wrote them may change, they may not. Computed with OpenSSL's
/// argon2id and with libxcrypt.
#[tokio::test]
async fn a_hash_is_the_string_that_other_programs_write() {
    let pool = start(HashAlgorithm::Argon2id(Argon2Params::RECOMMENDED));
    let hash = pool.hash(&password("correct horse"), SALT).await.unwrap();
    assert_eq!(hash.expose(), ARGON2ID_HASH);
    let pool = start(bcrypt_4());
    let hash = pool.hash(&password("correct horse"), SALT).await.unwrap();
    assert_eq!(hash.expose(), BCRYPT_HASH);
}

const ARGON2ID_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw\
    $cTLmpgKLeruU6za+t2cUZ3fNfHVCYhGoJ8inpcUNcwc";
const BCRYPT_HASH: &str = "$2b$04$/uaF/uaF/uaF/uaF/uaF/u6TEgyYmJd3P9pjrLThYbp3Es11Sf7Pe";

#[tokio::test]
async fn a_hash_of_other_parameters_is_outdated_only_for_the_right_password() {
    let old = start(cheap()).hash(&password("correct horse"), SALT).await.unwrap();
    let other = HashAlgorithm::Argon2id(Argon2Params::new(64, 3, 1).unwrap());
    for algorithm in [other, bcrypt_4()] {
        let pool = start(algorithm);
        let verdict = pool.verify(&password("correct horse"), Some(&old)).await.unwrap();
        assert_eq!(verdict, Verdict::YesButOutdated);
        let verdict = pool.verify(&password("wrong"), Some(&old)).await.unwrap();
        assert_eq!(verdict, Verdict::No);
    }
}

#[tokio::test]
async fn an_imported_hash_is_verified_and_outdated() {
    let pool = start(cheap());
    let imported =
        PasswordHash::new("$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe");
    let verdict = pool.verify(&password("a"), Some(&imported)).await.unwrap();
    assert_eq!(verdict, Verdict::YesButOutdated);
    assert_eq!(pool.verify(&password("b"), Some(&imported)).await.unwrap(), Verdict::No);
}

#[tokio::test]
async fn bcrypt_never_cuts_a_password() {
    let (longest, longer) = ("x".repeat(72), "x".repeat(73));
    let pool = start(bcrypt_4());
    let hash = pool.hash(&password(&longest), SALT).await.unwrap();
    assert_eq!(pool.verify(&password(&longest), Some(&hash)).await.unwrap(), Verdict::Yes);
    assert_eq!(pool.verify(&password(&longer), Some(&hash)).await.unwrap(), Verdict::No);
    let refused = pool.hash(&password(&longer), SALT).await;
    assert!(matches!(refused, Err(HashPasswordError::TooLong)));
}

#[tokio::test]
async fn a_password_that_cannot_be_hashed_anew_keeps_its_hash() {
    let long = password(&"x".repeat(73));
    let old = start(cheap()).hash(&long, SALT).await.unwrap();
    assert_eq!(start(bcrypt_4()).verify(&long, Some(&old)).await.unwrap(), Verdict::Yes);
}

#[tokio::test]
async fn an_unusable_hash_is_a_failure_and_not_a_wrong_password() {
    let pool = start(cheap());
    for (text, expected) in [
        ("", UnusableHash::UnknownAlgorithm),
        ("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", UnusableHash::NotArgon2id),
        ("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAA", UnusableHash::OutOfBounds),
    ] {
        let outcome = pool.verify(&password("a"), Some(&PasswordHash::new(text))).await;
        match outcome {
            Err(VerifyPasswordError::UnusableHash(why)) => assert_eq!(why, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_unknown_user_costs_the_same_engine_calls_as_a_known_one() {
    let theatre = Theatre::with_one_thread();
    let hash = theatre.pool.hash(&password("right"), SALT).await.unwrap();
    theatre.next_deed();

    let verdict = theatre.pool.verify(&password("guess"), Some(&hash)).await.unwrap();
    assert_eq!(verdict, Verdict::No);
    let known = theatre.next_deed();
    let verdict = theatre.pool.verify(&password("guess"), None).await.unwrap();
    assert_eq!(verdict, Verdict::No);
    assert_eq!(theatre.next_deed(), known);
    assert!(theatre.deeds.try_recv().is_err());
}

#[tokio::test]
async fn an_unknown_user_has_no_password_under_bcrypt_either() {
    let pool = start(bcrypt_4());
    for guess in ["", "guess", &"x".repeat(73)] {
        assert_eq!(pool.verify(&password(guess), None).await.unwrap(), Verdict::No);
    }
}
