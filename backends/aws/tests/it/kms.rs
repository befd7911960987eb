//! Signatures by keys that nobody can read.

use aws::KmsSigner;
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::{Algorithm, RemoteSigner};
use crypto::KeySet;
use der::asn1::{BitStringRef, UintRef};
use der::{AnyRef, Decode as _, Reader as _, SliceReader};
use servers::{AwsProxy, Fate};

use crate::fixtures::{clients, config, name, server};

const MESSAGE: &[u8] = b"header.payload";

async fn key(spec: KeySpec, usage: KeyUsageType) -> String {
    let client = aws_sdk_kms::Client::new(&config(&server()));
    let made = client.create_key().key_spec(spec).key_usage(usage).send().await.unwrap();
    made.key_metadata.unwrap().key_id
}

fn open() -> (AwsProxy, KmsSigner) {
    let proxy = AwsProxy::open(&server()).unwrap();
    let signer = KmsSigner::new(&clients(&proxy));
    (proxy, signer)
}

/// What stands in the bit string of a `SubjectPublicKeyInfo`.
fn bits_of(spki: &[u8]) -> Vec<u8> {
    let mut reader = SliceReader::new(spki).unwrap();
    let read = reader.sequence(|parts| {
        AnyRef::decode(parts)?;
        Ok(BitStringRef::decode(parts)?.as_bytes().unwrap().to_vec())
    });
    read.unwrap()
}

fn rsa_jwk(spki: &[u8]) -> String {
    let bits = bits_of(spki);
    let mut reader = SliceReader::new(&bits).unwrap();
    let numbers = reader.sequence(|parts| Ok((UintRef::decode(parts)?, UintRef::decode(parts)?)));
    let (n, e) = numbers.unwrap();
    let [n, e] = [n, e].map(|number| URL_SAFE_NO_PAD.encode(number.as_bytes()));
    format!(r#"{{"kty":"RSA","kid":"k","use":"sig","alg":"RS256","n":"{n}","e":"{e}"}}"#)
}

fn ec_jwk(spki: &[u8]) -> String {
    let bits = bits_of(spki);
    // An uncompressed point.
    assert_eq!((bits.len(), bits[0]), (65, 4));
    let [x, y] = [&bits[1..33], &bits[33..]].map(|number| URL_SAFE_NO_PAD.encode(number));
    format!(
        r#"{{"kty":"EC","crv":"P-256","kid":"k","use":"sig","alg":"ES256","x":"{x}","y":"{y}"}}"#
    )
}

fn assert_verifies(jwk: &str, signature: &[u8]) {
    let keys = KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).unwrap();
    let key = keys.find("k").unwrap();
    key.verify(MESSAGE, signature).unwrap();
    key.verify(b"header.another", signature).unwrap_err();
}

#[tokio::test]
async fn an_rsa_key_signs_what_its_public_part_verifies() {
    let (_proxy, signer) = open();
    let key = key(KeySpec::Rsa2048, KeyUsageType::SignVerify).await;
    let jwk = rsa_jwk(&signer.public_key(&key).await.unwrap().spki);
    let digest = crypto::digest(MESSAGE);
    let signature = signer.sign_digest(&key, Algorithm::RS256, digest).await.unwrap();
    assert_verifies(&jwk, &signature);
}

#[tokio::test]
async fn a_key_that_was_found_by_an_alias_is_named_so_that_the_alias_may_move() {
    let (_proxy, signer) = open();
    let alias = format!("alias/{}", name());
    let first = key(KeySpec::EccNistP256, KeyUsageType::SignVerify).await;
    let second = key(KeySpec::EccNistP256, KeyUsageType::SignVerify).await;
    let kms = aws_sdk_kms::Client::new(&config(&server()));
    kms.create_alias().alias_name(&alias).target_key_id(&first).send().await.unwrap();
    let found = signer.public_key(&alias).await.unwrap();
    kms.update_alias().alias_name(&alias).target_key_id(&second).send().await.unwrap();
    assert_eq!(signer.public_key(&found.name).await.unwrap(), found);
    assert_ne!(signer.public_key(&alias).await.unwrap(), found);
    let digest = crypto::digest(MESSAGE);
    let signature = signer.sign_digest(&found.name, Algorithm::ES256, digest).await.unwrap();
    assert_verifies(&ec_jwk(&found.spki), &signature);
}

#[tokio::test]
async fn a_p256_key_signs_in_the_form_of_jose() {
    let (_proxy, signer) = open();
    let key = key(KeySpec::EccNistP256, KeyUsageType::SignVerify).await;
    let jwk = ec_jwk(&signer.public_key(&key).await.unwrap().spki);
    // Often enough that a number with a leading zero, and one without, is among them.
    for _ in 0..32 {
        let digest = crypto::digest(MESSAGE);
        let signature = signer.sign_digest(&key, Algorithm::ES256, digest).await.unwrap();
        assert_eq!(signature.len(), 64);
        assert_verifies(&jwk, &signature);
    }
}

#[tokio::test]
async fn a_key_for_another_use_is_refused() {
    let (_proxy, signer) = open();
    for (spec, usage, words) in [
        (KeySpec::Rsa2048, KeyUsageType::EncryptDecrypt, "ENCRYPT_DECRYPT"),
        (KeySpec::EccNistP384, KeyUsageType::SignVerify, "ECC_NIST_P384"),
    ] {
        let key = key(spec, usage).await;
        let error = signer.public_key(&key).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_key_signs_only_with_its_own_algorithm() {
    let (proxy, signer) = open();
    let key = key(KeySpec::EccNistP256, KeyUsageType::SignVerify).await;
    for algorithm in [Algorithm::RS256, Algorithm::EdDsa, Algorithm::HS256] {
        signer.sign_digest(&key, algorithm, [0; 32]).await.unwrap_err();
    }
    // KMS was asked about the first alone.
    assert_eq!(proxy.operations(), ["Sign"]);
}

#[tokio::test]
async fn passing_failures_are_tried_again_and_others_are_not() {
    let (proxy, signer) = open();
    let key = key(KeySpec::EccNistP256, KeyUsageType::SignVerify).await;
    for (status, code) in [
        (500, "KMSInternalException"),
        (503, "DependencyTimeoutException"),
        (400, "ThrottlingException"),
        (500, "KeyUnavailableException"),
    ] {
        proxy.next("Sign", Fate::Refused(status, code));
        proxy.next("Sign", Fate::Refused(status, code));
        signer.sign_digest(&key, Algorithm::ES256, [0; 32]).await.unwrap();
        assert_eq!(proxy.operations().len(), 3, "{code}");
    }
    for code in [
        "DisabledException",
        "KMSInvalidStateException",
        "NotFoundException",
        "InvalidKeyUsageException",
    ] {
        proxy.next("Sign", Fate::Refused(400, code));
        let error = signer.sign_digest(&key, Algorithm::ES256, [0; 32]).await.unwrap_err();
        assert!(error.to_string().starts_with(code), "{error}");
        assert_eq!(proxy.operations().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_signature_is_refused() {
    let (proxy, signer) = open();
    for (body, words) in
        [(r#"{"Signature":"AAAA"}"#, "no ECDSA signature"), ("{}", "without the signature")]
    {
        proxy.next("Sign", Fate::Babble(body));
        let error = signer.sign_digest("any", Algorithm::ES256, [0; 32]).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
