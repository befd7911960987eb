use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use servers::{AwsProxy, Fate};

use crate::waiting::{PATIENCE, until};

/// Carries out whatever it is asked for: it counts, and answers with the number.
struct Emulator {
    address: SocketAddr,
    carried_out: Arc<AtomicUsize>,
}

impl Emulator {
    /// On any number of connections, until the test process ends.
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let carried_out = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&carried_out);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                thread::spawn(move || {
                    let mut from = BufReader::new(&stream);
                    while read(&mut from).is_some() {
                        let number = (counter.fetch_add(1, Ordering::SeqCst) + 1).to_string();
                        let head =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", number.len());
                        (&stream).write_all((head + &number).as_bytes()).unwrap();
                    }
                });
            }
        });
        Self { address, carried_out }
    }

    fn proxy(&self) -> AwsProxy {
        AwsProxy::open(&format!("http://{}/", self.address)).unwrap()
    }

    fn carried_out(&self) -> usize {
        self.carried_out.load(Ordering::SeqCst)
    }
}

/// Status line and body of the next message; `None` when the connection is over.
fn read(from: &mut BufReader<&TcpStream>) -> Option<(String, String)> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    from.read_line(&mut first).ok().filter(|count| *count > 0)?;
    while line != "\r\n" {
        line.clear();
        from.read_line(&mut line).ok().filter(|count| *count > 0)?;
        if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((first.trim().to_owned(), String::from_utf8(body).unwrap()))
}

fn address(proxy: &AwsProxy) -> SocketAddr {
    proxy.endpoint().strip_prefix("http://").unwrap().parse().unwrap()
}

fn connect(proxy: &AwsProxy) -> TcpStream {
    let stream = TcpStream::connect(address(proxy)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn send(mut stream: &TcpStream, operation: &str, body: &str) {
    let request = format!(
        "POST / HTTP/1.1\r\nx-amz-target: Service_2012.{operation}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
}

/// Status and body of the answer, with a space between them; `None` if the connection ends before
/// it.
fn call(stream: &TcpStream, operation: &str, body: &str) -> Option<String> {
    send(stream, operation, body);
    let (first, body) = read(&mut BufReader::new(stream))?;
    Some(format!("{} {body}", first.split(' ').nth(1).unwrap()))
}

#[test]
fn what_has_no_fate_passes_and_is_noted() {
    let emulator = Emulator::start();
    let proxy = emulator.proxy();
    let stream = connect(&proxy);
    let long = "x".repeat(1 << 20);
    assert_eq!(call(&stream, "GetItem", "{}").as_deref(), Some("200 1"));
    assert_eq!(call(&stream, "PutItem", &long).as_deref(), Some("200 2"));
    let requests = proxy.requests();
    let noted: Vec<_> =
        requests.iter().map(|one| (one.operation.as_str(), one.body.as_str())).collect();
    assert_eq!(noted, [("GetItem", "{}"), ("PutItem", long.as_str())]);
    assert!(proxy.requests().is_empty());

    (&stream).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(read(&mut BufReader::new(&stream)).unwrap().1, "3");
    assert!(proxy.operations().is_empty());
}

#[test]
fn a_fate_waits_for_its_operation_and_for_the_fates_before_it() {
    let emulator = Emulator::start();
    let proxy = emulator.proxy();
    let stream = connect(&proxy);
    proxy.next("Put", Fate::Pass);
    proxy.next("Put", Fate::Babble("?"));
    proxy.next("Get", Fate::Babble("!"));
    for (operation, body) in
        [("Get", "200 1"), ("Put", "200 2"), ("Get", "200 3"), ("Put", "200 ?")]
    {
        assert_eq!(call(&stream, operation, "").as_deref(), Some(body));
    }
    assert!(!proxy.is_done());
    assert_eq!(call(&stream, "Get", "").as_deref(), Some("200 !"));
    assert!(proxy.is_done());
    assert_eq!(call(&stream, "Get", "").as_deref(), Some("200 4"));
    assert_eq!(proxy.operations(), ["Get", "Put", "Get", "Put", "Get", "Get"]);
}

#[test]
fn what_is_refused_is_not_carried_out_and_what_is_denied_is() {
    let emulator = Emulator::start();
    let proxy = emulator.proxy();
    let stream = connect(&proxy);
    proxy.next("Put", Fate::Refused(400, "Sorry"));
    let refused = call(&stream, "Put", "");
    assert_eq!(refused.as_deref(), Some(r#"400 {"__type":"Sorry","message":"no"}"#));
    proxy.next("Put", Fate::Babble("?"));
    assert_eq!(call(&stream, "Put", "").as_deref(), Some("200 ?"));
    proxy.next("Put", Fate::Answered(|body| (418, body.to_uppercase())));
    assert_eq!(call(&stream, "Put", "teapot").as_deref(), Some("418 TEAPOT"));
    assert_eq!(emulator.carried_out(), 0);
    proxy.next("Put", Fate::Denied(500, "Sorry"));
    let denied = call(&stream, "Put", "");
    assert_eq!(denied.as_deref(), Some(r#"500 {"__type":"Sorry","message":"no"}"#));
    assert_eq!(emulator.carried_out(), 1);
}

#[test]
fn what_is_cut_is_carried_out_before_its_connection_ends() {
    let emulator = Emulator::start();
    let proxy = emulator.proxy();
    proxy.next("Put", Fate::Cut);
    assert_eq!(call(&connect(&proxy), "Put", ""), None);
    assert_eq!(emulator.carried_out(), 1);
    assert_eq!(call(&connect(&proxy), "Put", "").as_deref(), Some("200 2"));
}

#[test]
fn an_answer_that_cannot_be_made_ends_the_connection() {
    let emulator = Emulator::start();
    let proxy = emulator.proxy();
    proxy.next("Put", Fate::Answered(|_| panic!("it cannot be made")));
    assert_eq!(call(&connect(&proxy), "Put", ""), None);
}

#[test]
fn what_hangs_is_never_carried_out() {
    let emulator = Emulator::start();
    let proxy = emulator.proxy();
    let hung = connect(&proxy);
    assert_eq!(call(&hung, "Get", "").as_deref(), Some("200 1"));
    proxy.hang();
    send(&hung, "Put", "");
    until("it is noted", || proxy.operations().contains(&"Put".to_owned()));
    proxy.restore().unwrap();
    assert_eq!(call(&connect(&proxy), "Get", "").as_deref(), Some("200 2"));
    send(&hung, "Put", "");
    hung.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let error = (&hung).read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    assert_eq!(emulator.carried_out(), 2);
}

#[test]
fn connections_are_cut_hanging_or_not_until_it_is_restored() {
    let emulator = Emulator::start();
    let proxy = emulator.proxy();
    let (idle, hung) = (connect(&proxy), connect(&proxy));
    assert_eq!(call(&idle, "Get", "").as_deref(), Some("200 1"));
    proxy.operations();
    proxy.hang();
    send(&hung, "Get", "");
    until("it is noted", || proxy.operations() == ["Get"]);
    proxy.cut();
    for mut stream in [&idle, &hung] {
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }
    let error = TcpStream::connect(address(&proxy)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    proxy.restore().unwrap();
    assert_eq!(call(&connect(&proxy), "Get", "").as_deref(), Some("200 2"));
}
