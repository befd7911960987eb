use std::sync::Arc;

use contracts::{
    Clock, Entropy, Limiter, MailOutboxStore, OneTimeCodeStore, OutboxStore, PendingSignInStore,
    Probe, RecordStore, RevocationStore, SessionStore, TrustedDeviceStore, UserStore,
};
use crypto::{
    DataKeys, HashingSettings, MacKey, MacKeyError, OpenError, PasswordPool, StartPoolError,
};

use crate::event_log::EventLog;
use crate::failure::Failure;
use crate::keys::{Keeper, KeyParts, KeyRingError, LiveKeys, SealedRing};
use crate::policy::Policy;
use crate::revocations::RevocationCache;
use crate::tokens_seen::TokensSeen;
use crate::{Service, sealed_records};

/// Where everything is kept. One backend may stand behind all of them.
#[derive(Clone)]
pub struct Stores {
    /// Users.
    pub users: Arc<dyn UserStore>,
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Ends that tokens in circulation may not know of.
    pub revocations: Arc<dyn RevocationStore>,
    /// Codes that prove a mailbox.
    pub codes: Arc<dyn OneTimeCodeStore>,
    /// Sign-ins that want another step.
    pub pending_sign_ins: Arc<dyn PendingSignInStore>,
    /// Devices that need no second factor.
    pub trusted_devices: Arc<dyn TrustedDeviceStore>,
    /// Mails that wait to be sent.
    pub mails: Arc<dyn MailOutboxStore>,
    /// Events that wait to be published.
    pub outbox: Arc<dyn OutboxStore>,
    /// The deployment's own records.
    pub records: Arc<dyn RecordStore>,
    /// Draws on quotas.
    pub limiter: Arc<dyn Limiter>,
    /// What readiness depends on.
    pub probes: Vec<Arc<dyn Probe>>,
}

