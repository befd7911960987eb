//! A service of its own that trusts Doorward's tokens and knows nothing of Doorward but its URL.

mod chat;

use std::error::Error;
use std::io::{self, IsTerminal as _};

use doorward_verify::{Revocations, Verifier};
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "whoever starts it waits for this line")]
async fn main() -> Result<(), Box<dyn Error>> {
    let is_terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(is_terminal).init();
    let verifier = Verifier::builder(setting("DOORWARD_ISSUER", "http://127.0.0.1:8080"))
        .audience("api")
        .revocations(Revocations::FailOpen)
        .build()?;

    let listener = TcpListener::bind(setting("CHATBOT_LISTEN", "127.0.0.1:8081")).await?;
    println!("chatbot listens on http://{}", listener.local_addr()?);
    axum::serve(listener, chat::router(verifier)).with_graceful_shutdown(stop_signal()).await?;
    Ok(())
}

/// Waits until somebody at the terminal, or whatever runs us, wants us to end.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a way to be told, serve until killed.
    if ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "an example needs no settings file")]
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
