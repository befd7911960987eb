//! The service on a backend, as far as cases of what is sealed need it.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    BoxError, Clock, Entropy, Freshness, MailRenderer, MailTransport, MailValues, OutgoingMail,
    RemotePublicKey, RemoteSigner, RenderMailError, RenderedMail, SendMailError, SharedSecrets,
};
use crypto::{Argon2EngineKind, Argon2Params, DataKey, DataKeys, HashAlgorithm, HashingSettings};
use domain::{
    Client, EmailAddress, EnabledTotp, Login, MailTemplate, Password, PasswordPolicy, RefreshToken,
    RoleName, Timestamp,
};
use doorward_claims::Algorithm;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use service::{
    Caller, CodePolicy, Enroller, Issued, KeyParts, KeyPolicy, LimitPolicy, MfaPolicy, NewAccount,
    NewFactor, Origin, Parts, Policy, RegistrationPolicy, Service, SigningSource, StartError,
    Stores, Tokens, VerifyEmail,
};

use crate::Backend;
use crate::fixtures::{NOW, replacement};

/// A data key that only says its number.
pub(crate) fn data_key(number: u8) -> DataKey {
    DataKey::new([number; 32])
}

pub(crate) fn data_keys(numbers: &[u8]) -> DataKeys {
    let keys: Vec<DataKey> = numbers.iter().map(|number| data_key(*number)).collect();
    DataKeys::new(&keys).unwrap()
}

/// What becomes of a deployment's backend from one start of the service to the next.
pub(crate) struct Deployment<'a> {
    backend: &'a Backend,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) entropy: Arc<RememberedEntropy>,
}

impl<'a> Deployment<'a> {
    pub(crate) fn new(backend: &'a Backend) -> Self {
        Self { backend, clock: Arc::default(), entropy: Arc::default() }
    }

    /// Starts the service with those data keys.
    pub(crate) async fn start(&self, data_keys: &[u8]) -> Service {
        self.try_start(data_keys, SigningSource::KeyPairs(Algorithm::ES256)).await.unwrap()
    }

    /// The same, signing with that secret.
    pub(crate) async fn start_with_secret(&self, data_keys: &[u8], secret: &[u8]) -> Service {
        let source = SigningSource::SharedSecrets(Arc::new(OneSecret(secret.to_vec())));
        self.try_start(data_keys, source).await.unwrap()
    }

    pub(crate) async fn try_start(
        &self,
        data_keys: &[u8],
        source: SigningSource,
    ) -> Result<Service, StartError> {
        let Backend {
            users,
            sessions,
            pending_sign_ins,
            trusted_devices,
            codes,
            revocations,
            outbox,
            mails,
            records,
            limiter,
            ..
        } = self.backend.clone();
        let probes = Vec::new();
        Service::start(Parts {
            stores: Stores {
                users,
                sessions,
                revocations,
                codes,
                pending_sign_ins,
                trusted_devices,
                mails,
                outbox,
                records,
                limiter,
                probes,
            },
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            data_keys: self::data_keys(data_keys),
            keys: KeyParts { source, ring: None, remote: Arc::new(NoRemote) },
            hashing: HashingSettings {
                algorithm: HashAlgorithm::Argon2id(Argon2Params::new(8, 1, 1).unwrap()),
                engine: Argon2EngineKind::Fast,
                threads: NonZeroUsize::MIN,
                queue_max: 64,
            },
            on_hashing_thread: Arc::new(|| ()),
            policy: policy(),
        })
        .await
    }
}

impl Deployment<'_> {
    /// Enables the factor that is being set up, as its first code would, and gives its secret.
    pub(crate) async fn enable_factor(&self, name: &str) -> Vec<u8> {
        let login = Login::Email(address(name));
        let found = self.backend.users.find_user_by_login(&login).await.unwrap();
        let mut user = found.unwrap().user;
        let factor = user.totp.as_mut().unwrap();
        let identity = format!("user/{}/totp", user.id);
        let secret = data_keys(&[2, 1]).open(&identity, &factor.sealed_secret).unwrap();
        let at = self.clock.now();
        factor.enabled = Some(EnabledTotp { at, last_step: 0, backup_codes: Vec::new() });
        self.backend.replace(&replacement(&user)).await;
        secret.to_vec()
    }
}

/// Signs up somebody who is called so.
pub(crate) async fn sign_up(service: &Service, name: &str) {
    let account =
        NewAccount { email: address(name), username: None, name: None, password: password() };
    service.sign_up(account, &origin()).await.unwrap();
}

/// Signs in whoever is called so.
pub(crate) async fn sign_in(service: &Service, name: &str) -> Tokens {
    match begin_sign_in(service, name).await {
        Issued::Tokens(tokens) => *tokens,
        Issued::NextStep(step) => panic!("{:?} is wanted", step.step),
    }
}

/// What somebody gets who shows the password.
pub(crate) async fn begin_sign_in(service: &Service, name: &str) -> Issued {
    service.sign_in(address(name).as_typed(), &password(), None, &origin()).await.unwrap()
}

