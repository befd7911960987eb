use std::time::Duration;

use doorward_claims::Algorithm;
use secrecy::ExposeSecret;

use crate::mistake::{Wrong, quoted};
use crate::reader::{Reader, Refused};
use crate::secret_input::{self, SecretInput, is_secret_name};
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
    /// Where the key ring is kept.
    pub source: RingSource,
    /// How long a key of our own making signs.
    pub rotation_interval: Duration,
    /// How long a key is published before it signs.
    pub publish_ahead: Duration,
    /// How long a shared secret verifies before it signs.
    pub shared_publish_ahead: Duration,
    /// How long a replaced key still verifies: at least as long as an access token is valid.
    pub grace: Duration,
}

/// Where the key ring is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingSource {
    /// In the main store, sealed with the data key.
    Storage,
    /// In one secret of AWS Secrets Manager: its name or ARN.
    SecretsManager(String),
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
    /// A key of AWS KMS, which nobody can read.
    Kms {
        /// RS256 or ES256: KMS signs digests.
        algorithm: KeyPairAlgorithm,
        /// Its id, its ARN, or an alias.
        key: String,
    },
}

impl SigningSettings {
    /// The algorithm in the header of new tokens.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::KeyPairs(algorithm) | Self::Kms { algorithm, .. } => (*algorithm).into(),
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

const INTERVAL_MIN: Duration = Duration::from_mins(1);
const INTERVAL_MAX: Duration = Duration::from_hours(3650 * 24);
const AHEAD_MIN: Duration = Duration::from_secs(1);
const AHEAD_MAX: Duration = Duration::from_hours(7 * 24);
const SHARED_AHEAD_MAX: Duration = Duration::from_hours(24);

/// How long HTTP APIs of API Gateway keep keys that they have read.
const GATEWAY_KEEPS_KEYS: Duration = Duration::from_hours(2);

/// How many keys may be published beside the one that signs and the one that waits, so that load
/// balancers of AWS, which read ten, never see more.
const RETIRED_KEYS_MAX: u32 = 8;

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
    let source = reader.text("keys.source", parse_source);
    let publish_ahead = reader.duration("keys.publish_ahead", AHEAD_MIN..=AHEAD_MAX);
    let shared_publish_ahead =
        reader.duration("keys.shared_publish_ahead", AHEAD_MIN..=SHARED_AHEAD_MAX);
    let grace = read_grace(reader, access_ttl);
    let rotation_interval = read_interval(reader, publish_ahead, grace);
    if let (Ok(ahead), Ok(environment)) = (publish_ahead, environment)
        && ahead <= GATEWAY_KEEPS_KEYS
        && !environment.is_development()
    {
        let text = "API Gateway keeps keys for up to two hours: it may refuse tokens of a key that \
                    signs sooner";
        reader.warn("keys.publish_ahead", text);
    }
    Ok(KeySettings {
        signing: signing?,
        source: source?,
        rotation_interval: rotation_interval?,
        publish_ahead: publish_ahead?,
        shared_publish_ahead: shared_publish_ahead?,
        grace: grace?,
    })
}

fn parse_source(text: &str) -> Result<RingSource, Wrong> {
    let name = text.strip_prefix("aws-sm:").filter(|name| is_secret_name(name));
    match (text, name) {
        ("storage", _) => Ok(RingSource::Storage),
        (_, Some(name)) => Ok(RingSource::SecretsManager(name.to_owned())),
        (_, None) => Err(Wrong::new(
            format!("{} is no place for the key ring", quoted(text)),
            "write \"storage\", or \"aws-sm:NAME\" for a secret of its own in AWS Secrets Manager",
        )),
    }
}

/// The interval leaves room for publishing, and for few enough retired keys.
fn read_interval(
    reader: &mut Reader,
    publish_ahead: Result<Duration, Refused>,
    grace: Result<Duration, Refused>,
) -> Result<Duration, Refused> {
    let interval = reader.duration("keys.rotation_interval", INTERVAL_MIN..=INTERVAL_MAX)?;
    let (publish_ahead, grace) = (publish_ahead?, grace?);
    let least = (grace / RETIRED_KEYS_MAX).max(publish_ahead) + Duration::from_secs(1);
    if interval >= least {
        return Ok(interval);
    }
    let problem = format!(
        "{} is too short for keys.publish_ahead {} and keys.grace {}: too many keys would be \
         published at once",
        duration::display(interval),
        duration::display(publish_ahead),
        duration::display(grace),
    );
    let right = format!("write at least {}", duration::display(least));
    Err(reader.refuse("keys.rotation_interval", Wrong::new(problem, right)))
}

fn read_signing(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<SigningSettings, Refused> {
    let algorithm = reader.text("keys.algorithm", |text| {
        text.parse().map_err(|_| Wrong::not_one_of(text, ["RS256", "ES256", "EdDSA", "HS256"]))
    });
    let secrets = secret_input::read_list(reader, "keys.shared_secret", environment);
    let kms_key = reader.optional_text("keys.kms_key", parse_kms_key);
    let key_pair = match algorithm? {
        Algorithm::HS256 => {
            if kms_key?.is_some() {
                return Err(reader.refuse("keys.kms_key", kms_cannot(Algorithm::HS256)));
            }
            return read_shared_secrets(reader, secrets?);
        }
        Algorithm::RS256 => KeyPairAlgorithm::RS256,
        Algorithm::ES256 => KeyPairAlgorithm::ES256,
        Algorithm::EdDsa => KeyPairAlgorithm::EdDsa,
    };
    if !secrets?.is_empty() {
        let text = "not used: only keys.algorithm HS256 signs with a shared secret";
        reader.warn("keys.shared_secret", text);
    }
    match (kms_key?, key_pair) {
        (None, algorithm) => Ok(SigningSettings::KeyPairs(algorithm)),
        (Some(_), KeyPairAlgorithm::EdDsa) => {
            Err(reader.refuse("keys.kms_key", kms_cannot(Algorithm::EdDsa)))
        }
        (Some(key), algorithm) => Ok(SigningSettings::Kms { algorithm, key }),
    }
}

fn kms_cannot(algorithm: Algorithm) -> Wrong {
    Wrong::new(
        format!("is set, and AWS KMS does not sign tokens with {algorithm}"),
        "leave it empty, or set keys.algorithm to RS256 or ES256",
    )
}

/// Key ids, ARNs and aliases.
fn parse_kms_key(text: &str) -> Result<String, Wrong> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/_-".contains(c);
    if text.is_empty() || text.len() > 2048 || !text.chars().all(is_plain) {
        let right = "write a key id, the ARN of a key, or alias/NAME";
        return Err(Wrong::new(format!("{} names no key of AWS KMS", quoted(text)), right));
    }
    Ok(text.to_owned())
}

fn read_shared_secrets(
    reader: &mut Reader,
    secrets: Vec<SecretInput>,
) -> Result<SigningSettings, Refused> {
    let right = "write a reference (env:NAME, file:PATH or aws-sm:NAME) to at least 32 random \
                 bytes, e.g. of `doorward key generate`";
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