/// What a service is made of.
pub struct Parts {
    /// Where everything is kept.
    pub stores: Stores,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Seals what is kept.
    pub data_keys: DataKeys,
    /// What signs tokens.
    pub keys: KeyParts,
    /// How passwords are hashed.
    pub hashing: HashingSettings,
    /// Runs once on every hashing thread, for instance to lower its priority.
    pub on_hashing_thread: Arc<dyn Fn() + Send + Sync>,
    /// The rules.
    pub policy: Policy,
}

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no keys to sign with.
    #[error("the signing keys cannot be used")]
    Keys(#[from] KeyRingError),
    /// The password hashing does not compute what it must.
    #[error("password hashing cannot start")]
    Hashing(#[from] StartPoolError),
    /// A record of the deployment cannot be read or written.
    #[error("the deployment's records cannot be used")]
    Records(#[from] Failure),
    /// A sealed key of what is compared has the wrong size.
    #[error("a sealed MAC key is malformed")]
    MacKey(#[from] MacKeyError),
    /// A configured role is not defined.
    #[error("the role {role} in {setting} is not defined; choose one of {defined}")]
    UnknownRole {
        /// The name that means nothing.
        role: String,
        /// Where it stands.
        setting: &'static str,
        /// The names that do.
        defined: String,
    },
}

impl StartError {
    /// Whether what is kept was sealed with a data key that is not among the configured ones: the
    /// operator can mend that.
    pub const fn is_wrong_data_key(&self) -> bool {
        matches!(
            self,
            Self::Keys(KeyRingError::Failure(Failure::Sealed(OpenError::UnknownKey { .. })))
                | Self::Records(Failure::Sealed(OpenError::UnknownKey { .. }))
        )
    }
}

const LOG_KEY_RECORD: &str = "log_key";
const CODE_KEY_RECORD: &str = "code_key";

impl Service {
    /// Checks that everything works, makes what a new deployment lacks, seals the deployment's
    /// records with the first data key, and is ready to serve.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let service = Self::start_with(parts, Missing::IsMade).await?;
        service.reseal_records().await?;
        Ok(service)
    }

    /// As [`Service::start`], but with the keys as they are kept: for whoever looks whether a
    /// server could start, and must not make what it lacks.
    pub async fn start_with_kept_keys(parts: Parts) -> Result<Self, StartError> {
        Self::start_with(parts, Missing::StaysSo).await
    }

    /// As [`Service::start`], but without keys, for whoever signs nobody in: the shell of an
    /// operator may lack the settings that say what signs, and must not displace the server's keys.
    pub async fn start_without_keys(parts: Parts) -> Result<Self, StartError> {
        Self::start_with(parts, Missing::IsNoSigningKey).await
    }

    async fn start_with(parts: Parts, missing: Missing) -> Result<Self, StartError> {
        let Parts { stores, clock, entropy, data_keys, keys, hashing, on_hashing_thread, policy } =
            parts;
        let data_keys = Arc::new(data_keys);
        let events = Arc::new(EventLog::new(Arc::clone(&entropy)));
        let sealed = SealedRing {
            records: Arc::clone(&stores.records),
            data_keys: Arc::clone(&data_keys),
            entropy: Arc::clone(&entropy),
        };
        check_roles(&stores, &policy).await?;
        let passwords = PasswordPool::start(hashing, entropy.bytes(), on_hashing_thread)?;
        let log_key = missing.open(&stores, LOG_KEY_RECORD, &data_keys, &*entropy).await?;
        let code_key = missing.open(&stores, CODE_KEY_RECORD, &data_keys, &*entropy).await?;
        // Last, since it may change what signs: a start that fails changes nothing.
        let keeper = Keeper::new(keys.ring, sealed, policy.keys, Arc::clone(&events));
        let now = clock.now();
        let live_keys = match missing {
            Missing::IsMade => LiveKeys::open(keeper, keys.source, keys.remote, now).await?,
            Missing::StaysSo => LiveKeys::kept(keeper, keys.source, keys.remote, now).await?,
            Missing::IsNoSigningKey => LiveKeys::none(keeper, keys.source, keys.remote),
        };
        let revocations = RevocationCache::default();
        Ok(Self {
            stores,
            clock,
            entropy,
            passwords,
            data_keys,
            live_keys,
            log_key,
            code_key,
            revocations,
            events,
            tokens_seen: TokensSeen::default(),
            policy,
        })
    }
}

/// Fails if a setting names a role that nobody has defined.
async fn check_roles(stores: &Stores, policy: &Policy) -> Result<(), StartError> {
    let defined = stores.users.list_roles().await.map_err(Failure::Store)?;
    let settings = [
        ("registration.default_roles", &policy.registration.default_roles),
        ("mfa.required_roles", &policy.mfa.required_roles),
    ];
    for (setting, roles) in settings {
        if let Some(unknown) = roles.difference(&defined).next() {
            let names: Vec<&str> = defined.iter().map(domain::RoleName::as_str).collect();
            let (role, defined) = (unknown.as_str().to_owned(), names.join(", "));
            return Err(StartError::UnknownRole { role, setting, defined });
        }
    }
    Ok(())
}

/// What becomes of keys that are not kept yet.
#[derive(Clone, Copy)]
enum Missing {
    /// They are made and kept.
    IsMade,
    /// They are made, and nobody keeps them.
    StaysSo,
    /// They are made and kept, but for those that sign.
    IsNoSigningKey,
}

impl Missing {
    /// The sealed MAC key of that name.
    async fn open(
        self,
        stores: &Stores,
        name: &str,
        data_keys: &DataKeys,
        entropy: &dyn Entropy,
    ) -> Result<MacKey, StartError> {
        let records = &*stores.records;
        let kept = match self {
            Self::StaysSo => records.find_record(name).await.map_err(Failure::Store)?,
            Self::IsMade | Self::IsNoSigningKey => {
                let fresh = || {
                    let key = zeroize::Zeroizing::new(entropy.bytes::<32>());
                    Ok(sealed_records::seal(data_keys, name, key.as_slice(), entropy.bytes()))
                };
                Some(sealed_records::find_or_insert(records, name, fresh).await?)
            }
        };
        match kept {
            Some(record) => Ok(MacKey::parse(&sealed_records::open(data_keys, name, &record)?)?),
            None => Ok(MacKey::new(entropy.bytes())),
        }
    }
}
