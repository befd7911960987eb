//! Which keys are taken, and how they are chosen.

use doorward_verify::{
    Jwk, KeySet, ParseKeyError, Policy, VerifyError, VerifyingKey, jwk_thumbprint,
    shared_secret_kid, verify_access_token,
};
use serde_json::json;

use crate::signing::{ISSUER, NOW, SECRET, SigningKey, claims, encode};

fn parse(jwk: serde_json::Value) -> Result<VerifyingKey, ParseKeyError> {
    VerifyingKey::from_jwk(&serde_json::from_value::<Jwk>(jwk).unwrap())
}

#[test]
fn each_kind_of_key_verifies_what_its_pair_has_signed() {
    let policy = Policy::new(ISSUER, ["api"]);
    for key in [SigningKey::rsa(), SigningKey::ecdsa(), SigningKey::ed25519()] {
        let token = key.token(&claims());
        let verified = verify_access_token(&token, &key.key_set(), &policy, NOW);
        assert_eq!(verified, Ok(claims()), "{}", key.algorithm);
    }
    let secrets = [VerifyingKey::from_shared_secret(SECRET).unwrap()].into_iter().collect();
    let token = SigningKey::secret(SECRET).token(&claims());
    assert_eq!(verify_access_token(&token, &secrets, &policy, NOW), Ok(claims()));
}

#[test]
fn a_key_without_a_name_is_named_by_its_thumbprint() {
    let mut jwk = SigningKey::ed25519().jwk();
    jwk.kid = None;
    assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap().kid(), jwk_thumbprint(&jwk).unwrap());
}

#[test]
fn an_rsa_key_that_is_too_small_or_too_large_is_refused() {
    for bytes in [128, 255, 1_025] {
        let jwk = json!({ "kty": "RSA", "n": encode(vec![0xff; bytes]), "e": "AQAB" });
        assert_eq!(parse(jwk).unwrap_err(), ParseKeyError::RsaSize, "{bytes}");
    }
    // 256 bytes, but the first bit is missing.
    let mut n = vec![0xff; 256];
    n[0] = 0x7f;
    let jwk = json!({ "kty": "RSA", "n": encode(n), "e": "AQAB" });
    assert_eq!(parse(jwk).unwrap_err(), ParseKeyError::RsaSize);
}

#[test]
fn an_rsa_exponent_that_signs_nothing_is_refused() {
    for e in [&[1][..], &[2], &[1, 0, 0]] {
        let jwk = json!({ "kty": "RSA", "n": encode([0xff; 256]), "e": encode(e) });
        assert_eq!(parse(jwk).unwrap_err(), ParseKeyError::Member { member: "e" }, "{e:?}");
    }
}

#[test]
fn a_key_for_something_else_is_refused() {
    let good = serde_json::to_value(SigningKey::ecdsa().jwk()).unwrap();
    for (member, value) in [
        ("use", "enc"),
        ("alg", "ES384"),
        ("alg", "HS256"),
        ("crv", "secp256k1"),
        ("crv", "Ed25519"),
        ("kty", "oct"),
    ] {
        let mut jwk = good.clone();
        jwk[member] = json!(value);
        assert_eq!(parse(jwk).unwrap_err(), ParseKeyError::Unsupported, "{member} {value}");
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_is_refused() {
    let mut jwk = SigningKey::ecdsa().jwk();
    jwk.y = Some(encode([7; 32]));
    assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap_err(), ParseKeyError::Invalid);
    jwk.y = Some(encode([7; 31]));
    assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap_err(), ParseKeyError::Member { member: "y" });
}

#[test]
fn an_ed25519_key_is_its_thirty_two_bytes_and_nothing_else() {
    let mut jwk = SigningKey::ed25519().jwk();
    jwk.x = Some(encode([7; 44]));
    assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap_err(), ParseKeyError::Member { member: "x" });
}

#[test]
fn a_short_secret_is_refused() {
    let short = VerifyingKey::from_shared_secret(&[7; 31]);
    assert_eq!(short.unwrap_err(), ParseKeyError::SecretTooShort);
    assert_eq!(
        VerifyingKey::from_shared_secret(&[7; 32]).unwrap().kid(),
        shared_secret_kid(&[7; 32])
    );
}

#[test]
fn no_debug_output_shows_a_secret() {
    let key = VerifyingKey::from_shared_secret(SECRET).unwrap();
    assert_eq!(format!("{key:?}"), format!("VerifyingKey(HS256 {})", shared_secret_kid(SECRET)));
}

#[test]
fn keys_of_unknown_kinds_do_not_spoil_a_set() {
    let key = SigningKey::ed25519();
    let set = json!({ "keys": [
        { "kty": "oct", "k": "AAAA", "kid": "leaked" },
        { "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "small" },
        { "kty": 7 },
        "no key",
        key.jwk(),
    ] });
    let set = KeySet::parse(set.to_string().as_bytes()).unwrap();
    assert_eq!(set.iter().map(VerifyingKey::kid).collect::<Vec<_>>(), [key.kid]);
}

#[test]
fn a_set_that_is_none_is_an_error() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn every_secret_is_tried_if_the_token_names_none_of_them() {
    let policy = Policy::new(ISSUER, ["api"]);
    let keys: KeySet = [&[1; 32], SECRET, &[2; 32]]
        .map(|secret| VerifyingKey::from_shared_secret(secret).unwrap())
        .into_iter()
        .collect();
    let (known, stranger) = (SigningKey::secret(SECRET), SigningKey::secret(&[3; 32]));
    let payload = serde_json::to_string(&claims()).unwrap();
    for header in
        [r#"{"alg":"HS256","typ":"at+jwt"}"#, r#"{"alg":"HS256","kid":"x","typ":"at+jwt"}"#]
    {
        let token = known.compact(header, &payload);
        assert_eq!(verify_access_token(&token, &keys, &policy, NOW), Ok(claims()), "{header}");
        let token = stranger.compact(header, &payload);
        let refused = verify_access_token(&token, &keys, &policy, NOW);
        assert_eq!(refused, Err(VerifyError::BadSignature), "{header}");
    }
}
