//! A server that says what a test tells it to say, and keeps what it was sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers a line on the connection of that number, counted from 1. `None` is silence. The greeting
/// answers an empty line, and the answer to a mail's words that to a dot.
type Script = fn(connection: u32, line: &str) -> Option<&'static str>;

pub(crate) struct Scripted {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::default();
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            for connection in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, connection, script, Arc::clone(&log)));
            }
        });
        Self { port, seen }
    }

    /// The lines that all clients sent so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections clients have closed politely.
    pub(crate) fn good_byes(&self) -> usize {
        self.seen().iter().filter(|line| line.ends_with(" QUIT")).count()
    }

    /// Waits until that many were closed.
    pub(crate) async fn until_good_byes(&self, count: usize) {
        let closed = async {
            while self.good_byes() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), closed).await.expect("they are closed");
    }
}

async fn talk(stream: TcpStream, connection: u32, script: Script, seen: Arc<Mutex<Vec<String>>>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut line = String::new();
    let mut is_in_mail = false;
    loop {
        let answer = script(connection, &line).filter(|_| !is_in_mail || line == ".");
        if let Some(answer) = answer {
            is_in_mail = answer.starts_with("354");
            if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                return;
            }
        }
        let Ok(Some(next)) = lines.next_line().await else { return };
        seen.lock().unwrap().push(format!("{connection} {next}"));
        line = next;
    }
}

/// A server with which all goes well.
pub(crate) fn well(line: &str) -> &'static str {
    match line.split([' ', ':']).next().unwrap_or_default() {
        "" => "220 ready",
        "EHLO" => "250 catcher.example",
        "DATA" => "354 go on",
        "QUIT" => "221 good-bye",
        _ => "250 OK",
    }
}
