//! The HTTP surface. Only this crate knows HTTP: it parses, calls one use case, and answers.
//!
//! Every route is a row of [`routes`], with its access. What is common to all requests happens in
//! [`exchange`]: request id, client address, time limit, problems, log line, figures.

mod access;
mod address_verifications;
mod answer;
mod client_address;
mod code;
mod code_requests;
mod contract;
mod discovery;
mod docs_page;
mod exchange;
mod factor_codes;
mod factor_removal;
mod factor_set_up;
mod factor_verification;
mod forward_auth;
mod health;
mod inputs;
mod limited;
mod mailbox;
mod metadata;
mod metrics;
mod mistakes;
mod openapi;
mod pages;
mod passwords;
mod presented_code;
mod problem;
mod problems;
mod profile;
mod public_document;
mod qr_code;
mod refreshes;
mod registrations;
mod revocations;
mod router;
mod routes;
mod serve;
mod session_list;
mod sign_ins;
mod sign_outs;
mod state;
mod step_ups;
mod token_answer;
mod user_view;
mod web_settings;

pub use code::reference_markdown as error_codes_markdown;
pub use openapi::openapi_json;
pub use router::{operations_router, public_router};
pub use serve::serve;
pub use state::AppState;
pub use web_settings::WebSettings;
