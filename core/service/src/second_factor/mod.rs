//! The second factor: setting it up, asking for it, and getting rid of it.

mod backup_codes;
mod disabling;
mod enabling;
mod pending;
mod proving;
mod trusted_devices;
mod verification;
mod wrong_codes;

pub use backup_codes::RenewBackupCodesError;
pub use disabling::{DisableFactorError, ResetFactorError};
pub use enabling::{EnableFactorError, EnabledFactor, Enroller, NewFactor, SetUpFactorError};
pub(crate) use pending::next_step;
pub use pending::{NextStep, read_pending_token, write_pending_token};
pub(crate) use proving::totp_identity;
pub use proving::{PresentedFactor, ProveFactorError};
pub(crate) use trusted_devices::Trust;
pub use verification::VerifyFactorError;
