//! Sealing anew what an older data key sealed, so that this key can be retired.
//!
//! Servers do so as they go: with a session that is refreshed, with a mail that is tried again, and
//! with the secret of an authenticator app whose code is accepted.
//! What nobody touches is left to whoever runs [`Service::reseal`].

use contracts::{QueuedMail, Record, ReplaceUser, Replaced, Resealed, SealedKey, StoreError};
use domain::{MailId, TotpFactor, User};
use futures_util::future::join_all;

use crate::failure::Failure;
use crate::user_changes::guarded;
use crate::{Service, mail_queue, refresh_tokens, sealed_records, second_factor};

/// Values that are listed at once.
const PAGE: usize = 200;
/// Values that are sealed anew at once.
const AT_ONCE: usize = 8;
/// A page is read again where somebody else changed what was on it.
const ATTEMPTS_MAX: usize = 16;

/// How far the values of one kind are sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResealedCount {
    /// Values that were looked at.
    pub done: u64,
    /// Values that another data key than the first had sealed, and that the first seals now.
    pub resealed: u64,
    /// Values that no configured data key opens, or that are not where they belong. They are left
    /// as they are.
    pub failed: u64,
}

/// How far everything is sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResealProgress {
    /// The deployment's own records.
    pub records: ResealedCount,
    /// Users, most of whom have no second factor and nothing that is sealed.
    pub users: ResealedCount,
    /// Sessions, alive or not.
    pub sessions: ResealedCount,
    /// Mails that were not sent yet, or cannot be.
    pub mails: ResealedCount,
}

impl ResealProgress {
    /// All kinds together.
    pub fn total(&self) -> ResealedCount {
        let kinds = [self.records, self.users, self.sessions, self.mails];
        kinds.into_iter().fold(ResealedCount::default(), |sum, kind| ResealedCount {
            done: sum.done + kind.done,
            resealed: sum.resealed + kind.resealed,
            failed: sum.failed + kind.failed,
        })
    }

    const fn of(&mut self, kind: Kind) -> &mut ResealedCount {
        match kind {
            Kind::Record => &mut self.records,
            Kind::User => &mut self.users,
            Kind::Session => &mut self.sessions,
            Kind::Mail => &mut self.mails,
        }
    }
}

/// What is sealed.
#[derive(Clone, Copy)]
enum Kind {
    Record,
    User,
    Session,
    Mail,
}

/// Where a sealed value is.
enum Place {
    Record { name: String, version: u64 },
    User(Box<User>),
    Session(SealedKey),
    Mail(MailId),
}

struct SealedValue {
    place: Place,
    sealed: Box<[u8]>,
}

/// What became of a value.
enum Outcome {
    /// The first key seals it, or it was erased.
    Kept,
    Resealed,
    Failed,
    /// Somebody else changed it, or it is gone.
    Changed,
}

impl Place {
    fn identity(&self) -> String {
        match self {
            Self::Record { name, .. } => sealed_records::identity(name),
            Self::User(user) => second_factor::totp_identity(&user.id),
            Self::Session(key) => refresh_tokens::identity(key.session),
            Self::Mail(id) => mail_queue::identity(*id),
        }
    }

    fn record(&self) -> Option<&str> {
        if let Self::Record { name, .. } = self { Some(name) } else { None }
    }

    fn user(&self) -> Option<&User> {
        if let Self::User(user) = self { Some(user) } else { None }
    }

    const fn session(&self) -> Option<&SealedKey> {
        if let Self::Session(key) = self { Some(key) } else { None }
    }

    const fn mail(&self) -> Option<MailId> {
        if let Self::Mail(id) = self { Some(*id) } else { None }
    }
}

impl SealedValue {
    fn of_record((name, record): (String, Record)) -> Self {
        let place = Place::Record { name, version: record.version };
        Self { place, sealed: record.content }
    }

    /// What a user without a second factor has sealed is nothing.
    fn of_user(user: User) -> Self {
        let sealed = user.totp.as_ref().map(|factor| factor.sealed_secret.clone());
        Self { place: Place::User(Box::new(user)), sealed: sealed.unwrap_or_default() }
    }

