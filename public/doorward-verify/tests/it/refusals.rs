//! Every way to forge, bend or misuse a token that we know of, and what it is called.

use doorward_verify::{
    AccessClaims, Audience, KeySet, Policy, VerifyError, VerifyingKey, verify_access_token,
    verify_revocations,
};
use serde_json::{Value, json};

use crate::signing::{ISSUER, NOW, SECRET, SigningKey, claims, encode};

fn verify(token: &str, keys: &KeySet) -> Result<AccessClaims, VerifyError> {
    verify_access_token(token, keys, &Policy::new(ISSUER, ["api", "admin"]), NOW)
}

fn payload() -> String {
    serde_json::to_string(&claims()).unwrap()
}

#[track_caller]
fn assert_malformed(token: &str, keys: &KeySet) {
    assert!(matches!(verify(token, keys), Err(VerifyError::Malformed { .. })), "{token}");
}

/// A well-signed token whose header has been changed.
fn with_header(key: &SigningKey, change: impl FnOnce(&mut Value)) -> String {
    let mut header = key.header();
    change(&mut header);
    key.compact(&header.to_string(), &payload())
}

/// What becomes of a well-signed token whose claims have been changed.
fn with_claims(change: impl FnOnce(&mut AccessClaims)) -> Result<AccessClaims, VerifyError> {
    let key = SigningKey::ed25519();
    let mut claims = claims();
    change(&mut claims);
    verify(&key.token(&claims), &key.key_set())
}

#[test]
fn an_unsigned_token_is_refused() {
    let key = SigningKey::rsa();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": alg, "kid": key.kid, "typ": "at+jwt" }).to_string();
        let token = format!("{}.{}.", encode(header), encode(payload()));
        assert_eq!(verify(&token, &key.key_set()), Err(VerifyError::WrongAlgorithm), "{alg}");
    }
    let stripped = key.token(&claims());
    let (message, _) = stripped.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{message}."), &key.key_set()), Err(VerifyError::BadSignature));
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let key = SigningKey::rsa();
    let jwk = key.jwk();
    let texts = [serde_json::to_string(&jwk).unwrap(), jwk.n.unwrap(), key.kid.clone()];
    for secret in texts {
        let forger = SigningKey::secret(secret.as_bytes());
        let header = json!({ "alg": "HS256", "kid": key.kid, "typ": "at+jwt" }).to_string();
        let token = forger.compact(&header, &payload());
        assert_eq!(verify(&token, &key.key_set()), Err(VerifyError::WrongAlgorithm));
    }
    // Nor does it help to name no key where there are only public ones.
    let token = SigningKey::secret(SECRET).compact(r#"{"alg":"HS256","typ":"at+jwt"}"#, &payload());
    assert_eq!(verify(&token, &key.key_set()), Err(VerifyError::WrongAlgorithm));
}

