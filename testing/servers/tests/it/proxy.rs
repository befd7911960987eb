use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use servers::TcpProxy;

use crate::waiting::{PATIENCE, listens, until};

const SHORT: Duration = Duration::from_millis(200);

/// Sends back what it gets, on any number of connections, until the test process ends.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn connect(proxy: &TcpProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn comes_back(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, text.as_bytes());
}

/// Whether the other side has ended the connection, in either way.
fn is_over(mut stream: &TcpStream) -> bool {
    matches!(stream.read(&mut [0]), Ok(0) | Err(_))
}

#[test]
fn it_carries_bytes_both_ways_and_passes_the_end_on() {
    let proxy = TcpProxy::open(echo()).unwrap();
    let mut stream = connect(&proxy);
    comes_back(&stream, "hello");
    let long = "x".repeat(1 << 20);
    let mut answer = String::new();
    thread::scope(|scope| {
        let mut writer = &stream;
        scope.spawn(move || {
            writer.write_all(long.as_bytes()).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        (&stream).read_to_string(&mut answer).unwrap();
    });
    assert_eq!(answer.len(), 1 << 20);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn cut_connections_end_and_new_ones_are_refused_until_it_is_restored() {
    let proxy = TcpProxy::open(echo()).unwrap();
    for _ in 0..3 {
        let streams: Vec<_> = (0..10).map(|_| connect(&proxy)).collect();
        for stream in &streams {
            comes_back(stream, "hello");
        }
        proxy.cut();
        assert!(streams.iter().all(is_over));
        let error = TcpStream::connect(proxy.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        proxy.restore().unwrap();
        comes_back(&connect(&proxy), "again");
    }
}

#[test]
fn what_hangs_arrives_when_it_is_restored() {
    let proxy = TcpProxy::open(echo()).unwrap();
    let mut old = connect(&proxy);
    comes_back(&old, "hello");
    proxy.hang();
    let mut new = connect(&proxy);
    for stream in [&mut old, &mut new] {
        stream.write_all(b"late").unwrap();
        stream.set_read_timeout(Some(SHORT)).unwrap();
        let error = stream.read(&mut [0; 4]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    proxy.restore().unwrap();
    for stream in [&mut old, &mut new] {
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"late");
    }
}

#[test]
fn what_hangs_can_be_cut() {
    let proxy = TcpProxy::open(echo()).unwrap();
    proxy.hang();
    let stream = connect(&proxy);
    until("it is accepted", || proxy.accepted() == 1);
    proxy.cut();
    assert!(is_over(&stream));
    proxy.restore().unwrap();
    comes_back(&connect(&proxy), "again");
}

#[test]
fn every_chunk_is_delayed_in_each_direction() {
    let proxy = TcpProxy::open(echo()).unwrap();
    let stream = connect(&proxy);
    comes_back(&stream, "hello");
    proxy.delay(SHORT);
    let started = Instant::now();
    comes_back(&stream, "slow");
    assert!(started.elapsed() >= SHORT * 2);
    proxy.delay(Duration::ZERO);
    comes_back(&stream, "quick");
}

#[test]
fn a_target_that_refuses_ends_the_connection() {
    let nobody = servers::Port::reserve().unwrap();
    let proxy = TcpProxy::open(nobody.address()).unwrap();
    assert!(is_over(&connect(&proxy)));
}

#[test]
fn a_dropped_one_is_gone_also_when_nobody_reads_what_it_carries() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = TcpProxy::open(silent.local_addr().unwrap()).unwrap();
    let mut stream = connect(&proxy);
    stream.set_write_timeout(Some(SHORT)).unwrap();
    while stream.write(&[0; 1 << 12]).is_ok() {}
    proxy.delay(PATIENCE * 10);
    let address = proxy.address();
    drop(proxy);
    assert!(!listens(address));
}
