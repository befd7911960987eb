//! The use cases: what people and services can ask of Doorward, one file each.
//!
//! The order of steps in a use case is the policy. What is outside comes through `contracts`; rules
//! come from `domain`; secrets are handled by `crypto`.

mod access_tokens;
mod account_erasure;
mod address_verification;
mod authenticate;
mod code_requests;
mod event_log;
mod failure;
mod hashing;
mod issue_session;
mod keys;
mod limits;
mod mail_administration;
mod mail_queue;
mod mail_relay;
mod nobody;
mod one_time_codes;
mod password_change;
mod password_reset;
mod policy;
mod profile;
mod refresh;
mod refresh_tokens;
mod relay;
mod reseal;
mod revocations;
mod sealed_records;
mod second_factor;
mod sessions;
mod sign_in;
mod sign_out;
mod sign_up;
mod start;
mod step_up;
mod sweep;
mod tokens_seen;
mod user_administration;
mod user_changes;

pub use account_erasure::EraseAccountError;
pub use address_verification::{AddressProof, VerifiedAddress, VerifyAddressError};
pub use authenticate::{AuthenticateError, Caller};
pub use event_log::rfc3339;
pub use failure::Failure;
pub use hashing::HashingError;
pub use issue_session::{Issued, Tokens};
pub use keys::{
    ChangeKeysError, KeyParts, KeyRingError, KeyState, KeyTable, KeysReloaded, RevokedKey,
    RingRotation, RotatedKey, SharedSecretRotation, SigningSource,
};
pub use limits::{Counted, Limit, LimitError, LimitPolicy, LimitReached};
pub use mail_administration::{RetryMailError, can_retry};
pub use mail_relay::MailsRelayed;
pub use nobody::is_nobody;
pub use one_time_codes::{CodeRequested, PresentedCode, read_code_token, write_code_token};
pub use password_change::{ChangePasswordError, PasswordChange};
pub use password_reset::ResetPasswordError;
pub use policy::{
    CodePolicy, KeyPolicy, MfaPolicy, Origin, Policy, RegistrationPolicy, VerifyEmail,
};
pub use profile::{ChangeProfileError, ChangedProfile, FieldChange, ProfileChange};
pub use refresh::{RefreshError, RefreshPath, Refreshed};
pub use relay::Relayed;
pub use reseal::{ResealProgress, ResealedCount};
pub use revocations::SignedRevocations;
pub use second_factor::{
    DisableFactorError, EnableFactorError, EnabledFactor, Enroller, NewFactor, NextStep,
    PresentedFactor, ProveFactorError, RenewBackupCodesError, ResetFactorError, SetUpFactorError,
    VerifyFactorError, read_pending_token, write_pending_token,
};
pub use sessions::{EndSessionError, SESSIONS_PAGE_MAX};
pub use sign_in::{AccountDigest, SignInError, SignInRefusal};
pub use sign_out::SignOutError;
pub use sign_up::{NewAccount, NewUser, SignUpError, SignedUp};
pub use start::{Parts, StartError, Stores};
pub use step_up::{RECENT, StepUpError, StepUpRequired, SteppedUp};
pub use user_administration::SetRolesError;

use std::sync::Arc;

use contracts::{Clock, Entropy, Probe};
use crypto::{DataKeys, MacKey, PasswordPool};
use doorward_claims::Algorithm;

/// The service: all use cases over one set of stores, keys and rules. Made by [`Service::start`].
pub struct Service {
    stores: Stores,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    passwords: PasswordPool,
    data_keys: Arc<DataKeys>,
    live_keys: keys::LiveKeys,
    /// Names accounts in logs. Random and sealed, so that `data_key` can rotate.
    log_key: MacKey,
    /// Compares short codes. Random and sealed for the same reason.
    code_key: MacKey,
    revocations: revocations::RevocationCache,
    events: Arc<event_log::EventLog>,
    tokens_seen: tokens_seen::TokensSeen,
    policy: Policy,
}

impl Service {
    /// The rules that this service runs by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys that verifiers of our tokens need, as they were read last.
    pub fn keys(&self) -> Arc<KeyTable> {
        self.live_keys.table()
    }

    /// Reads again what signs, and rotates what is due. Call it every half minute, so that all
    /// instances know a key well before it signs.
    pub async fn reload_keys(&self) -> Result<KeysReloaded, KeyRingError> {
        self.live_keys.reload(self.clock.now()).await
    }

    /// The pool that hashes passwords, for its figures.
    pub fn passwords(&self) -> &PasswordPool {
        &self.passwords
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The source of randomness.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// How many draws on quotas were decided by this instance alone, because what instances share
    /// did not answer.
    pub fn limits_decided_alone(&self) -> u64 {
        self.stores.limiter.decided_alone()
    }

    /// How many access tokens under this algorithm this instance has accepted.
    pub fn access_tokens_accepted(&self, algorithm: Algorithm) -> u64 {
        self.tokens_seen.accepted(algorithm)
    }

    /// What readiness depends on.
    pub fn probes(&self) -> &[Arc<dyn Probe>] {
        &self.stores.probes
    }
}
