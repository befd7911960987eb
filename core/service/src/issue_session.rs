use std::time::Duration;

use contracts::InsertSession;
use domain::{
    Account, AuthenticationMethod, EventKind, RefreshToken, Session, SessionId, Timestamp, User,
};
use secrecy::SecretString;

use crate::Service;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::policy::Origin;
use crate::refresh_tokens::refresh_token;

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
    /// Who signed in.
    pub user: Account,
}

/// A sign-in that has passed every check that its way in asks for.
pub(crate) struct ProvenSignIn<'a> {
    /// Whose, as read together with the password hash.
    pub(crate) account: Account,
    /// What was proved.
    pub(crate) methods: Vec<AuthenticationMethod>,
    /// From where.
    pub(crate) origin: &'a Origin,
}

impl Service {
    /// The one place where sessions begin, whatever the way in.
    ///
    /// `None`: what was proved no longer holds, because the user's sessions were ended or the user
    /// was disabled in between.
    pub(crate) async fn issue_session(
        &self,
        sign_in: ProvenSignIn<'_>,
    ) -> Result<Option<Tokens>, Failure> {
        let now = self.clock.now();
        let ProvenSignIn { mut account, methods, origin } = sign_in;
        let id = SessionId::new(now, self.entropy.bytes());
        let (key, sealed_refresh_key) = self.new_refresh_key(id);
        let session = Session {
            sealed_refresh_key,
            ..self.new_session(id, &account.user, methods, (origin, now))
        };
        // Signed before it is stored: a key that cannot sign must not leave sessions behind.
        let access = self.access_token(&account, &session, now)?;
        let user = &account.user.id;
        let happening = Happening { origin, actor: Some(user), subject: user, at: now };
        let login = EventKind::UserLogin {
            session: id,
            client: origin.client.clone(),
            methods: session.methods.iter().map(|method| method.name()).collect(),
        };
        let events =
            [self.event(&happening, login), self.event(&happening, EventKind::SessionCreated(id))];
        match self.stores.sessions.insert_session(&session, &events).await? {
            InsertSession::EpochPassed => Ok(None),
            InsertSession::Yes => {
                account.user.last_login_at = Some(now);
                Ok(Some(Tokens {
                    access_token: access.token,
                    access_expires_in: access.expires_in,
                    refresh_token: refresh_token(&key, &account.user.id, id, session.generation),
                    refresh_expires_in: session.refresh_expires_at().since(now),
                    user: account,
                }))
            }
        }
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
