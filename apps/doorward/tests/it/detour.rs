//! A port of the test's own: whoever connects is led to where the test says at that moment.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::waiting::{PATIENCE, within};

/// What becomes of connections that begin from now on. Ports are those of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// They are ended at once.
    Closed,
    /// They lead there.
    To(u16),
    /// They lead there, and every HTTP request has one more entry of `X-Forwarded-For`.
    Proxy(u16),
    /// They lead there, and the first HTTP answer seems to come from a clock of 2001.
    Past(u16),
    /// They lead there up to the `DATA` of the first mail, whose words never arrive.
    StallsInData(u16),
}

/// Listens until its test ends.
pub(crate) struct Detour {
    pub(crate) address: SocketAddr,
    way: Arc<Mutex<Way>>,
    seen: Arc<Seen>,
}

/// How often it happened so far.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    stalled: AtomicUsize,
}

impl Detour {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, seen) = (Arc::new(Mutex::new(Way::Closed)), Arc::new(Seen::default()));
        let (current, counts) = (Arc::clone(&way), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = *current.lock().unwrap();
                let counts = Arc::clone(&counts);
                counts.connections.fetch_add(1, Ordering::Relaxed);
                // Whichever side breaks off, the other one notices.
                tokio::spawn(async move { lead(client, way, &counts).await });
            }
        });
        Self { address, way, seen }
    }

    pub(crate) fn leads(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    /// Waits until somebody has connected.
    pub(crate) async fn is_taken(&self) {
        happens("somebody connects", &self.seen.connections).await;
    }

    /// Waits until a mail hangs in its `DATA`.
    pub(crate) async fn has_stalled(&self) {
        happens("a mail hangs", &self.seen.stalled).await;
    }
}

async fn happens(what: &str, count: &AtomicUsize) {
    within(PATIENCE, what, async || (count.load(Ordering::Relaxed) > 0).then_some(())).await;
}

async fn lead(client: TcpStream, way: Way, seen: &Seen) -> io::Result<()> {
    let port = match way {
        Way::Closed => return Ok(()),
        Way::To(port) | Way::Proxy(port) | Way::Past(port) | Way::StallsInData(port) => port,
    };
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        match way {
            Way::Proxy(_) => add_entries(from_client, to_server).await,
            Way::StallsInData(_) => stop_after_data(from_client, to_server, &seen.stalled).await,
            Way::To(_) | Way::Past(_) | Way::Closed => {
                copy(&mut from_client, &mut to_server).await.map(drop)
            }
        }
    };
    let back = async {
        match way {
            Way::Past(_) => set_date(from_server, to_client).await,
            _ => copy(&mut from_server, &mut to_client).await.map(drop),
        }
    };
    tokio::select! {
        ended = there => ended,
        ended = back => ended,
    }
}

/// Passes answers on, the first of them with another date.
async fn set_date(
    server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut rest = BufReader::new(server);
    let mut line = Vec::new();
    while rest.read_until(b'\n', &mut line).await? > 0 && line != b"\r\n" {
        if line.to_ascii_lowercase().starts_with(b"date:") {
            line = b"date: Mon, 01 Jan 2001 00:00:00 GMT\r\n".to_vec();
        }
        client.write_all(&line).await?;
        line.clear();
    }
    client.write_all(&line).await?;
    tokio::io::copy_buf(&mut rest, &mut client).await.map(drop)
}

/// Passes requests without bodies on, as a proxy does.
async fn add_entries(
    client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut lines = BufReader::new(client);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await? > 0 {
        if line == b"\r\n" {
            server.write_all(b"X-Forwarded-For: 192.0.2.1\r\n").await?;
        }
        server.write_all(&line).await?;
        line.clear();
    }
    Ok(())
}

async fn stop_after_data(
    client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    stalled: &AtomicUsize,
) -> io::Result<()> {
    let mut lines = BufReader::new(client);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await? > 0 {
        server.write_all(&line).await?;
        if line == b"DATA\r\n" {
            stalled.fetch_add(1, Ordering::Relaxed);
            return std::future::pending().await;
        }
        line.clear();
    }
    Ok(())
}
