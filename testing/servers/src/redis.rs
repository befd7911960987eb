use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::Result;
use crate::folder::Folder;
use crate::launch::mortal;
use crate::server::{Recipe, Server};

/// A Redis that writes nothing to disk: started again, it is empty.
pub struct Redis {
    server: Server,
}

impl Redis {
    /// Starts the `redis-server` of the search path.
    pub fn start() -> Result<Self> {
        let command = |folder: &Path, port: u16| {
            let mut command = mortal(Path::new("redis-server"), None);
            command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
            command.args(["--save", "", "--appendonly", "no"]).arg("--dir").arg(folder);
            Ok(command)
        };
        let recipe = Recipe {
            name: "Redis",
            command: Box::new(command),
            is_ready,
            stop: Signal::TERM,
            leave: (Signal::KILL, Duration::ZERO),
        };
        Ok(Self { server: Server::start(recipe, Folder::create("redis")?)? })
    }

    /// Its URL, without a password and without a database.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn is_ready(address: SocketAddr) -> bool {
    const PATIENCE: Duration = Duration::from_secs(2);
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        std::io::Result::Ok(answer == *b"+PONG")
    };
    ask().unwrap_or(false)
}
