use std::collections::BTreeSet;

use contracts::{CodePut, InsertUser, InsertUserError, Notices, PutCode, StoreError};
use domain::{
    Account, ChallengeId, CodeKind, EmailAddress, EventKind, Login, MailTemplate, Password,
    PersonName, RoleName, Timestamp, User, UserId, UserStatus, Username, WeakPassword,
};

use crate::Service;
use crate::code_requests::VERIFY_AGAIN_AFTER;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::limits::{Limit, LimitError, LimitReached};
use crate::nobody::to_nobody;
use crate::one_time_codes::CodeRequested;
use crate::policy::{Origin, VerifyEmail};

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

/// An account with what somebody else than its owner decides about it.
#[derive(Debug)]
pub struct NewUser {
    /// What its owner gives.
    pub account: NewAccount,
    /// The roles, which must be defined. To an operator's, none means the default ones.
    pub roles: BTreeSet<RoleName>,
    /// Whether an operator vouches for the address; else it gets a verification mail, if that is
    /// the policy.
    pub is_email_verified: bool,
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
    /// The password was not hashed.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The address was registered too often.
    #[error(transparent)]
    LimitReached(LimitReached),
    /// The work could not be done.
    #[error("the account could not be made")]
    Failure(#[from] Failure),
}

/// What became of a registration.
#[derive(Debug)]
pub enum SignedUp {
    /// There is a new account.
    Made {
        /// The account.
        account: Box<Account>,
        /// What the short code of the verification mail is sent back with, if one was sent.
        challenge: Option<ChallengeId>,
    },
    /// Whether there is a new account is said by mail only.
    SaidByMail(CodeRequested),
}

impl Service {
    /// Makes an account for a stranger. It survives whatever happens once this returns.
    ///
    /// Where strangers shall not learn which addresses are taken, the answer and the work are the
    /// same for free and for taken ones.
    pub async fn sign_up(
        &self,
        account: NewAccount,
        origin: &Origin,
    ) -> Result<SignedUp, SignUpError> {
        let policy = &self.policy.registration;
        if !policy.is_open {
            return Err(SignUpError::Closed);
        }
        // Before it counts, and before hashing, which costs more than everything else here.
        self.check_password(&account)?;
        self.count(Limit::Register, &origin.client, account.email.key()).await?.stands();
        if !policy.reveals_existing {
            return self.sign_up_quietly(account, origin).await.map(SignedUp::SaidByMail);
        }
        let new = self.stranger(account);
        let (account, challenge) = self.make_account(new, origin).await?;
        Ok(SignedUp::Made { account: Box::new(account), challenge })
    }

    async fn sign_up_quietly(
        &self,
        account: NewAccount,
        origin: &Origin,
    ) -> Result<CodeRequested, SignUpError> {
        // Decided first, and for itself: that a user name is taken may be said.
        if let Some(name) = &account.username
            && self.find_login(Login::Username(name.clone())).await?.is_some()
        {
            return Err(SignUpError::UsernameTaken);
        }
        let owner = self.find_login(Login::Email(account.email.clone())).await?;
        let new = self.new_user(self.stranger(account), origin).await?;
        let now = new.user.created_at;
        let to_owner = owner.map(|owner| self.code_for_owner(&owner.user, now));
        let inserted = self.stores.users.insert_user(&new, to_owner.as_ref()).await;
        let challenge = match (inserted, to_owner) {
            (Ok(()), _) => new.code.map(|code| code.challenge),
            (Err(InsertUserError::EmailTaken(Some(CodePut::TooSoon(standing)))), Some(put)) => {
                Some(self.challenge_in_place_of(put, standing).await?)
            }
            (Err(InsertUserError::EmailTaken(_)), put) => put.map(|put| put.code.challenge),
            (Err(error), _) => return Err(error.into()),
        };
        // Without a challenge of its own, the address was taken at this very moment.
        let challenge = challenge.unwrap_or_else(|| ChallengeId::new(now, self.entropy.bytes()));
        let expires_in = self.short_code_ttl(CodeKind::VerifyAddress);
        Ok(CodeRequested { challenge, expires_in })
    }

