//! Many people at once who sign up and refresh their sessions, and remember what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Answer, Client, PASSWORD};
use crate::waiting::{PATIENCE, within};

/// At work at once.
const CLIENTS: usize = 16;

/// Whose sessions are refreshed.
const OWNER: &str = "ada@example.com";

/// How many refreshes follow each registration.
const REFRESHES: usize = 4;

/// Clients at work.
pub(crate) struct Crowd {
    clients: JoinSet<Told>,
    done: Arc<AtomicUsize>,
}

/// What is left when the work is over.
pub(crate) struct Left(Vec<Told>);

/// What one client knows.
#[derive(Default)]
struct Told {
    done: usize,
    /// The addresses whose registrations were acknowledged.
    registered: Vec<String>,
    /// Those of which nobody knows, because the answer was lost or was that something is down.
    unknown: Vec<String>,
    /// The last that was handed out.
    refresh_token: String,
}

impl Crowd {
    /// Lets everybody work, until together they have done that much, or the server dies.
    pub(crate) async fn begin(client: &Client, operations: usize) -> Self {
        let done = Arc::new(AtomicUsize::new(0));
        client.register(OWNER).await;
        let mut tokens = Vec::new();
        for _ in 0..CLIENTS {
            tokens.push(client.log_in(OWNER).await.refresh);
        }
        let works = tokens.into_iter().enumerate().map(|(number, refresh_token)| {
            let told = Told { refresh_token, ..Told::default() };
            let work = Work { client: client.clone(), done: Arc::clone(&done), number, told };
            work.until(operations)
        });
        Self { clients: works.collect(), done }
    }

    /// Waits until that much was acknowledged.
    pub(crate) async fn has_done(&self, operations: usize) {
        within(PATIENCE, "people are at work", async || {
            (self.done.load(Ordering::Relaxed) >= operations).then_some(())
        })
        .await;
    }

    /// Waits for the end.
    pub(crate) async fn end(self) -> Left {
        Left(self.clients.join_all().await)
    }
}

/// One client's.
struct Work {
    client: Client,
    done: Arc<AtomicUsize>,
    number: usize,
    told: Told,
}

/// The server is gone.
struct Gone;

impl Work {
    async fn until(mut self, operations: usize) -> Told {
        // Whoever is told to try again does so, and whoever is told nothing goes.
        while self.done.load(Ordering::Relaxed) < operations {
            if self.round().await.is_err() {
                break;
            }
        }
        self.told
    }

    async fn round(&mut self) -> Result<(), Gone> {
        self.register().await?;
        for _ in 0..REFRESHES {
            self.refresh().await?;
        }
        Ok(())
    }

    async fn register(&mut self) -> Result<(), Gone> {
        let count = self.told.registered.len() + self.told.unknown.len();
        let email = format!("person-{}-{count}@example.com", self.number);
        let answer = self.client.try_post("/auth/register", person(&email)).await;
        match answer.map(|answer| (answer.status, answer)) {
            Ok((201, _)) => self.told.registered.push(email),
            Ok((503, _)) => {
                self.told.unknown.push(email);
                return Ok(());
            }
            Ok((_, answer)) => panic!("{answer:?}"),
            Err(_) => {
                self.told.unknown.push(email);
                return Err(Gone);
            }
        }
        self.is_done();
        Ok(())
    }

    async fn refresh(&mut self) -> Result<(), Gone> {
        let session = json!({ "refreshToken": self.told.refresh_token });
        let answer = self.client.try_post("/auth/refresh", session).await.map_err(|_| Gone)?;
        if answer.status != 503 {
            self.told.refresh_token = answer.tokens().refresh;
            self.is_done();
        }
        Ok(())
    }

    fn is_done(&mut self) {
        self.told.done += 1;
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Left {
    /// How much was acknowledged.
    pub(crate) fn done(&self) -> usize {
        self.0.iter().map(|told| told.done).sum()
    }

    /// Everything that was acknowledged is there, and nothing is half there.
    pub(crate) async fn prove_whole(self, client: &Client) {
        let mut checks = JoinSet::new();
        for told in self.0 {
            checks.spawn(told.prove_whole(client.clone()));
        }
        checks.join_all().await;
    }
}

impl Told {
    async fn prove_whole(self, client: Client) {
        let session = json!({ "refreshToken": self.refresh_token });
        let next = answer(&client, "/auth/refresh", session).await.tokens();
        let session = json!({ "refreshToken": next.refresh });
        answer(&client, "/auth/refresh", session).await.tokens();
        for email in self.registered {
            answer(&client, "/auth/login", person(&email)).await.tokens();
        }
        for email in self.unknown {
            // Either all of it was kept, or nothing.
            let again = answer(&client, "/auth/register", person(&email)).await;
            assert!(matches!(again.status, 201 | 409), "{again:?}");
            answer(&client, "/auth/login", person(&email)).await.tokens();
        }
    }
}

/// The answer, once the store has time for it: slow is not lost.
async fn answer(client: &Client, path: &str, body: Value) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = client.post(path, body.clone()).await;
        if answer.status != 503 || Instant::now() > deadline {
            return answer;
        }
    }
}

fn person(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD })
}
