use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::client_address::PeerAddress;

/// How long what is in flight may take once we are told to stop.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);
/// How long a connection may stay without a whole request head: longer than a load balancer keeps
/// one idle (60 s at AWS), else it would send requests into connections that we just closed.
const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// Most connections at once; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 10_000;
/// Largest request head; longer ones are answered with 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait after the system refused a connection, as it does when it has no more handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves HTTP on `listener` until `stop` resolves, then finishes what is in flight.
///
/// What is still in flight after 20 s is cut off.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let accept = async {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = connect(stream, PeerAddress(peer), router.clone());
                    let watched = graceful.watch(connection);
                    tokio::spawn(async move {
                        // How a client's connection ends is the client's affair.
                        let _ = watched.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    if timeout(DRAIN_TIME_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections that were still busy after 20 s were cut off");
    }
}

type Connection<S> = http1::Connection<TokioIo<TcpStream>, S>;

fn connect(
    stream: TcpStream,
    peer: PeerAddress,
    router: Router,
) -> Connection<
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = axum::response::Response,
        Error = std::convert::Infallible,
        Future: Send,
    >,
> {
    // A token's answer is one small packet: do not wait for more to send.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}
