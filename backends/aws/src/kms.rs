use std::fmt;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use contracts::{Algorithm, BoxError, RemotePublicKey, RemoteSigner};

use crate::clients::AwsClients;
use crate::failure::Failure;
use crate::signature;

/// Signs with keys of AWS KMS, which never leave it: RS256 and ES256. A key is named by its id, its
/// ARN or an alias.
///
/// Every signature is a request, and all keys of an account and region share one quota of them.
#[derive(Clone)]
pub struct KmsSigner {
    client: Client,
}

impl KmsSigner {
    /// A signer on these clients.
    pub fn new(clients: &AwsClients) -> Self {
        Self { client: clients.keys.clone() }
    }
}

/// Why a key or its answer is of no use to us.
#[derive(Debug, thiserror::Error)]
enum UnusableKey {
    #[error("the key of KMS is for {0}, not for SIGN_VERIFY")]
    NotForSigning(String),
    #[error("the key of KMS is {0}, which neither RS256 nor ES256 is signed with")]
    NoAlgorithm(String),
    #[error("KMS signs RS256 and ES256 for us, not {0}")]
    NotOffered(Algorithm),
    #[error("KMS answered without the {0}")]
    Incomplete(&'static str),
    #[error("KMS answered with something that is no ECDSA signature")]
    NoSignature,
}

#[async_trait]
impl RemoteSigner for KmsSigner {
    async fn public_key(&self, name: &str) -> Result<RemotePublicKey, BoxError> {
        let answer = self.client.get_public_key().key_id(name).send().await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        match answer.key_usage {
            Some(KeyUsageType::SignVerify) => {}
            usage => return Err(UnusableKey::NotForSigning(name_of(usage)).into()),
        }
        match answer.key_spec {
            Some(KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 | KeySpec::EccNistP256) => {
            }
            spec => return Err(UnusableKey::NoAlgorithm(name_of(spec)).into()),
        }
        let key = answer.public_key.ok_or(UnusableKey::Incomplete("public key"))?;
        // An alias may be moved to another key; the ARN stays.
        let name = answer.key_id.ok_or(UnusableKey::Incomplete("key id"))?;
        Ok(RemotePublicKey { name, spki: key.into_inner() })
    }

    async fn sign_digest(
        &self,
        name: &str,
        algorithm: Algorithm,
        digest: [u8; 32],
    ) -> Result<Vec<u8>, BoxError> {
        let theirs = match algorithm {
            Algorithm::RS256 => SigningAlgorithmSpec::RsassaPkcs1V15Sha256,
            Algorithm::ES256 => SigningAlgorithmSpec::EcdsaSha256,
            // Ed25519 signs no digest, and HS256 has no public key.
            Algorithm::EdDsa | Algorithm::HS256 => {
                return Err(UnusableKey::NotOffered(algorithm).into());
            }
        };
        let request = self.client.sign().key_id(name).signing_algorithm(theirs);
        // A digest, since a token may be longer than the 4,096 bytes that KMS takes.
        let request = request.message_type(MessageType::Digest).message(Blob::new(digest));
        let answer = request.send().await.map_err(|error| Failure::of(&error))?;
        let signature = answer.signature.ok_or(UnusableKey::Incomplete("signature"))?.into_inner();
        if algorithm == Algorithm::ES256 {
            let raw = signature::raw_of(&signature).map_err(|_| UnusableKey::NoSignature)?;
            return Ok(raw.to_vec());
        }
        Ok(signature)
    }
}

fn name_of(value: Option<impl AsRef<str>>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.as_ref().to_owned())
}

/// There is nothing to show.
impl fmt::Debug for KmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSigner").finish_non_exhaustive()
    }
}
