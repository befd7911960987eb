use contracts::UserReplaced;
use crypto::Verdict;
use domain::{
    Account, CodeKind, CodeToken, EndReason, EventKind, MailTemplate, OneTimeCode, Password, User,
    UserStatus,
};

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::one_time_codes::{PresentedCode, spend};
use crate::policy::Origin;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// What shows that whoever reads the mailbox is whoever set the password.
///
/// Without it somebody could sign up with another's address, wait until the owner opens the link,
/// and then hold an account that is verified to be the owner's.
#[derive(Clone, Debug)]
pub enum AddressProof {
    /// Nothing does.
    None,
    /// The password.
    Password(Password),
    /// A session of the user.
    Session(Box<Caller>),
    /// Nothing has to: all that was set before goes.
    DiscardPassword,
}

/// An address that was verified.
#[derive(Debug)]
pub struct VerifiedAddress {
    /// The user as it is now.
    pub account: Account,
    /// What sets a new password, where the old one was discarded.
    pub reset: Option<CodeToken>,
}

/// Why an address was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyAddressError {
    /// Unknown, used, expired, or its user is gone: one case, so that a guess teaches nothing.
    #[error("the code cannot be used")]
    CodeNotUsable,
    /// The code is good, and still is; what is missing is the proof.
    #[error("proof is missing that the asker set the password")]
    PasswordRequired,
    /// The code is good, and still is; the password is not the user's.
    #[error("the password is not right")]
    WrongPassword,
    /// An account cannot be taken over by its next address.
    #[error("only the first address of an account can discard the password")]
    NothingToDiscard,
    /// Somebody else has verified the address meanwhile.
    #[error("the address is taken")]
    EmailTaken,
    /// The password was not verified.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The work could not be done.
    #[error("the address could not be verified")]
    Failure(#[from] Failure),
}

const KINDS: [CodeKind; 2] = [CodeKind::VerifyAddress, CodeKind::ChangeAddress];

impl Service {
    /// Verifies the address that a code was mailed to: the one of the account, or the one that it
    /// shall have from now on.
    pub async fn verify_address(
        &self,
        presented: &PresentedCode,
        proof: &AddressProof,
        origin: &Origin,
    ) -> Result<VerifiedAddress, VerifyAddressError> {
        // Before a try of a short code is counted: without proof nothing is spent.
        if matches!((presented, proof), (PresentedCode::Typed { .. }, AddressProof::None)) {
            return Err(VerifyAddressError::PasswordRequired);
        }
        let code = self.proven_code(presented, &KINDS).await?;
        let code = code.ok_or(VerifyAddressError::CodeNotUsable)?;
        for _ in 0..ATTEMPTS_MAX {
            let found = self.account_of_code(&code).await?;
            let mut account = found.ok_or(VerifyAddressError::CodeNotUsable)?;
            self.check_proof(&account.user, &code, proof, origin).await?;
            let (change, reset) = self.verification(&account.user, &code, proof, origin);
            match change.commit().await? {
                UserReplaced::Yes => {
                    account.user = change.replace.user;
                    return Ok(VerifiedAddress { account, reset });
                }
                UserReplaced::Stale => {}
                UserReplaced::CodeNotUsable => return Err(VerifyAddressError::CodeNotUsable),
                UserReplaced::EmailTaken => return Err(VerifyAddressError::EmailTaken),
                outcome @ UserReplaced::UsernameTaken => {
                    return Err(Failure::ImpossibleOutcome(outcome).into());
                }
            }
        }
        Err(Failure::Contended.into())
    }

    /// The account that a code is of, whose user must be there, active, and reachable where the
    /// code went: one that was asked for while the address changed may have gone to the old one.
    pub(crate) async fn account_of_code(
        &self,
        code: &OneTimeCode,
    ) -> Result<Option<Account>, Failure> {
        let found = self.stores.users.find_user(&code.user).await?;
        Ok(found.filter(|Account { user, .. }| {
            // Whoever wanted another address before there was a second factor has not proved it.
            let is_wanted = match code.kind {
                CodeKind::ChangeAddress => {
                    user.second_factor().is_none_or(|factor| factor.at < code.created_at)
                }
                CodeKind::VerifyAddress | CodeKind::ResetPassword => {
                    code.email.as_ref() == Some(&user.email)
                }
            };
            user.status == UserStatus::Active && is_wanted
        }))
    }

    async fn check_proof(
        &self,
        user: &User,
        code: &OneTimeCode,
        proof: &AddressProof,
        origin: &Origin,
    ) -> Result<(), VerifyAddressError> {
        match proof {
            AddressProof::Password(password) => {
                match self.verify_password_from(&origin.client, user, password).await? {
                    Verdict::No => Err(VerifyAddressError::WrongPassword),
                    Verdict::Yes | Verdict::YesButOutdated => Ok(()),
                }
            }
            // One that was ended since it was read proves nothing.
            AddressProof::Session(caller)
                if caller.account.user.id == user.id
                    && caller.account.user.session_epoch == user.session_epoch =>
            {
                Ok(())
            }
            AddressProof::DiscardPassword if code.kind == CodeKind::VerifyAddress => {
                // What was set after somebody had proved the address is not discarded: by then the
                // code has served its purpose, be it by another caller at this very moment.
                if user.is_email_verified {
                    return Err(VerifyAddressError::CodeNotUsable);
                }
                Ok(())
            }
            AddressProof::DiscardPassword => Err(VerifyAddressError::NothingToDiscard),
            // Nobody has set a password that could be somebody else's.
            AddressProof::None
                if code.kind == CodeKind::VerifyAddress && user.password_hash.is_none() =>
            {
                Ok(())
            }
            AddressProof::Session(_) | AddressProof::None => {
                Err(VerifyAddressError::PasswordRequired)
            }
        }
    }

    fn verification<'a>(
        &'a self,
        user: &User,
        code: &OneTimeCode,
        proof: &AddressProof,
        origin: &'a Origin,
    ) -> (UserChange<'a>, Option<CodeToken>) {
        let mut change = self.change(user, Some(&user.id), origin);
        change.spend(spend(code, change.at()));
        change.replace.user.is_email_verified = true;
        if let (CodeKind::ChangeAddress, Some(email)) = (code.kind, &code.email) {
            change.replace.user.email = email.clone();
            // Codes that were mailed to the old address die with it.
            change.drop_codes();
            let template = MailTemplate::AddressChanged;
            let told = self.notice_mail(template, user, &origin.client, change.at());
            change.replace.notices.mails.extend(told);
            let email = email.clone();
            change.tell(EventKind::UserUpdated { email, fields: vec!["email"] });
        }
        let email = change.replace.user.email.clone();
        change.tell(EventKind::UserEmailVerified(email));
        let is_discarded = matches!(proof, AddressProof::DiscardPassword);
        let reset = is_discarded.then(|| self.discard_password(&mut change));
        (change, reset)
    }

    /// Removes what was set before anybody had proved the address, and opens the way to a new
    /// password.
    fn discard_password(&self, change: &mut UserChange<'_>) -> CodeToken {
        change.replace.user.password_hash = None;
        change.remove_factor();
        change.end_sessions(EndReason::PasswordDiscarded, None);
        change.drop_codes();
        let user = &change.replace.user;
        let kind = CodeKind::ResetPassword;
        let fresh = self.fresh_code(&user.id, kind, &user.email, change.at());
        change.replace.code = Some(fresh.record);
        fresh.token
    }
}
