//! People who sign up and in, and what the store knows of them.

use contracts::{
    Clock as _, InsertUser, Notices, OutboxStore as _, SessionStore as _, UserStore as _,
};
use domain::{
    Account, EmailAddress, Login, Password, Session, SessionId, User, UserId, UserStatus,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, TestServer, Tokens};

/// Of the one person whom most tests need.
pub const EMAIL: &str = "ada@example.com";
/// Of everybody.
pub const PASSWORD: &str = "correct horse battery";

impl TestServer {
    /// Signs Ada up and in.
    pub async fn ada(&self) -> Tokens {
        self.register(EMAIL).await;
        self.sign_in(EMAIL).await
    }

    /// Puts Ada into the store with an address that is verified, and signs her in.
    pub async fn verified_ada(&self) -> Tokens {
        self.put_user(EMAIL, |user| user.is_email_verified = true).await;
        self.sign_in(EMAIL).await
    }

    /// Signs somebody up and returns the answer's body.
    pub async fn register(&self, email: &str) -> Value {
        let answer =
            self.post("/auth/register", json!({ "email": email, "password": PASSWORD })).await;
        answer.assert_status(201);
        answer.json()
    }

    /// Signs somebody in.
    pub async fn sign_in(&self, email: &str) -> Tokens {
        Tokens::of(&self.try_sign_in(email, PASSWORD).await)
    }

    /// Tries to sign somebody in.
    pub async fn try_sign_in(&self, identifier: &str, password: &str) -> Answer {
        let body = json!({ "identifier": identifier, "password": password });
        self.post("/auth/login", body).await
    }

    /// Uses a refresh token, which must be accepted.
    pub async fn refresh(&self, token: &str) -> Tokens {
        Tokens::of(&self.try_refresh(token).await)
    }

    /// Uses a refresh token.
    pub async fn try_refresh(&self, token: &str) -> Answer {
        self.post("/auth/refresh", json!({ "refreshToken": token })).await
    }

    /// Uses a refresh token from another device.
    pub async fn try_refresh_by(&self, user_agent: &str, token: &str) -> Answer {
        let request = self.request(Method::POST, "/auth/refresh").header("user-agent", user_agent);
        self.send(request.json(&json!({ "refreshToken": token }))).await
    }

    /// The record of the session that the tokens are of.
    pub async fn session(&self, tokens: &Tokens) -> Session {
        self.find_session(&tokens.user(), tokens.session()).await.unwrap()
    }

    /// The record of a session.
    pub async fn find_session(&self, user: &UserId, session: SessionId) -> Option<Session> {
        let found = self.store.inner().find_session(user, session).await.unwrap();
        found.map(|found| found.session)
    }

    /// The record of the user who signs in with that.
    pub async fn account(&self, login: &str) -> Account {
        let login = Login::parse(login).unwrap();
        self.store.inner().find_user_by_login(&login).await.unwrap().unwrap()
    }

    /// Puts a user with [`PASSWORD`] into the store, as `change` would have them: verified,
    /// disabled, with other roles. No event tells of it.
    pub async fn put_user(&self, email: &str, change: impl FnOnce(&mut User)) -> UserId {
        let now = self.clock.now();
        let password = Password::parse(&PASSWORD.into()).unwrap();
        let salt = self.service.entropy().bytes();
        let hash = self.service.passwords().hash(&password, salt).await.unwrap();
        let mut user = User {
            id: UserId::new(now, self.service.entropy().bytes()),
            email: EmailAddress::parse(email).unwrap(),
            is_email_verified: false,
            username: None,
            name: None,
            roles: self.service.policy().registration.default_roles.clone(),
            status: UserStatus::Active,
            password_hash: Some(hash),
            totp: None,
            session_epoch: 0,
            version: 1,
            created_at: now,
            last_login_at: None,
        };
        change(&mut user);
        let new = InsertUser { user, code: None, notices: Notices::default() };
        self.store.inner().insert_user(&new, None).await.unwrap();
        new.user.id
    }

    /// The envelopes of all events that wait to be published, oldest first. Takes none of them.
    pub async fn events(&self) -> Vec<Value> {
        let now = self.clock.now();
        let events = self.store.inner().claim_events(now, now, 10_000).await.unwrap();
        // What is of nobody is never published.
        let published =
            events.iter().filter(|event| !event.subject.as_ref().is_some_and(service::is_nobody));
        published.map(|event| serde_json::from_str(&event.envelope).unwrap()).collect()
    }

    /// The events of that type.
    pub async fn events_of_type(&self, name: &str) -> Vec<Value> {
        let mut events = self.events().await;
        events.retain(|event| event["type"] == name);
        events
    }
}