    fn of_session(key: SealedKey) -> Self {
        Self { sealed: key.sealed_refresh_key.clone(), place: Place::Session(key) }
    }

    fn of_mail(mail: QueuedMail) -> Self {
        Self { place: Place::Mail(mail.id), sealed: mail.sealed_values }
    }
}

impl Service {
    /// Seals everything with the first data key that another one sealed, while servers serve: what
    /// somebody else changes meanwhile is theirs, and looked at again. `progress` hears of each
    /// page. It may be interrupted and begun again at any time.
    ///
    /// Afterwards a data key can be removed if nothing failed, and every server that runs has had
    /// the same first key since before this began.
    pub async fn reseal(
        &self,
        mut progress: impl FnMut(&ResealProgress) + Send,
    ) -> Result<ResealProgress, Failure> {
        let mut so_far = ResealProgress::default();
        for kind in [Kind::Record, Kind::User, Kind::Session, Kind::Mail] {
            self.reseal_all(kind, &mut so_far, &mut progress).await?;
        }
        Ok(so_far)
    }

    /// The same for the deployment's own records alone, of which there are a few.
    pub async fn reseal_records(&self) -> Result<ResealedCount, Failure> {
        let mut so_far = ResealProgress::default();
        self.reseal_all(Kind::Record, &mut so_far, &mut |_: &ResealProgress| ()).await?;
        Ok(so_far.records)
    }

    async fn reseal_all(
        &self,
        kind: Kind,
        so_far: &mut ResealProgress,
        progress: &mut (impl FnMut(&ResealProgress) + Send),
    ) -> Result<(), Failure> {
        let mut after = None;
        while let Some(last) = self.reseal_page(kind, after.as_ref(), so_far.of(kind)).await? {
            after = Some(last);
            progress(so_far);
        }
        Ok(())
    }

    /// Seals a page anew, and reads it again until nobody else changes it. Returns the last place
    /// on it; none, if there is no such page.
    async fn reseal_page(
        &self,
        kind: Kind,
        after: Option<&Place>,
        count: &mut ResealedCount,
    ) -> Result<Option<Place>, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            let mut page = self.sealed_values(kind, after).await?;
            let (mut failed, mut is_settled) = (0, true);
            for values in page.chunks(AT_ONCE) {
                for outcome in join_all(values.iter().map(|value| self.reseal_value(value))).await {
                    match outcome? {
                        Outcome::Kept => {}
                        Outcome::Resealed => count.resealed += 1,
                        Outcome::Failed => failed += 1,
                        Outcome::Changed => is_settled = false,
                    }
                }
            }
            if is_settled {
                count.done += u64::try_from(page.len()).unwrap_or(u64::MAX);
                count.failed += failed;
                return Ok(page.pop().map(|value| value.place));
            }
        }
        Err(Failure::Contended)
    }

    async fn reseal_value(&self, value: &SealedValue) -> Result<Outcome, Failure> {
        // A user has no second factor; or what a mail would have said is erased, when it must not
        // be sent any more.
        if value.sealed.is_empty() {
            return Ok(Outcome::Kept);
        }
        let identity = value.place.identity();
        let Ok(plain) = self.data_keys.open(&identity, &value.sealed) else {
            return Ok(Outcome::Failed);
        };
        if !self.data_keys.needs_reseal(&value.sealed) {
            return Ok(Outcome::Kept);
        }
        let new = self.data_keys.seal(&identity, &plain, self.entropy.bytes());
        Ok(match self.replace_sealed(value, new).await? {
            Replaced::Yes => Outcome::Resealed,
            Replaced::Stale => Outcome::Changed,
        })
    }

    /// A page of values, after that place.
    async fn sealed_values(
        &self,
        kind: Kind,
        after: Option<&Place>,
    ) -> Result<Vec<SealedValue>, StoreError> {
        let stores = &self.stores;
        Ok(match kind {
            Kind::Record => {
                let after = after.and_then(Place::record);
                let listed = stores.records.list_records(after, PAGE).await?;
                listed.into_iter().map(SealedValue::of_record).collect()
            }
            Kind::User => {
                let after = after.and_then(Place::user).map(|user| &user.id);
                let listed = stores.users.list_users(after, PAGE).await?;
                listed.into_iter().map(SealedValue::of_user).collect()
            }
            Kind::Session => {
                let after = after.and_then(Place::session);
                let listed = stores.sessions.list_sealed_keys(after, PAGE).await?;
                listed.into_iter().map(SealedValue::of_session).collect()
            }
            Kind::Mail => {
                let after = after.and_then(Place::mail);
                let listed = stores.mails.list_mails(after, PAGE).await?;
                listed.into_iter().map(|mail| SealedValue::of_mail(mail.mail)).collect()
            }
        })
    }

    async fn replace_sealed(
        &self,
        value: &SealedValue,
        new: Box<[u8]>,
    ) -> Result<Replaced, Failure> {
        let stores = &self.stores;
        let resealed = || Resealed { old: value.sealed.clone(), new: new.clone() };
        Ok(match &value.place {
            Place::Record { name, version } => {
                stores.records.replace_record(name, *version, &new, &[]).await?
            }
            Place::User(user) => {
                let change = ReplaceUser::of(with_totp_secret(user, new));
                guarded(stores.users.replace_user(&change).await?)?
            }
            Place::Session(key) => {
                stores.sessions.replace_sealed_key(&key.user, key.session, &resealed()).await?
            }
            Place::Mail(id) => stores.mails.replace_mail_values(*id, &resealed()).await?,
        })
    }
}

