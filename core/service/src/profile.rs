use std::time::Duration;

use contracts::UserReplaced;
use domain::{
    Account, CodeKind, EmailAddress, EventKind, Login, MailTemplate, PersonName, User, UserStatus,
    Username,
};

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::limits::{LimitError, LimitReached};
use crate::one_time_codes::CodeRequested;
use crate::policy::Origin;
use crate::step_up::StepUpRequired;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// How long after one address another may be asked for: nobody has our mails sent to one mailbox
/// after the other.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What shall become of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FieldChange<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is emptied.
    Remove,
    /// It gets another value.
    Set(T),
}

/// What a user wants to be different.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The name.
    pub name: FieldChange<PersonName>,
    /// The user name.
    pub username: FieldChange<Username>,
    /// Another address, once it is verified.
    pub email: Option<EmailAddress>,
}

/// A profile as it is after a change.
#[derive(Debug)]
pub struct ChangedProfile {
    /// The user, who has the old address until the new one is verified.
    pub account: Account,
    /// The code that went to the new address.
    pub requested: Option<CodeRequested>,
}

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeProfileError {
    /// Another address takes a recent authentication.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// Another address was asked for a moment ago; how long to wait.
    #[error("another address was asked for a moment ago")]
    TooSoon(Duration),
    /// Mails with a code to that address were asked for too often.
    #[error(transparent)]
    LimitReached(LimitReached),
    /// Another account has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// Another account has the user name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// The caller's sessions were ended meanwhile.
    #[error("the session was ended")]
    Revoked,
    /// The work could not be done.
    #[error("the profile could not be changed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Changes the caller's profile.
    pub async fn change_profile(
        &self,
        caller: &Caller,
        wanted: &ProfileChange,
        origin: &Origin,
    ) -> Result<ChangedProfile, ChangeProfileError> {
        let user = &caller.account.user;
        let mut account = caller.account.clone();
        for _ in 0..ATTEMPTS_MAX {
            // Anew at each attempt: another request may have asked for an address meanwhile.
            let wish = match wanted.email.as_ref().filter(|email| **email != account.user.email) {
                Some(email) => self.consider(email, caller, origin).await?,
                None => AddressWish::None,
            };
            let mut change = self.change(&account.user, Some(&user.id), origin);
            apply(wanted, &mut change);
            let requested = match &wish {
                AddressWish::None => None,
                AddressWish::AskedAlready(requested) => Some(*requested),
                AddressWish::Ask(new) => Some(self.ask(new, &mut change)),
            };
            if change.is_empty() {
                return Ok(ChangedProfile { account, requested });
            }
            match change.commit().await? {
                UserReplaced::Yes => {
                    account.user = change.replace.user;
                    return Ok(ChangedProfile { account, requested });
                }
                UserReplaced::Stale => {
                    let found = self.still_signed_in(&account.user).await?;
                    account = found.ok_or(ChangeProfileError::Revoked)?;
                }
                UserReplaced::UsernameTaken => return Err(ChangeProfileError::UsernameTaken),
                outcome @ (UserReplaced::EmailTaken | UserReplaced::CodeNotUsable) => {
                    return Err(Failure::ImpossibleOutcome(outcome).into());
                }
            }
        }
        Err(Failure::Contended.into())
    }

    /// What becomes of the wish for another address.
    async fn consider<'a>(
        &self,
        email: &'a EmailAddress,
        caller: &Caller,
        origin: &Origin,
    ) -> Result<AddressWish<'a>, ChangeProfileError> {
        self.require_recent(caller)?;
        let login = Login::Email(email.clone());
        let found = self.stores.users.find_user_by_login(&login).await.map_err(Failure::Store)?;
        if found.is_some() && self.policy.registration.reveals_existing {
            return Err(ChangeProfileError::EmailTaken);
        }
        let (kind, now) = (CodeKind::ChangeAddress, self.clock.now());
        let user = &caller.account.user.id;
        let asked = self.stores.codes.find_code(user, kind, now).await.map_err(Failure::Store)?;
        let age = asked.as_ref().map(|code| now.since(code.created_at));
        match (asked, age) {
            (Some(code), Some(age)) if age < ASK_AGAIN_AFTER => {
                if code.email.as_ref() != Some(email) {
                    return Err(ChangeProfileError::TooSoon(ASK_AGAIN_AFTER.saturating_sub(age)));
                }
                let expires_in = self.short_code_ttl(kind);
                let requested = CodeRequested { challenge: code.challenge, expires_in };
                Ok(AddressWish::AskedAlready(requested))
            }
            _ => {
                self.count_code_request(kind, email, origin).await?;
                let owner = found.map(|found| Box::new(found.user));
                Ok(AddressWish::Ask(NewAddress { email, owner }))
            }
        }
    }

    /// Has the new address asked whether it is the user's. Where strangers shall not learn which
    /// addresses are taken, the owner of a taken one is told instead, and the code is nobody's.
    fn ask(&self, new: &NewAddress<'_>, change: &mut UserChange<'_>) -> CodeRequested {
        let (kind, at) = (CodeKind::ChangeAddress, change.at());
        let fresh = self.fresh_code(&change.replace.user.id, kind, new.email, at);
        let mail = match &new.owner {
            None => Some(self.code_mail(MailTemplate::ConfirmAddress, &fresh, new.email)),
            Some(owner) if owner.is_email_verified && owner.status == UserStatus::Active => {
                Some(self.already_registered_mail(owner, at))
            }
            Some(_) => None,
        };
        change.replace.notices.mails.extend(mail);
        let challenge = fresh.record.challenge;
        change.replace.code = Some(fresh.record);
        CodeRequested { challenge, expires_in: self.short_code_ttl(kind) }
    }
}

/// What becomes of the wish for another address.
enum AddressWish<'a> {
    None,
    /// The same was asked for a moment ago, and that mail still counts.
    AskedAlready(CodeRequested),
    Ask(NewAddress<'a>),
}

/// The address that a user wants, and who has it.
struct NewAddress<'a> {
    email: &'a EmailAddress,
    owner: Option<Box<User>>,
}

impl<T: Clone + PartialEq> FieldChange<T> {
    /// Changes the field, and says whether it is different now.
    fn apply(&self, field: &mut Option<T>) -> bool {
        let wanted = match self {
            Self::Keep => return false,
            Self::Remove => None,
            Self::Set(value) => Some(value.clone()),
        };
        let is_other = wanted != *field;
        *field = wanted;
        is_other
    }
}

/// Takes over the fields that differ, and tells of them.
fn apply(wanted: &ProfileChange, change: &mut UserChange<'_>) {
    let user = &mut change.replace.user;
    let mut fields = Vec::new();
    if wanted.name.apply(&mut user.name) {
        fields.push("name");
    }
    if wanted.username.apply(&mut user.username) {
        fields.push("username");
    }
    if !fields.is_empty() {
        let email = user.email.clone();
        change.tell(EventKind::UserUpdated { email, fields });
    }
}

impl From<LimitError> for ChangeProfileError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Reached(reached) => Self::LimitReached(reached),
            LimitError::Failure(failure) => Self::Failure(failure),
        }
    }
}
