//! The outbox as an operator sees it.

use serde_json::Value;

use crate::deployment::Deployment;
use crate::process::Ended;
use crate::waiting::{PATIENCE, within};

impl Deployment {
    /// The mails that were not sent yet.
    pub(crate) async fn outbox(&self) -> Vec<Value> {
        let listed = self.run(&["outbox", "list", "--json"]).await.is(0).json();
        listed["items"].as_array().unwrap().clone()
    }

    /// Waits until a mail was tried in vain; what is said of it.
    pub(crate) async fn mail_that_failed(&self) -> Value {
        within(PATIENCE, "a mail was tried", async || {
            self.outbox().await.into_iter().find(|mail| mail["attempts"] != 0)
        })
        .await
    }

    /// Waits until every mail was tried in vain.
    pub(crate) async fn all_mails_fail(&self) {
        within(PATIENCE, "all mails were tried", async || {
            self.outbox().await.iter().all(|mail| mail["attempts"] != 0).then_some(())
        })
        .await;
    }

    /// Has the mail tried at once.
    pub(crate) async fn retry(&self, mail: &Value) -> Ended {
        self.run(&["outbox", "retry", mail["id"].as_str().unwrap()]).await
    }

    /// Waits until no mail is left.
    pub(crate) async fn outbox_empties(&self) {
        within(PATIENCE, "no mail is left", async || self.outbox().await.is_empty().then_some(()))
            .await;
    }
}
