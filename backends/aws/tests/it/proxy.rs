//! A stretch of network before the emulator. It counts requests, and some of them meet a fate.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What becomes of the next request for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// None: it only lets one pass before the next fate.
    Pass,
    /// It is carried out, and the connection breaks before the answer.
    Cut,
    /// It is not carried out, and answered with this status and this error of AWS.
    Refused(u16, &'static str),
    /// It is not carried out, and answered with this text, which is no answer of AWS.
    Babble(&'static str),
}

#[derive(Default)]
struct State {
    fates: VecDeque<(&'static str, Fate)>,
    is_hanging: bool,
    requests: Vec<String>,
}

/// The network. It passes on whatever has no fate.
pub(crate) struct Proxy {
    address: SocketAddr,
    server: String,
    state: Arc<Mutex<State>>,
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) async fn to(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut proxy = Self { address, server, state: Arc::default(), listening: None };
        proxy.start().await;
        proxy
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request for that operation meets this fate.
    pub(crate) fn next(&self, operation: &'static str, fate: Fate) {
        self.state.lock().unwrap().fates.push_back((operation, fate));
    }

    /// Every fate has been met.
    pub(crate) fn is_done(&self) -> bool {
        self.state.lock().unwrap().fates.is_empty()
    }

    /// The requests since the last look, by what they ask for.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    /// From now on nothing is answered, or everything again.
    pub(crate) fn hang(&self, is_hanging: bool) {
        self.state.lock().unwrap().is_hanging = is_hanging;
    }

    /// Closes the port, and every connection.
    pub(crate) async fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            let _ = listening.await;
        }
    }

    /// Opens the port, the same one again.
    pub(crate) async fn start(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (server, state) = (self.server.clone(), Arc::clone(&self.state));
        self.listening = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(serve(client, server.clone(), Arc::clone(&state)));
            }
        }));
    }
}

/// Passes requests on, one after the other, until the connection ends.
async fn serve(mut client: TcpStream, server: String, state: Arc<Mutex<State>>) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    loop {
        let request = read_message(&mut client).await?;
        let fate = fate_of(&request, &state);
        if state.lock().unwrap().is_hanging {
            std::future::pending::<()>().await;
        }
        let answer = match fate {
            Some(Fate::Refused(status, code)) => {
                answer(status, &format!(r#"{{"__type":"{code}","message":"no"}}"#))
            }
            Some(Fate::Babble(text)) => answer(200, text),
            Some(Fate::Cut | Fate::Pass) | None => {
                server.write_all(&request).await?;
                read_message(&mut server).await?
            }
        };
        if fate == Some(Fate::Cut) {
            return Ok(());
        }
        client.write_all(&answer).await?;
    }
}

fn fate_of(request: &[u8], state: &Mutex<State>) -> Option<Fate> {
    let head = String::from_utf8_lossy(request);
    let operation = header(&head, "x-amz-target")?.split('.').next_back()?.to_owned();
    let mut state = state.lock().unwrap();
    let is_next = state.fates.front().is_some_and(|(wanted, _)| *wanted == operation);
    state.requests.push(operation);
    if is_next { state.fates.pop_front().map(|(_, fate)| fate) } else { None }
}

async fn read_message(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if let Some(end) = message.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&message[..end]).into_owned();
            let length = header(&head, "content-length").and_then(|text| text.parse().ok());
            if message.len() >= end + 4 + length.unwrap_or(0_usize) {
                return Ok(message);
            }
        }
        let mut part = vec![0; 16_384];
        let count = from.read(&mut part).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        message.extend_from_slice(&part[..count]);
    }
}

fn header(head: &str, wanted: &str) -> Option<String> {
    head.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
    })
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} So\r\ncontent-type: application/x-amz-json-1.1\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
