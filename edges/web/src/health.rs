use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use contracts::Probe;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::timeout;

use crate::state::AppState;
use crate::token_answer::NO_STORE;

/// A load balancer's own time-out is longer.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);

/// What a health check sees.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `up` or `down`.
    status: &'static str,
    /// Each dependency, `up` or `down`.
    dependencies: BTreeMap<&'static str, &'static str>,
}

type HealthResponse = (StatusCode, [(HeaderName, &'static str); 1], Json<Health>);

/// `GET /livez`: the process answers. Depends on nothing.
pub(crate) async fn live() -> HealthResponse {
    answer(BTreeMap::new())
}

/// `GET /readyz`: every dependency answers.
pub(crate) async fn ready(State(state): State<AppState>) -> HealthResponse {
    let mut dependencies = BTreeMap::new();
    for probe in state.service.probes() {
        dependencies.insert(probe.name(), status_of(probe.as_ref()).await);
    }
    answer(dependencies)
}

async fn status_of(probe: &dyn Probe) -> &'static str {
    match timeout(PROBE_TIME_MAX, probe.check()).await {
        Ok(Ok(())) => "up",
        Ok(Err(_)) | Err(_) => "down",
    }
}

fn answer(dependencies: BTreeMap<&'static str, &'static str>) -> HealthResponse {
    let is_up = dependencies.values().all(|status| *status == "up");
    let (code, status) =
        if is_up { (StatusCode::OK, "up") } else { (StatusCode::SERVICE_UNAVAILABLE, "down") };
    (code, NO_STORE, Json(Health { status, dependencies }))
}

/// `GET /metrics`, on the operations listener only.
pub(crate) async fn metrics(
    State(state): State<AppState>,
) -> ([(HeaderName, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], state.metrics.text(state.service.passwords().waiting()))
}
