use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use doorward_claims::Jwk;
use secrecy::SecretSlice;

use super::jwk;

/// The private part of a key. `aws-lc-rs` wipes each of them when it is dropped.
pub(super) enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Box<hmac::Key>),
}

impl Signer {
    pub(super) fn secret(secret: &[u8]) -> Self {
        Self::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Signs in the form of RFC 7518 §3 (raw `r‖s` for ES256).
    ///
    /// RSA and ECDSA sign a digest, for which the library asks no random source that it would
    /// ignore anyway.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
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

pub(super) fn new_rsa() -> Result<SecretSlice<u8>, Unspecified> {
    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?;
    Ok(der.as_ref().to_vec().into())
}

pub(super) fn new_p256() -> Result<SecretSlice<u8>, Unspecified> {
    let der = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?.to_pkcs8v1()?;
    Ok(der.as_ref().to_vec().into())
}

pub(super) fn new_ed25519() -> Result<SecretSlice<u8>, Unspecified> {
    let der = Ed25519KeyPair::generate()?.to_pkcs8v1()?;
    Ok(der.as_ref().to_vec().into())
}

pub(super) fn rsa(pkcs8: &[u8]) -> Result<(Signer, Jwk), KeyRejected> {
    let key = RsaKeyPair::from_pkcs8(pkcs8)?;
    let jwk = jwk::of_rsa(key.public_key());
    Ok((Signer::Rsa(key), jwk))
}

pub(super) fn p256(pkcs8: &[u8]) -> Result<(Signer, Jwk), KeyRejected> {
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?;
    let point = key.public_key().as_ref().try_into();
    let jwk = jwk::of_p256(point.expect("the library writes points uncompressed"));
    Ok((Signer::P256(key), jwk))
}

pub(super) fn ed25519(pkcs8: &[u8]) -> Result<(Signer, Jwk), KeyRejected> {
    let key = Ed25519KeyPair::from_pkcs8(pkcs8)?;
    let jwk = jwk::of_ed25519(key.public_key().as_ref());
    Ok((Signer::Ed25519(key), jwk))
}
