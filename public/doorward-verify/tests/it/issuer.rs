//! An issuer on a real socket that can rotate its keys, go down, and count who asks for what.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use doorward_verify::{AccessClaims, JwkSet, RevocationClaims, RevocationEntry};
use doorward_verify::{Verifier, VerifierBuilder};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::signing::{NOW, SigningKey, claims};

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const JWKS: &str = "/keys";
pub(crate) const REVOCATIONS: &str = "/.well-known/revocations";

/// Where redirects lead: to the true keys, so that following shows.
const ELSEWHERE: &str = "/elsewhere";

/// Ends with the runtime of its test.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) clock: Clock,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<Behaviour>,
    /// Requests wait here; one permit that is never taken away lets all through.
    gate: Semaphore,
    /// How many requests have come to the gate.
    arrivals: AtomicUsize,
}

struct Behaviour {
    keys: Vec<Arc<SigningKey>>,
    outage: Outage,
    cache_control: String,
    /// What the discovery document says, if not the truth.
    named_issuer: Option<String>,
    revocations: Option<Published>,
    versions: u32,
    requests: HashMap<(String, u16), usize>,
}

#[derive(Clone)]
struct Published {
    etag: String,
    list: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    None,
    Status(StatusCode),
    Redirect,
    Flood,
    Nonsense,
}

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Issuer {
    pub(crate) async fn start(key: &Arc<SigningKey>) -> Self {
        let behaviour = Behaviour {
            keys: vec![Arc::clone(key)],
            outage: Outage::None,
            cache_control: "public, max-age=300".into(),
            named_issuer: None,
            revocations: None,
            versions: 0,
            requests: HashMap::new(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            state: Mutex::new(behaviour),
            gate: Semaphore::new(1),
            arrivals: AtomicUsize::new(0),
        });
        let app = Router::new()
            .route(DISCOVERY, get(discovery))
            .route(JWKS, get(jwks))
            .route(REVOCATIONS, get(revocations))
            .route(ELSEWHERE, get(elsewhere))
            .with_state((url.clone(), Arc::clone(&shared)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, clock: Clock(Arc::new(AtomicI64::new(NOW))), shared }
    }

    /// A verifier of this issuer's tokens under the test's clock, with no task of its own.
    pub(crate) fn verifier(&self) -> VerifierBuilder {
        let clock = self.clock.clone();
        Verifier::builder(&self.url)
            .audience("api")
            .without_background_task()
            .clock(move || clock.now())
    }

    /// The claims of a token that this issuer makes now.
    pub(crate) fn claims(&self) -> AccessClaims {
        let now = self.clock.now();
        AccessClaims { iss: self.url.clone(), iat: now, exp: now + 36_000, ..claims() }
    }

    pub(crate) fn token(&self, key: &SigningKey) -> String {
        key.token(&self.claims())
    }

    pub(crate) fn publish_keys(&self, keys: &[&Arc<SigningKey>]) {
        self.change(|state| state.keys = keys.iter().map(|key| Arc::clone(key)).collect());
    }

    pub(crate) fn fail_with(&self, outage: Outage) {
        self.change(|state| state.outage = outage);
    }

    pub(crate) fn recover(&self) {
        self.fail_with(Outage::None);
    }

    pub(crate) fn name_issuer(&self, name: &str) {
        self.change(|state| state.named_issuer = Some(name.to_owned()));
    }

    pub(crate) fn cache_for(&self, cache_control: &str) {
        self.change(|state| cache_control.clone_into(&mut state.cache_control));
    }

    /// Holds all requests until [`open_gate`](Self::open_gate).
    pub(crate) fn close_gate(&self) {
        self.shared.gate.forget_permits(1);
    }

    pub(crate) fn open_gate(&self) {
        self.shared.gate.add_permits(1);
    }

    /// Waits until that many requests have come in all, whether they were let through or not.
    pub(crate) async fn arrivals(&self, count: usize) {
        while self.shared.arrivals.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }

    /// A list of this issuer as of now.
    pub(crate) fn list(&self, seq: u64, entries: Vec<RevocationEntry>) -> RevocationClaims {
        let now = self.clock.now();
        let iss = self.url.clone();
        RevocationClaims { iss, iat: now, exp: now + 60, seq, entries, all_issued_before: None }
    }

    /// Signs and publishes a list, under a new tag.
    pub(crate) fn publish_list(&self, key: &SigningKey, list: &RevocationClaims) {
        let mut header = key.header();
        header["typ"] = json!("revocations+jwt");
        let text = key.compact(&header.to_string(), &serde_json::to_string(list).unwrap());
        self.publish_text(&text);
    }

    pub(crate) fn publish_text(&self, list: &str) {
        self.change(|state| {
            state.versions += 1;
            let etag = format!("\"{}\"", state.versions);
            state.revocations = Some(Published { etag, list: list.to_owned() });
        });
    }

    /// How often a path was asked for, whatever the answer.
    pub(crate) fn count(&self, path: &str) -> usize {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests.iter().filter(|((asked, _), _)| asked == path).map(|(_, count)| count).sum()
    }

    /// How often a path was answered with a status.
    pub(crate) fn count_status(&self, path: &str, status: u16) -> usize {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests.get(&(path.to_owned(), status)).copied().unwrap_or(0)
    }

    fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

type AppState = State<(String, Arc<Shared>)>;

impl Shared {
    /// Waits at the gate, answers as the outage wants or else with `answer`, and counts.
    async fn answer(&self, path: &str, answer: impl FnOnce(&Behaviour) -> Response) -> Response {
        self.arrivals.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.acquire().await.unwrap());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let response = match state.outage {
            Outage::None => answer(&state),
            Outage::Status(status) => status.into_response(),
            Outage::Redirect => (StatusCode::FOUND, [(LOCATION, ELSEWHERE)]).into_response(),
            Outage::Flood => flood(&state).into_response(),
            Outage::Nonsense => "nonsense".into_response(),
        };
        let key = (path.to_owned(), response.status().as_u16());
        *state.requests.entry(key).or_default() += 1;
        response
    }
}

async fn discovery(State((url, shared)): AppState) -> Response {
    let answer = |state: &Behaviour| {
        let issuer = state.named_issuer.clone().unwrap_or_else(|| url.clone());
        axum::Json(json!({ "issuer": issuer, "jwks_uri": format!("{url}{JWKS}") })).into_response()
    };
    shared.answer(DISCOVERY, answer).await
}

async fn jwks(State((_, shared)): AppState) -> Response {
    shared.answer(JWKS, key_set).await
}

async fn elsewhere(State((_, shared)): AppState) -> Response {
    key_set(&shared.state.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The true keys, after more white space than anybody should read.
fn flood(state: &Behaviour) -> String {
    let keys = state.keys.iter().map(|key| key.jwk()).collect();
    " ".repeat(200 * 1_024) + &serde_json::to_string(&JwkSet { keys }).unwrap()
}

fn key_set(state: &Behaviour) -> Response {
    let keys = state.keys.iter().map(|key| key.jwk()).collect();
    let headers = [(CACHE_CONTROL, state.cache_control.clone())];
    (headers, axum::Json(JwkSet { keys })).into_response()
}

async fn revocations(State((_, shared)): AppState, headers: HeaderMap) -> Response {
    let answer = |state: &Behaviour| {
        let Some(Published { etag, list }) = state.revocations.clone() else {
            return StatusCode::NOT_FOUND.into_response();
        };
        if headers.get(IF_NONE_MATCH).is_some_and(|had| had.as_bytes() == etag.as_bytes()) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([(ETAG, etag)], list).into_response()
    };
    shared.answer(REVOCATIONS, answer).await
}
