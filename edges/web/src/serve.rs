use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::client_address::PeerAddress;

/// How long what is in flight may take once we are told to stop.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);
/// How long, of that, a connection without a request may wait for one. A load balancer that sends
/// one just now cannot know yet that we stop: it is answered, and told that it was the last.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
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
/// Who has connected by then, or keeps a connection open, may still ask once for a second: what a
/// load balancer has sent, it must not send again. What is still in flight after 20 s is cut off.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let connections = Connections {
        router,
        graceful: GracefulShutdown::new(),
        places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        is_stopping: Arc::new(AtomicBool::new(false)),
    };
    tokio::select! {
        () = connections.accept(&listener) => {}
        () = stop => {}
    }
    connections.is_stopping.store(true, Ordering::Relaxed);
    connections.accept_waiting(listener);
    if timeout(DRAIN_TIME_MAX, connections.end()).await.is_err() {
        tracing::warn!("connections that were still busy after 20 s were cut off");
    }
}

/// The connections of one listener, each in a task of its own.
struct Connections {
    router: Router,
    graceful: GracefulShutdown,
    places: Arc<Semaphore>,
    is_stopping: Arc<AtomicBool>,
}

impl Connections {
    /// Lets in whoever comes.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => self.serve(stream, peer, Some(place)),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Lets in those who stand in the listener's queue, and nobody after them. They have connected
    /// and may have sent something, so that to close the door on them would cut that off.
    fn accept_waiting(&self, listener: TcpListener) {
        // Asked directly, since the runtime may not know yet that somebody has come.
        let Ok(listener) = listener.into_std() else { return };
        loop {
            let (stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(_) => return,
            };
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.serve(stream, peer, Arc::clone(&self.places).try_acquire_owned().ok());
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Option<OwnedSemaphorePermit>) {
        let is_stopping = Arc::clone(&self.is_stopping);
        let connection = connect(stream, PeerAddress(peer), self.router.clone(), is_stopping);
        let watched = self.graceful.watch(connection);
        tokio::spawn(async move {
            // How a client's connection ends is the client's affair.
            let _ = watched.await;
            drop(place);
        });
    }

    /// Waits until all have ended. Those without a request end last.
    async fn end(self) {
        // All places are free when nobody is left.
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        let _ = timeout(FAREWELL_TIME, self.places.acquire_many(all)).await;
        self.graceful.shutdown().await;
    }
}

type Connection<S> = http1::Connection<TokioIo<TcpStream>, S>;

fn connect(
    stream: TcpStream,
    peer: PeerAddress,
    router: Router,
    is_stopping: Arc<AtomicBool>,
) -> Connection<
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = axum::response::Response,
        Error = Infallible,
        Future: Send,
    >,
> {
    // A token's answer is one small packet: do not wait for more to send.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let version = request.version();
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer);
        let answer = router.clone().oneshot(request);
        let is_stopping = Arc::clone(&is_stopping);
        async move {
            let mut answer = answer.await?;
            if is_stopping.load(Ordering::Relaxed) {
                // Else hyper would add "keep-alive" where an HTTP/1.0 client has asked for that.
                *answer.version_mut() = version;
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}
