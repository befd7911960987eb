use std::time::Duration;

use contracts::{InsertSession, KnownDevice, NewSession, Notices};
use domain::{
    Account, AuthenticationMethod, Client, DeviceDigest, EventKind, MailTemplate, RefreshToken,
    Session, SessionId, Timestamp, User, UserId, amr,
};
use secrecy::SecretString;

use crate::Service;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::policy::{Origin, VerifyEmail};
use crate::refresh_tokens::refresh_token;
use crate::second_factor::{NextStep, Trust, next_step};

/// What a client gets to prove its session with.
#[derive(Debug)]
pub struct Tokens {
    /// A signed JWT for services.
    pub access_token: SecretString,
    /// How long services accept it.
    pub access_expires_in: Duration,
    /// The opaque token that buys the next ones.
    pub refresh_token: RefreshToken,
    /// How long it may stay unused.
    pub refresh_expires_in: Duration,
    /// What the browser keeps that its user trusts from now on.
    pub device_token: Option<SecretString>,
    /// Who signed in.
    pub user: Account,
}

/// A sign-in that has passed every check that its way in asks for.
pub(crate) struct ProvenSignIn<'a> {
    /// Whose, as read together with the password hash.
    pub(crate) account: Account,
    /// What was proved.
    pub(crate) methods: Vec<AuthenticationMethod>,
    /// What it has to do with trusted devices.
    pub(crate) trust: Trust,
    /// From where.
    pub(crate) origin: &'a Origin,
}

/// What a sign-in gets that has proved itself.
#[derive(Debug)]
pub enum Issued {
    /// A session.
    Tokens(Box<Tokens>),
    /// No session yet: another step is wanted.
    NextStep(NextStep),
}

/// Why a sign-in that has proved itself gets no session all the same.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssueSessionError {
    /// What was proved no longer holds, because the user's sessions were ended or the user was
    /// disabled or erased in between.
    #[error("what was proved no longer holds")]
    Superseded,
    /// Nobody has proved the address yet, which this deployment asks for.
    #[error("the address is not verified")]
    EmailNotVerified,
    /// The work could not be done.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Service {
    /// The one place where sessions begin, whatever the way in: so none leads past the second
    /// factor.
    pub(crate) async fn issue_session(
        &self,
        sign_in: ProvenSignIn<'_>,
    ) -> Result<Issued, IssueSessionError> {
        let now = self.clock.now();
        let ProvenSignIn { mut account, mut methods, trust, origin } = sign_in;
        let must_be_verified = self.policy.registration.verify_email == VerifyEmail::Required;
        if must_be_verified && !account.user.is_email_verified {
            return Err(IssueSessionError::EmailNotVerified);
        }
        let id = SessionId::new(now, self.entropy.bytes());
        if self.is_trusted(&account.user, trust, id, now).await? {
            methods.push(AuthenticationMethod::TrustedDevice);
        }
        if let Some(step) = next_step(&account.user, &methods, &self.policy.mfa.required_roles) {
            let next = self.begin_pending(&account.user, step, methods, now).await?;
            return Ok(Issued::NextStep(next));
        }
        let (key, sealed_refresh_key) = self.new_refresh_key(id);
        let session = Session {
            sealed_refresh_key,
            ..self.new_session(id, &account.user, methods, (origin, now))
        };
        // Signed before it is stored: a key that cannot sign must not leave sessions behind.
        let access = self.access_token(&account, &session, now).await?;
        let trusts = self.new_trust(trust, &session);
        if trusts.is_some() {
            self.make_room_for_trust(&account.user.id).await?;
        }
        let device_token = trusts.as_ref().map(|device| self.device_token(device));
        let new = self.with_notices(session, &account.user, origin, now).await?;
        let new = NewSession { trusts, ..new };
        let inserted = self.stores.sessions.insert_session(&new).await.map_err(Failure::Store)?;
        if inserted == InsertSession::EpochPassed {
            return Err(IssueSessionError::Superseded);
        }
        account.user.last_login_at = Some(now);
        let session = new.session;
        Ok(Issued::Tokens(Box::new(Tokens {
            access_token: access.token,
            access_expires_in: access.expires_in,
            refresh_token: refresh_token(&key, &account.user.id, id, session.generation),
            refresh_expires_in: session.refresh_expires_at().since(now),
            device_token,
            user: account,
        })))
    }

    /// The session with its device and with what goes out: the events, and a mail if the user has
    /// signed in before, but not with such a device.
    async fn with_notices(
        &self,
        session: Session,
        user: &User,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<NewSession, Failure> {
        let digest = device_digest(user, &origin.client);
        let known = self.stores.sessions.find_device(&user.id, digest, now).await?;
        let is_news = known.is_none() && user.last_login_at.is_some();
        let mail = is_news
            .then(|| self.notice_mail(MailTemplate::NewDevice, user, &origin.client, now))
            .flatten();
        let happening =
            Happening { origin, actor: Some(&user.id), subject: Some(&user.id), at: now };
        let login = EventKind::UserLogin {
            session: session.id,
            client: origin.client.clone(),
            methods: amr(&session.methods),
        };
        let created = EventKind::SessionCreated(session.id);
        let events = vec![self.event(&happening, login), self.event(&happening, created)];
        let notices = Notices { events, mails: mail.into_iter().collect() };
        let network = self.network_digest(&user.id, &origin.client);
        let known = |digest| KnownDevice { digest, expires_at: session.expires_at };
        let devices = [Some(digest), network].into_iter().flatten().map(known).collect();
        Ok(NewSession { session, devices, trusts: None, notices })
    }

    /// Tells networks that a user has signed in from, for that user alone. Keyed, since there are
    /// few addresses.
    pub(crate) fn network_digest(&self, user: &UserId, client: &Client) -> Option<DeviceDigest> {
        let network = client.network()?;
        let mac = self.log_key.mac(format!("network {user}\n{network}").as_bytes());
        let (head, _) = mac.split_first_chunk().expect("a MAC has 32 bytes");
        Some(DeviceDigest(*head))
    }

    fn new_session(
        &self,
        id: SessionId,
        user: &User,
        methods: Vec<AuthenticationMethod>,
        (origin, now): (&Origin, Timestamp),
    ) -> Session {
        let expires_at = now.plus(self.policy.session_ttl_max);
        Session {
            id,
            user_id: user.id.clone(),
            epoch: user.session_epoch,
            generation: 1,
            forgiven_generation: 0,
            rotated_at: now,
            rotated_by: origin.client.user_agent.clone(),
            sealed_refresh_key: Box::default(),
            methods,
            authenticated_at: now,
            client: origin.client.clone(),
            created_at: now,
            last_used_at: now,
            idle_expires_at: now.plus(self.policy.refresh_ttl).min(expires_at),
            expires_at,
            end: None,
        }
    }
}

/// Devices are told apart for each user alone: nobody can follow one from account to account.
fn device_digest(user: &User, client: &Client) -> DeviceDigest {
    let digest = crypto::digest(format!("{}/{}", user.id, client.device_name()).as_bytes());
    let (head, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
    DeviceDigest(*head)
}
