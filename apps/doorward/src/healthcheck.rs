use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use settings::Settings;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::Failure;

/// Shorter than a container platform waits.
const TIME_MAX: Duration = Duration::from_secs(3);

/// Succeeds if the server that these settings describe is live on this machine.
pub(crate) async fn run(settings: &Settings) -> Result<(), Failure> {
    let address = reachable(settings.server.listen);
    let what = format!("no live server answers on {address}");
    match timeout(TIME_MAX, ask(address)).await {
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(status)) => Err(Failure::Refused(format!("the server answers {status}"))),
        Ok(Err(error)) => Err(Failure::of(what)(error)),
        Err(elapsed) => Err(Failure::of(what)(elapsed)),
    }
}

async fn ask(address: SocketAddr) -> Result<hyper::StatusCode, contracts::BoxError> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = hyper::Request::get("/livez")
        .header("host", address.to_string())
        .body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request);
    tokio::pin!(connection);
    tokio::select! {
        response = answer => Ok(response?.status()),
        ended = &mut connection => {
            ended?;
            Err("the connection was closed".into())
        }
    }
}

/// A server that listens on every address answers on the loopback one.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
