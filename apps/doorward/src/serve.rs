use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use contracts::EventSink;
use settings::{Environment, EventSink as SinkName, MailTransportSettings, Settings};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use web::{AppState, WebSettings};

use crate::elsewhere::Elsewhere;
use crate::failure::Failure;
use crate::{background, compose, console, mails};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Serves until SIGTERM or SIGINT, finishes what is in flight, and returns.
pub(crate) fn serve(settings: &Settings) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::of("the runtime could not be started"))?
        .block_on(run(settings))
}

async fn run(settings: &Settings) -> Result<(), Failure> {
    // First, so that a signal that comes while we start is not lost.
    let stop = stop_signal()?;
    let (public, address) = bind(settings.server.listen)?;
    let (operations, operations_address) = bind(settings.server.operations_listen)?;
    let public_url = settings.server.public_url_for(address);
    let elsewhere = Elsewhere::default();
    let mails = mails::open(&settings.mail, &elsewhere)?;
    let (service, session_ends) =
        compose::open_service(settings, &elsewhere, public_url.as_str()).await?;
    let service = Arc::new(service);
    let web_settings = web_settings(settings, public_url.as_str());
    let state = AppState::new(Arc::clone(&service), web_settings, mails.mailbox.clone());

    let _background = Background(vec![
        tokio::spawn(background::relay(Arc::clone(&service), sinks(settings, session_ends))),
        tokio::spawn(background::relay_mails(Arc::clone(&service), mails)),
        tokio::spawn(background::sweep(Arc::clone(&service))),
        tokio::spawn(background::reload_keys(service)),
    ]);
    let public = listen(public, address)?;
    let operations = listen(operations, operations_address)?;
    greet(settings, address, operations_address)?;
    let (public_router, operations_router) =
        (web::public_router(&state), web::operations_router(&state));
    tokio::join!(
        web::serve(public, public_router, stopped(stop.clone())),
        web::serve(operations, operations_router, stopped(stop)),
    );
    tracing::info!("stopped");
    Ok(())
}

/// Tasks that end when we do.
struct Background(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Takes the address, before anything is opened that may be made. Nobody is let in yet: a
/// connection that waits for a start which then fails would be cut off.
fn bind(address: SocketAddr) -> Result<(TcpSocket, SocketAddr), Failure> {
    let bound = (|| {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // As listeners usually do: a port that was just left can be taken again.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let bound = socket.local_addr()?;
        io::Result::Ok((socket, bound))
    })();
    bound.map_err(Failure::of(format!("{address} cannot be listened on")))
}

/// Lets clients in from now on.
fn listen(socket: TcpSocket, address: SocketAddr) -> Result<TcpListener, Failure> {
    socket.listen(BACKLOG).map_err(Failure::of(format!("{address} cannot be listened on")))
}

fn web_settings(settings: &Settings, public_url: &str) -> WebSettings {
    let server = &settings.server;
    WebSettings {
        public_url: public_url.to_owned(),
        trusted_proxies: server.trusted_proxies.into(),
        cors_origins: server.cors_origins.iter().map(|one| one.as_str().to_owned()).collect(),
        base_path: server.base_path_text().to_owned(),
        product_name: settings.mail.product_name.clone(),
    }
}

/// Where events go; those that end what is kept elsewhere among them.
fn sinks(settings: &Settings, session_ends: Option<Arc<dyn EventSink>>) -> Vec<Arc<dyn EventSink>> {
    let named = settings.events.sinks.iter().map(|name| match name {
        SinkName::Log => Arc::new(events::LogSink) as Arc<dyn EventSink>,
    });
    session_ends.into_iter().chain(named).collect()
}

/// Becomes true once we are told to stop.
fn stop_signal() -> Result<watch::Receiver<bool>, Failure> {
    let failed = || Failure::of("signals cannot be received");
    let mut terminate: Signal = signal(SignalKind::terminate()).map_err(failed())?;
    let mut interrupt: Signal = signal(SignalKind::interrupt()).map_err(failed())?;
    let (tell, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what is in flight");
        // Nobody listens any more only if we are stopping already.
        let _ = tell.send(true);
    });
    Ok(stop)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the runtime.
    let _ = stop.wait_for(|is_stopping| *is_stopping).await;
}

/// Says where we listen, and in development what to try first.
fn greet(settings: &Settings, address: SocketAddr, operations: SocketAddr) -> Result<(), Failure> {
    tracing::info!(%address, %operations, "serving");
    let mut text = format!("Doorward listens on http://{address}\n");
    if settings.environment == Environment::Development {
        let base = settings.server.base_path_text();
        let mails = match settings.mail.transport {
            MailTransportSettings::Log => {
                format!("Mails stay on http://{operations}/dev/mailbox\n")
            }
            MailTransportSettings::Smtp(_) => String::new(),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "Health and metrics on http://{operations}; the API for people on \
             http://{address}{base}/docs\n\
             {mails}\
             Try it:\n\
             \n  curl -sS http://{address}{base}/auth/register \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{{\"email\": \"ada@example.com\", \"password\": \"correct horse battery\", \
             \"name\": \"Ada\"}}'\n\n"
        );
    }
    console::print(&text)
}