/// What somebody who is signed in gets to set up a second factor with.
pub(crate) async fn set_up_factor(service: &Service, tokens: &Tokens) -> NewFactor {
    let by = Enroller::Caller(Box::new(caller(service, tokens).await));
    service.set_up_factor(&by, &origin()).await.unwrap()
}

/// Who bears those tokens.
pub(crate) async fn caller(service: &Service, tokens: &Tokens) -> Caller {
    service.authenticate(tokens.access_token.expose_secret()).await.unwrap()
}

/// The next refresh token.
pub(crate) async fn refresh(service: &Service, token: &RefreshToken) -> RefreshToken {
    service.refresh(token, &origin()).await.unwrap().tokens.refresh_token
}

pub(crate) fn address(name: &str) -> EmailAddress {
    EmailAddress::parse(&format!("{name}@example.com")).unwrap()
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";

fn password() -> Password {
    Password::parse(&SecretString::from(PASSWORD)).unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin { request_id: None, client: Client::new(None, Some("browser/1")) }
}

/// A clock that is moved.
pub(crate) struct TestClock(Mutex<Timestamp>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(NOW))
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Bytes that look random, of which it remembers those that are as long as keys.
#[derive(Default)]
pub(crate) struct RememberedEntropy(Mutex<(u64, Vec<[u8; 32]>)>);

impl RememberedEntropy {
    pub(crate) fn keys(&self) -> Vec<[u8; 32]> {
        self.0.lock().unwrap().1.clone()
    }
}

impl Entropy for RememberedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let (count, keys) = &mut *self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(32) {
            *count += 1;
            chunk.copy_from_slice(&crypto::digest(&count.to_be_bytes())[..chunk.len()]);
        }
        keys.extend(<[u8; 32]>::try_from(&*bytes));
    }
}

/// A transport that takes nothing, and remembers what was to be sent.
#[derive(Default)]
pub(crate) struct DeadTransport(Mutex<Vec<OutgoingMail>>);

impl DeadTransport {
    pub(crate) fn take(&self) -> Vec<OutgoingMail> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl MailTransport for DeadTransport {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendMailError> {
        self.0.lock().unwrap().push(mail.clone());
        Err(SendMailError::Failed("nobody is there".into()))
    }

    async fn check(&self) -> Result<(), SendMailError> {
        Ok(())
    }
}

/// Says nothing of what it was told.
pub(crate) struct EmptyMails;

impl MailRenderer for EmptyMails {
    fn render(
        &self,
        _template: MailTemplate,
        _values: &MailValues,
    ) -> Result<RenderedMail, RenderMailError> {
        let (text, html) = (SecretString::default(), SecretString::default());
        Ok(RenderedMail { subject: String::new(), text, html })
    }
}

struct OneSecret(Vec<u8>);

#[async_trait]
impl SharedSecrets for OneSecret {
    async fn read_shared_secrets(&self, _: Freshness) -> Result<Vec<SecretSlice<u8>>, BoxError> {
        Ok(vec![SecretSlice::from(self.0.clone())])
    }
}

struct NoRemote;

#[async_trait]
impl RemoteSigner for NoRemote {
    async fn public_key(&self, _name: &str) -> Result<RemotePublicKey, BoxError> {
        Err("no key is elsewhere".into())
    }

    async fn sign_digest(
        &self,
        _name: &str,
        _algorithm: Algorithm,
        _digest: [u8; 32],
    ) -> Result<Vec<u8>, BoxError> {
        Err("no key is elsewhere".into())
    }
}

fn policy() -> Policy {
    let role = |name| RoleName::parse(name).unwrap();
    let day = Duration::from_hours(24);
    Policy {
        issuer: "https://auth.example.com".to_owned(),
        audiences: vec!["api".to_owned()],
        role_order: vec![role("USER")],
        access_ttl: Duration::from_mins(15),
        refresh_ttl: 30 * day,
        session_ttl_max: 90 * day,
        refresh_leeway: Duration::from_secs(10),
        password: PasswordPolicy { characters_min: 8, bytes_max: 512, has_blocklist: false },
        registration: RegistrationPolicy {
            is_open: true,
            default_roles: [role("USER")].into(),
            verify_email: VerifyEmail::Optional,
            reveals_existing: true,
        },
        codes: CodePolicy { verify_ttl: day, reset_ttl: Duration::from_mins(10) },
        mfa: MfaPolicy {
            issuer: "Doorward".to_owned(),
            required_roles: BTreeSet::new(),
            trusted_device_ttl: Some(30 * day),
        },
        limits: LimitPolicy::default(),
        links_base: "https://auth.example.com".to_owned(),
        keys: KeyPolicy {
            rotation_interval: 90 * day,
            publish_ahead: day,
            shared_publish_ahead: Duration::from_mins(15),
            grace: day,
        },
    }
}

/// What a mail would have told: the link and the code.
pub(crate) fn told(mail: &OutgoingMail) -> Vec<String> {
    let told = [&mail.link, &mail.code].into_iter().flatten();
    told.map(|secret| secret.expose_secret().to_owned()).collect()
}
