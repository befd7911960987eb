use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RsaSubjectPublicKey};
use doorward_claims::{Algorithm, Jwk};
use doorward_verify::VerifyingKey;
use serde::Serialize;

use super::identity::KeyIdentity;
use super::{ParseKeyError, SignError, UnsignedToken, jwk};

/// The public part of a key that signs tokens elsewhere, where nobody can read its private part.
///
/// It says of itself what a [`SigningKey`](super::SigningKey) does.
pub struct RemoteKey {
    identity: KeyIdentity,
}

impl RemoteKey {
    /// Reads the public part: `SubjectPublicKeyInfo`, DER (RFC 5280 §4.1).
    ///
    /// For RS256 it is RSA of 2,048 to 8,192 bits, for ES256 P-256. The other algorithms sign more
    /// than a digest.
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, ParseKeyError> {
        let rejected = ParseKeyError::NotPublic(algorithm);
        let jwk = match algorithm {
            Algorithm::RS256 => rsa(spki),
            Algorithm::ES256 => p256(spki),
            Algorithm::EdDsa | Algorithm::HS256 => None,
        }
        .ok_or(rejected)?;
        let identity = KeyIdentity::of_public(jwk).map_err(|_| rejected)?;
        Ok(Self { identity })
    }

    /// The key's name in tokens and key sets: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        self.identity.kid()
    }

    /// The one algorithm that the key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.identity.algorithm()
    }

    /// The key as it is published.
    pub fn public_jwk(&self) -> Jwk {
        self.identity.jwk().cloned().expect("it was made of a JWK")
    }

    /// The key that checks what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.identity.verifying().clone()
    }

    /// Writes `claims` as a token under this key, whose digest is to be signed elsewhere.
    pub fn unsigned(
        &self,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<UnsignedToken<'_>, SignError> {
        UnsignedToken::write(&self.identity, typ, claims)
    }
}

impl fmt::Debug for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteKey({} {})", self.algorithm(), self.kid())
    }
}

/// Bytes are taken as the library itself would write that key and no others, so that neither
/// another form nor something behind the key passes.
fn is_written_so(key: &impl AsDer<PublicKeyX509Der<'static>>, spki: &[u8]) -> bool {
    key.as_der().is_ok_and(|der| der.as_ref() == spki)
}

fn rsa(spki: &[u8]) -> Option<Jwk> {
    let key = RsaSubjectPublicKey::from_der(spki).ok()?;
    is_written_so(&key, spki).then(|| jwk::of_rsa(&key))
}

