//! Codes that anybody may ask for: to verify an address, and to set a new password. Whoever asks
//! learns nothing of whose address it is.

use std::time::Duration;

use contracts::{CodePut, Notices, PutCode};
use domain::{Account, CodeKind, EmailAddress, EventKind, Login, MailTemplate, User, UserStatus};

use crate::Service;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::limits::{Limit, LimitError};
use crate::nobody::to_nobody;
use crate::one_time_codes::CodeRequested;
use crate::policy::{Origin, VerifyEmail};

/// A second request for a new password within this time changes nothing: nobody's mailbox is
/// flooded, and the first mail keeps working.
const RESET_AGAIN_AFTER: Duration = Duration::from_mins(2);
/// The same for verification mails, for which people wait.
pub(crate) const VERIFY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What is asked for.
struct Wanted<'a> {
    kind: CodeKind,
    template: MailTemplate,
    again_after: Duration,
    email: &'a EmailAddress,
    /// Who gets it: absent if nobody shall.
    owner: Option<User>,
}

impl Service {
    /// Sends whoever has that address a way to set a new password. Does the same work and answers
    /// alike whether or not there is an account.
    pub async fn request_password_reset(
        &self,
        email: &EmailAddress,
        origin: &Origin,
    ) -> Result<CodeRequested, LimitError> {
        self.count_code_request(CodeKind::ResetPassword, email, origin).await?;
        let owner = self.active_owner(email).await?;
        let wanted = Wanted {
            kind: CodeKind::ResetPassword,
            template: MailTemplate::ResetPassword,
            again_after: RESET_AGAIN_AFTER,
            email,
            owner,
        };
        Ok(self.put_wanted(wanted, origin).await?)
    }

    /// Sends the verification mail again, if that address has yet to be verified. Does the same
    /// work and answers alike in every case.
    pub async fn resend_verification(
        &self,
        email: &EmailAddress,
        origin: &Origin,
    ) -> Result<CodeRequested, LimitError> {
        self.count_code_request(CodeKind::VerifyAddress, email, origin).await?;
        let is_asked_for = self.policy.registration.verify_email != VerifyEmail::Off;
        let owner = self.active_owner(email).await?;
        let owner = owner.filter(|owner| is_asked_for && !owner.is_email_verified);
        let wanted = Wanted {
            kind: CodeKind::VerifyAddress,
            template: MailTemplate::VerifyAddress,
            again_after: VERIFY_AGAIN_AFTER,
            email,
            owner,
        };
        Ok(self.put_wanted(wanted, origin).await?)
    }

    /// Counts a mail with a code that a client asks for. Each kind for itself, and each client:
    /// else a stranger could use up what the owner of the address needs. How often a mailbox gets
    /// such a mail, whoever asks, is bounded by how soon a code may be replaced.
    pub(crate) async fn count_code_request(
        &self,
        kind: CodeKind,
        email: &EmailAddress,
        origin: &Origin,
    ) -> Result<(), LimitError> {
        let whom = format!("{} {}", kind.name(), email.key());
        self.count(Limit::Forgot, &origin.client, &whom).await?.stands();
        Ok(())
    }

    async fn active_owner(&self, email: &EmailAddress) -> Result<Option<User>, Failure> {
        let login = Login::Email(email.clone());
        let found = self.stores.users.find_user_by_login(&login).await?;
        Ok(found.map(|Account { user, .. }| user).filter(|user| user.status == UserStatus::Active))
    }

    /// Puts a code for the owner, or one for nobody under an id of its own: the same operation with
    /// as many rows. Mails and events of nobody are dropped by the relays.
    async fn put_wanted(
        &self,
        wanted: Wanted<'_>,
        origin: &Origin,
    ) -> Result<CodeRequested, Failure> {
        let now = self.clock.now();
        let (kind, owner) = (wanted.kind, wanted.owner.as_ref());
        let fresh = match owner {
            Some(owner) => self.fresh_code(&owner.id, kind, &owner.email, now),
            None => self.code_for_nobody(kind, wanted.email, now),
        };
        let recipient = owner.map_or(wanted.email, |owner| &owner.email);
        let mut mail = self.code_mail(wanted.template, &fresh, recipient);
        if owner.is_none() {
            to_nobody(&mut mail);
        }
        let mut notices = Notices { events: Vec::new(), mails: vec![mail] };
        if kind == CodeKind::ResetPassword {
            let happening =
                Happening { origin, actor: None, subject: Some(&fresh.record.user), at: now };
            let requested = EventKind::UserPasswordResetRequested(origin.client.clone());
            notices.events.push(self.event(&happening, requested));
        }
        let challenge = fresh.record.challenge;
        let unless_made_after = now.minus(wanted.again_after);
        let put = PutCode { code: fresh.record, unless_made_after, notices };
        let challenge = match self.stores.codes.put_code(&put).await? {
            CodePut::Yes => challenge,
            CodePut::TooSoon(standing) => self.challenge_in_place_of(put, standing).await?,
        };
        Ok(CodeRequested { challenge, expires_in: self.short_code_ttl(kind) })
    }
}
