//! Limits that count for all servers together, by the address that the proxy saw.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use reqwest::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::PASSWORD;
use crate::replicas::cluster::{Cluster, Upstream};

const EMAIL: &str = "ada@example.com";
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What an answer was, and which server gave it.
struct Seen {
    status: StatusCode,
    server: String,
}

/// Who signs in through nginx, from an address of their own.
#[derive(Clone)]
struct Visitor {
    http: reqwest::Client,
    url: String,
}

impl Visitor {
    fn from(address: Ipv4Addr, cluster: &Cluster) -> Self {
        let http = reqwest::Client::builder().no_proxy().local_address(IpAddr::from(address));
        Self { http: http.build().unwrap(), url: format!("{}/auth/login", cluster.url()) }
    }

    async fn log_in(&self, password: &str, forwarded: Option<&str>) -> Seen {
        let person = json!({ "email": EMAIL, "password": password });
        let mut request = self.http.post(&self.url).json(&person);
        if let Some(forwarded) = forwarded {
            request = request.header("X-Forwarded-For", forwarded);
        }
        let answer = request.send().await.unwrap();
        let server = answer.headers()["x-upstream"].to_str().unwrap().to_owned();
        Seen { status: answer.status(), server }
    }
}

async fn cluster() -> Cluster {
    let cluster =
        Cluster::start(Upstream::AsByDefault, &[("DOORWARD_LIMITS__LOGIN", "5/15m")]).await;
    cluster.client().register(EMAIL).await;
    cluster
}

#[tokio::test]
async fn wrong_passwords_are_counted_over_all_servers_for_the_address_that_the_proxy_saw() {
    let cluster = cluster().await;
    let visitor = Visitor::from(HERE, &cluster);
    let mut servers = HashSet::new();
    for attempt in 0..5 {
        let seen = visitor.log_in("wrong horse battery", None).await;
        assert_eq!(seen.status, 401, "attempt {attempt}");
        servers.insert(seen.server);
    }
    assert_eq!(servers, cluster.addresses().into_iter().collect());

    for _ in &cluster.instances {
        let seen = visitor.log_in("wrong horse battery", None).await;
        assert_eq!(seen.status, 429);
        servers.remove(&seen.server);
    }
    assert!(servers.is_empty(), "not asked: {servers:?}");
    assert_eq!(visitor.log_in(PASSWORD, None).await.status, 429);

    // What the client itself claims counts for nothing.
    for forged in ["203.0.113.9", "127.0.0.2", "203.0.113.9, 127.0.0.2", "unknown"] {
        assert_eq!(visitor.log_in(PASSWORD, Some(forged)).await.status, 429, "{forged}");
    }
    let other = Visitor::from(ELSEWHERE, &cluster);
    assert_eq!(other.log_in(PASSWORD, Some("127.0.0.1")).await.status, 200);
    assert_eq!(other.log_in(PASSWORD, None).await.status, 200);
}

#[tokio::test]
async fn of_many_wrong_passwords_at_once_exactly_as_many_are_tried_as_the_limit_says() {
    let cluster = cluster().await;
    let visitor = Visitor::from(HERE, &cluster);
    let mut attempts = JoinSet::new();
    for number in 0..30 {
        let visitor = visitor.clone();
        attempts.spawn(async move {
            let forged = format!("203.0.113.{number}");
            visitor.log_in("wrong horse battery", Some(&forged)).await
        });
    }
    let seen = attempts.join_all().await;
    let tried = seen.iter().filter(|seen| seen.status == 401).count();
    let refused = seen.iter().filter(|seen| seen.status == 429).count();
    assert_eq!((tried, refused), (5, 25));
    assert_eq!(Visitor::from(ELSEWHERE, &cluster).log_in(PASSWORD, None).await.status, 200);
}
