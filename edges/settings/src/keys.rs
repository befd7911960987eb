use std::time::Duration;

use doorward_claims::Algorithm;
use secrecy::ExposeSecret;

use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::secret_input::{self, SecretInput};
use crate::value::Value;
use crate::{Environment, NonEmpty, duration};

/// What seals signing keys and refresh keys at rest.
#[derive(Clone, Debug)]
pub enum DataKeySettings {
    /// A key that is made at the first start and kept in `data/`: in development only.
    Generated,
    /// Keys that are given, each 32 bytes in base64: the first seals, all open.
    Given(NonEmpty<SecretInput>),
}

/// How access tokens are signed.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// With what.
    pub signing: SigningSettings,
    /// How long a replaced key still verifies: at least as long as an access token is valid.
    pub grace: Duration,
}

/// What signs access tokens.
#[derive(Clone, Debug)]
pub enum SigningSettings {
    /// Key pairs that the service makes and keeps.
    KeyPairs(KeyPairAlgorithm),
    /// HS256 with secrets that are shared with verifiers, each at least 32 bytes, taken as given:
    /// all verify, the first signs. The length of those that are named is for the one who opens
    /// them.
    SharedSecrets(NonEmpty<SecretInput>),
}

impl SigningSettings {
    /// The algorithm in the header of new tokens.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::KeyPairs(algorithm) => (*algorithm).into(),
            Self::SharedSecrets(_) => Algorithm::HS256,
        }
    }
}

/// The algorithms whose verifying key may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPairAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDsa,
}

impl From<KeyPairAlgorithm> for Algorithm {
    fn from(algorithm: KeyPairAlgorithm) -> Self {
        match algorithm {
            KeyPairAlgorithm::RS256 => Self::RS256,
            KeyPairAlgorithm::ES256 => Self::ES256,
            KeyPairAlgorithm::EdDsa => Self::EdDsa,
        }
    }
}

/// The fewest bytes of a shared secret: the size of the hash (RFC 7518 §3.2).
const SECRET_BYTES_MIN: usize = 32;

/// How much longer than the last access token a replaced key verifies, where nothing is set.
const GRACE_MARGIN: Duration = Duration::from_mins(5);

/// The longest grace: as long as a key is in use by default.
const GRACE_MAX: Duration = Duration::from_hours(90 * 24);

pub(crate) fn read_data_key(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<DataKeySettings, Refused> {
    let keys = secret_input::read_list(reader, "data_key", environment)?;
    match (NonEmpty::of(keys), environment?) {
        (Some(keys), _) => Ok(DataKeySettings::Given(keys)),
        (None, Environment::Development) => Ok(DataKeySettings::Generated),
        (None, Environment::Staging | Environment::Production) => {
            let wrong = Wrong::new(
                "must be set outside development, where none is generated",
                "write [\"env:NAME\"] or [\"file:PATH\"], naming 32 random bytes in base64, e.g. \
                 of `openssl rand -base64 32`",
            );
            Err(reader.refuse("data_key", wrong))
        }
    }
}

/// `access_ttl`: what `tokens.access_ttl` says, unless it was refused.
pub(crate) fn read(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
    access_ttl: Result<Duration, Refused>,
) -> Result<KeySettings, Refused> {
    let signing = read_signing(reader, environment);
    let grace = read_grace(reader, access_ttl);
    Ok(KeySettings { signing: signing?, grace: grace? })
}

fn read_signing(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<SigningSettings, Refused> {
    let algorithm = reader.text("keys.algorithm", |text| {
        text.parse().map_err(|_| Wrong::not_one_of(text, ["RS256", "ES256", "EdDSA", "HS256"]))
    });
    let secrets = secret_input::read_list(reader, "keys.shared_secret", environment);
    let key_pair = match algorithm? {
        Algorithm::HS256 => return read_shared_secrets(reader, secrets?),
        Algorithm::RS256 => KeyPairAlgorithm::RS256,
        Algorithm::ES256 => KeyPairAlgorithm::ES256,
        Algorithm::EdDsa => KeyPairAlgorithm::EdDsa,
    };
    if !secrets?.is_empty() {
        let text = "not used: only keys.algorithm HS256 signs with a shared secret";
        reader.warn("keys.shared_secret", text);
    }
    Ok(SigningSettings::KeyPairs(key_pair))
}

fn read_shared_secrets(
    reader: &mut Reader,
    secrets: Vec<SecretInput>,
) -> Result<SigningSettings, Refused> {
    let right = "write a reference (env:NAME or file:PATH) to at least 32 random bytes, e.g. of \
                 `openssl rand -base64 48`";
    let is_short = |secret: &SecretInput| {
        secret.as_literal().is_some_and(|text| text.expose_secret().len() < SECRET_BYTES_MIN)
    };
    if secrets.iter().any(is_short) {
        let problem = "holds a secret of less than 32 bytes, which can be guessed";
        return Err(reader.refuse("keys.shared_secret", Wrong::new(problem, right)));
    }
    NonEmpty::of(secrets).map(SigningSettings::SharedSecrets).ok_or_else(|| {
        let problem = "must be set, because keys.algorithm is HS256";
        reader.refuse("keys.shared_secret", Wrong::new(problem, right))
    })
}

fn read_grace(
    reader: &mut Reader,
    access_ttl: Result<Duration, Refused>,
) -> Result<Duration, Refused> {
    let is_given = reader.optional_text("keys.grace", duration::parse)?.is_some();
    let access_ttl = access_ttl?;
    if is_given {
        return reader.duration("keys.grace", access_ttl..=GRACE_MAX);
    }
    let grace = access_ttl + GRACE_MARGIN;
    reader.show("keys.grace", &Value::Text(duration::display(grace)));
    Ok(grace)
}
