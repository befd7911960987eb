//! Limits by client address: a column of the route table.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::{Limit, Origin};

use crate::problem::Problem;
use crate::state::AppState;

/// How often one address may call a route. Limits that depend on what a call says are the use
/// case's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limited {
    /// As often as it likes.
    No,
    /// As that limit says.
    ByAddress(Limit),
    /// As that limit says, of calls that are refused for their credentials.
    RefusalsByAddress(Limit),
}

/// Lets a call through that is not one too many from its address.
pub(crate) async fn limit_address(
    limited: Limited,
    State(state): State<AppState>,
    Extension(origin): Extension<Origin>,
    request: Request,
    next: Next,
) -> Response {
    let (Limited::ByAddress(limit) | Limited::RefusalsByAddress(limit)) = limited else {
        return next.run(request).await;
    };
    let counted = match state.service.count_for_address(limit, &origin.client).await {
        Ok(counted) => counted,
        Err(error) => return Problem::from(error).into_response(),
    };
    if matches!(limited, Limited::ByAddress(_)) {
        counted.stands();
        return next.run(request).await;
    }
    // In a task of its own: whoever hangs up before the answer gets back what was not meant, too.
    let answered = tokio::spawn(async move {
        let response = next.run(request).await;
        if response.status() == StatusCode::UNAUTHORIZED {
            counted.stands();
        } else {
            state.service.give_back(counted).await;
        }
        response
    });
    match answered.await {
        Ok(response) => response,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
