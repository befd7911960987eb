//! What operators do to users, from the command line.

use std::collections::BTreeSet;

use contracts::Replaced;
use domain::{Account, EventKind, Login, RoleName, User, UserId};

use crate::Service;
use crate::failure::Failure;
use crate::policy::Origin;
use crate::sign_up::{NewUser, SignUpError};
use crate::user_changes::ATTEMPTS_MAX;

/// Why roles were not set.
#[derive(Debug, thiserror::Error)]
pub enum SetRolesError {
    /// There is no such user.
    #[error("there is no such user")]
    UnknownUser,
    /// No such role is defined.
    #[error("the role {unknown} is not defined; there are {defined}")]
    UnknownRole {
        /// The name that means nothing.
        unknown: String,
        /// The names that do.
        defined: String,
    },
    /// The work could not be done.
    #[error("the roles could not be set")]
    Failure(#[from] Failure),
}

impl Service {
    /// Makes a user, whether or not strangers may sign up. The roles must be defined: ask
    /// [`Service::check_roles`] first.
    pub async fn create_user(&self, new: NewUser, origin: &Origin) -> Result<Account, SignUpError> {
        let new = if new.roles.is_empty() {
            NewUser { roles: self.policy.registration.default_roles.clone(), ..new }
        } else {
            new
        };
        self.check_password(&new.account)?;
        self.make_account(new, origin).await.map(|(account, _)| account)
    }

    /// The user with that id, address or user name.
    pub async fn show_user(&self, text: &str) -> Result<Option<Account>, Failure> {
        if let Ok(id) = UserId::parse(text)
            && let Some(account) = self.stores.users.find_user(&id).await?
        {
            return Ok(Some(account));
        }
        match Login::parse(text) {
            Some(login) => Ok(self.stores.users.find_user_by_login(&login).await?),
            None => Ok(None),
        }
    }

    /// Users by id, after `after`; at most `limit`.
    pub async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, Failure> {
        Ok(self.stores.users.list_users(after, limit).await?)
    }

    /// Fails if one of the roles is not defined.
    pub async fn check_roles(&self, roles: &BTreeSet<RoleName>) -> Result<(), SetRolesError> {
        let defined = self.stores.users.list_roles().await.map_err(Failure::Store)?;
        match roles.difference(&defined).next() {
            None => Ok(()),
            Some(unknown) => Err(SetRolesError::UnknownRole {
                unknown: unknown.as_str().to_owned(),
                defined: defined.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// Sets all roles of a user. Tokens in circulation keep the old ones until they expire; our own
    /// paths go by the new ones at once.
    pub async fn set_roles(
        &self,
        text: &str,
        roles: &BTreeSet<RoleName>,
        origin: &Origin,
    ) -> Result<Account, SetRolesError> {
        self.check_roles(roles).await?;
        for _ in 0..ATTEMPTS_MAX {
            let account = self.show_user(text).await?.ok_or(SetRolesError::UnknownUser)?;
            if account.user.roles == *roles || self.try_set_roles(&account, roles, origin).await? {
                return self.show_user(text).await?.ok_or(SetRolesError::UnknownUser);
            }
        }
        Err(Failure::Contended.into())
    }

    async fn try_set_roles(
        &self,
        account: &Account,
        roles: &BTreeSet<RoleName>,
        origin: &Origin,
    ) -> Result<bool, Failure> {
        let mut change = self.change(&account.user, None, origin);
        change.replace.user.roles.clone_from(roles);
        let email = account.user.email.clone();
        change.tell(EventKind::UserUpdated { email, fields: vec!["roles"] });
        Ok(change.commit_guarded().await? == Replaced::Yes)
    }
}
