//! As much of an HTTP/1.1 client as the load needs: it should cost less than what it measures.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A kept connection. One request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, valid until the next request.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 * 1024) })
    }

    /// Sends a whole request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = Head::read(&self.buffer) {
                while self.buffer.len() < head.bytes + head.body_bytes {
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                let body = &self.buffer[head.bytes..head.bytes + head.body_bytes];
                return Ok(Answer { status: head.status, body });
            }
        }
    }
}

struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
}

impl Head {
    /// `None`: the head is not all there. Answers without `Content-Length` have no body here.
    fn read(buffer: &[u8]) -> Option<Self> {
        let end = buffer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&buffer[..end]).ok()?;
        let status = text.get(9..12)?.parse().ok()?;
        let length = text.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        Some(Self { status, bytes: end + 4, body_bytes: length.unwrap_or(0) })
    }
}

impl Answer<'_> {
    /// The value of a text member of a JSON body, found without reading the rest.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        let body = std::str::from_utf8(self.body).ok()?;
        let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
        rest.split('"').next()
    }
}

/// A GET, with a bearer if one is given.
pub(crate) fn get(path: &str, bearer: Option<&str>) -> Vec<u8> {
    let authorization =
        bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\n{authorization}\r\n")
        .into_bytes()
}

/// A POST of JSON.
pub(crate) fn post(path: &str, json: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}
