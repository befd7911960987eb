use std::fmt;

use doorward_claims::{Algorithm, Jwk};
use doorward_verify::VerifyingKey;
use secrecy::{ExposeSecret, SecretSlice};
use serde::Serialize;

use super::identity::KeyIdentity;
use super::shared_secret::SECRET_BYTES_MIN;
use super::signer::{self, Signer};
use super::{GenerateKeyError, ParseKeyError, SignError, UnsignedToken};

/// A key that signs tokens: parsed once, bound to one algorithm. One whose private part is
/// elsewhere is a [`RemoteKey`](super::RemoteKey).
///
/// Parsing an RSA key costs more than signing with it, so keep it as long as it signs.
pub struct SigningKey {
    signer: Signer,
    identity: KeyIdentity,
}

/// A new key and its private part.
pub struct GeneratedKey {
    /// The key, ready to sign.
    pub key: SigningKey,
    /// Its private part as PKCS #8 DER, to be sealed and kept.
    pub pkcs8: SecretSlice<u8>,
}

impl SigningKey {
    /// Makes a new key: RSA of 2,048 bits, P-256 or Ed25519.
    ///
    /// The random bytes come from the generator inside `aws-lc-rs`, which takes no others. An RSA
    /// key takes some 100 ms: keep it off threads that serve requests.
    pub fn generate(algorithm: Algorithm) -> Result<GeneratedKey, GenerateKeyError> {
        let failed = GenerateKeyError::Failed(algorithm);
        let pkcs8 = match algorithm {
            Algorithm::RS256 => signer::new_rsa(),
            Algorithm::ES256 => signer::new_p256(),
            Algorithm::EdDsa => signer::new_ed25519(),
            Algorithm::HS256 => return Err(GenerateKeyError::Symmetric),
        }
        .map_err(|_| failed)?;
        // Read back, so that what is kept is known to work.
        let key = Self::from_pkcs8(algorithm, pkcs8.expose_secret()).map_err(|_| failed)?;
        Ok(GeneratedKey { key, pkcs8 })
    }

    /// Reads a private key, PKCS #8 DER. An RSA key has at least 2,048 bits.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, ParseKeyError> {
        let rejected = ParseKeyError::Rejected(algorithm);
        let (signer, jwk) = match algorithm {
            Algorithm::RS256 => signer::rsa(pkcs8),
            Algorithm::ES256 => signer::p256(pkcs8),
            Algorithm::EdDsa => signer::ed25519(pkcs8),
            Algorithm::HS256 => return Err(rejected),
        }
        .map_err(|_| rejected)?;
        let identity = KeyIdentity::of_public(jwk).map_err(|_| rejected)?;
        Ok(Self { signer, identity })
    }

    /// Takes a secret that is shared with the verifiers, for HS256: the bytes as they are, at least
    /// 32 of them.
    pub fn from_shared_secret(secret: &[u8]) -> Result<Self, ParseKeyError> {
        let too_short = ParseKeyError::SecretTooShort { bytes: secret.len() };
        if secret.len() < SECRET_BYTES_MIN {
            return Err(too_short);
        }
        let identity = KeyIdentity::of_secret(secret).map_err(|_| too_short)?;
        Ok(Self { signer: Signer::secret(secret), identity })
    }

    /// The key's name in tokens and key sets: the RFC 7638 thumbprint, or for a shared secret the
    /// name that [`doorward_verify::shared_secret_kid`] derives.
    pub fn kid(&self) -> &str {
        self.identity.kid()
    }

    /// The one algorithm that the key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.identity.algorithm()
    }

    /// The key as it is published; `None` for a shared secret, which never is.
    pub fn public_jwk(&self) -> Option<Jwk> {
        self.identity.jwk().cloned()
    }

    /// The key that checks what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.identity.verifying().clone()
    }

    /// Signs `claims` as a compact JWS (RFC 7515 §3.1) whose header is `alg`, `kid` and `typ`.
    ///
    /// An RSA signature takes about 0.25 ms, the others a few microseconds. ECDSA draws its nonce
    /// from the generator inside `aws-lc-rs`.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let token = UnsignedToken::write(&self.identity, typ, claims)?;
        match self.signer.sign(token.message()) {
            Ok(signature) => Ok(token.signed_unchecked(&signature)),
            Err(_) => Err(SignError::Failed(self.algorithm())),
        }
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
