//! Opens what the settings keep records and limits in: the only place that knows every backend.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use aws::SdkConfig;
use contracts::{
    EventSink, Limiter, MailOutboxStore, OneTimeCodeStore, OutboxStore, PendingSignInStore, Probe,
    RecordStore, RevocationStore, SessionStore, StoreError, TrustedDeviceStore, UserStore,
};
use ephemeral::{
    FallbackLimiter, MemoryLimiter, RedisConnection, RedisLimiter, RedisSessionEnds, RedisSessions,
    RedisSettings,
};
use service::Stores;
use settings::{EphemeralSettings, SecretInput, ServerUrl, Settings, StorageSettings};
use storage_dynamodb::DynamoStorage;
use storage_mongodb::{MongoSettings, MongoStorage};
use storage_sql::{PostgresSettings, SqlStorage};

use crate::credentials;
use crate::elsewhere::Elsewhere;
use crate::failure::Failure;

/// A secret that settings name, and where to read it.
type Named<'a> = (Option<&'a SecretInput>, &'a Elsewhere);

/// The stores, and what hangs on them.
pub(crate) struct Opened {
    pub(crate) stores: Stores,
    /// Takes ended sessions out of where they are kept apart from the main store.
    pub(crate) session_ends: Option<Arc<dyn EventSink>>,
    /// What limits are shared in; readiness depends on it only if sessions are kept there.
    pub(crate) shared_limits: Option<Arc<dyn Probe>>,
}

/// Opens everything, with all pending steps of the schema taken.
pub(crate) async fn open(settings: &Settings, elsewhere: &Elsewhere) -> Result<Opened, Failure> {
    let stores = open_main(&settings.storage, elsewhere)
        .await
        .map_err(Failure::of(format!("{} cannot be opened", place(&settings.storage))))?;
    open_ephemeral(&settings.ephemeral, elsewhere, stores)
}

/// Creates or upgrades the schema. Returns the names of the steps that were pending.
pub(crate) async fn migrate(
    settings: &StorageSettings,
    elsewhere: &Elsewhere,
) -> Result<Vec<&'static str>, StoreError> {
    match settings {
        StorageSettings::Sqlite { path } => storage_sql::migrate_sqlite(path),
        StorageSettings::Postgres { url, credentials, pool_max } => {
            let settings = postgres(url, (credentials.as_ref(), elsewhere), *pool_max);
            storage_sql::migrate_postgres(&settings).await
        }
        StorageSettings::Mongodb { url, credentials, pool_max } => {
            let settings = mongodb(url, (credentials.as_ref(), elsewhere), *pool_max);
            storage_mongodb::migrate(&settings).await
        }
        StorageSettings::Dynamodb { table } => {
            storage_dynamodb::migrate(table, aws_config(elsewhere).await?).await
        }
    }
}

/// Names of the steps that `migrate` would take.
pub(crate) async fn pending(
    settings: &StorageSettings,
    elsewhere: &Elsewhere,
) -> Result<Vec<&'static str>, StoreError> {
    match settings {
        StorageSettings::Sqlite { path } => storage_sql::pending_sqlite(path),
        StorageSettings::Postgres { url, credentials, pool_max } => {
            let settings = postgres(url, (credentials.as_ref(), elsewhere), *pool_max);
            storage_sql::pending_postgres(&settings).await
        }
        StorageSettings::Mongodb { url, credentials, pool_max } => {
            let settings = mongodb(url, (credentials.as_ref(), elsewhere), *pool_max);
            storage_mongodb::pending(&settings).await
        }
        StorageSettings::Dynamodb { table } => {
            storage_dynamodb::pending(table, aws_config(elsewhere).await?).await
        }
    }
}

/// What the main store is called in messages. Shows no password.
pub(crate) fn place(settings: &StorageSettings) -> String {
    match settings {
        StorageSettings::Sqlite { path } => format!("the database {}", path.display()),
        StorageSettings::Postgres { url, .. } | StorageSettings::Mongodb { url, .. } => {
            format!("the database {url}")
        }
        StorageSettings::Dynamodb { table } => format!("the table {table}"),
    }
}

