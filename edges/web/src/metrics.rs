use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorward_claims::Algorithm;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use service::Service;

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// One more than `server.trusted_proxies` can say.
const HOPS_TOLD_APART: u8 = 17;

/// One kind of answer. Routes and methods are those of the table, so the labels are bounded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Routed {
    route: String,
}

/// How many proxies wrote into `X-Forwarded-For`, as far as the header can be believed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Forwarded {
    hops: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignedWith {
    algorithm: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limited {
    limit: &'static str,
}

/// The service's figures.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Routed, Histogram, fn() -> Histogram>,
    forwarded: Family<Forwarded, Counter>,
    refreshes: Family<Outcome, Counter>,
    sign_ins: Family<Outcome, Counter>,
    limited: Family<Limited, Counter>,
    limits_decided_alone: Counter,
    access_tokens: Family<SignedWith, Counter>,
    hashing_queue: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("doorward");
        let new_histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(new_histogram),
            forwarded: Family::default(),
            refreshes: Family::default(),
            sign_ins: Family::default(),
            limited: Family::default(),
            limits_decided_alone: Counter::default(),
            access_tokens: Family::default(),
            hashing_queue: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Answers by route", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time to answer by route",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "http_forwarded",
            "Requests by the entries of X-Forwarded-For",
            metrics.forwarded.clone(),
        );
        registry.register(
            "refreshes",
            "Refreshes by the rule that applied",
            metrics.refreshes.clone(),
        );
        registry.register("sign_ins", "Sign-ins by outcome", metrics.sign_ins.clone());
        registry.register("limited", "Refusals by limit", metrics.limited.clone());
        registry.register(
            "limits_decided_alone",
            "Draws on limits that this instance decided alone",
            metrics.limits_decided_alone.clone(),
        );
        registry.register(
            "access_tokens",
            "Access tokens that were accepted here, by what they are signed with",
            metrics.access_tokens.clone(),
        );
        registry.register(
            "hashing_queue",
            "Passwords that wait to be hashed",
            metrics.hashing_queue.clone(),
        );
        Self { registry, ..metrics }
    }

    pub(crate) fn answered(
        &self,
        (method, route): (&'static str, &str),
        status: u16,
        took: Duration,
    ) {
        let answered = Answered { method, route: route.to_owned(), status };
        self.requests.get_or_create(&answered).inc();
        let routed = Routed { route: route.to_owned() };
        self.durations.get_or_create(&routed).observe(took.as_secs_f64());
    }

    /// A request came with that many entries of `X-Forwarded-For`; many are counted as one number,
    /// so that nobody can make labels.
    pub(crate) fn forwarded(&self, entries: usize) {
        let hops = u8::try_from(entries).unwrap_or(u8::MAX).min(HOPS_TOLD_APART);
        self.forwarded.get_or_create(&Forwarded { hops }).inc();
    }

    pub(crate) fn refreshed(&self, outcome: &'static str) {
        self.refreshes.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn signed_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn limited(&self, limit: &'static str) {
        self.limited.get_or_create(&Limited { limit }).inc();
    }

    /// Everything in the text format of Prometheus, with what the service counts itself.
    pub(crate) fn text(&self, service: &Service) -> String {
        self.hashing_queue.set(service.passwords().waiting().try_into().unwrap_or(u64::MAX));
        self.limits_decided_alone.inner().store(service.limits_decided_alone(), Ordering::Relaxed);
        for algorithm in Algorithm::ALL {
            let signed_with = SignedWith { algorithm: algorithm.name() };
            let accepted = service.access_tokens_accepted(algorithm);
            self.access_tokens
                .get_or_create(&signed_with)
                .inner()
                .store(accepted, Ordering::Relaxed);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }
}
