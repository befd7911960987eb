use std::fmt;

use contracts::StoreError;
use crypto::Verdict;
use domain::{AuthenticationMethod, Login, Password, User, UserStatus};

use crate::Service;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::issue_session::{IssueSessionError, Issued, ProvenSignIn};
use crate::limits::Limit;
use crate::policy::Origin;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The caller learns nothing more than this; the log does.
    #[error("the credentials are not right")]
    InvalidCredentials(SignInRefusal),
    /// The password was right, but an administrator locked the account.
    #[error("the account is disabled")]
    AccountDisabled(AccountDigest),
    /// The password was right, but nobody has proved the address yet, which this deployment asks
    /// for.
    #[error("the address is not verified")]
    EmailNotVerified(AccountDigest),
    /// The password was not verified.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The work could not be done.
    #[error("the sign-in could not be completed")]
    Failure(#[from] Failure),
}

/// What a log may say of a refused sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRefusal {
    /// `unknown_account`, `wrong_password`, `no_password`, `superseded`, or, where registration
    /// does not reveal who has an account, `email_not_verified`.
    pub reason: &'static str,
    /// Which account was meant.
    pub account: AccountDigest,
}

/// What was typed as e-mail address or user name, as a keyed hash: log lines about one account can
/// be told to belong together, and no account can be read from them.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountDigest([u8; 8]);

impl fmt::Display for AccountDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AccountDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Service {
    /// Signs in whoever `identifier` (an address or a user name) means, by password. Refused
    /// credentials count, and nothing else does. On a device that the user trusts, its token stands
    /// in for the second factor.
    ///
    /// Does the same work whether or not there is such an account.
    pub async fn sign_in(
        &self,
        identifier: &str,
        password: &Password,
        device_token: Option<&str>,
        origin: &Origin,
    ) -> Result<Issued, SignInError> {
        let named = Login::parse(identifier);
        let whom = match &named {
            Some(Login::Email(email)) => email.key().to_owned(),
            Some(Login::Username(name)) => name.as_str().to_owned(),
            None => identifier.trim().to_lowercase(),
        };
        let counted = self.count(Limit::Login, &origin.client, &whom).await;
        let counted = counted.map_err(HashingError::from)?;
        let signed_in = self.try_sign_in(identifier, password, device_token, origin).await;
        if matches!(signed_in, Err(SignInError::InvalidCredentials(_))) {
            counted.stands();
        } else {
            self.give_back(counted).await;
        }
        signed_in
    }

    async fn try_sign_in(
        &self,
        identifier: &str,
        password: &Password,
        device_token: Option<&str>,
        origin: &Origin,
    ) -> Result<Issued, SignInError> {
        let digest = self.account_digest(identifier);
        let account = match Login::parse(identifier) {
            Some(login) => self.stores.users.find_user_by_login(&login).await?,
            None => None,
        };
        let user = account.as_ref().map(|account| &account.user);
        let verdict = self.verify_password(user, password).await?;
        let refused = |reason| {
            SignInError::InvalidCredentials(SignInRefusal { reason, account: digest.clone() })
        };
        let Some(account) = account else {
            return Err(refused("unknown_account"));
        };
        if verdict == Verdict::No {
            let has_password = account.user.password_hash.is_some();
            return Err(refused(if has_password { "wrong_password" } else { "no_password" }));
        }
        if account.user.status == UserStatus::Disabled {
            return Err(SignInError::AccountDisabled(digest));
        }
        if verdict == Verdict::YesButOutdated {
            self.rehash(&account.user, password).await?;
        }
        let methods = vec![AuthenticationMethod::Password];
        let trust = self.claimed_trust(&account.user, device_token);
        match self.issue_session(ProvenSignIn { account, methods, trust, origin }).await {
            Ok(issued) => Ok(issued),
            Err(IssueSessionError::Superseded) => Err(refused("superseded")),
            // Else whoever registers an address and signs in with the password just chosen would
            // learn whether the address was free: only then is it the password of the account.
            Err(IssueSessionError::EmailNotVerified)
                if !self.policy.registration.reveals_existing =>
            {
                Err(refused("email_not_verified"))
            }
            Err(IssueSessionError::EmailNotVerified) => Err(SignInError::EmailNotVerified(digest)),
            Err(IssueSessionError::Failure(failure)) => Err(failure.into()),
        }
    }

    /// Hashes a right password with today's parameters. A sign-in does not fail for want of it: the
    /// next one tries again.
    async fn rehash(&self, user: &User, password: &Password) -> Result<(), Failure> {
        let (Some(old), Ok(new)) = (
            user.password_hash.as_ref(),
            self.passwords.hash(password, self.entropy.bytes()).await,
        ) else {
            return Ok(());
        };
        // Stale means that the password was changed meanwhile, and the new one stays.
        self.stores.users.replace_password_hash(&user.id, old, &new).await?;
        Ok(())
    }

    fn account_digest(&self, identifier: &str) -> AccountDigest {
        let mac = self.log_key.mac(identifier.trim().to_lowercase().as_bytes());
        let (head, _) = mac.split_first_chunk().expect("a MAC has 32 bytes");
        AccountDigest(*head)
    }
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}