#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    let key = SigningKey::rsa();
    for alg in ["RS384", "PS256", "ES256", "EdDSA", "HS256", "rs256", "RS256 "] {
        let token = with_header(&key, |header| header["alg"] = json!(alg));
        assert_eq!(verify(&token, &key.key_set()), Err(VerifyError::WrongAlgorithm), "{alg}");
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_used() {
    let (ours, theirs) = (SigningKey::ed25519(), SigningKey::ed25519());
    for (member, value) in [
        ("jwk", serde_json::to_value(theirs.jwk()).unwrap()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIB"])),
    ] {
        let token = with_header(&theirs, |header| header[member] = value.clone());
        assert_eq!(
            verify(&token, &ours.key_set()),
            Err(VerifyError::UnknownKey { kid: theirs.kid.clone() }),
            "{member}"
        );
        let token = with_header(&theirs, |header| {
            header[member] = value;
            header["kid"] = json!(ours.kid);
        });
        assert_eq!(verify(&token, &ours.key_set()), Err(VerifyError::BadSignature), "{member}");
    }
    // They do no harm either, if the key is ours.
    let token = with_header(&ours, |header| header["jku"] = json!("https://evil.example"));
    assert_eq!(verify(&token, &ours.key_set()), Ok(claims()));
}

#[test]
fn a_swapped_key_name_does_not_verify() {
    let (first, second) = (SigningKey::ecdsa(), SigningKey::ecdsa());
    let keys: KeySet = first.key_set().into_iter().chain(second.key_set()).collect();
    let token = with_header(&first, |header| header["kid"] = json!(second.kid));
    assert_eq!(verify(&token, &keys), Err(VerifyError::BadSignature));
    assert_eq!(verify(&first.token(&claims()), &keys), Ok(claims()));
}

#[test]
fn a_token_that_names_no_key_is_refused() {
    let key = SigningKey::ed25519();
    let nameless = key.compact(r#"{"alg":"EdDSA","typ":"at+jwt"}"#, &payload());
    assert_malformed(&nameless, &key.key_set());
    let endless = with_header(&key, |header| header["kid"] = json!("k".repeat(257)));
    assert_malformed(&endless, &key.key_set());
}

#[test]
fn critical_extensions_and_double_members_are_refused() {
    let key = SigningKey::ed25519();
    let keys = key.key_set();
    assert_malformed(&with_header(&key, |header| header["crit"] = json!(["exp"])), &keys);
    assert_malformed(&with_header(&key, |header| header["crit"] = json!([])), &keys);
    for double in [r#"{"alg":"EdDSA","#, r#"{"typ":"JWT","#, r#"{"zip":1,"zip":2,"#] {
        let header = key.header().to_string().replacen('{', double, 1);
        assert_malformed(&key.compact(&header, &payload()), &keys);
    }
    for double in [r#"{"sub":"user_0","#, r#"{"exp":9999999999,"#, r#"{"type":"access","#] {
        let claims = payload().replacen('{', double, 1);
        assert_malformed(&key.compact(&key.header().to_string(), &claims), &keys);
    }
}

#[test]
fn another_type_of_token_is_refused() {
    let key = SigningKey::ed25519();
    for typ in ["JWT", "jwt", "revocations+jwt", "dpop+jwt", "at+jwt+x", "application/jwt", ""] {
        let token = with_header(&key, |header| header["typ"] = json!(typ));
        assert_eq!(verify(&token, &key.key_set()), Err(VerifyError::WrongType), "{typ}");
    }
    let typeless = json!({ "alg": "EdDSA", "kid": key.kid }).to_string();
    let token = key.compact(&typeless, &payload());
    assert_eq!(verify(&token, &key.key_set()), Err(VerifyError::WrongType));
    for typ in ["AT+JWT", "application/at+jwt"] {
        let token = with_header(&key, |header| header["typ"] = json!(typ));
        assert_eq!(verify(&token, &key.key_set()), Ok(claims()), "{typ}");
    }
    assert_eq!(with_claims(|claims| claims.kind = "refresh".into()), Err(VerifyError::WrongType));
}

#[test]
fn an_access_token_is_no_list_of_revocations() {
    let key = SigningKey::ed25519();
    let policy = Policy::new(ISSUER, ["api"]);
    let refused = verify_revocations(&key.token(&claims()), &key.key_set(), &policy, NOW);
    assert_eq!(refused, Err(VerifyError::WrongType));
}

#[test]
fn a_token_is_good_from_its_beginning_to_its_end_and_for_the_leeway_around() {
    assert!(with_claims(|claims| claims.exp = NOW - 29).is_ok());
    assert_eq!(with_claims(|claims| claims.exp = NOW - 30), Err(VerifyError::Expired));
    assert!(with_claims(|claims| claims.iat = NOW + 30).is_ok());
    assert_eq!(with_claims(|claims| claims.iat = NOW + 31), Err(VerifyError::NotYetValid));
    assert!(with_claims(|claims| claims.nbf = Some(NOW + 30)).is_ok());
    assert_eq!(with_claims(|claims| claims.nbf = Some(NOW + 31)), Err(VerifyError::NotYetValid));
    assert_eq!(with_claims(|claims| claims.exp = i64::MIN), Err(VerifyError::Expired));
    assert!(with_claims(|claims| claims.exp = i64::MAX).is_ok());
    assert_eq!(with_claims(|claims| claims.iat = i64::MAX), Err(VerifyError::NotYetValid));
}

#[test]
fn another_issuer_is_refused_however_alike() {
    for iss in
        ["https://auth.example.com/", "https://AUTH.example.com", "http://auth.example.com", ""]
    {
        let refused = with_claims(|claims| claims.iss = iss.into());
        assert_eq!(refused, Err(VerifyError::WrongIssuer), "{iss}");
    }
}

#[test]
fn a_token_is_for_one_of_our_audiences_or_refused() {
    let many = |names: &[&str]| Audience::Many(names.iter().map(|&name| name.into()).collect());
    assert!(with_claims(|claims| claims.aud = many(&["other", "admin"])).is_ok());
    for aud in [Audience::One("other".into()), Audience::One("API".into()), many(&[])] {
        let refused = with_claims(|claims| claims.aud = aud.clone());
        assert_eq!(refused, Err(VerifyError::WrongAudience), "{aud:?}");
    }
    let key = SigningKey::ed25519();
    let nobody = Policy::new(ISSUER, [] as [&str; 0]);
    let refused = verify_access_token(&key.token(&claims()), &key.key_set(), &nobody, NOW);
    assert_eq!(refused, Err(VerifyError::WrongAudience));
}

#[test]
fn a_missing_or_mistyped_claim_is_refused() {
    let key = SigningKey::ed25519();
    let whole = serde_json::to_value(claims()).unwrap();
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "session_epoch", "type"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(claim);
        assert_malformed(&key.token(&without), &key.key_set());
        let mut mistyped = whole.clone();
        mistyped[claim] = json!({});
        assert_malformed(&key.token(&mistyped), &key.key_set());
    }
    for text in ["", "{}", "null", "[]", "\"text\"", "{\"exp\":1e400}", "\u{1f}"] {
        assert_malformed(&key.compact(&key.header().to_string(), text), &key.key_set());
    }
}

#[test]
fn a_token_has_three_segments() {
    let key = SigningKey::ed25519();
    let keys = key.key_set();
    let token = key.token(&claims());
    let segments: Vec<_> = token.split('.').collect();
    for broken in [
        String::new(),
        ".".into(),
        segments[0].into(),
        segments[..2].join("."),
        format!("{token}."),
        format!("{token}.AAAA"),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{}..{}", segments[0], segments[1]),
    ] {
        assert!(verify(&broken, &keys).is_err(), "{broken}");
    }
    assert_malformed("..", &keys);
    assert_malformed(&format!("{token}.AAAA"), &keys);
    assert_malformed(&segments[..2].join("."), &keys);
    for length in 0..token.len() {
        assert!(verify(&token[..length], &keys).is_err(), "cut after {length} bytes");
    }
}

#[test]
fn a_token_can_be_written_in_one_way_only() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let key = SigningKey::ed25519();
    let keys = key.key_set();
    let token = key.token(&claims());
    let segments: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = segments[..] else { panic!("three segments") };

    // 64 bytes of signature leave four bits in the last letter that stand for nothing.
    let (start, last) = signature.split_at(signature.len() - 1);
    let place = ALPHABET.find(last).unwrap();
    let sibling = &ALPHABET[place + 1..place + 2];
    assert_malformed(&format!("{header}.{payload}.{start}{sibling}"), &keys);

    assert_malformed(&format!("{header}.{payload}.{signature}=="), &keys);
    assert_malformed(&format!("{header}=.{payload}.{signature}"), &keys);
    assert_malformed(&format!("{header}.{payload}.{} {}", &signature[..4], &signature[4..]), &keys);
    let standard = signature.replace('-', "+").replace('_', "/");
    if standard != signature {
        assert_malformed(&format!("{header}.{payload}.{standard}"), &keys);
    }
    // Even a well-signed payload must be canonical.
    assert_malformed(&key.sign(&format!("{header}.{payload}=")), &keys);
    assert_malformed(&key.sign(&format!("{header}.{payload}\u{e4}")), &keys);
}

#[test]
fn a_token_that_is_too_long_is_not_read() {
    let key = SigningKey::ed25519();
    let mut claims = claims();
    claims.name = Some("n".repeat(11_000));
    assert!(verify(&key.token(&claims), &key.key_set()).is_ok(), "beyond the stack, within bounds");
    claims.name = Some("n".repeat(13_000));
    assert_malformed(&key.token(&claims), &key.key_set());

    let header = with_header(&key, |header| header["x"] = json!("x".repeat(2_000)));
    assert_malformed(&header, &key.key_set());
}

#[test]
fn an_unknown_key_is_named() {
    let (ours, theirs) = (SigningKey::ed25519(), SigningKey::ed25519());
    let refused = verify(&theirs.token(&claims()), &ours.key_set());
    assert_eq!(refused, Err(VerifyError::UnknownKey { kid: theirs.kid }));
}

#[test]
fn a_header_may_be_written_in_any_order() {
    let key = SigningKey::ecdsa();
    let header = format!(r#"{{ "typ":"at+jwt", "kid":"{}", "x":1, "alg":"ES256" }}"#, key.kid);
    assert_eq!(verify(&key.compact(&header, &payload()), &key.key_set()), Ok(claims()));
}

#[test]
fn an_empty_set_accepts_nothing() {
    let secret = VerifyingKey::from_shared_secret(SECRET).unwrap();
    let token = SigningKey::secret(SECRET).token(&claims());
    assert_eq!(verify(&token, &KeySet::new()), Err(VerifyError::WrongAlgorithm));
    assert!(verify(&token, &[secret].into_iter().collect()).is_ok());
}
