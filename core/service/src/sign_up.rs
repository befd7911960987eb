use contracts::{InsertUserError, StoreError};
use crypto::{HashPasswordError, Overloaded};
use domain::{
    Account, EmailAddress, EventKind, Password, PersonName, RoleName, User, UserId, UserStatus,
    Username, WeakPassword,
};
use std::collections::BTreeSet;

use crate::Service;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::policy::Origin;

/// What a stranger gives to sign up.
#[derive(Debug)]
pub struct NewAccount {
    /// The address.
    pub email: EmailAddress,
    /// The user name, if one is wanted.
    pub username: Option<Username>,
    /// What to call the person.
    pub name: Option<PersonName>,
    /// The password.
    pub password: Password,
}

/// Why nobody was signed up.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Strangers may not sign up here.
    #[error("registration is closed")]
    Closed,
    /// The password breaks the policy.
    #[error("the password breaks the policy")]
    WeakPassword(#[from] WeakPassword),
    /// Another account has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// Another account has the user name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Hashing has as much to do as it takes on.
    #[error("password hashing is at capacity")]
    Overloaded(#[from] Overloaded),
    /// The work could not be done.
    #[error("the account could not be made")]
    Failure(#[from] Failure),
}

impl Service {
    /// Makes an account for a stranger. It survives whatever happens once this returns.
    pub async fn sign_up(
        &self,
        account: NewAccount,
        origin: &Origin,
    ) -> Result<Account, SignUpError> {
        if !self.policy.is_registration_open {
            return Err(SignUpError::Closed);
        }
        self.make_account(account, self.policy.default_roles.clone(), origin).await
    }

    /// Makes an account with these roles, which must be defined.
    pub(crate) async fn make_account(
        &self,
        account: NewAccount,
        roles: BTreeSet<RoleName>,
        origin: &Origin,
    ) -> Result<Account, SignUpError> {
        let NewAccount { email, username, name, password } = account;
        // First, because hashing costs more than everything else here.
        self.policy.password.check(&password, &email, username.as_ref())?;
        let hash = self.passwords.hash(&password, self.entropy.bytes()).await?;

        let now = self.clock.now();
        let user = User {
            id: UserId::new(now, self.entropy.bytes()),
            email,
            is_email_verified: false,
            username,
            name,
            roles,
            status: UserStatus::Active,
            password_hash: Some(hash),
            session_epoch: 0,
            version: 1,
            created_at: now,
            last_login_at: None,
        };
        let happening = Happening { origin, actor: None, subject: &user.id, at: now };
        let created = EventKind::UserCreated(Box::new(user.clone()));
        let events = [self.event_of_change(&happening, user.version, created)];
        self.stores.users.insert_user(&user, &events).await?;
        // Read back, because what roles allow is the store's to say.
        let made = self.stores.users.find_user(&user.id).await.map_err(Failure::Store)?;
        Ok(made.unwrap_or(Account { user, permissions: BTreeSet::new() }))
    }
}

impl From<HashPasswordError> for SignUpError {
    fn from(error: HashPasswordError) -> Self {
        match error {
            HashPasswordError::Overloaded(overloaded) => Self::Overloaded(overloaded),
            // The policy has refused it already where bcrypt is chosen.
            HashPasswordError::TooLong => Self::WeakPassword(WeakPassword::TooLong(72)),
            HashPasswordError::Failed(failure) => Self::Failure(failure.into()),
        }
    }
}

impl From<InsertUserError> for SignUpError {
    fn from(error: InsertUserError) -> Self {
        match error {
            InsertUserError::EmailTaken => Self::EmailTaken,
            InsertUserError::UsernameTaken => Self::UsernameTaken,
            InsertUserError::Store(error) => Self::from(error),
        }
    }
}

impl From<StoreError> for SignUpError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}
