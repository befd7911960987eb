use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::BoxError;

/// Names a secret that is kept elsewhere: `env:NAME`, `file:PATH`, `aws-sm:NAME`, each with an
/// optional `#key` into a JSON value. Holds no secret itself, so it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretRef {
    /// The part before the first colon: which source opens it.
    pub source: String,
    /// What the source calls it.
    pub name: String,
    /// The member of a JSON object that is meant, where the secret is one.
    pub json_key: Option<String>,
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.name)?;
        self.json_key.as_ref().map_or(Ok(()), |key| write!(f, "#{key}"))
    }
}

/// Why a secret could not be read. Names the reference, never the value.
#[derive(Debug, thiserror::Error)]
pub enum ReadSecretError {
    /// Nothing stands under that name, or the JSON value has no such member.
    #[error("there is no secret at {0}")]
    Missing(SecretRef),
    /// No source of this build opens references of that kind.
    #[error("no secret source opens {0}")]
    UnknownSource(SecretRef),
    /// The source did not answer, or what it holds is not text or not the JSON that was promised.
    #[error("the secret at {reference} could not be read")]
    Failed {
        /// Which secret.
        reference: SecretRef,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
}

/// Opens secret references.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// Reads the secret as it is now; callers read again when it may have been rotated.
    async fn read_secret(&self, reference: &SecretRef) -> Result<SecretString, ReadSecretError>;
}

/// What a server knows us by.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Reads the user name and password for one server where they are kept.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// Reads them as they are now. Called before the first connection, and again after the server
    /// refused them.
    async fn read_credentials(&self) -> Result<Credentials, BoxError>;
}