    /// What goes to the owner of an address with which somebody signs up: the verification mail
    /// again where it was never answered, else the word that there is an account. In both cases
    /// with a code that bounds how often; that of the latter nobody ever sees.
    fn code_for_owner(&self, owner: &User, now: Timestamp) -> PutCode {
        let kind = CodeKind::VerifyAddress;
        let is_active = owner.status == UserStatus::Active;
        let fresh = if is_active && !owner.is_email_verified {
            self.fresh_code(&owner.id, kind, &owner.email, now)
        } else {
            // Kept where a resend looks for it: one that answered with another challenge than the
            // registration before it would tell that the address is verified.
            self.code_for_nobody(kind, &owner.email, now)
        };
        let mut mail = if owner.is_email_verified {
            self.already_registered_mail(owner, now)
        } else {
            self.code_mail(MailTemplate::VerifyAddress, &fresh, &owner.email)
        };
        if !is_active {
            to_nobody(&mut mail);
        }
        PutCode {
            code: fresh.record,
            unless_made_after: now.minus(VERIFY_AGAIN_AFTER),
            notices: Notices { events: Vec::new(), mails: vec![mail] },
        }
    }

    async fn find_login(&self, login: Login) -> Result<Option<Account>, Failure> {
        Ok(self.stores.users.find_user_by_login(&login).await?)
    }

    /// What a stranger is here.
    fn stranger(&self, account: NewAccount) -> NewUser {
        let roles = self.policy.registration.default_roles.clone();
        NewUser { account, roles, is_email_verified: false }
    }

    /// Whether the password can be chosen for that account.
    pub(crate) fn check_password(&self, account: &NewAccount) -> Result<(), WeakPassword> {
        let NewAccount { email, username, password, .. } = account;
        self.policy.password.check(password, email, username.as_ref())
    }

    /// Makes an account whose password was checked, and tells the challenge of its verification
    /// mail, if one was sent.
    pub(crate) async fn make_account(
        &self,
        new: NewUser,
        origin: &Origin,
    ) -> Result<(Account, Option<ChallengeId>), SignUpError> {
        let new = self.new_user(new, origin).await?;
        self.stores.users.insert_user(&new, None).await?;
        // Read back, because what roles allow is the store's to say.
        let InsertUser { user, code, .. } = new;
        let made = self.stores.users.find_user(&user.id).await.map_err(Failure::Store)?;
        let account = made.unwrap_or(Account { user, permissions: BTreeSet::new() });
        Ok((account, code.map(|code| code.challenge)))
    }

    async fn new_user(&self, new: NewUser, origin: &Origin) -> Result<InsertUser, SignUpError> {
        let NewUser { account, roles, is_email_verified } = new;
        let NewAccount { email, username, name, password } = account;
        let hash = self.hash_password(&password).await?;
        let now = self.clock.now();
        let user = User {
            id: UserId::new(now, self.entropy.bytes()),
            email,
            is_email_verified,
            username,
            name,
            roles,
            status: UserStatus::Active,
            password_hash: Some(hash),
            totp: None,
            session_epoch: 0,
            version: 1,
            created_at: now,
            last_login_at: None,
        };
        let happening = Happening { origin, actor: None, subject: Some(&user.id), at: now };
        let created = EventKind::UserCreated(Box::new(user.clone()));
        let events = vec![self.event_of_change(&happening, user.version, created)];
        let asks = self.policy.registration.verify_email != VerifyEmail::Off && !is_email_verified;
        let fresh =
            asks.then(|| self.fresh_code(&user.id, CodeKind::VerifyAddress, &user.email, now));
        let mail = |fresh| self.code_mail(MailTemplate::VerifyAddress, fresh, &user.email);
        let mails = fresh.iter().map(mail).collect();
        let code = fresh.map(|fresh| fresh.record);
        Ok(InsertUser { user, code, notices: Notices { events, mails } })
    }
}

impl From<InsertUserError> for SignUpError {
    fn from(error: InsertUserError) -> Self {
        match error {
            InsertUserError::EmailTaken(_) => Self::EmailTaken,
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

impl From<LimitError> for SignUpError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Reached(reached) => Self::LimitReached(reached),
            LimitError::Failure(failure) => Self::Failure(failure),
        }
    }
}
