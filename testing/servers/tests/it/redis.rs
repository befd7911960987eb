use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use servers::{Redis, Server};

use crate::waiting::{PATIENCE, listens, until};

/// Says a line, and waits for one.
fn ask(redis: &Redis, request: &str) -> String {
    let mut stream = TcpStream::connect(redis.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

#[test]
fn it_answers_and_is_empty_when_it_was_started_again() {
    let redis = Redis::start().unwrap();
    let url = redis.url();
    assert_eq!(ask(&redis, "SET a 1"), "+OK");
    for end in [Server::stop, Server::kill] {
        end(&redis);
        assert!(!listens(redis.address()));
        redis.start_again().unwrap();
        assert_eq!(ask(&redis, "EXISTS a"), ":0");
    }
    assert_eq!(redis.url(), url);
}

#[test]
fn a_paused_one_accepts_connections_and_does_not_answer() {
    let redis = Redis::start().unwrap();
    redis.pause();
    assert!(listens(redis.address()));
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| ask(&redis, "PING"));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!answer.is_finished());
        redis.resume();
        assert_eq!(answer.join().unwrap(), "+PONG");
    });
}

#[test]
fn a_dropped_one_is_gone() {
    let redis = Redis::start().unwrap();
    let (address, folder) = (redis.address(), redis.folder().to_path_buf());
    drop(redis);
    until("the port is free", || !listens(address));
    assert!(!folder.exists());
}

#[test]
fn servers_do_not_end_with_the_thread_that_started_them() {
    let redis = std::thread::spawn(Redis::start).join().unwrap().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(ask(&redis, "PING"), "+PONG");
}
