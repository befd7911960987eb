//! What shows only from outside: how the world reaches us, and through how many proxies.

use std::time::Duration;

use contracts::Clock as _;
use reqwest::{Client, Response};
use serde_json::Value;
use settings::{PublicUrl, Settings};

use super::Finding;
use crate::failure::Failure;
use crate::healthcheck::reachable;
use crate::system::SystemClock;

const TIME_MAX: Duration = Duration::from_secs(5);
/// Clocks of honest machines agree to less; tokens suffer from more.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(30);
/// Requests through the proxies: enough to stand out from other traffic.
const PROBES: u64 = 5;
const FORWARDED: &str = "doorward_http_forwarded_total{hops=\"";

/// Asks for our own metadata the way that verifiers do.
pub(super) async fn public_url(settings: &Settings) -> Vec<Finding> {
    const WHAT: &str = "public URL";
    let url = settings.server.public_url_for(settings.server.listen);
    let client =
        Client::builder().timeout(TIME_MAX).redirect(reqwest::redirect::Policy::none()).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let failed = Failure::of("no HTTP client can be made")(error);
            let mend = "Install the certificates of authorities (ca-certificates).";
            return vec![Finding::wrong(WHAT, failed.on_one_line(), mend)];
        }
    };
    let answer = client.get(format!("{url}/.well-known/openid-configuration")).send().await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return vec![unreachable(&url, settings.server.public_url.is_none(), error)],
    };
    let clock = clock_beside(&answer);
    let mut findings = vec![issuer(answer, &url).await];
    findings.extend(clock);
    findings.push(proxies(&client, settings, &url).await);
    findings
}

fn unreachable(url: &PublicUrl, is_derived: bool, error: reqwest::Error) -> Finding {
    let what = "public URL";
    if is_derived {
        let seen = format!("nothing answers at {url}: is `doorward serve` running?");
        return Finding::untried(what, seen);
    }
    let failed = Failure::of(format!("nothing answers at {url}"))(error);
    let mend = "Start the server; check DNS, the certificate and the proxy in front; verifiers get \
                our keys there.";
    Finding::wrong(what, failed.on_one_line(), mend)
}

/// Whether it is us, under the name that tokens say.
async fn issuer(answer: Response, url: &PublicUrl) -> Finding {
    let what = "public URL";
    let status = answer.status();
    let metadata = answer.json::<Value>().await.unwrap_or_default();
    match metadata["issuer"].as_str() {
        Some(issuer) if issuer == url.as_str() => {
            Finding::fine(what, format!("{url} answers as the issuer of our tokens"))
        }
        Some(issuer) => {
            let mend = "Give the server and this command the same server.public_url.";
            Finding::wrong(what, format!("{url} says that its issuer is {issuer}"), mend)
        }
        None => {
            let seen = format!("{url} answers {status}, and not as Doorward does");
            let mend = "Have the proxy pass everything under server.public_url on, /.well-known \
                        too, without redirects.";
            Finding::wrong(what, seen, mend)
        }
    }
}

/// Compares our clock with the one of whoever answered.
fn clock_beside(answer: &Response) -> Option<Finding> {
    let date = answer.headers().get("date")?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_millisecond();
    let apart = Duration::from_millis(SystemClock.now().unix_ms().abs_diff(theirs));
    let seconds = apart.as_secs();
    if apart <= CLOCKS_APART_MAX {
        return Some(Finding::fine("clock beside the public URL's", format!("{seconds} s apart")));
    }
    let mend = "Have both machines' clocks kept by NTP: tokens would be refused.";
    Some(Finding::wrong("clock beside the public URL's", format!("{seconds} s apart"), mend))
}

/// Sends requests through the proxies and sees, in the figures of the server beside us, how many
/// entries of `X-Forwarded-For` they arrive with.
async fn proxies(client: &Client, settings: &Settings, url: &PublicUrl) -> Finding {
    const WHAT: &str = "proxies";
    let operations = reachable(settings.server.operations_listen);
    let metrics = format!("http://{operations}/metrics");
    let Ok(before) = forwarded(client, &metrics).await else {
        let seen = format!("no metrics at {metrics}: run this beside the server");
        return Finding::untried(WHAT, seen);
    };
    for _ in 0..PROBES {
        if client.get(format!("{url}/.well-known/jwks.json")).send().await.is_err() {
            return Finding::untried(WHAT, "the public URL stopped answering");
        }
    }
    let Ok(after) = forwarded(client, &metrics).await else {
        return Finding::untried(WHAT, "the metrics stopped answering");
    };
    let grown = |hops: &usize| after[*hops].saturating_sub(before[*hops]) >= PROBES;
    let Some(hops) = (0..after.len()).rev().find(grown) else {
        return Finding::untried(WHAT, "the requests went to another server than this one");
    };
    let trusted = usize::from(settings.server.trusted_proxies);
    if hops == trusted {
        return Finding::fine(WHAT, format!("{hops}, as server.trusted_proxies says"));
    }
    let seen = format!("requests arrive with {hops} entries of X-Forwarded-For, not {trusted}");
    let mend = format!(
        "If all of these proxies are yours, set server.trusted_proxies to {hops}: else clients are \
         taken for proxies, or can choose their address."
    );
    Finding::wrong(WHAT, seen, mend)
}

/// How many requests came with that many entries; the last stands for all beyond.
async fn forwarded(client: &Client, metrics: &str) -> reqwest::Result<[u64; 18]> {
    let text = client.get(metrics).send().await?.error_for_status()?.text().await?;
    let mut counts = [0; 18];
    for line in text.lines().filter_map(|line| line.strip_prefix(FORWARDED)) {
        let (hops, count) = line.split_once("\"} ").unwrap_or_default();
        if let (Ok(hops), Ok(count)) = (hops.parse::<usize>(), count.parse())
            && let Some(slot) = counts.get_mut(hops)
        {
            *slot = count;
        }
    }
    Ok(counts)
}
