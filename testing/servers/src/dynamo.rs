use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::Result;
use crate::folder::Folder;
use crate::launch::mortal;
use crate::python;
use crate::server::{Recipe, Server};

/// Keeps it to this machine, to the one port, and away from containers.
const SETTINGS: [(&str, &str); 6] = [
    ("BIND_HOST", "127.0.0.1"),
    ("IOT_MTLS_ENABLED", "0"),
    ("SFTP_ENABLED", "0"),
    ("DOCKER_HOST", "unix:///nonexistent"),
    ("LOG_LEVEL", "WARNING"),
    ("PERSIST_STATE", "1"),
];

/// An emulator of `DynamoDB` and other services of AWS: `MiniStack`.
///
/// It keeps its data when it is stopped and started again, and loses them when it is killed.
pub struct Dynamo {
    server: Server,
}

impl Dynamo {
    /// Starts the one of the tests' Python environment (`TEST_PYTHON`).
    pub fn start() -> Result<Self> {
        Self::start_with(&python::interpreter()?)
    }

    /// Starts the one beside this Python interpreter.
    pub fn start_with(interpreter: &Path) -> Result<Self> {
        let program = python::program(interpreter, "ministack")?;
        let command = move |folder: &Path, port: u16| {
            let mut command = mortal(&program, None);
            command.envs(SETTINGS).env("GATEWAY_PORT", port.to_string());
            // Whatever it writes, it writes here.
            command.env("STATE_DIR", folder.join("state")).env("TMPDIR", folder);
            Ok(command)
        };
        let recipe = Recipe {
            name: "MiniStack",
            command: Box::new(command),
            is_ready,
            stop: Signal::TERM,
            leave: (Signal::KILL, Duration::ZERO),
        };
        Ok(Self { server: Server::start(recipe, Folder::create("dynamo")?)? })
    }

    /// The address of all services; clients give any keys and any region.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}

impl Deref for Dynamo {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn is_ready(address: SocketAddr) -> bool {
    const PATIENCE: Duration = Duration::from_secs(2);
    const REQUEST: &[u8] =
        b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(REQUEST)?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        std::io::Result::Ok(answer == *b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
