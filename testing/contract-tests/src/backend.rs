use std::any::Any;
use std::sync::Arc;

use contracts::{
    Limiter, MailOutboxStore, OneTimeCodeStore, OutboxStore, PendingSignInStore, RecordStore,
    RevocationStore, SessionStore, TrustedDeviceStore, UserStore,
};

/// A backend as the suite sees it: one empty store behind every trait.
#[derive(Clone)]
pub struct Backend {
    /// Keeps users.
    pub users: Arc<dyn UserStore>,
    /// Keeps sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Keeps sign-ins that want another step.
    pub pending_sign_ins: Arc<dyn PendingSignInStore>,
    /// Keeps trusted devices.
    pub trusted_devices: Arc<dyn TrustedDeviceStore>,
    /// Keeps one-time codes.
    pub codes: Arc<dyn OneTimeCodeStore>,
    /// Lists revocations.
    pub revocations: Arc<dyn RevocationStore>,
    /// Hands out events.
    pub outbox: Arc<dyn OutboxStore>,
    /// Hands out mails.
    pub mails: Arc<dyn MailOutboxStore>,
    /// Keeps records.
    pub records: Arc<dyn RecordStore>,
    /// Counts draws on quotas.
    pub limiter: Arc<dyn Limiter>,
    /// What the stores live in; the last field, so that it is dropped after them.
    pub home: Arc<dyn Any + Send + Sync>,
}

impl Backend {
    /// A backend of one type. `home` is what must outlive it, such as a temporary folder.
    pub fn new<S>(store: S, home: impl Any + Send + Sync) -> Self
    where
        S: UserStore
            + SessionStore
            + PendingSignInStore
            + TrustedDeviceStore
            + OneTimeCodeStore
            + RevocationStore
            + OutboxStore
            + MailOutboxStore
            + RecordStore
            + Limiter
            + 'static,
    {
        let store = Arc::new(store);
        Self {
            users: store.clone(),
            sessions: store.clone(),
            pending_sign_ins: store.clone(),
            trusted_devices: store.clone(),
            codes: store.clone(),
            revocations: store.clone(),
            outbox: store.clone(),
            mails: store.clone(),
            records: store.clone(),
            limiter: store,
            home: Arc::new(home),
        }
    }
}

/// Whatever a case of limits can run against.
pub trait HasLimiter {
    /// Its limiter.
    fn limiter(&self) -> Arc<dyn Limiter>;
}

impl HasLimiter for Backend {
    fn limiter(&self) -> Arc<dyn Limiter> {
        self.limiter.clone()
    }
}

/// A limiter that is no store, with what it lives in.
pub struct LimiterAlone {
    /// The limiter.
    pub limiter: Arc<dyn Limiter>,
    /// What must outlive it.
    pub home: Box<dyn Any + Send + Sync>,
}

impl HasLimiter for LimiterAlone {
    fn limiter(&self) -> Arc<dyn Limiter> {
        self.limiter.clone()
    }
}