/// The next version of the user, with nothing changed but how the secret is sealed.
fn with_totp_secret(user: &User, sealed_secret: Box<[u8]>) -> User {
    let totp = user.totp.clone().map(|factor| TotpFactor { sealed_secret, ..factor });
    User { totp, version: user.version.saturating_add(1), ..user.clone() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crypto::{DataKey, DataKeys, OpenError};
    use domain::{EmailAddress, SessionId, Timestamp, UserId, UserStatus};

    use super::*;

    fn session(number: u8) -> Place {
        Place::Session(SealedKey {
            user: UserId::parse("user_1").unwrap(),
            session: SessionId::from_bytes([number; 16]),
            expires_at: Timestamp::from_unix_ms(0),
            sealed_refresh_key: Box::default(),
        })
    }

    fn record(name: &str) -> Place {
        Place::Record { name: name.to_owned(), version: 1 }
    }

    fn user(id: &str) -> Place {
        let at = Timestamp::from_unix_ms(0);
        Place::User(Box::new(User {
            id: UserId::parse(id).unwrap(),
            email: EmailAddress::parse("ada@example.com").unwrap(),
            is_email_verified: true,
            username: None,
            name: None,
            roles: BTreeSet::new(),
            status: UserStatus::Active,
            password_hash: None,
            totp: None,
            session_epoch: 0,
            version: 1,
            created_at: at,
            last_login_at: None,
        }))
    }

    fn mail(number: u8) -> Place {
        Place::Mail(MailId::from_bytes([number; 16]))
    }

    #[test]
    fn a_value_that_was_moved_to_any_other_row_does_not_open() {
        let keys = DataKeys::new(&[DataKey::new([1; 32])]).unwrap();
        let users = [user("user_1"), user("user_2")];
        let places =
            [record("log_key"), record("code_key"), session(1), session(2), mail(1), mail(2)];
        let places: Vec<Place> = places.into_iter().chain(users).collect();
        for (from, place) in places.iter().enumerate() {
            let sealed = keys.seal(&place.identity(), b"secret", [9; 12]);
            for (to, other) in places.iter().enumerate() {
                let opened = keys.open(&other.identity(), &sealed);
                if from == to {
                    assert_eq!(opened.unwrap().as_slice(), b"secret");
                } else {
                    assert_eq!(opened, Err(OpenError::Forged), "{from} to {to}");
                }
            }
        }
    }

    #[test]
    fn a_total_counts_every_kind() {
        let count = |of| ResealedCount { done: of, resealed: of + 1, failed: of + 2 };
        let progress = ResealProgress {
            records: count(1),
            users: count(20),
            sessions: count(300),
            mails: count(4000),
        };
        assert_eq!(progress.total(), ResealedCount { done: 4321, resealed: 4325, failed: 4329 });
    }
}
