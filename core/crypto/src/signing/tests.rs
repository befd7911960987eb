use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_claims::{ACCESS_TOKEN_TYP, AccessClaims, Algorithm, JwkSet, TOKEN_KIND};
use doorward_verify::{
    KeySet, Policy, VerifyError, VerifyingKey, shared_secret_kid, verify_access_token,
};
use secrecy::ExposeSecret;
use zeroize::ZeroizeOnDrop;

use super::*;

const NOW: i64 = 1_731_333_100;
const PUBLIC_KEY_ALGORITHMS: [Algorithm; 3] =
    [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDsa];

fn any_key(algorithm: Algorithm) -> SigningKey {
    if algorithm.is_symmetric() {
        SigningKey::from_shared_secret(&[7; 32]).unwrap()
    } else {
        SigningKey::generate(algorithm).unwrap().key
    }
}

fn every_key() -> impl Iterator<Item = SigningKey> {
    PUBLIC_KEY_ALGORITHMS.into_iter().chain([Algorithm::HS256]).map(any_key)
}

fn claims() -> AccessClaims {
    serde_json::from_value(serde_json::json!({
        "iss": "https://auth.example.com", "sub": "user_1", "aud": "api",
        "client_id": "first-party", "iat": NOW, "exp": NOW + 900, "jti": "a", "sid": "sess_1",
        "session_epoch": 3, "type": TOKEN_KIND, "roles": ["USER"], "permissions": [],
        "scope": "", "auth_time": NOW, "amr": ["pwd"], "role": "USER", "email_verified": false,
    }))
    .unwrap()
}

fn verify(token: &str, key: VerifyingKey) -> Result<AccessClaims, VerifyError> {
    let policy = Policy::new("https://auth.example.com", ["api"]);
    verify_access_token(token, &KeySet::from_iter([key]), &policy, NOW)
}

#[test]
fn a_token_of_each_algorithm_is_verified() {
    for key in every_key() {
        let token = key.sign(ACCESS_TOKEN_TYP, &claims()).unwrap();
        let verified = verify(&token, key.verifying_key()).unwrap();
        assert_eq!(verified.sub, "user_1", "{key:?}");
        assert!(verified.aud.contains("api"));
    }
}

#[test]
fn a_token_is_verified_with_the_published_key() {
    for algorithm in PUBLIC_KEY_ALGORITHMS {
        let key = any_key(algorithm);
        let token = key.sign(ACCESS_TOKEN_TYP, &claims()).unwrap();
        let published = JwkSet { keys: vec![key.public_jwk().unwrap()] };
        let keys = KeySet::parse(&serde_json::to_vec(&published).unwrap()).unwrap();
        let policy = Policy::new("https://auth.example.com", ["api"]);
        assert!(verify_access_token(&token, &keys, &policy, NOW).is_ok(), "{algorithm}");
    }
}

#[test]
fn a_token_that_was_changed_anywhere_is_refused() {
    for key in every_key() {
        let token = key.sign(ACCESS_TOKEN_TYP, &claims()).unwrap();
        for position in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&changed, key.verifying_key()).is_err(), "{key:?} {position}");
        }
    }
}

#[test]
fn a_token_of_another_key_is_refused() {
    for algorithm in PUBLIC_KEY_ALGORITHMS {
        let token = any_key(algorithm).sign(ACCESS_TOKEN_TYP, &claims()).unwrap();
        assert!(verify(&token, any_key(algorithm).verifying_key()).is_err());
    }
}

