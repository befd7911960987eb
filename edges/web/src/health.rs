use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use contracts::Probe;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::timeout;

use crate::answer::{Inferred, Private, inferred, response};
use crate::state::AppState;

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

/// `GET /livez`: the process answers. Depends on nothing.
pub(crate) async fn live() -> Private<Health> {
    Private(Health { status: "up", dependencies: BTreeMap::new() })
}

/// `GET /readyz`: every dependency answers, else `503` with the same body.
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Private<Health>, NotReady> {
    let mut dependencies = BTreeMap::new();
    for probe in state.service.probes() {
        dependencies.insert(probe.name(), status_of(probe.as_ref()).await);
    }
    if dependencies.values().all(|status| *status == "up") {
        Ok(Private(Health { status: "up", dependencies }))
    } else {
        Err(NotReady(Health { status: "down", dependencies }))
    }
}

/// A dependency does not answer.
pub(crate) struct NotReady(Health);

impl axum::response::IntoResponse for NotReady {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::SERVICE_UNAVAILABLE, Private(self.0)).into_response()
    }
}

impl aide::OperationOutput for NotReady {
    type Inner = Health;

    fn inferred_responses(
        ctx: &mut aide::generate::GenContext,
        _: &mut aide::openapi::Operation,
    ) -> Inferred {
        let schema = ctx.schema.subschema_for::<Health>();
        inferred(503, "Something is down", response("application/json", schema))
    }
}

async fn status_of(probe: &dyn Probe) -> &'static str {
    match timeout(PROBE_TIME_MAX, probe.check()).await {
        Ok(Ok(())) => "up",
        Ok(Err(_)) | Err(_) => "down",
    }
}

/// `GET /metrics`, on the operations listener only.
pub(crate) async fn metrics(
    State(state): State<AppState>,
) -> ([(HeaderName, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], state.metrics.text(&state.service))
}
