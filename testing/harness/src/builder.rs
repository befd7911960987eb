use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contracts::Mailbox;
use crypto::{Argon2EngineKind, Argon2Params, DataKey, DataKeys, HashAlgorithm, HashingSettings};
use domain::{PasswordPolicy, Quota, RoleName};
use doorward_claims::Algorithm;
use mail::DevelopmentMailbox;
use service::{
    CodePolicy, KeyParts, KeyPolicy, Limit, LimitPolicy, MfaPolicy, Parts, Policy,
    RegistrationPolicy, Service, SigningSource, StartError, VerifyEmail,
};
use storage_sql::SqlStorage;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use web::{AppState, WebSettings};

use crate::server::database_in;
use crate::signing::NoRemoteSigner;
use crate::{
    CountingEntropy, HashingGate, NEW_PASSWORD, ObservedStore, PASSWORD, TestClock, TestSecrets,
    TestServer,
};

type Change<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Sets up a [`TestServer`].
pub struct TestServerBuilder {
    clock: TestClock,
    folder: Arc<TempDir>,
    /// Of the first instance, for those beside it.
    public_url: Option<String>,
    policy: Vec<Change<Policy>>,
    settings: Vec<Change<WebSettings>>,
    signing: SigningSource,
    hashing: HashingSettings,
    on_hashing_thread: Arc<dyn Fn() + Send + Sync>,
    has_mailbox: bool,
}

impl TestServerBuilder {
    pub(crate) fn new() -> Self {
        [PASSWORD, NEW_PASSWORD].into_iter().for_each(used_secrets::remember);
        Self {
            clock: TestClock::new(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
            public_url: None,
            policy: Vec::new(),
            settings: Vec::new(),
            signing: SigningSource::KeyPairs(Algorithm::ES256),
            hashing: cheap_hashing(),
            on_hashing_thread: Arc::new(|| ()),
            has_mailbox: true,
        }
    }

    pub(crate) fn beside(first: &TestServer) -> Self {
        Self {
            clock: first.clock.clone(),
            folder: Arc::clone(&first.folder),
            public_url: Some(first.public_url.clone()),
            ..Self::new()
        }
    }

    /// Changes the rules.
    #[must_use]
    pub fn policy(mut self, change: impl FnOnce(&mut Policy) + Send + 'static) -> Self {
        self.policy.push(Box::new(change));
        self
    }

    /// Sets one limit: `count` in each `period`. All others stay off.
    #[must_use]
    pub fn limit(self, limit: Limit, count: u32, period: Duration) -> Self {
        let quota = NonZeroU32::new(count).and_then(|count| Quota::new(count, period));
        self.policy(move |policy| *quota_of(&mut policy.limits, limit) = Some(quota.unwrap()))
    }

    /// Changes what the edge knows. `public_url` becomes the issuer.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut WebSettings) + Send + 'static) -> Self {
        self.settings.push(Box::new(change));
        self
    }

    /// Signs with that algorithm.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.signing = SigningSource::KeyPairs(algorithm);
        self
    }

    /// Signs with shared secrets.
    #[must_use]
    pub fn shared_secrets(mut self, secrets: &TestSecrets) -> Self {
        self.signing = SigningSource::SharedSecrets(Arc::new(secrets.clone()));
        self
    }

    /// Changes how passwords are hashed.
    #[must_use]
    pub fn hashing(mut self, change: impl FnOnce(&mut HashingSettings)) -> Self {
        change(&mut self.hashing);
        self
    }

    /// Keeps the hashing threads from their work until the gate is opened.
    #[must_use]
    pub fn hashing_gate(mut self) -> (Self, HashingGate) {
        let (gate, wait) = HashingGate::closed();
        self.on_hashing_thread = wait;
        (self, gate)
    }

    /// Sets the clock of this instance apart from the true time, which instances share.
    #[must_use]
    pub fn clock_offset_ms(mut self, ahead_ms: i64) -> Self {
        self.clock = self.clock.ahead_by_ms(ahead_ms);
        self
    }

    /// Shows nobody the mails, as in production.
    #[must_use]
    pub fn without_mailbox(mut self) -> Self {
        self.has_mailbox = false;
        self
    }

    /// Starts the instance. It serves when this returns.
    pub async fn start(self) -> TestServer {
        self.try_start().await.unwrap()
    }

    /// Starts the instance, or says why it does not start.
    pub async fn try_start(mut self) -> Result<TestServer, StartError> {
        let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operations = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = public.local_addr().unwrap();
        let operations_address = operations.local_addr().unwrap();
        let own_url = format!("http://{address}");
        let mut settings = web_settings(self.public_url.take().unwrap_or(own_url));
        self.settings.drain(..).for_each(|change| change(&mut settings));
        let (clock, folder) = (self.clock.clone(), Arc::clone(&self.folder));
        let has_mailbox = self.has_mailbox;
        let store = self.open_store();
        let service = Arc::new(Service::start(self.parts(&settings, &store)).await?);
        let public_url = settings.public_url.clone();
        let mailbox = Arc::new(DevelopmentMailbox::new());
        let shown = has_mailbox.then(|| Arc::clone(&mailbox) as Arc<dyn Mailbox>);
        let state = AppState::new(Arc::clone(&service), settings, shown);
        let stop = serve(&state, public, operations);
        // What starting took is no test's affair.
        store.take_calls();
        Ok(TestServer {
            clock,
            store,
            service,
            mailbox,
            address,
            operations_address,
            public_url,
            client: client(),
            folder,
            _stop: stop,
        })
    }

    /// The service as a command has it, which serves nobody.
    pub async fn command(mut self) -> Service {
        let mut settings = web_settings(self.public_url.take().unwrap_or_default());
        self.settings.drain(..).for_each(|change| change(&mut settings));
        let store = self.open_store();
        Service::start_without_keys(self.parts(&settings, &store)).await.unwrap()
    }

    fn open_store(&self) -> Arc<ObservedStore> {
        let storage = SqlStorage::open_sqlite(&database_in(self.folder.path())).unwrap();
        Arc::new(ObservedStore::new(storage))
    }

    fn parts(self, settings: &WebSettings, store: &Arc<ObservedStore>) -> Parts {
        let mut policy = default_policy(&settings.public_url);
        policy.links_base.push_str(&settings.base_path);
        self.policy.into_iter().for_each(|change| change(&mut policy));
        Parts {
            stores: store.stores(),
            clock: Arc::new(self.clock),
            entropy: Arc::new(CountingEntropy::new(next_seed())),
            data_keys: DataKeys::new(&[DataKey::new([7; 32])]).unwrap(),
            keys: KeyParts { source: self.signing, ring: None, remote: Arc::new(NoRemoteSigner) },
            hashing: self.hashing,
            on_hashing_thread: self.on_hashing_thread,
            policy,
        }
    }
}