#[test]
fn a_header_is_alg_kid_and_typ_in_that_order() {
    let key = SigningKey::from_shared_secret(&[7; 32]).unwrap();
    for typ in [ACCESS_TOKEN_TYP, "revocations+jwt"] {
        let token = key.sign(typ, &claims()).unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let expected = format!(r#"{{"alg":"HS256","kid":"{}","typ":"{typ}"}}"#, key.kid());
        assert_eq!(String::from_utf8(header).unwrap(), expected);
    }
}

/// Made with Python's `hmac`: other languages sign the same bytes alike.
#[test]
fn an_hs256_token_has_the_bytes_that_other_languages_make() {
    let key = SigningKey::from_shared_secret(&[7; 32]).unwrap();
    assert_eq!(key.kid(), shared_secret_kid(&[7; 32]));
    let token = key.sign("at+jwt", &serde_json::json!({ "sub": "a" })).unwrap();
    assert_eq!(token, HS256_TOKEN);
}

const HS256_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImdZRXdXVU5rQlBuc05FaVhC\
    V0d5SGciLCJ0eXAiOiJhdCtqd3QifQ.\
    eyJzdWIiOiJhIn0.\
    MAQd_6nLYB6-XtiobIOUHPBbGsIWo--S8gn-JXvk1mk";

/// The private key of RFC 8037 A.1, and its thumbprint of A.3.
#[test]
fn a_kid_is_the_thumbprint_of_the_standard() {
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend(URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap());
    let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &pkcs8).unwrap();
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let x = key.public_jwk().unwrap().x;
    assert_eq!(x.as_deref(), Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
}

#[test]
fn a_published_key_has_the_members_of_its_type_and_no_others() {
    for (algorithm, members) in [
        (Algorithm::RS256, ["kty", "use", "alg", "kid", "n", "e"].as_slice()),
        (Algorithm::ES256, &["kty", "use", "alg", "kid", "crv", "x", "y"]),
        (Algorithm::EdDsa, &["kty", "use", "alg", "kid", "crv", "x"]),
    ] {
        let key = any_key(algorithm);
        let json = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
        let json = json.as_object().unwrap();
        assert_eq!(json.len(), members.len());
        assert!(members.iter().all(|member| json.contains_key(*member)), "{algorithm}");
        assert_eq!(json["kid"], key.kid());
        assert_eq!(json["alg"], algorithm.name());
        assert_eq!(json["use"], "sig");
    }
    assert_eq!(any_key(Algorithm::HS256).public_jwk(), None);
}

#[test]
fn a_new_rsa_key_has_2048_bits_and_the_usual_exponent() {
    let jwk = any_key(Algorithm::RS256).public_jwk().unwrap();
    let n = URL_SAFE_NO_PAD.decode(jwk.n.unwrap()).unwrap();
    assert!(n.len() == 256 && n[0] >= 0x80);
    assert_eq!(jwk.e.as_deref(), Some("AQAB"));
}

#[test]
fn a_key_that_was_kept_is_the_same_key() {
    for algorithm in PUBLIC_KEY_ALGORITHMS {
        let made = SigningKey::generate(algorithm).unwrap();
        let pkcs8 = made.pkcs8.expose_secret();
        let read = SigningKey::from_pkcs8(algorithm, pkcs8).unwrap();
        assert_eq!(read.kid(), made.key.kid());
        assert_eq!(read.algorithm(), algorithm);
        let token = read.sign(ACCESS_TOKEN_TYP, &claims()).unwrap();
        assert!(verify(&token, made.key.verifying_key()).is_ok());
    }
}

#[test]
fn a_key_is_for_its_algorithm_only() {
    for made in PUBLIC_KEY_ALGORITHMS {
        let pkcs8 = SigningKey::generate(made).unwrap().pkcs8;
        for other in PUBLIC_KEY_ALGORITHMS.into_iter().chain([Algorithm::HS256]) {
            let read = SigningKey::from_pkcs8(other, pkcs8.expose_secret());
            assert_eq!(read.is_ok(), other == made, "{made} as {other}");
        }
        let cut = &pkcs8.expose_secret()[1..];
        let refused = SigningKey::from_pkcs8(made, cut).unwrap_err();
        assert_eq!(refused, ParseKeyError::Rejected(made));
    }
}

#[test]
fn a_short_secret_is_refused_and_none_is_generated() {
    let refused = SigningKey::from_shared_secret(&[7; 31]).unwrap_err();
    assert_eq!(refused.to_string(), "a shared secret has at least 32 bytes, not 31");
    let refused = SigningKey::generate(Algorithm::HS256).unwrap_err();
    assert_eq!(refused, GenerateKeyError::Symmetric);
}

#[test]
fn what_leaves_as_bytes_is_wiped_when_dropped() {
    const fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
    is_wiped(&SigningKey::generate(Algorithm::EdDsa).unwrap().pkcs8);
    is_wiped(&generate_shared_secret([7; 32]));
}

#[test]
fn a_key_is_not_shown() {
    let made = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let kid = made.key.kid();
    assert_eq!(format!("{:?}", made.key), format!("SigningKey(EdDSA {kid})"));
    assert_eq!(format!("{made:?}"), format!("GeneratedKey {{ key: {:?}, .. }}", made.key));
}

#[test]
fn claims_without_a_json_form_are_an_error() {
    let key = any_key(Algorithm::HS256);
    let claims = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(key.sign(ACCESS_TOKEN_TYP, &claims), Err(SignError::Claims(_))));
}
