//! Requests that no HTTP client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::TestServer;

/// An answer must come by then; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

impl TestServer {
    /// Sends these bytes and returns all that comes back until the server closes. The request must
    /// say `Connection: close`, or be one after which a server closes anyway.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        // A reset after the answer is how a server refuses to read on.
        let _ = read.expect("the server answers and closes");
        String::from_utf8_lossy(&answer).into_owned()
    }
}
