use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_claims::{ACCESS_TOKEN_TYP, Algorithm, Jwk};
use doorward_verify::{VerifyingKey, jwk_thumbprint};
use secrecy::SecretSlice;
use serde::Serialize;
use zeroize::Zeroizing;

/// A key that signs tokens: parsed once, bound to one algorithm.
///
/// Parsing an RSA key costs more than signing with it, so keep it as long as it signs.
pub struct SigningKey {
    signer: Signer,
    jwk: Option<Jwk>,
    verifying: VerifyingKey,
    access_token_header: String,
}

/// A new key and its private part.
pub struct GeneratedKey {
    /// The key, ready to sign.
    pub key: SigningKey,
    /// Its private part as PKCS #8 DER, to be sealed and kept.
    pub pkcs8: SecretSlice<u8>,
}

/// Why no key could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateKeyError {
    /// A shared secret is chosen by the deployment, not made here.
    #[error("a shared secret is given, not generated")]
    Symmetric,
    /// The library refused.
    #[error("the {0} key could not be generated")]
    Failed(Algorithm),
}

/// Why bytes are not a key that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// They are not a private key of that algorithm in PKCS #8 DER, or one that is too weak.
    #[error("the bytes are not a private key for {0}")]
    Rejected(Algorithm),
    /// A secret must have at least as many bytes as the hash (RFC 7518 §3.2).
    #[error("a shared secret has at least {SECRET_BYTES_MIN} bytes, not {bytes}")]
    SecretTooShort {
        /// How many bytes it has.
        bytes: usize,
    },
}

/// Why no token was signed. Neither depends on who asks.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims have no JSON form.
    #[error("the claims could not be written as JSON")]
    Claims(#[source] serde_json::Error),
    /// The library refused.
    #[error("the {0} signature could not be made")]
    Failed(Algorithm),
}

/// Fewest bytes of a shared secret.
const SECRET_BYTES_MIN: usize = 32;

/// Room for two dots and the longest usual signature, that of RSA with 2,048 bits.
const SIGNATURE_CHARACTERS: usize = 2 + 342;

enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Box<hmac::Key>),
}

impl SigningKey {
    /// Makes a new key: RSA of 2,048 bits, P-256 or Ed25519.
    ///
    /// The random bytes come from the generator inside `aws-lc-rs`, which takes no others. An RSA
    /// key takes some 100 ms: keep it off threads that serve requests.
    pub fn generate(algorithm: Algorithm) -> Result<GeneratedKey, GenerateKeyError> {
        let failed = GenerateKeyError::Failed(algorithm);
        let pkcs8 = match algorithm {
            Algorithm::RS256 => new_rsa(),
            Algorithm::ES256 => new_p256(),
            Algorithm::EdDsa => new_ed25519(),
            Algorithm::HS256 => return Err(GenerateKeyError::Symmetric),
        }
        .map_err(|_| failed)?;
        // Read back, so that what is kept is known to work.
        let key = Self::from_pkcs8(algorithm, &pkcs8).map_err(|_| failed)?;
        Ok(GeneratedKey { key, pkcs8: SecretSlice::from(pkcs8.to_vec()) })
    }

    /// Reads a private key, PKCS #8 DER. An RSA key has at least 2,048 bits.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, ParseKeyError> {
        let rejected = ParseKeyError::Rejected(algorithm);
        let (signer, mut jwk) = match algorithm {
            Algorithm::RS256 => rsa(pkcs8),
            Algorithm::ES256 => p256(pkcs8),
            Algorithm::EdDsa => ed25519(pkcs8),
            Algorithm::HS256 => return Err(rejected),
        }
        .map_err(|_| rejected)?;
        jwk.kid = Some(jwk_thumbprint(&jwk).map_err(|_| rejected)?);
        let verifying = VerifyingKey::from_jwk(&jwk).map_err(|_| rejected)?;
        Ok(Self::new(signer, Some(jwk), verifying))
    }

    /// Takes a secret that is shared with the verifiers, for HS256: the bytes as they are, at least
    /// 32 of them.
    pub fn from_shared_secret(secret: &[u8]) -> Result<Self, ParseKeyError> {
        let too_short = ParseKeyError::SecretTooShort { bytes: secret.len() };
        if secret.len() < SECRET_BYTES_MIN {
            return Err(too_short);
        }
        let verifying = VerifyingKey::from_shared_secret(secret).map_err(|_| too_short)?;
        let signer = Signer::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)));
        Ok(Self::new(signer, None, verifying))
    }

    /// The key's name in tokens and key sets: the RFC 7638 thumbprint, or for a shared secret the
    /// name that [`doorward_verify::shared_secret_kid`] derives.
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The one algorithm that the key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The key as it is published; `None` for a shared secret, which never is.
    pub fn public_jwk(&self) -> Option<Jwk> {
        self.jwk.clone()
    }

    /// The key that checks what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// Signs `claims` as a compact JWS (RFC 7515 §3.1) whose header is `alg`, `kid` and `typ`.
    ///
    /// An RSA signature takes about 0.25 ms, the others a few microseconds. ECDSA draws its nonce
    /// from the generator inside `aws-lc-rs`.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let payload = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        let mut token = String::with_capacity(
            self.access_token_header.len() + payload.len().div_ceil(3) * 4 + SIGNATURE_CHARACTERS,
        );
        if typ == ACCESS_TOKEN_TYP {
            token.push_str(&self.access_token_header);
        } else {
            token.push_str(&header(self.algorithm(), self.kid(), typ));
        }
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&payload, &mut token);
        let signature = self.signer.sign(token.as_bytes());
        let signature = signature.map_err(|_| SignError::Failed(self.algorithm()))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn new(signer: Signer, jwk: Option<Jwk>, verifying: VerifyingKey) -> Self {
        let access_token_header = header(verifying.algorithm(), verifying.kid(), ACCESS_TOKEN_TYP);
        Self { signer, jwk, verifying, access_token_header }
    }
}

