//! Traits for all that is outside the core. Each method is one atomic operation with named
//! outcomes.
//!
//! A store receives complete values: it makes no ids, reads no clock and applies no rules. Absence
//! is `Option`, refusal is an outcome, failure is [`StoreError`]; nothing turns one into another.

mod codes;
mod events;
mod keys;
mod limits;
mod mails;
mod outside;
mod pending_sign_ins;
mod records;
mod revocations;
mod secrets;
mod sessions;
mod store_error;
mod trusted_devices;
mod users;

pub use codes::{CodePut, OneTimeCodeStore, PutCode, SpendCode};
pub use events::{EventSink, Notices, OutboxEvent, OutboxStore, PublishError};
pub use keys::{
    Freshness, KeptRing, KeyRingStore, RemotePublicKey, RemoteSigner, RingReplaced, RingVersion,
    SecretRotation, SharedSecrets,
};
pub use limits::{Draw, Drawn, LimitKey, Limiter};
pub use mails::{
    MailOutboxStore, MailRenderer, MailState, MailTransport, MailValues, Mailbox, OutboxMail,
    OutgoingMail, QueuedMail, RenderMailError, RenderedMail, SendMailError,
};
pub use outside::{Clock, Entropy, Probe};
pub use pending_sign_ins::PendingSignInStore;
pub use records::{Inserted, Record, RecordStore};
pub use revocations::{Expiry, RevocationStore, Revocations};
pub use secrets::{CredentialSource, Credentials, ReadSecretError, SecretRef, SecretSource};
pub use sessions::{
    Advance, Advanced, EndSession, Ended, Forgive, InsertSession, KnownDevice, NewSession,
    Reauthenticate, Resealed, SealedKey, SessionStore, SignedIn,
};
pub use store_error::StoreError;
pub use trusted_devices::{TrustedDeviceStore, TrustedDeviceUse};

/// The algorithms that keys sign with.
pub use doorward_claims::Algorithm;
pub use users::{
    EpochRaise, EraseUser, InsertUser, InsertUserError, ReplaceUser, Replaced, UserReplaced,
    UserStore,
};

/// An error and all that led to it, on one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        words.push_str(": ");
        words.push_str(&source.to_string());
        next = source.source();
    }
    words
}

/// A cause whose type is a backend's own affair.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