/// The structure ends with the point; the library has no other way to tell it.
fn p256(spki: &[u8]) -> Option<Jwk> {
    let point = spki.last_chunk()?;
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
    is_written_so(&key, spki).then(|| jwk::of_p256(point))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{Digest, SHA256};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
        KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    };
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use doorward_claims::ACCESS_TOKEN_TYP;
    use doorward_verify::TokenForm;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::super::SigningKey;
    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

    /// A private key that only signs digests, as a KMS does.
    enum Elsewhere {
        Rsa(RsaKeyPair),
        P256(EcdsaKeyPair),
    }

    impl Elsewhere {
        fn new(algorithm: Algorithm) -> Self {
            match algorithm {
                Algorithm::RS256 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
                _ => Self::P256(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)),
            }
        }

        fn spki(&self) -> Vec<u8> {
            match self {
                Self::Rsa(pair) => spki(pair.public_key()),
                Self::P256(pair) => spki(pair.public_key()),
            }
        }

        fn sign_digest(&self, digest: [u8; 32]) -> Vec<u8> {
            let digest = Digest::import_less_safe(&digest, &SHA256).unwrap();
            match self {
                Self::Rsa(pair) => {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).unwrap();
                    signature
                }
                Self::P256(pair) => pair.sign_digest(&digest).unwrap().as_ref().to_vec(),
            }
        }
    }

    fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
        EcdsaKeyPair::generate(algorithm).unwrap()
    }

    fn spki(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
        key.as_der().unwrap().as_ref().to_vec()
    }

    fn claims() -> Value {
        json!({ "sub": "user_1" })
    }

    fn verified(token: &str, key: &RemoteKey) -> Option<Value> {
        let keys = [key.verifying_key()].into_iter().collect();
        doorward_verify::verify_signed(token, TokenForm::ACCESS, &keys).ok()
    }

    #[test]
    fn a_token_that_was_signed_elsewhere_is_verified() {
        for algorithm in BOTH {
            let elsewhere = Elsewhere::new(algorithm);
            let key = RemoteKey::from_spki(algorithm, &elsewhere.spki()).unwrap();
            let unsigned = key.unsigned(ACCESS_TOKEN_TYP, &claims()).unwrap();
            let signature = elsewhere.sign_digest(unsigned.digest());
            let token = unsigned.signed(&signature).unwrap();
            assert_eq!(verified(&token, &key), Some(claims()), "{algorithm}");
        }
    }

    #[test]
    fn a_remote_key_says_of_itself_what_the_same_key_here_would() {
        for algorithm in BOTH {
            let made = SigningKey::generate(algorithm).unwrap();
            let local = made.key;
            let pkcs8 = made.pkcs8.expose_secret();
            let spki = if algorithm == Algorithm::RS256 {
                spki(RsaKeyPair::from_pkcs8(pkcs8).unwrap().public_key())
            } else {
                let read = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
                spki(read.unwrap().public_key())
            };
            let remote = RemoteKey::from_spki(algorithm, &spki).unwrap();
            assert_eq!(remote.kid(), local.kid());
            assert_eq!(remote.algorithm(), algorithm);
            assert_eq!(Some(remote.public_jwk()), local.public_jwk());
            assert_eq!(remote.verifying_key().kid(), local.kid());
            assert_eq!(format!("{remote:?}"), format!("RemoteKey({algorithm} {})", local.kid()));

            for typ in [ACCESS_TOKEN_TYP, "revocations+jwt"] {
                let here = local.sign(typ, &claims()).unwrap();
                let unsigned = remote.unsigned(typ, &claims()).unwrap();
                let digest = crate::digest(here.rsplit_once('.').unwrap().0.as_bytes());
                assert_eq!(unsigned.digest(), digest, "{algorithm} {typ}");
            }
        }
    }

    #[test]
    fn a_signature_that_is_not_of_the_key_and_the_token_makes_no_token() {
        for algorithm in BOTH {
            let (ours, theirs) = (Elsewhere::new(algorithm), Elsewhere::new(algorithm));
            let key = RemoteKey::from_spki(algorithm, &ours.spki()).unwrap();
            let digest = key.unsigned(ACCESS_TOKEN_TYP, &claims()).unwrap().digest();
            let genuine = ours.sign_digest(digest);
            let mut changed = genuine.clone();
            changed[40] ^= 1;
            let wrong = [
                theirs.sign_digest(digest),
                ours.sign_digest([7; 32]),
                changed,
                genuine[1..].to_vec(),
                [&genuine[..], &[0]].concat(),
                Vec::new(),
            ];
            for signature in wrong {
                let unsigned = key.unsigned(ACCESS_TOKEN_TYP, &claims()).unwrap();
                let refused = unsigned.signed(&signature).unwrap_err();
                assert!(matches!(refused, SignError::NotOfKey(of) if of == algorithm));
            }
            let unsigned = key.unsigned(ACCESS_TOKEN_TYP, &claims()).unwrap();
            assert!(unsigned.signed(&genuine).is_ok());
        }
    }

    /// A KMS answers in DER, which whoever calls it must turn into the form of RFC 7518.
    #[test]
    fn an_ecdsa_signature_in_der_is_refused() {
        let pair = ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING);
        let key = RemoteKey::from_spki(Algorithm::ES256, &spki(pair.public_key())).unwrap();
        let unsigned = key.unsigned(ACCESS_TOKEN_TYP, &claims()).unwrap();
        let digest = Digest::import_less_safe(&unsigned.digest(), &SHA256).unwrap();
        let signature = pair.sign_digest(&digest).unwrap();
        assert!(matches!(unsigned.signed(signature.as_ref()), Err(SignError::NotOfKey(_))));
    }

    #[test]
    fn a_key_is_for_its_algorithm_and_written_in_one_way() {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let p256 = ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let keys = [
            (Some(Algorithm::RS256), spki(rsa.public_key())),
            (Some(Algorithm::ES256), spki(p256.public_key())),
            (None, rsa.public_key().as_ref().to_vec()),
            (None, p256.public_key().as_ref().to_vec()),
            (None, spki(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING).public_key())),
            (None, spki(Ed25519KeyPair::generate().unwrap().public_key())),
            (None, Vec::new()),
        ];
        for (made_for, spki) in keys {
            for algorithm in [Algorithm::EdDsa, Algorithm::HS256].into_iter().chain(BOTH) {
                let read = RemoteKey::from_spki(algorithm, &spki);
                assert_eq!(read.is_ok(), made_for == Some(algorithm), "{made_for:?} {algorithm}");
                let longer = RemoteKey::from_spki(algorithm, &[&spki[..], &[0]].concat());
                assert_eq!(longer.unwrap_err(), ParseKeyError::NotPublic(algorithm));
            }
            for length in 0..spki.len() {
                let cut = &spki[..length];
                assert!(
                    BOTH.iter().all(|&algorithm| RemoteKey::from_spki(algorithm, cut).is_err())
                );
            }
        }
    }

    /// Made with OpenSSL: `openssl ecparam -name prime256v1 -genkey`, `openssl ec -pubout`.
    #[test]
    fn a_key_that_another_program_wrote_is_read() {
        let spki = BASE64_STANDARD.decode(P256_OF_OPENSSL).unwrap();
        let key = RemoteKey::from_spki(Algorithm::ES256, &spki).unwrap();
        assert_eq!(key.kid(), KID_OF_OPENSSL);
    }

    const P256_OF_OPENSSL: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfleXA2Ca5Bhio6I2r2SiF\
        XaWVYSRQTOWSBB4M0tTWRQeRtA9JWHPUFjqpzBwktjds/gF6J1fQJElnh1ufS4DiA==";
    const KID_OF_OPENSSL: &str = "GuaVEW_DzuybenU4y4pDXXaZW3O-wMJ7Q_NHPXfSNLI";

    #[test]
    fn a_point_that_is_written_compressed_is_refused() {
        let spki = BASE64_STANDARD.decode(P256_COMPRESSED).unwrap();
        let refused = RemoteKey::from_spki(Algorithm::ES256, &spki).unwrap_err();
        assert_eq!(refused, ParseKeyError::NotPublic(Algorithm::ES256));
    }

    const P256_COMPRESSED: &str =
        "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACfleXA2Ca5Bhio6I2r2SiFXaWVYSRQTOWSBB4M0tTWRQ=";

    #[test]
    fn an_rsa_key_has_2048_bits_or_more() {
        let pair = RsaKeyPair::generate(KeySize::Rsa3072).unwrap();
        assert!(RemoteKey::from_spki(Algorithm::RS256, &spki(pair.public_key())).is_ok());
        let small = BASE64_STANDARD.decode(RSA_OF_1024_BITS).unwrap();
        let refused = RemoteKey::from_spki(Algorithm::RS256, &small).unwrap_err();
        assert_eq!(refused, ParseKeyError::NotPublic(Algorithm::RS256));
    }

    const RSA_OF_1024_BITS: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDE3bo+z2TcgInPmNQa7\
        0KHE6f/5X8WEzH5rdC9t4DA2Pzd1/UHc3al55EHf/SdfNzkOzIcEkG7XukYHt++xQvVgf8+RxXkm1K9Bz3ObF\
        7xXbGM22MrqOma5ax6xdMMvVOWvh48Y46sroqKnyVpv7D//CY/K1vzG8u4xs6tfJvs/QIDAQAB";
}
