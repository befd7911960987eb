use crate::{
    Client, EmailAddress, EndReason, EventId, RequestId, SessionId, Timestamp, User, UserId,
};

/// Something that the world may want to know. Carries no password, token, code or secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Names the event; consumers drop what they have seen.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// The request that caused it; absent for the command line and background work.
    pub request_id: Option<RequestId>,
    /// Who did it; absent where nobody is known to have.
    pub actor: Option<UserId>,
    /// The user it is about; none, if it is about the deployment itself.
    pub subject: Option<UserId>,
    /// The user's version after the change, where the event changes the user.
    pub subject_version: Option<u64>,
    /// What happened.
    pub kind: EventKind,
}

/// What can happen, with the data of `api.md`, "Events".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An account was made.
    UserCreated(Box<User>),
    /// Fields of a user changed.
    UserUpdated {
        /// The user's address.
        email: EmailAddress,
        /// Names of the fields.
        fields: Vec<&'static str>,
    },
    /// A user proved to read mails to the address.
    UserEmailVerified(EmailAddress),
    /// A user was erased.
    UserDeleted(EmailAddress),
    /// A user has another password.
    UserPasswordChanged(Client),
    /// Somebody asked for a new password for a user.
    UserPasswordResetRequested(Client),
    /// A user's sign-ins ask for a second factor from now on.
    UserMfaEnabled(Client),
    /// They do no longer.
    UserMfaDisabled(Client),
    /// A user signed in with a backup code, or stepped up with one.
    UserBackupCodeUsed(Client),
    /// A user signed in.
    UserLogin {
        /// The new session.
        session: SessionId,
        /// From where.
        client: Client,
        /// The `amr` values.
        methods: Vec<&'static str>,
    },
    /// A session began.
    SessionCreated(SessionId),
    /// A session, or with none named all of the user's, ended.
    SessionRevoked {
        /// Which; absent for all of them.
        session: Option<SessionId>,
        /// Why.
        reason: EndReason,
    },
    /// A replaced refresh token was answered, to another user agent than the rotation's.
    SessionRefreshReused {
        /// Which session.
        session: SessionId,
        /// `leeway` or `forgiven`.
        reason: &'static str,
    },
    /// An old refresh token was used: the session was ended.
    SessionReplayDetected(SessionId),
    /// Another key signs, or is about to.
    KeyRotated {
        /// Which.
        kid: String,
        /// What it signs with.
        algorithm: String,
    },
    /// A key is not to be trusted any more.
    KeyRevoked {
        /// Which.
        kid: String,
        /// What it signed with.
        algorithm: String,
    },
}

impl EventKind {
    /// The event's type, as consumers match it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UserCreated(_) => "user.created",
            Self::UserUpdated { .. } => "user.updated",
            Self::UserEmailVerified(_) => "user.email_verified",
            Self::UserDeleted(_) => "user.deleted",
            Self::UserPasswordChanged(_) => "user.password_changed",
            Self::UserPasswordResetRequested(_) => "user.password_reset_requested",
            Self::UserMfaEnabled(_) => "user.mfa_enabled",
            Self::UserMfaDisabled(_) => "user.mfa_disabled",
            Self::UserBackupCodeUsed(_) => "user.backup_code_used",
            Self::UserLogin { .. } => "user.login",
            Self::SessionCreated(_) => "session.created",
            Self::SessionRevoked { .. } => "session.revoked",
            Self::SessionRefreshReused { .. } => "session.refresh_reused",
            Self::SessionReplayDetected(_) => "session.replay_detected",
            Self::KeyRotated { .. } => "key.rotated",
            Self::KeyRevoked { .. } => "key.revoked",
        }
    }
}
