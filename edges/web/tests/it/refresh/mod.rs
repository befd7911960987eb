//! `POST /auth/refresh`, by the rules of `api.md`, "The refresh token".

mod catching_up;
mod clocks;
mod ended;
mod expiry;
mod forgery;
mod lost_answers;
mod races;
mod replay;
mod reuse;
mod rotation;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use harness::{TestServer, Tokens};
use tokio::task::JoinSet;

/// Longer than the leeway, shorter than everything else.
const AN_HOUR: Duration = Duration::from_hours(1);

/// The refresh tokens that many concurrent uses of `token` are answered with; none is refused.
async fn race(server: &Arc<TestServer>, token: &str, callers: usize) -> Vec<String> {
    let mut racing = JoinSet::new();
    for _ in 0..callers {
        let (server, token) = (Arc::clone(server), token.to_owned());
        racing.spawn(async move { server.try_refresh(&token).await });
    }
    let answers = racing.join_all().await;
    assert_eq!(answers.len(), callers);
    let successors: BTreeSet<String> =
        answers.iter().map(|answer| Tokens::of(answer).refresh).collect();
    successors.into_iter().collect()
}

/// How often each rule has answered, as the metrics tell.
async fn count(server: &TestServer, outcome: &str) -> usize {
    let text = server.get_operations("/metrics").await.body;
    let name = format!("doorward_refreshes_total{{outcome=\"{outcome}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |number| number.parse().unwrap())
}
