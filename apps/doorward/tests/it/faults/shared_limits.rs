//! Redis in trouble while limits are shared in it: nobody notices but who guesses passwords.

use tokio::time::{Instant, sleep_until};

use super::rig::Rig;
use super::{BACK_WITHIN, EMAIL, Trouble, in_time};
use crate::client::Client;
use crate::deployment::Server;
use crate::store::Store;

const ALONE: &str = "limits are counted by each instance alone for now";
const SHARED_AGAIN: &str = "limits are shared by all instances again";

#[tokio::test]
async fn whoever_guesses_at_one_instance_is_refused_by_the_other() {
    let rig = Rig::of_redis().await;
    let [here, there] = instances(&rig).await;
    are_shared(&here.client, &there.client, "nobody@example.com").await;
}

#[tokio::test]
async fn a_redis_that_dies_costs_nobody_the_sign_in_and_frees_nobody_from_limits() {
    limits_go_on(Trouble::Dies).await;
}

#[tokio::test]
async fn a_redis_that_is_cut_off_costs_nobody_the_sign_in_and_frees_nobody_from_limits() {
    limits_go_on(Trouble::IsCutOff).await;
}

#[tokio::test]
async fn a_redis_that_hangs_costs_nobody_the_sign_in_and_frees_nobody_from_limits() {
    limits_go_on(Trouble::Hangs).await;
}

async fn limits_go_on(trouble: Trouble) {
    let rig = Rig::of_redis().await;
    let [mut here, mut there] = instances(&rig).await;
    here.client.register(EMAIL).await;
    assert_eq!(decided_alone(&mut here).await, 0);

    rig.begin(trouble).await;
    for server in [&here, &there] {
        for _ in 0..3 {
            let signed_in = in_time("/auth/login", server.client.try_log_in(EMAIL)).await.tokens();
            in_time("/auth/refresh", server.client.refresh(&signed_in.refresh)).await.tokens();
        }
        // Each counts for itself.
        guess_until_refused(&server.client, "grace@example.com").await;
        in_time("/readyz", server.client.get("/readyz")).await.is(200);
    }
    for server in [&mut here, &mut there] {
        assert!(decided_alone(server).await > 0);
    }

    let back_at = rig.end(trouble).await;
    sleep_until(back_at + BACK_WITHIN).await;
    are_shared(&here.client, &there.client, "nobody@example.com").await;
    for mut server in [here, there] {
        let alone = decided_alone(&mut server).await;
        server.client.try_log_in(EMAIL).await.tokens();
        assert_eq!(decided_alone(&mut server).await, alone);
        let said = server.process.said();
        let times = |text| said.matches(text).count();
        assert_eq!((times(ALONE), times(SHARED_AGAIN)), (1, 1), "{said}");
    }
}

/// Two instances of one deployment, whose limits are shared there.
async fn instances(rig: &Rig) -> [Server; 2] {
    let deployment = Store::Postgres.deployment().await;
    let deployment =
        deployment.with("DOORWARD_EPHEMERAL__URL", &format!("redis://{}", rig.address()));
    // One after the other: the first makes the keys.
    [deployment.serve().await, deployment.serve().await]
}

/// What is used up at one is used up at the other.
async fn are_shared(here: &Client, there: &Client, email: &str) {
    guess_until_refused(here, email).await;
    guess(there, email, 429).await;
}

/// Five wrong passwords are allowed.
async fn guess_until_refused(client: &Client, email: &str) {
    for _ in 0..5 {
        guess(client, email, 401).await;
    }
    guess(client, email, 429).await;
}

async fn guess(client: &Client, email: &str, status: u16) {
    let guess = client.try_log_in_with(email, "a wrong password");
    in_time("/auth/login", guess).await.is(status);
}

async fn decided_alone(server: &mut Server) -> u64 {
    const NAME: &str = "doorward_limits_decided_alone_total ";
    let address = server.operations_address().await;
    let asked_at = Instant::now();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}/metrics")).send().await.unwrap();
    let text = answer.error_for_status().unwrap().text().await.unwrap();
    assert!(asked_at.elapsed() < super::ANSWERED_WITHIN);
    let line = text.lines().find_map(|line| line.strip_prefix(NAME)).unwrap();
    line.parse().unwrap()
}
