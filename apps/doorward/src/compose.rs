//! Builds the service from the settings.

use std::error::Error;
use std::iter;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use contracts::{EventSink, Freshness};
use crypto::{
    Argon2EngineKind, Argon2Params, BcryptCost, DataKeys, HashAlgorithm, HashingSettings,
};
use service::{
    CodePolicy, KeyParts, LimitPolicy, MfaPolicy, Parts, Policy, RegistrationPolicy, Service,
    StartError, Stores, VerifyEmail,
};
use settings::{
    Argon2Implementation, LimitSettings, PasswordAlgorithm, PasswordSettings, RegistrationSettings,
    Settings,
};

use crate::elsewhere::Elsewhere;
use crate::failure::Failure;
use crate::system::{SystemClock, SystemEntropy};
use crate::{data_key, signing, stores};

/// How far below others hashing threads stand: a refresh does not wait behind a flood of sign-ins.
const HASHING_NICENESS: i32 = 5;

/// The service that the settings describe, for tokens of `issuer`, and what takes ended sessions
/// out of where they are kept apart from the main store.
pub(crate) async fn open_service(
    settings: &Settings,
    elsewhere: &Elsewhere,
    issuer: &str,
) -> Result<(Service, Option<Arc<dyn EventSink>>), Failure> {
    // Before anything is opened, which may make a database.
    signing::check_secrets(&settings.keys, elsewhere).await?;
    let data_keys = open_data_keys(settings, elsewhere).await?;
    let opened = stores::open(settings, elsewhere).await?;
    let keys = signing::open(&settings.keys, elsewhere, &opened.stores).await?;
    let parts = parts(settings, issuer, (data_keys, keys), opened.stores)?;
    let service = Service::start(parts).await.map_err(explain)?;
    Ok((service, opened.session_ends))
}

/// The service for a command, which signs nothing and leaves the server's keys alone.
pub(crate) async fn open_service_for_command(settings: &Settings) -> Result<Service, Failure> {
    let elsewhere = Elsewhere::default();
    let issuer = settings.server.public_url_for(settings.server.listen);
    let data_keys = open_data_keys(settings, &elsewhere).await?;
    let stores = stores::open(settings, &elsewhere).await?.stores;
    let keys = signing::open(&settings.keys, &elsewhere, &stores).await?;
    let parts = parts(settings, issuer.as_str(), (data_keys, keys), stores)?;
    Service::start_without_keys(parts).await.map_err(explain)
}

/// Why there is no service as a server would find it, by what has to be mended.
#[derive(Debug)]
pub(crate) enum OpenKeptServiceError {
    /// There is no data key here, where a server would make one.
    NoDataKey(&'static Path),
    /// The keys that were given, or the kept ones, cannot be used.
    Keys(Failure),
    /// The store cannot be read.
    Storage(Failure),
    /// Passwords cannot be hashed as the settings say.
    Hashing(Failure),
    /// A role that a setting names is not defined.
    Roles(Failure),
}

/// The service as a server would find it, with the keys as they are kept. Makes none, not even the
/// data key: one that was made for this would seal what the server's could not open.
pub(crate) async fn open_service_as_kept(
    settings: &Settings,
    elsewhere: &Elsewhere,
    stores: Stores,
) -> Result<Service, OpenKeptServiceError> {
    if let Some(path) = data_key::missing(&settings.data_key) {
        return Err(OpenKeptServiceError::NoDataKey(path));
    }
    let issuer = settings.server.public_url_for(settings.server.listen);
    let keys = read_keys(settings, elsewhere, &stores).await.map_err(OpenKeptServiceError::Keys)?;
    let parts =
        parts(settings, issuer.as_str(), keys, stores).map_err(OpenKeptServiceError::Hashing)?;
    Service::start_with_kept_keys(parts).await.map_err(|error| match &error {
        StartError::UnknownRole { .. } => OpenKeptServiceError::Roles(explain(error)),
        StartError::Hashing(_) => OpenKeptServiceError::Hashing(explain(error)),
        _ if is_of_the_store(&error) => OpenKeptServiceError::Storage(explain(error)),
        StartError::Keys(_) | StartError::Records(_) | StartError::MacKey(_) => {
            OpenKeptServiceError::Keys(explain(error))
        }
    })
}

fn is_of_the_store(error: &StartError) -> bool {
    let first: &(dyn Error + 'static) = error;
    iter::successors(Some(first), |&next| next.source())
        .any(|cause| matches!(cause.downcast_ref(), Some(service::Failure::Store(_))))
}

/// What seals and what signs.
async fn read_keys(
    settings: &Settings,
    elsewhere: &Elsewhere,
    stores: &Stores,
) -> Result<(DataKeys, KeyParts), Failure> {
    signing::check_secrets(&settings.keys, elsewhere).await?;
    let data_keys = open_data_keys(settings, elsewhere).await?;
    Ok((data_keys, signing::open(&settings.keys, elsewhere, stores).await?))
}

async fn open_data_keys(settings: &Settings, elsewhere: &Elsewhere) -> Result<DataKeys, Failure> {
    data_key::open(&settings.data_key, &*elsewhere.secrets(Freshness::Kept), &SystemEntropy).await
}

fn parts(
    settings: &Settings,
    issuer: &str,
    (data_keys, keys): (DataKeys, KeyParts),
    stores: Stores,
) -> Result<Parts, Failure> {
    Ok(Parts {
        data_keys,
        keys,
        stores,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        hashing: hashing(&settings.password)?,
        on_hashing_thread: Arc::new(lower_priority),
        policy: policy(settings, issuer),
    })
}

fn policy(settings: &Settings, issuer: &str) -> Policy {
    Policy {
        issuer: issuer.to_owned(),
        audiences: settings.tokens.audience.iter().cloned().collect(),
        role_order: settings.tokens.role_order.clone(),
        access_ttl: settings.tokens.access_ttl,
        refresh_ttl: settings.tokens.refresh_ttl,
        session_ttl_max: settings.tokens.session_ttl_max,
        refresh_leeway: settings.tokens.refresh_leeway,
        password: settings.password.policy,
        registration: registration(&settings.registration),
        codes: CodePolicy {
            verify_ttl: settings.codes.verify_ttl,
            reset_ttl: settings.codes.reset_ttl,
        },
        mfa: MfaPolicy {
            issuer: settings.mfa.issuer.clone(),
            required_roles: settings.mfa.required_roles.clone(),
            trusted_device_ttl: settings.mfa.trusted_device_ttl,
        },
        limits: limits(settings.limits),
        links_base: format!("{issuer}{}", settings.server.base_path_text()),
        keys: signing::policy(&settings.keys),
    }
}

const fn limits(settings: LimitSettings) -> LimitPolicy {
    LimitPolicy {
        login: settings.login,
        login_address: settings.login_address,
        register: settings.register,
        register_address: settings.register_address,
        forgot: settings.forgot,
        forgot_address: settings.forgot_address,
        refresh: settings.refresh,
        mfa: settings.mfa,
    }
}

fn registration(settings: &RegistrationSettings) -> RegistrationPolicy {
    RegistrationPolicy {
        is_open: settings.is_enabled,
        default_roles: settings.default_roles.iter().cloned().collect(),
        verify_email: match settings.verify_email {
            settings::VerifyEmail::Off => VerifyEmail::Off,
            settings::VerifyEmail::Optional => VerifyEmail::Optional,
            settings::VerifyEmail::Required => VerifyEmail::Required,
        },
        reveals_existing: settings.is_existing_revealed,
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
