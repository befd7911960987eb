use std::collections::BTreeSet;

use crate::{
    EmailAddress, EnabledTotp, PasswordHash, Permission, PersonName, RoleName, Timestamp,
    TotpFactor, UserId, Username,
};

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// Locked out by an administrator until enabled again.
    Disabled,
}

impl UserStatus {
    const ALL: [Self; 2] = [Self::Active, Self::Disabled];

    /// The stable name, in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == text)
    }
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Names the user for ever.
    pub id: UserId,
    /// Unique by its key.
    pub email: EmailAddress,
    /// Whether a message to `email` was answered.
    pub is_email_verified: bool,
    /// Unique, if there is one.
    pub username: Option<Username>,
    /// What to call the person.
    pub name: Option<PersonName>,
    /// The roles held.
    pub roles: BTreeSet<RoleName>,
    /// Whether the user may sign in.
    pub status: UserStatus,
    /// Absent where the user has no password.
    pub password_hash: Option<PasswordHash>,
    /// The second factor, enabled or being set up.
    pub totp: Option<TotpFactor>,
    /// Raised to end every session at once; sessions and tokens of an earlier epoch are dead.
    pub session_epoch: u64,
    /// Raised by every change of the record; guards replacements and orders events.
    pub version: u64,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the user last signed in.
    pub last_login_at: Option<Timestamp>,
}

impl User {
    /// The second factor that sign-ins ask for; none while it is being set up.
    pub fn second_factor(&self) -> Option<&EnabledTotp> {
        self.totp.as_ref()?.enabled.as_ref()
    }
}

/// A user with what their roles allow, as one consistent read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The union of the permissions of the user's roles.
    pub permissions: BTreeSet<Permission>,
}

/// What a person signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// An e-mail address.
    Email(EmailAddress),
    /// A user name.
    Username(Username),
}

impl Login {
    /// Reads either; a text that is neither names nobody.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            EmailAddress::parse(text).ok().map(Self::Email)
        } else {
            Username::parse(text.trim()).ok().map(Self::Username)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_by_its_name() {
        for status in UserStatus::ALL {
            assert_eq!(UserStatus::parse(status.name()), Some(status));
        }
        assert_eq!(UserStatus::parse("Active"), None);
    }

    #[test]
    fn an_at_sign_tells_an_address_from_a_user_name() {
        assert!(matches!(Login::parse("A@b.example"), Some(Login::Email(_))));
        assert!(matches!(Login::parse(" John.Doe "), Some(Login::Username(_))));
        assert_eq!(Login::parse("no such thing"), None);
    }
}
