//! Builds the service from the settings.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use contracts::{Entropy, SecretSource};
use crypto::{
    Argon2EngineKind, Argon2Params, BcryptCost, HashAlgorithm, HashingSettings, SigningKey,
};
use secrecy::{ExposeSecret, SecretSlice};
use secrets::Secrets;
use service::{KeyPolicy, Parts, Policy, Service, StartError, Stores};
use settings::{
    Argon2Implementation, KeySettings, PasswordAlgorithm, PasswordSettings, Settings,
    SigningSettings, StorageSettings,
};
use storage_sql::SqlStorage;

use crate::data_key::{self, read_secret};
use crate::failure::Failure;
use crate::system::{SystemClock, SystemEntropy};

/// How far below others hashing threads stand: a refresh does not wait behind a flood of sign-ins.
const HASHING_NICENESS: i32 = 5;

/// The service that the settings describe, for tokens of `issuer`.
pub(crate) async fn open_service(settings: &Settings, issuer: &str) -> Result<Service, Failure> {
    let secrets = Secrets::open();
    let shared_secrets = shared_secrets(&settings.keys, &secrets).await?;
    let parts = parts(settings, issuer, shared_secrets, &secrets).await?;
    Service::start(parts).await.map_err(explain)
}

/// The service for a command, which signs nothing and leaves the server's keys alone.
pub(crate) async fn open_service_for_command(settings: &Settings) -> Result<Service, Failure> {
    let issuer = settings.server.public_url_for(settings.server.listen);
    let parts = parts(settings, issuer.as_str(), Vec::new(), &Secrets::open()).await?;
    Service::start_without_keys(parts).await.map_err(explain)
}

async fn parts(
    settings: &Settings,
    issuer: &str,
    shared_secrets: Vec<SecretSlice<u8>>,
    secrets: &dyn SecretSource,
) -> Result<Parts, Failure> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = KeyPolicy {
        algorithm: settings.keys.signing.algorithm(),
        shared_secrets,
        grace: settings.keys.grace,
    };
    Ok(Parts {
        data_keys: data_key::open(&settings.data_key, secrets, &*entropy).await?,
        stores: open_stores(&settings.storage)?,
        clock: Arc::new(SystemClock),
        entropy,
        hashing: hashing(&settings.password)?,
        on_hashing_thread: Arc::new(lower_priority),
        policy: policy(settings, issuer, keys),
    })
}

fn policy(settings: &Settings, issuer: &str, keys: KeyPolicy) -> Policy {
    Policy {
        issuer: issuer.to_owned(),
        audiences: settings.tokens.audience.iter().cloned().collect(),
        role_order: settings.tokens.role_order.clone(),
        access_ttl: settings.tokens.access_ttl,
        refresh_ttl: settings.tokens.refresh_ttl,
        session_ttl_max: settings.tokens.session_ttl_max,
        refresh_leeway: settings.tokens.refresh_leeway,
        password: settings.password.policy,
        is_registration_open: settings.registration.is_enabled,
        default_roles: settings.registration.default_roles.iter().cloned().collect(),
        keys,
    }
}

fn explain(error: StartError) -> Failure {
    let advice = if error.is_wrong_data_key() {
        "Doorward cannot start: what is stored was sealed with another data key. \
         Add that key to data_key, behind the one that shall seal from now on"
    } else {
        "Doorward cannot start"
    };
    Failure::of(advice)(error)
}

fn open_stores(settings: &StorageSettings) -> Result<Stores, Failure> {
    let StorageSettings::Sqlite { path } = settings;
    let failed = Failure::of(format!("the database {} cannot be opened", path.display()));
    let storage = Arc::new(SqlStorage::open_sqlite(path).map_err(failed)?);
    Ok(Stores {
        users: storage.clone(),
        sessions: storage.clone(),
        revocations: storage.clone(),
        outbox: storage.clone(),
        records: storage.clone(),
        probes: vec![storage],
    })
}

fn hashing(settings: &PasswordSettings) -> Result<HashingSettings, Failure> {
    let algorithm = match settings.algorithm {
        PasswordAlgorithm::Argon2id => HashAlgorithm::Argon2id(Argon2Params::RECOMMENDED),
        PasswordAlgorithm::Bcrypt { cost } => {
            let failed = Failure::of("password.bcrypt_cost cannot be used");
            HashAlgorithm::Bcrypt { cost: BcryptCost::new(cost).map_err(failed)? }
        }
    };
    let engine = match settings.implementation {
        Argon2Implementation::Argon2Rust => Argon2EngineKind::Fast,
        Argon2Implementation::RustCrypto => Argon2EngineKind::RustCrypto,
    };
    let threads = settings
        .hashing_threads
        .map(NonZeroUsize::from)
        .or_else(|| thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let queue_max = usize::try_from(settings.queue_max.get()).unwrap_or(usize::MAX);
    Ok(HashingSettings { algorithm, engine, threads, queue_max })
}

/// Where the system does not allow it, hashing competes with the rest; nothing else changes.
fn lower_priority() {
    let _ = rustix::process::setpriority_process(None, HASHING_NICENESS);
}

async fn shared_secrets(
    settings: &KeySettings,
    secrets: &dyn SecretSource,
) -> Result<Vec<SecretSlice<u8>>, Failure> {
    let SigningSettings::SharedSecrets(inputs) = &settings.signing else {
        return Ok(Vec::new());
    };
    let mut read = Vec::new();
    for input in inputs.iter() {
        let text = read_secret(input, secrets).await?;
        let secret = text.expose_secret().as_bytes();
        SigningKey::from_shared_secret(secret)
            .map_err(Failure::of_secret("a secret of keys.shared_secret cannot be used"))?;
        read.push(SecretSlice::from(secret.to_vec()));
    }
    Ok(read)
}
