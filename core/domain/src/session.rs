use std::time::Duration;

use crate::{Client, SessionId, Timestamp, User, UserId, UserStatus};

/// How a person proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// A password.
    Password,
    /// A code of an authenticator app.
    OneTimePassword,
    /// A backup code in place of one.
    BackupCode,
    /// A browser that the user had proved the second factor on.
    TrustedDevice,
}

impl AuthenticationMethod {
    const ALL: [Self; 4] =
        [Self::Password, Self::OneTimePassword, Self::BackupCode, Self::TrustedDevice];

    /// The value of the `amr` claim. The first two are registered (RFC 8176 §2).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimePassword => "otp",
            Self::BackupCode => "backup_code",
            Self::TrustedDevice => "trusted_device",
        }
    }

    /// Reads that value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text)
    }

    /// Whether it proves the second factor, there and then.
    pub const fn is_second_factor(self) -> bool {
        matches!(self, Self::OneTimePassword | Self::BackupCode)
    }
}

/// The `amr` claim of these methods: each, and `mfa` where there were two factors (RFC 8176 §2).
pub fn amr(methods: &[AuthenticationMethod]) -> Vec<&'static str> {
    let is_multiple = methods.iter().any(|method| method.is_second_factor());
    methods.iter().map(|method| method.name()).chain(is_multiple.then_some("mfa")).collect()
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its user signed out.
    SignedOut,
    /// Its user ended it from another session.
    EndedByUser,
    /// An old refresh token was used again: somebody has a copy.
    Replay,
    /// Its user changed the password from another session.
    PasswordChanged,
    /// Its user set a new password by mail.
    PasswordReset,
    /// It was begun with a password that was set before anybody had proved the address.
    PasswordDiscarded,
    /// Its user set up or removed a second factor from another session.
    FactorChanged,
    /// An operator removed the user's second factor.
    FactorReset,
    /// Its user was erased.
    AccountDeleted,
}

impl EndReason {
    const ALL: [Self; 9] = [
        Self::SignedOut,
        Self::EndedByUser,
        Self::Replay,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::PasswordDiscarded,
        Self::FactorChanged,
        Self::FactorReset,
        Self::AccountDeleted,
    ];

    /// The stable name, in stores and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::EndedByUser => "ended_by_user",
            Self::Replay => "replay",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::PasswordDiscarded => "password_discarded",
            Self::FactorChanged => "factor_changed",
            Self::FactorReset => "factor_reset",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == text)
    }
}

/// That a session ended, when, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEnd {
    /// The moment.
    pub at: Timestamp,
    /// The reason.
    pub reason: EndReason,
}

/// One sign-in and all that was refreshed from it. The record keeps its size however often its
/// refresh token is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names the session, in tokens as `sid`.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The user's epoch, read together with the password hash.
    pub epoch: u64,
    /// The generation of the newest refresh token; the first is 1.
    pub generation: u64,
    /// The last generation whose lost answer was forgiven; 0 before the first.
    pub forgiven_generation: u64,
    /// When `generation` became the newest.
    pub rotated_at: Timestamp,
    /// The user agent that made it the newest.
    pub rotated_by: Option<Box<str>>,
    /// The 256-bit key under which refresh tokens carry their MAC, sealed.
    pub sealed_refresh_key: Box<[u8]>,
    /// How the user proved who they are.
    pub methods: Vec<AuthenticationMethod>,
    /// When they last did.
    pub authenticated_at: Timestamp,
    /// The client that signed in.
    pub client: Client,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When the newest refresh token expires; moves with every rotation.
    pub idle_expires_at: Timestamp,
    /// When the session is over whatever happens.
    pub expires_at: Timestamp,
    /// Set once it has ended.
    pub end: Option<SessionEnd>,
}

/// What a session is good for at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// It may be used and refreshed.
    Alive,
    /// Somebody ended it, alone or with all others of the user.
    Ended,
    /// It was not used for too long, or has reached its absolute limit.
    Expired,
    /// Its user may not sign in.
    UserDisabled,
}

impl Session {
    /// Whether its user proved a second factor when they last authenticated.
    pub fn has_second_factor(&self) -> bool {
        self.methods.iter().any(|method| method.is_second_factor())
    }

    /// What the session is good for, given its user as read with it.
    pub fn state(&self, user: &User, now: Timestamp) -> SessionState {
        if self.end.is_some() || self.epoch < user.session_epoch {
            SessionState::Ended
        } else if user.status == UserStatus::Disabled {
            SessionState::UserDisabled
        } else if now >= self.refresh_expires_at() {
            SessionState::Expired
        } else {
            SessionState::Alive
        }
    }

    /// When the newest refresh token stops working.
    pub fn refresh_expires_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }

    /// When a refresh token that is made `now` shall expire: after `ttl`, never past the session.
    pub fn idle_expiry(&self, now: Timestamp, ttl: Duration) -> Timestamp {
        now.plus(ttl).min(self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_and_every_reason_is_read_by_its_name() {
        for method in AuthenticationMethod::ALL {
            assert_eq!(AuthenticationMethod::parse(method.name()), Some(method));
        }
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.name()), Some(reason));
        }
        assert_eq!(AuthenticationMethod::parse("mfa"), None);
    }

    #[test]
    fn amr_says_what_was_used_and_whether_that_were_two_factors() {
        use AuthenticationMethod::{BackupCode, OneTimePassword, Password, TrustedDevice};
        assert_eq!(amr(&[Password]), ["pwd"]);
        assert_eq!(amr(&[Password, OneTimePassword]), ["pwd", "otp", "mfa"]);
        assert_eq!(amr(&[Password, BackupCode]), ["pwd", "backup_code", "mfa"]);
        assert_eq!(amr(&[Password, TrustedDevice]), ["pwd", "trusted_device"]);
    }
}
