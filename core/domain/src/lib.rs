//! What the system means: types that are valid once built, and the rules over them.
//!
//! No I/O, no clock, no randomness: moments and random bytes are given by the caller.

mod backup_code;
mod client;
mod crockford;
mod email_address;
mod event;
mod id;
mod key_ring;
mod mail;
mod one_time_code;
mod password;
mod password_policy;
mod pending_sign_in;
mod person_name;
mod quota;
mod refresh_token;
mod revocation;
mod role;
mod session;
mod time;
mod totp;
mod trusted_device;
mod typeid;
mod user;
mod username;

pub use backup_code::{BACKUP_CODES, BackupCode, BackupCodeError, BackupCodeMac};
pub use client::{Client, DeviceDigest, RequestId};
pub use email_address::{EmailAddress, EmailAddressError};
pub use event::{Event, EventKind};
pub use id::{
    ChallengeId, EventId, IdError, MailId, RandomBits, SessionId, TokenId, TrustedDeviceId, UserId,
};
pub use key_ring::{
    KeyMaterial, KeyPhase, KeyRecord, KeyRing, PUBLISHED_KEYS_MAX, RingFull, UnknownKey,
};
pub use mail::MailTemplate;
pub use one_time_code::{
    CodeKind, CodeToken, CodeTokenError, OneTimeCode, SHORT_CODE_TRIES_MAX, ShortCode,
    ShortCodeError,
};
pub use password::{Password, PasswordError, PasswordHash};
pub use password_policy::{PasswordPolicy, WeakPassword};
pub use pending_sign_in::{
    PENDING_TRIES_MAX, PendingSignIn, PendingStep, PendingToken, PendingTokenError,
};
pub use person_name::{PersonName, PersonNameError};
pub use quota::Quota;
pub use refresh_token::{RefreshDecision, RefreshToken, RefreshTokenError, TOKEN_BYTES_MAX};
pub use revocation::{Revocation, RevocationScope};
pub use role::{INITIAL_ROLES, Permission, Role, RoleName, RoleNameError, foremost};
pub use session::{AuthenticationMethod, EndReason, Session, SessionEnd, SessionState, amr};
pub use time::Timestamp;
pub use totp::{EnabledTotp, TOTP_STEP_SECONDS, TotpCode, TotpCodeError, TotpFactor, totp_step};
pub use trusted_device::TrustedDevice;
pub use user::{Account, Login, User, UserStatus};
pub use username::{Username, UsernameError};