async fn open_main(
    settings: &StorageSettings,
    elsewhere: &Elsewhere,
) -> Result<Stores, StoreError> {
    Ok(match settings {
        StorageSettings::Sqlite { path } => all_in(SqlStorage::open_sqlite(path)?),
        StorageSettings::Postgres { url, credentials, pool_max } => all_in(
            SqlStorage::open_postgres(&postgres(url, (credentials.as_ref(), elsewhere), *pool_max))
                .await?,
        ),
        StorageSettings::Mongodb { url, credentials, pool_max } => all_in(
            MongoStorage::open(&mongodb(url, (credentials.as_ref(), elsewhere), *pool_max)).await?,
        ),
        StorageSettings::Dynamodb { table } => {
            all_in(DynamoStorage::open(table, aws_config(elsewhere).await?).await?)
        }
    })
}

async fn aws_config(elsewhere: &Elsewhere) -> Result<&SdkConfig, StoreError> {
    elsewhere.aws_config().await.map_err(StoreError::Unavailable)
}

/// One backend behind every contract.
fn all_in<S>(store: S) -> Stores
where
    S: UserStore
        + SessionStore
        + RevocationStore
        + OneTimeCodeStore
        + PendingSignInStore
        + TrustedDeviceStore
        + MailOutboxStore
        + OutboxStore
        + RecordStore
        + Limiter
        + Probe
        + 'static,
{
    let store = Arc::new(store);
    Stores {
        users: store.clone(),
        sessions: store.clone(),
        revocations: store.clone(),
        codes: store.clone(),
        pending_sign_ins: store.clone(),
        trusted_devices: store.clone(),
        mails: store.clone(),
        outbox: store.clone(),
        records: store.clone(),
        limiter: store.clone(),
        probes: vec![store],
    }
}

/// Puts what need not last where the settings want it.
fn open_ephemeral(
    settings: &EphemeralSettings,
    elsewhere: &Elsewhere,
    mut stores: Stores,
) -> Result<Opened, Failure> {
    let (mut session_ends, mut shared_limits) = (None, None);
    match settings {
        EphemeralSettings::Storage => {}
        EphemeralSettings::Memory => stores.limiter = Arc::new(MemoryLimiter::new()),
        EphemeralSettings::Redis { url, credentials, ca_file, key_prefix, keeps_sessions } => {
            let redis =
                connect(url, (credentials.as_ref(), elsewhere), ca_file.as_deref(), key_prefix)?;
            let limiter = Arc::new(RedisLimiter::new(redis.clone()));
            stores.limiter = Arc::new(FallbackLimiter::new(limiter, MemoryLimiter::new()));
            let probe: Arc<dyn Probe> = Arc::new(redis.clone());
            if *keeps_sessions {
                stores.sessions = Arc::new(RedisSessions::new(redis.clone(), stores.sessions));
                stores.probes.push(Arc::clone(&probe));
                let ends: Arc<dyn EventSink> = Arc::new(RedisSessionEnds::new(redis));
                session_ends = Some(ends);
            }
            shared_limits = Some(probe);
        }
    }
    Ok(Opened { stores, session_ends, shared_limits })
}

/// Connects to nothing yet: that Redis is down is no reason not to begin.
fn connect(
    url: &ServerUrl,
    credentials: Named<'_>,
    ca_file: Option<&Path>,
    key_prefix: &str,
) -> Result<RedisConnection, Failure> {
    let ca_pem = match ca_file {
        None => None,
        Some(path) => {
            let what = format!("ephemeral.ca_file {} cannot be read", path.display());
            Some(std::fs::read(path).map_err(Failure::of(what))?)
        }
    };
    RedisConnection::open(RedisSettings {
        credentials: credentials::named("ephemeral.credentials", credentials.0, credentials.1),
        ca_pem,
        key_prefix: key_prefix.to_owned(),
        ..RedisSettings::new(url.as_secret().clone())
    })
    .map_err(Failure::of("ephemeral.url cannot be used"))
}

fn postgres(url: &ServerUrl, credentials: Named<'_>, pool_max: u32) -> PostgresSettings {
    PostgresSettings {
        url: url.as_secret().clone(),
        credentials: credentials::named("storage.credentials", credentials.0, credentials.1),
        pool_max: usize::try_from(pool_max)
            .ok()
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MIN),
    }
}

fn mongodb(url: &ServerUrl, credentials: Named<'_>, pool_max: u32) -> MongoSettings {
    MongoSettings {
        credentials: credentials::named("storage.credentials", credentials.0, credentials.1),
        pool_max,
        ..MongoSettings::new(url.as_secret().clone())
    }
}
