//! What cases ask of a backend again and again.

use contracts::{
    CodePut, EraseUser, InsertSession, MailState, Notices, OutboxEvent, OutboxMail, PutCode,
    QueuedMail, ReplaceUser, Replaced, SignedIn, UserReplaced,
};
use domain::{
    Account, ChallengeId, CodeKind, EventId, Login, MailId, OneTimeCode, PENDING_TRIES_MAX,
    PendingSignIn, Revocation, Session, SessionId, TrustedDevice, User, UserId,
};

use crate::Backend;
use crate::fixtures::{
    ALL, NOW, email, erasure, new_session, new_user, session, user, user_id, username,
};
use crate::fixtures_factor::{pending, trusted_device_id};
use crate::fixtures_mail::{code, put};

/// Writing. What is written this way must succeed, and has no notices.
impl Backend {
    /// Inserts a user of that number.
    pub(crate) async fn with_user(&self, number: u32) -> User {
        let user = user(number);
        self.insert_user(&user).await;
        user
    }

    pub(crate) async fn insert_user(&self, user: &User) {
        self.users.insert_user(&new_user(user, &[]), None).await.unwrap();
    }

    /// Inserts a session of that number for the user.
    pub(crate) async fn with_session(&self, user: &User, number: u32) -> Session {
        let session = session(user, number);
        self.insert(&session).await;
        session
    }

    /// Inserts that session.
    pub(crate) async fn insert(&self, session: &Session) {
        let inserted = self.sessions.insert_session(&new_session(session, &[])).await.unwrap();
        assert_eq!(inserted, InsertSession::Yes);
    }

    /// Puts a code of that number for the user.
    pub(crate) async fn with_code(&self, user: &UserId, number: u32) -> OneTimeCode {
        let code = code(user, number);
        self.put(&code).await;
        code
    }

    /// Puts that code in the place of any other.
    pub(crate) async fn put(&self, code: &OneTimeCode) {
        assert_eq!(self.codes.put_code(&put(code)).await.unwrap(), CodePut::Yes);
    }

    /// Keeps a sign-in of that number for the user, which wants another step.
    pub(crate) async fn with_pending(&self, user: &UserId, number: u32) -> PendingSignIn {
        let pending = pending(user, number);
        self.begin(&pending).await;
        pending
    }

    /// Keeps that sign-in, which wants another step.
    pub(crate) async fn begin(&self, pending: &PendingSignIn) {
        self.pending_sign_ins.insert_pending_sign_in(pending).await.unwrap();
    }

    /// Writes mails, by the way of a code of nobody.
    pub(crate) async fn with_mails(&self, mails: &[QueuedMail]) {
        let notices = Notices { events: Vec::new(), mails: mails.to_vec() };
        let put = PutCode { notices, ..put(&code(&user_id(u32::MAX), u32::MAX)) };
        assert_eq!(self.codes.put_code(&put).await.unwrap(), CodePut::Yes);
    }

    pub(crate) async fn replace(&self, change: &ReplaceUser) {
        assert_eq!(self.users.replace_user(change).await.unwrap(), UserReplaced::Yes);
    }

    /// Erases the user.
    pub(crate) async fn erase(&self, user: &User) {
        self.erase_with(&erasure(user)).await;
    }

    pub(crate) async fn erase_with(&self, erasure: &EraseUser) {
        assert_eq!(self.users.erase_user(erasure).await.unwrap(), Replaced::Yes);
    }
}

/// Reading.
impl Backend {
    /// The account of a user who is there.
    pub(crate) async fn account(&self, user: &UserId) -> Account {
        self.users.find_user(user).await.unwrap().unwrap()
    }

    pub(crate) async fn account_by_email(&self, text: &str) -> Option<Account> {
        self.users.find_user_by_login(&Login::Email(email(text))).await.unwrap()
    }

    pub(crate) async fn account_by_username(&self, text: &str) -> Option<Account> {
        self.users.find_user_by_login(&Login::Username(username(text))).await.unwrap()
    }

    /// The session with its user, if it is there.
    pub(crate) async fn signed_in(&self, session: &Session) -> Option<SignedIn> {
        self.sessions.find_session(&session.user_id, session.id).await.unwrap()
    }

    /// The session as it is kept now; it must be there.
    pub(crate) async fn session(&self, session: &Session) -> Session {
        self.signed_in(session).await.unwrap().session
    }

    /// The ids of the user's sessions that are alive.
    pub(crate) async fn alive(&self, user: &UserId) -> Vec<SessionId> {
        let alive = self.sessions.list_sessions(user, NOW, None, ALL).await.unwrap();
        alive.into_iter().map(|session| session.id).collect()
    }

    /// The user's code of that kind, if it works now.
    pub(crate) async fn code(&self, user: &UserId, kind: CodeKind) -> Option<OneTimeCode> {
        self.codes.find_code(user, kind, NOW).await.unwrap()
    }

    /// Whether that code, and no other in its place, works now.
    pub(crate) async fn has_code(&self, code: &OneTimeCode) -> bool {
        self.code(&code.user, code.kind).await.as_ref() == Some(code)
    }

    /// The record that one more try of the short code gets, if it gets any.
    pub(crate) async fn try_code(&self, challenge: ChallengeId) -> Option<OneTimeCode> {
        let tries_max = crate::fixtures_mail::TRIES_MAX;
        self.codes.advance_tries(challenge, tries_max, NOW).await.unwrap()
    }

    /// The user's trusted device of that number, if it is trusted now.
    pub(crate) async fn trusted(&self, user: &UserId, number: u32) -> Option<TrustedDevice> {
        let id = trusted_device_id(number);
        self.trusted_devices.find_trusted_device(user, id, NOW).await.unwrap()
    }

    /// The sign-in with the digest of that one, if it waits now.
    pub(crate) async fn waiting(&self, pending: &PendingSignIn) -> Option<PendingSignIn> {
        let digest = pending.secret_digest;
        self.pending_sign_ins.find_pending_sign_in(&pending.user, digest, NOW).await.unwrap()
    }

    /// The sign-in with one more try, if it gets any.
    pub(crate) async fn try_pending(&self, pending: &PendingSignIn) -> Option<PendingSignIn> {
        let (digest, store) = (pending.secret_digest, &self.pending_sign_ins);
        store.advance_pending_tries(&pending.user, digest, PENDING_TRIES_MAX, NOW).await.unwrap()
    }

    /// Every event that waits, the oldest first. Leases end at once, so nothing changes.
    pub(crate) async fn events(&self) -> Vec<OutboxEvent> {
        self.outbox.claim_events(NOW, NOW, ALL).await.unwrap()
    }

    /// Every mail, by id.
    pub(crate) async fn mails(&self) -> Vec<OutboxMail> {
        self.mails.list_mails(None, ALL).await.unwrap()
    }

    /// What went out: the ids of all events and of all mails, which must not have been touched.
    pub(crate) async fn told(&self) -> (Vec<EventId>, Vec<MailId>) {
        let mails = self.mails().await;
        assert!(mails.iter().all(|mail| mail.state == MailState::Waiting && mail.attempts == 0));
        let events = self.events().await.into_iter().map(|event| event.id).collect();
        (events, mails.into_iter().map(|mail| mail.mail.id).collect())
    }

    /// Every revocation of today, the newest first.
    pub(crate) async fn revoked(&self) -> Vec<Revocation> {
        self.revocations.list_revocations(NOW, ALL).await.unwrap().rows
    }

    /// How far the revocations have counted.
    pub(crate) async fn sequence(&self) -> u64 {
        self.revocations.list_revocations(NOW, ALL).await.unwrap().sequence
    }
}
