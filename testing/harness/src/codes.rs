//! Codes that prove a mailbox: asked for, and used.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Answer, ReceivedMail, TestServer};

/// Somebody's next password.
pub const NEW_PASSWORD: &str = "another good one";

impl TestServer {
    /// Asks for a new password and returns the challenge.
    pub async fn forgot(&self, email: &str) -> String {
        challenge(&self.post("/auth/password/forgot", json!({ "email": email })).await)
    }

    /// Asks for a new password and returns the mail, which must come.
    pub async fn forgot_mail(&self, email: &str) -> ReceivedMail {
        let challenge = self.forgot(email).await;
        self.mail_of_challenge(email, &challenge).await
    }

    /// Asks for the verification mail again and returns it, which must come.
    pub async fn resend_mail(&self, email: &str) -> ReceivedMail {
        let challenge = self.resend(email).await;
        self.mail_of_challenge(email, &challenge).await
    }

    /// The one mail with that challenge: mails of one moment come in any order.
    async fn mail_of_challenge(&self, email: &str, challenge: &str) -> ReceivedMail {
        let mut mails = self.mails_to(email).await;
        mails.retain(|mail| mail.link.is_some() && mail.challenge() == challenge);
        assert_eq!(mails.len(), 1, "{challenge}");
        mails.remove(0)
    }

    /// Asks for the verification mail again and returns the challenge.
    pub async fn resend(&self, email: &str) -> String {
        challenge(&self.post("/auth/verify-email/resend", json!({ "email": email })).await)
    }

    /// Makes a request of somebody's, and resets their password to [`NEW_PASSWORD`] after it was
    /// decided and before `call` writes it.
    pub async fn reset_before<T>(
        &self,
        call: &'static str,
        email: &str,
        request: impl Future<Output = T>,
    ) -> T {
        let mail = self.forgot_mail(email).await;
        let mut paused = self.store.pause(call);
        let resetting = async {
            paused.reached().await;
            self.reset(mail.token()).await.assert_status(204);
            paused.resume();
        };
        tokio::join!(request, resetting).0
    }

    /// Verifies an address with what stands in the body.
    pub async fn verify_email(&self, body: Value) -> Answer {
        self.post("/auth/verify-email", body).await
    }

    /// Sets [`NEW_PASSWORD`] by the token of a link.
    pub async fn reset(&self, token: &str) -> Answer {
        let body = json!({ "token": token, "newPassword": NEW_PASSWORD });
        self.post("/auth/password/reset", body).await
    }

    /// Sets [`NEW_PASSWORD`] by a short code.
    pub async fn reset_typed(&self, challenge: &str, code: &str) -> Answer {
        let body = json!({ "challengeId": challenge, "code": code, "newPassword": NEW_PASSWORD });
        self.post("/auth/password/reset", body).await
    }

    /// Sends many requests at once and returns their statuses, sorted.
    pub async fn race(self: &Arc<Self>, path: &'static str, bodies: Vec<Value>) -> Vec<u16> {
        let mut racing = JoinSet::new();
        for body in bodies {
            let server = Arc::clone(self);
            racing.spawn(async move { server.post(path, body).await.status });
        }
        let mut statuses = racing.join_all().await;
        statuses.sort_unstable();
        statuses
    }
}

#[track_caller]
fn challenge(answer: &Answer) -> String {
    answer.assert_status(202);
    assert_eq!(answer.json()["expiresIn"], 600, "{answer:?}");
    answer.json()["challengeId"].as_str().unwrap().to_owned()
}
