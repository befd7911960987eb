//! What the changes of a user have in common: the next version, the end of sessions, and the
//! notices that go out with it.

use contracts::{OutboxEvent, ReplaceUser, Replaced, SpendCode, UserReplaced};
use domain::{
    Account, Client, EndReason, EventKind, MailTemplate, PasswordHash, SessionId, Timestamp, User,
    UserId,
};

use crate::Service;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::policy::Origin;

/// How often a change is decided anew when the record has changed meanwhile.
pub(crate) const ATTEMPTS_MAX: usize = 8;

/// A change of one user as it is put together.
pub(crate) struct UserChange<'a> {
    service: &'a Service,
    origin: &'a Origin,
    actor: Option<UserId>,
    at: Timestamp,
    pub(crate) replace: ReplaceUser,
}

impl Service {
    /// Begins a change of the user as it was read.
    pub(crate) fn change<'a>(
        &'a self,
        user: &User,
        actor: Option<&UserId>,
        origin: &'a Origin,
    ) -> UserChange<'a> {
        let mut user = user.clone();
        user.version = user.version.saturating_add(1);
        let replace = ReplaceUser::of(user);
        UserChange { service: self, origin, actor: actor.cloned(), at: self.clock.now(), replace }
    }
}

impl Service {
    /// The user as it is now, if no session that was alive when `user` was read has been ended
    /// since: what the caller has proved then still holds.
    pub(crate) async fn still_signed_in(&self, user: &User) -> Result<Option<Account>, Failure> {
        let found = self.stores.users.find_user(&user.id).await?;
        Ok(found.filter(|account| account.user.session_epoch == user.session_epoch))
    }
}

impl UserChange<'_> {
    /// Whether nothing is different after it, and nobody is told anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.replace.notices.events.is_empty() && self.replace.code.is_none()
    }

    /// When the change happens.
    pub(crate) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Who makes the change.
    pub(crate) const fn client(&self) -> &Client {
        &self.origin.client
    }

    /// Adds an event that tells of the change.
    pub(crate) fn tell(&mut self, kind: EventKind) {
        let version = self.replace.user.version;
        let event =
            self.event(|service, happening| service.event_of_change(happening, version, kind));
        self.replace.notices.events.push(event);
    }

    /// Adds a mail that tells the user of the change, if the address is proven after it.
    pub(crate) fn mail(&mut self, template: MailTemplate) {
        let user = &self.replace.user;
        let mail = self.service.notice_mail(template, user, &self.origin.client, self.at);
        self.replace.notices.mails.extend(mail);
    }

    /// The same, with how many backup codes are left.
    pub(crate) fn mail_of_codes(&mut self, template: MailTemplate, codes_left: usize) {
        let (user, client) = (&self.replace.user, &self.origin.client);
        let mail = self.service.backup_codes_mail(template, user, client, (self.at, codes_left));
        self.replace.notices.mails.extend(mail);
    }

    /// Takes a code along.
    pub(crate) fn spend(&mut self, code: SpendCode) {
        self.replace.spends = Some(code);
    }

    /// Ends every session but the one that is kept.
    pub(crate) fn end_sessions(&mut self, reason: EndReason, keep: Option<SessionId>) {
        let user = &mut self.replace.user;
        user.session_epoch = user.session_epoch.saturating_add(1);
        let epoch = user.session_epoch;
        let revocation = self.service.user_revocation(&user.id, epoch, keep, self.at);
        self.replace.revocation = Some(revocation);
        self.replace.keeps_session = keep;
        let kind = EventKind::SessionRevoked { session: None, reason };
        let event = self.event(|service, happening| service.event(happening, kind));
        self.replace.notices.events.push(event);
    }

    /// Makes all other codes worthless: they may have been asked for by whoever is shut out.
    pub(crate) const fn drop_codes(&mut self) {
        self.replace.drops_codes = true;
    }

    /// Sets another password, ends every session but the one that is kept, and tells the user.
    pub(crate) fn set_password(
        &mut self,
        hash: &PasswordHash,
        reason: EndReason,
        keep: Option<SessionId>,
    ) {
        self.replace.user.password_hash = Some(hash.clone());
        let client = self.origin.client.clone();
        self.tell(EventKind::UserPasswordChanged(client));
        self.end_sessions(reason, keep);
        self.drop_codes();
        self.mail(MailTemplate::PasswordChanged);
    }

    /// Makes a change that takes no code along and claims neither address nor user name: nothing
    /// but another change can stand in its way.
    pub(crate) async fn commit_guarded(&self) -> Result<Replaced, Failure> {
        guarded(self.commit().await?)
    }

    /// Makes the change.
    pub(crate) async fn commit(&self) -> Result<UserReplaced, Failure> {
        Ok(self.service.stores.users.replace_user(&self.replace).await?)
    }

    fn event(&self, make: impl FnOnce(&Service, &Happening<'_>) -> OutboxEvent) -> OutboxEvent {
        let subject = Some(&self.replace.user.id);
        let actor = self.actor.as_ref();
        make(self.service, &Happening { origin: self.origin, actor, subject, at: self.at })
    }
}

/// The outcome of a change that only its version guards.
pub(crate) fn guarded(outcome: UserReplaced) -> Result<Replaced, Failure> {
    match outcome {
        UserReplaced::Yes => Ok(Replaced::Yes),
        UserReplaced::Stale => Ok(Replaced::Stale),
        UserReplaced::CodeNotUsable | UserReplaced::EmailTaken | UserReplaced::UsernameTaken => {
            Err(Failure::ImpossibleOutcome(outcome))
        }
    }
}
