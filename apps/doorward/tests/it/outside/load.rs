//! A person at work while keys and secrets are replaced, whom nobody may refuse.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward_verify::{RefusalKind, Verifier};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::client::{Client, Tokens};
use crate::waiting::{PATIENCE, within};

/// Between two refreshes, so that other tests have something of the machine.
const PAUSE: Duration = Duration::from_millis(30);

/// Everybody who must trust a token of ours, at any time.
pub(super) struct Trusting {
    /// Instances of the issuer, some of which may be down.
    pub(super) issuer: Vec<Client>,
    pub(super) verifier: Verifier,
    /// A service that answers `GET /`.
    pub(super) service: Option<Client>,
}

/// The person, who refreshes a session again and again, and shows the tokens to everybody.
pub(super) struct Load {
    shared: Arc<Shared>,
    work: JoinHandle<()>,
}

struct Shared {
    trusting: Mutex<Arc<Trusting>>,
    newest: Mutex<String>,
    rounds: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    pub(super) fn begin(tokens: Tokens, trusting: Trusting) -> Self {
        let shared = Arc::new(Shared {
            trusting: Mutex::new(Arc::new(trusting)),
            newest: Mutex::new(tokens.access.clone()),
            rounds: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let work = tokio::spawn(Arc::clone(&shared).work(tokens));
        Self { shared, work }
    }

    /// The access token that came last.
    pub(super) fn newest(&self) -> String {
        assert!(!self.work.is_finished(), "somebody was refused");
        self.shared.newest.lock().unwrap().clone()
    }

    /// From now on others must trust the tokens.
    pub(super) fn shows_to(&self, trusting: Trusting) {
        *self.shared.trusting.lock().unwrap() = Arc::new(trusting);
    }

    /// Waits until the tokens were refreshed and shown that many times more.
    pub(super) async fn goes_on(&self, rounds: usize) {
        let end = self.shared.rounds.load(Ordering::Relaxed) + rounds;
        within(PATIENCE, "the person is at work", async || {
            self.newest();
            (self.shared.rounds.load(Ordering::Relaxed) >= end).then_some(())
        })
        .await;
    }

    /// Ends it; says how many tokens nobody refused.
    pub(super) async fn end(self) -> usize {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.work.await.unwrap();
        self.shared.rounds.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn work(self: Arc<Self>, mut tokens: Tokens) {
        while !self.is_over.load(Ordering::Relaxed) {
            let trusting = Arc::clone(&*self.trusting.lock().unwrap());
            let round = self.rounds.load(Ordering::Relaxed);
            let next = trusting.refresh(&tokens, round).await;
            // The one before is good for as long as it says, whatever signs by now.
            for token in [&tokens.access, &next.access] {
                trusting.trust(token).await;
            }
            self.newest.lock().unwrap().clone_from(&next.access);
            tokens = next;
            self.rounds.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
    }
}

impl Trusting {
    /// At another instance each time, or at whichever is up.
    async fn refresh(&self, tokens: &Tokens, round: usize) -> Tokens {
        let deadline = Instant::now() + PATIENCE;
        let mut at = round;
        loop {
            let session = json!({ "refreshToken": tokens.refresh });
            let client = &self.issuer[at % self.issuer.len()];
            if let Ok(answer) = client.try_post("/auth/refresh", session).await {
                return answer.tokens();
            }
            assert!(Instant::now() < deadline, "no instance is up");
            at += 1;
            sleep(PAUSE).await;
        }
    }

    pub(super) async fn trust(&self, token: &str) {
        for client in &self.issuer {
            if let Ok(answer) = client.try_get_as("/auth/me", token).await {
                answer.is(200);
            }
        }
        self.verifier.verify(token).await.expect("the verifier trusts it");
        if let Some(service) = &self.service {
            service.get_as("/", token).await.is(200);
        }
    }
}

/// Its own figures say that it has refused nobody.
pub(super) fn has_refused_nobody(verifier: &Verifier) {
    let seen = verifier.tokens_seen();
    for kind in RefusalKind::ALL {
        assert_eq!(seen.refused(kind), 0, "{}", kind.name());
    }
}
