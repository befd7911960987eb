//! Stores and Redis in trouble: nobody waits for them for long, nothing is lost, and all is well
//! again soon after they are back.

mod rig;
mod series;
mod shared_limits;
mod shared_sessions;
mod storage;
mod watch;

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::client::{Answer, Client};
use crate::waiting::within;

/// No answer may take longer, whatever has failed.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

/// So soon all is well again once what had failed is back.
const BACK_WITHIN: Duration = Duration::from_secs(2);

const EMAIL: &str = "ada@example.com";

/// What can befall a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Its process ends.
    Dies,
    /// Its connections break, and new ones are refused.
    IsCutOff,
    /// It takes connections and says nothing.
    Hangs,
}

/// The answer, which nobody has had to wait for.
async fn in_time(what: &str, question: impl Future<Output = Answer>) -> Answer {
    let asked_at = Instant::now();
    let answer = timeout(3 * ANSWERED_WITHIN, question).await;
    let (answer, took) = (answer.unwrap_or_else(|_| panic!("{what} hangs")), asked_at.elapsed());
    assert!(took < ANSWERED_WITHIN, "{what} took {took:?}: {answer:?}");
    answer
}

/// The answer says that something is down, in time.
async fn is_unavailable(what: &str, question: impl Future<Output = Answer>) {
    let answer = in_time(what, question).await;
    assert_eq!((answer.status, answer.code()), (503, "dependency_unavailable"), "{what}");
}

async fn is_alive_but_not_ready(client: &Client) {
    let (ready, live, keys) = tokio::join!(
        in_time("/readyz", client.get("/readyz")),
        in_time("/livez", client.get("/livez")),
        in_time("the JWKS", client.get(crate::client::JWKS)),
    );
    assert_eq!((ready.status, live.status, keys.status), (503, 200, 200), "{ready:?}");
}

/// Waits until it is ready, as it must be soon after `back_at`.
async fn is_ready_soon_after(client: &Client, back_at: Instant) {
    succeeds_soon_after(back_at, "/readyz", async || client.get("/readyz").await).await;
}

/// Asks until the answer is 200, which must be soon after `back_at`; until then something is down.
async fn succeeds_soon_after(
    back_at: Instant,
    what: &str,
    mut ask: impl AsyncFnMut() -> Answer,
) -> Answer {
    let answer = within(BACK_WITHIN, what, async || {
        let answer = ask().await;
        assert!(matches!(answer.status, 200 | 503), "{what}: {answer:?}");
        (answer.status == 200).then_some(answer)
    })
    .await;
    let took = back_at.elapsed();
    assert!(took < BACK_WITHIN, "{what} was 200 again only after {took:?}");
    answer
}