const fn quota_of(limits: &mut LimitPolicy, limit: Limit) -> &mut Option<Quota> {
    match limit {
        Limit::Login => &mut limits.login,
        Limit::LoginAddress => &mut limits.login_address,
        Limit::Register => &mut limits.register,
        Limit::RegisterAddress => &mut limits.register_address,
        Limit::Forgot => &mut limits.forgot,
        Limit::ForgotAddress => &mut limits.forgot_address,
        Limit::Refresh => &mut limits.refresh,
        Limit::Mfa => &mut limits.mfa,
    }
}

fn serve(state: &AppState, public: TcpListener, operations: TcpListener) -> watch::Sender<()> {
    let (stop, stopped) = watch::channel(());
    let listeners =
        [(public, web::public_router(state)), (operations, web::operations_router(state))];
    for (listener, router) in listeners {
        let mut stopped = stopped.clone();
        // An error means that the server was dropped, which is what stops it.
        let stop = async move { drop(stopped.changed().await) };
        tokio::spawn(web::serve(listener, router, stop));
    }
    stop
}

fn client() -> reqwest::Client {
    let nothing_hangs = Duration::from_mins(1);
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("harness/1")
        .timeout(nothing_hangs)
        .build()
        .unwrap()
}

/// Instances on one store must not make the same ids.
fn next_seed() -> u64 {
    static SEEDS: AtomicU64 = AtomicU64::new(0);
    SEEDS.fetch_add(1, Ordering::Relaxed)
}

fn web_settings(public_url: String) -> WebSettings {
    WebSettings {
        public_url,
        trusted_proxies: 0,
        cors_origins: Vec::new(),
        base_path: String::new(),
        product_name: "Doorward".to_owned(),
    }
}

/// The defaults of `config/default.toml`, but for the algorithm and without limits.
fn default_policy(issuer: &str) -> Policy {
    let role = |name| RoleName::parse(name).unwrap();
    Policy {
        issuer: issuer.to_owned(),
        audiences: vec!["api".to_owned()],
        role_order: ["ADMIN", "SUPERVISOR", "USER"].map(role).to_vec(),
        access_ttl: Duration::from_mins(15),
        refresh_ttl: Duration::from_hours(30 * 24),
        session_ttl_max: Duration::from_hours(90 * 24),
        refresh_leeway: Duration::from_secs(10),
        password: PasswordPolicy { characters_min: 8, bytes_max: 512, has_blocklist: true },
        registration: RegistrationPolicy {
            is_open: true,
            default_roles: [role("USER")].into(),
            verify_email: VerifyEmail::Optional,
            reveals_existing: true,
        },
        mfa: MfaPolicy {
            issuer: "Doorward".to_owned(),
            required_roles: BTreeSet::new(),
            trusted_device_ttl: None,
        },
        limits: LimitPolicy::default(),
        codes: CodePolicy {
            verify_ttl: Duration::from_hours(24),
            reset_ttl: Duration::from_mins(10),
        },
        links_base: issuer.to_owned(),
        keys: KeyPolicy {
            rotation_interval: Duration::from_hours(90 * 24),
            publish_ahead: Duration::from_hours(3),
            shared_publish_ahead: Duration::from_mins(15),
            grace: Duration::from_mins(20),
        },
    }
}

/// The real thing, but so cheap that a test does not notice.
fn cheap_hashing() -> HashingSettings {
    HashingSettings {
        algorithm: HashAlgorithm::Argon2id(Argon2Params::new(8, 1, 1).unwrap()),
        engine: Argon2EngineKind::Fast,
        threads: NonZeroUsize::MIN,
        queue_max: 64,
    }
}
