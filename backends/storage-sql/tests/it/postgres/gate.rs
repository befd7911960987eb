//! A server that asks for a password, before one that may not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The number that asks for encryption where a version would stand (PostgreSQL manual, §55.7).
const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
const ASK_FOR_PASSWORD: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];

/// Lets connections through that know the password.
pub(crate) struct Gate {
    pub(crate) place: SocketAddr,
    password: Arc<Mutex<String>>,
    listener: JoinHandle<()>,
}

impl Gate {
    pub(crate) async fn before(server: String, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        let password = Arc::new(Mutex::new(password.to_owned()));
        let wanted = password.clone();
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(let_in(client, server.clone(), wanted.clone()));
            }
        });
        Self { place, password, listener }
    }

    pub(crate) fn change_password(&self, password: &str) {
        password.clone_into(&mut self.password.lock().unwrap());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn let_in(mut client: TcpStream, server: String, wanted: Arc<Mutex<String>>) {
    let mut startup = message(&mut client).await;
    if startup[4..8] == SSL_REQUEST {
        client.write_all(b"N").await.unwrap();
        startup = message(&mut client).await;
    }
    client.write_all(&ASK_FOR_PASSWORD).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'p');
    let answer = message(&mut client).await;
    let is_right = answer[4..answer.len() - 1] == *wanted.lock().unwrap().as_bytes();
    if is_right {
        let mut server = TcpStream::connect(server).await.unwrap();
        server.write_all(&startup).await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut server).await;
    } else {
        let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0";
        let length = u32::try_from(fields.len() + 4).unwrap();
        client.write_u8(b'E').await.unwrap();
        client.write_u32(length).await.unwrap();
        client.write_all(fields).await.unwrap();
    }
}

/// A message without its type, with its length.
async fn message(client: &mut TcpStream) -> Vec<u8> {
    let length = client.read_u32().await.unwrap();
    let mut message = length.to_be_bytes().to_vec();
    message.resize(usize::try_from(length).unwrap(), 0);
    client.read_exact(&mut message[4..]).await.unwrap();
    message
}
