use std::sync::Arc;

use contracts::{Freshness, KeyRingStore, RemotePublicKey, RemoteSigner, SharedSecrets};
use crypto::{RemoteKey, SigningKey};
use domain::{KeyMaterial, KeyRecord};
use doorward_claims::Algorithm;
use secrecy::{ExposeSecret, SecretSlice};

use super::KeyRingError;

/// What signs tokens, and where the ring of it is kept.
#[derive(Clone)]
pub struct KeyParts {
    /// What shall sign.
    pub source: SigningSource,
    /// Where the ring is kept; `None`: sealed, among the deployment's records.
    pub ring: Option<Arc<dyn KeyRingStore>>,
    /// Signs with keys that nobody can read; there may be one in the ring whatever the source.
    pub remote: Arc<dyn RemoteSigner>,
}

/// What shall sign, as the settings say.
#[derive(Clone)]
pub enum SigningSource {
    /// Key pairs that the deployment makes and rotates by itself; not for HS256.
    KeyPairs(Algorithm),
    /// HS256 with secrets that verifiers share: all verify, the first signs.
    SharedSecrets(Arc<dyn SharedSecrets>),
    /// A key that nobody can read.
    Remote {
        /// What it signs with.
        algorithm: Algorithm,
        /// What it is called there.
        name: String,
    },
}

impl SigningSource {
    /// Reads what was given.
    pub(super) async fn read(
        &self,
        remote: &dyn RemoteSigner,
        freshness: Freshness,
    ) -> Result<Given, KeyRingError> {
        match self {
            Self::KeyPairs(algorithm) => Ok(Given::KeyPairs(*algorithm)),
            Self::SharedSecrets(source) => {
                let read = source.read_shared_secrets(freshness).await;
                let read = read.map_err(KeyRingError::ReadSecrets)?;
                let mut secrets = read.into_iter().map(GivenSecret::parse);
                let first = secrets.next().ok_or(KeyRingError::NoSharedSecret)??;
                Ok(Given::Secrets { first, others: secrets.collect::<Result<_, _>>()? })
            }
            Self::Remote { algorithm, name } => {
                GivenRemote::read(*algorithm, name, remote).await.map(Given::Remote)
            }
        }
    }
}

/// What was given, read: the one that shall sign, and others.
pub(super) enum Given {
    KeyPairs(Algorithm),
    Secrets { first: GivenSecret, others: Vec<GivenSecret> },
    Remote(GivenRemote),
}

/// The key that shall sign.
pub(super) enum First<'a> {
    /// One that we make.
    Made(Algorithm),
    /// This one.
    Given { kid: &'a str, algorithm: Algorithm, material: KeyMaterial },
}

pub(super) struct GivenSecret {
    key: SigningKey,
    bytes: SecretSlice<u8>,
}

pub(super) struct GivenRemote {
    key: RemoteKey,
    name: String,
    public: Vec<u8>,
}

impl Given {
    /// Whether `other` gives the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::KeyPairs(one), Self::KeyPairs(other)) => one == other,
            (Self::KeyPairs(_), _) | (_, Self::KeyPairs(_)) => false,
            _ => self.kids() == other.kids(),
        }
    }

    /// Whether this is a key that shall sign.
    pub(super) fn wants(&self, key: &KeyRecord) -> bool {
        match self {
            Self::KeyPairs(algorithm) => {
                key.material.is_ours() && key.algorithm == algorithm.name()
            }
            Self::Secrets { first, .. } => key.kid == first.key.kid(),
            Self::Remote(one) => key.kid == one.key.kid(),
        }
    }

    /// The key that shall sign.
    pub(super) fn first(&self) -> First<'_> {
        match self {
            Self::KeyPairs(algorithm) => First::Made(*algorithm),
            Self::Secrets { first, .. } => First::Given {
                kid: first.key.kid(),
                algorithm: Algorithm::HS256,
                material: KeyMaterial::Shared(first.bytes.clone()),
            },
            Self::Remote(one) => First::Given {
                kid: one.key.kid(),
                algorithm: one.key.algorithm(),
                material: KeyMaterial::Remote {
                    name: one.name.clone(),
                    public: one.public.clone(),
                },
            },
        }
    }

    /// Whether a key of that name was given.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.kids().contains(&kid)
    }

    /// The secrets, which verify whether or not the ring has them.
    pub(super) fn secret_keys(&self) -> impl Iterator<Item = &SigningKey> {
        let secrets = match self {
            Self::Secrets { first, others } => Some((first, others)),
            Self::KeyPairs(_) | Self::Remote(_) => None,
        };
        let all =
            secrets.into_iter().flat_map(|(first, others)| std::iter::once(first).chain(others));
        all.map(|secret| &secret.key)
    }

    fn kids(&self) -> Vec<&str> {
        match self {
            Self::KeyPairs(_) => Vec::new(),
            Self::Secrets { .. } => self.secret_keys().map(SigningKey::kid).collect(),
            Self::Remote(one) => vec![one.key.kid()],
        }
    }
}

impl GivenSecret {
    fn parse(bytes: SecretSlice<u8>) -> Result<Self, KeyRingError> {
        let key = SigningKey::from_shared_secret(bytes.expose_secret())?;
        Ok(Self { key, bytes })
    }
}

impl GivenRemote {
    async fn read(
        algorithm: Algorithm,
        name: &str,
        remote: &dyn RemoteSigner,
    ) -> Result<Self, KeyRingError> {
        let failed = |source| KeyRingError::ReadRemote { name: name.to_owned(), source };
        let RemotePublicKey { name, spki } = remote.public_key(name).await.map_err(failed)?;
        let key = RemoteKey::from_spki(algorithm, &spki)?;
        Ok(Self { key, name, public: spki })
    }
}