/// Logs show which key it is, never the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid())
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs in the form of RFC 7518 §3 (raw `r‖s` for ES256).
    ///
    /// RSA and ECDSA sign a digest, for which the library asks no random source that it would
    /// ignore anyway.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, &digest(&SHA256, message), &mut signature)?;
                Ok(signature)
            }
            Self::P256(key) => Ok(key.sign_digest(&digest(&SHA256, message))?.as_ref().to_vec()),
            Self::Ed25519(key) => Ok(key.try_sign(message)?.as_ref().to_vec()),
            Self::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

/// The first part of a token; it depends on the key and on what the token is for, nothing else.
fn header(algorithm: Algorithm, kid: &str, typ: &str) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        kid: &'a str,
        typ: &'a str,
    }
    let json = serde_json::to_vec(&Header { alg: algorithm, kid, typ });
    URL_SAFE_NO_PAD.encode(json.expect("a struct of texts has a JSON form"))
}

fn new_rsa() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

fn new_p256() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let der = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?.to_pkcs8v1()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

fn new_ed25519() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let der = Ed25519KeyPair::generate()?.to_pkcs8v1()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

fn rsa(pkcs8: &[u8]) -> Result<(Signer, Jwk), KeyRejected> {
    let key = RsaKeyPair::from_pkcs8(pkcs8)?;
    let mut jwk = jwk("RSA", Algorithm::RS256);
    let public = key.public_key();
    jwk.n = Some(number(public.modulus().big_endian_without_leading_zero()));
    jwk.e = Some(number(public.exponent().big_endian_without_leading_zero()));
    Ok((Signer::Rsa(key), jwk))
}

fn p256(pkcs8: &[u8]) -> Result<(Signer, Jwk), KeyRejected> {
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?;
    let mut jwk = jwk("EC", Algorithm::ES256);
    // The uncompressed point of SEC 1 §2.3.3: 4, x, y.
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    jwk.crv = Some("P-256".to_owned());
    jwk.x = Some(number(x));
    jwk.y = Some(number(y));
    Ok((Signer::P256(key), jwk))
}

fn ed25519(pkcs8: &[u8]) -> Result<(Signer, Jwk), KeyRejected> {
    let key = Ed25519KeyPair::from_pkcs8(pkcs8)?;
    let mut jwk = jwk("OKP", Algorithm::EdDsa);
    jwk.crv = Some("Ed25519".to_owned());
    jwk.x = Some(number(key.public_key().as_ref()));
    Ok((Signer::Ed25519(key), jwk))
}

fn jwk(kty: &str, algorithm: Algorithm) -> Jwk {
    Jwk {
        kty: kty.to_owned(),
        purpose: Some("sig".to_owned()),
        alg: Some(algorithm.name().to_owned()),
        kid: None,
        n: None,
        e: None,
        crv: None,
        x: None,
        y: None,
    }
}

fn number(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use doorward_claims::{AccessClaims, JwkSet, TOKEN_KIND};
    use doorward_verify::{KeySet, Policy, VerifyError, shared_secret_kid, verify_access_token};
    use secrecy::ExposeSecret;

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
        let mut pkcs8 =
            vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        pkcs8
            .extend(URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap());
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
}
