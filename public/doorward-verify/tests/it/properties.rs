//! What holds for every text, not only for those that we thought of.

use std::sync::LazyLock;

use doorward_verify::{
    KeySet, Policy, VerifyingKey, verify_access_token, verify_revocations,
    verify_shared_secret_token,
};
use proptest::prelude::*;

use crate::signing::{ISSUER, NOW, SECRET, SigningKey, claims, encode};

/// One of each kind, so that every branch is within reach.
struct Fixture {
    keys: KeySet,
    tokens: Vec<String>,
    policy: Policy,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let public = [SigningKey::rsa(), SigningKey::ecdsa(), SigningKey::ed25519()];
    let secret = SigningKey::secret(SECRET);
    let mut keys: KeySet = public.iter().flat_map(SigningKey::key_set).collect();
    keys.insert(VerifyingKey::from_shared_secret(SECRET).unwrap());
    let tokens = public.iter().chain([&secret]).map(|key| key.token(&claims())).collect();
    Fixture { keys, tokens, policy: Policy::new(ISSUER, ["api"]) }
});

fn is_accepted(token: &str) -> bool {
    let Fixture { keys, policy, .. } = &*FIXTURE;
    verify_revocations(token, keys, policy, NOW).is_ok()
        || verify_access_token(token, keys, policy, NOW).is_ok()
        || verify_shared_secret_token(token, keys, policy, NOW).is_ok()
}

#[test]
fn the_tokens_of_these_tests_are_good() {
    assert!(FIXTURE.tokens.iter().all(|token| is_accepted(token)));
}

proptest! {
    #[test]
    fn no_text_is_accepted_and_none_makes_us_panic(text in ".{0,300}") {
        prop_assert!(!is_accepted(&text));
    }

    #[test]
    fn nothing_in_the_shape_of_a_token_is_accepted(
        header in ".{0,80}",
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        signature in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let token = format!("{}.{}.{}", encode(header), encode(payload), encode(signature));
        prop_assert!(!is_accepted(&token));
    }

    #[test]
    fn any_members_in_a_header_are_read_without_panic(
        members in proptest::collection::vec(("[a-z]{1,4}", ".{0,20}"), 0..20),
        alg in prop::sample::select(vec!["RS256", "ES256", "EdDSA", "HS256", "none"]),
    ) {
        let mut header = serde_json::json!({ "alg": alg, "typ": "at+jwt" });
        for (name, value) in members {
            header[name] = serde_json::json!(value);
        }
        let token = format!("{}.{}.{}", encode(header.to_string()), encode("{}"), encode([7; 64]));
        prop_assert!(!is_accepted(&token));
    }

    #[test]
    fn a_good_token_with_one_other_byte_is_refused(
        which in 0..4_usize,
        place in any::<prop::sample::Index>(),
        other in 0..128_u8,
    ) {
        let token = &FIXTURE.tokens[which];
        let mut bytes = token.clone().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != other);
        bytes[place] = other;
        prop_assert!(!is_accepted(std::str::from_utf8(&bytes).unwrap()));
    }
}
