use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::acceptor::{Acceptor, Ends};
use crate::{Result, ServerError};

/// A port of our own that leads to an emulator of AWS. It notes the requests, and some of them meet
/// a fate.
///
/// An operation is what `X-Amz-Target` names. A request without it passes, and is not noted.
pub struct AwsProxy {
    acceptor: Acceptor,
    traffic: Arc<Traffic>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// Nothing: it only lets one pass before the next fate.
    Pass,
    /// It is carried out, and the connection breaks before the answer.
    Cut,
    /// It is carried out, and answered with this status and this error of AWS all the same.
    Denied(u16, &'static str),
    /// It is not carried out, and answered with this status and this error of AWS.
    Refused(u16, &'static str),
    /// It is not carried out, and answered with this text, which is no answer of AWS.
    Babble(&'static str),
    /// It is not carried out, and answered with the status and the body that the test makes of its
    /// body.
    Answered(fn(&str) -> (u16, String)),
}

/// A request that came by.
pub struct AwsRequest {
    /// What it asks for, without the service: `GetItem`.
    pub operation: String,
    /// What it says, as JSON.
    pub body: String,
}

/// What the threads share.
#[derive(Default)]
struct Traffic(Mutex<TrafficState>);

#[derive(Default)]
struct TrafficState {
    fates: VecDeque<(&'static str, Fate)>,
    requests: Vec<AwsRequest>,
    is_hanging: bool,
}

/// A request or an answer.
struct Message {
    /// With the empty line after it.
    head: String,
    body: Vec<u8>,
}

impl AwsProxy {
    /// Listens on a free port, and leads to the emulator with this endpoint (`http://…`).
    pub fn open(endpoint: &str) -> Result<Self> {
        let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
        let nowhere = || ServerError::new(format!("{endpoint} is no address"));
        let target = host.to_socket_addrs()?.next().ok_or_else(nowhere)?;
        let traffic = Arc::new(Traffic::default());
        let own = Arc::clone(&traffic);
        let acceptor = Acceptor::open(move |client, ends| lead(client, target, &own, ends))?;
        Ok(Self { acceptor, traffic })
    }

    /// Where clients connect; the same as long as the value lives.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.acceptor.address())
    }

    /// The next request for that operation meets this fate, once the fates before it are met.
    pub fn next(&self, operation: &'static str, fate: Fate) {
        self.traffic.lock().fates.push_back((operation, fate));
    }

    /// Whether every fate has been met.
    pub fn is_done(&self) -> bool {
        self.traffic.lock().fates.is_empty()
    }

    /// The requests since the last look.
    pub fn requests(&self) -> Vec<AwsRequest> {
        std::mem::take(&mut self.traffic.lock().requests)
    }

    /// The requests since the last look, by what they ask for.
    pub fn operations(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.operation).collect()
    }

    /// Ends all connections; new ones are refused, until [`Self::restore`].
    pub fn cut(&self) {
        self.acceptor.cut();
    }

    /// Requests are accepted and nothing becomes of them, until [`Self::restore`]; what was sent
    /// meanwhile is not carried out even then, and nothing more on its connection.
    pub fn hang(&self) {
        self.traffic.lock().is_hanging = true;
    }

    /// Ends what [`Self::cut`] or [`Self::hang`] began.
    pub fn restore(&self) -> Result<()> {
        self.traffic.lock().is_hanging = false;
        self.acceptor.restore()
    }
}

impl Traffic {
    /// Notes the request, and says what becomes of it; `None` if nothing ever does.
    fn fate_of(&self, request: &Message) -> Option<Fate> {
        let target = request.header("x-amz-target");
        let mut state = self.lock();
        let mut fate = Fate::Pass;
        if let Some(operation) = target.and_then(|target| target.split('.').next_back()) {
            if let Some((_, met)) = state.fates.pop_front_if(|(wanted, _)| *wanted == operation) {
                fate = met;
            }
            let (operation, body) = (operation.to_owned(), request.text());
            state.requests.push(AwsRequest { operation, body });
        }
        if state.is_hanging { None } else { Some(fate) }
    }

    fn lock(&self) -> MutexGuard<'_, TrafficState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Message {
    fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut message = Self { head, body: Vec::new() };
        let length = message.header("content-length").and_then(|text| text.parse().ok());
        message.body = vec![0; length.unwrap_or(0)];
        from.read_exact(&mut message.body)?;
        Ok(message)
    }

    fn write(&self, mut to: &TcpStream) -> io::Result<()> {
        to.write_all(&[self.head.as_bytes(), &self.body].concat())
    }

    /// An answer of the kind that the request wants.
    fn answer(request: &Self, status: u16, body: String) -> Self {
        let kind = request.header("content-type").unwrap_or("application/json");
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} So\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        Self { head, body: body.into_bytes() }
    }

    fn error(request: &Self, status: u16, code: &str) -> Self {
        Self::answer(request, status, format!(r#"{{"__type":"{code}","message":"no"}}"#))
    }

    fn header(&self, wanted: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Passes requests on, one after the other, until the connection ends.
fn lead(client: &TcpStream, target: SocketAddr, traffic: &Traffic, ends: &Ends) -> io::Result<()> {
    let server = ends.connect(target)?;
    let (mut from_client, mut from_server) = (BufReader::new(client), BufReader::new(&server));
    loop {
        let request = Message::read(&mut from_client)?;
        let mut carry_out = || {
            request.write(&server)?;
            Message::read(&mut from_server)
        };
        let answer = match traffic.fate_of(&request) {
            None => return io::copy(&mut from_client, &mut io::sink()).map(|_| ()),
            Some(Fate::Pass) => carry_out()?,
            Some(Fate::Cut) => return carry_out().map(|_| ()),
            Some(Fate::Denied(status, code)) => {
                carry_out()?;
                Message::error(&request, status, code)
            }
            Some(Fate::Refused(status, code)) => Message::error(&request, status, code),
            Some(Fate::Babble(text)) => Message::answer(&request, 200, text.to_owned()),
            Some(Fate::Answered(make)) => {
                let (status, body) = make(&request.text());
                Message::answer(&request, status, body)
            }
        };
        answer.write(client)?;
    }
}
