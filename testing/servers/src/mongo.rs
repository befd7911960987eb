use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::certificates::Certificates;
use crate::folder::Folder;
use crate::launch::mortal;
use crate::python;
use crate::server::{Recipe, Server};
use crate::{Result, ServerError};

/// Creates the user: no driver for Rust is small, and the environment has one for Python.
const CREATE_USER: &str = include_str!("create_user.py");

const USER: &str = "doorward";

/// With characters that a URI does not take as they are.
const PASSWORD: &str = "p@ss/word";
const PASSWORD_IN_URI: &str = "p%40ss%2Fword";

/// Lies in the folder once the server may ask for passwords.
const USER_EXISTS: &str = "user-exists";

/// A server that speaks as MongoDB does, with TLS and passwords, as DocumentDB wants them.
///
/// It is `SecantusDB`, under GPL-2.0: only ever a process of its own, in tests, linked to nothing
/// and shipped with nothing.
pub struct Mongo {
    server: Server,
    certificates: Certificates,
}

impl Mongo {
    /// Starts the one of the tests' Python environment (`TEST_PYTHON`).
    pub fn start() -> Result<Self> {
        Self::start_with(&python::interpreter()?)
    }

    /// Starts the one beside this Python interpreter.
    pub fn start_with(interpreter: &Path) -> Result<Self> {
        let program = python::program(interpreter, "secantusd-py")?;
        let folder = Folder::create("mongo")?;
        let certificates = Certificates::create(folder.path(), &["127.0.0.1", "localhost"])?;
        let files = certificates.clone();
        let command = move |folder: &Path, port: u16| {
            let mut command = mortal(&program, None);
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command.arg("--storage-path").arg(folder.join("data"));
            command.arg("--tls-cert-file").arg(&files.certificate);
            command.arg("--tls-key-file").arg(&files.key).arg("--enable-test-commands");
            if folder.join(USER_EXISTS).exists() {
                command.arg("--auth");
            }
            Ok(command)
        };
        let recipe = Recipe {
            name: "SecantusDB",
            command: Box::new(command),
            is_ready,
            stop: Signal::TERM,
            leave: (Signal::KILL, Duration::ZERO),
        };
        let mongo = Self { server: Server::start(recipe, folder)?, certificates };
        mongo.create_user(interpreter)?;
        // Killed: its files survive that, and to end by itself it takes seconds.
        mongo.kill();
        fs::write(mongo.folder().join(USER_EXISTS), "")?;
        mongo.start_again()?;
        Ok(mongo)
    }

    /// Its URI with the credentials and the authority that vouches for it.
    pub fn uri(&self) -> String {
        self.uri_at(self.address())
    }

    /// The same for who reaches it at another address of this machine, such as a proxy's.
    pub fn uri_at(&self, address: SocketAddr) -> String {
        format!(
            "mongodb://{USER}:{PASSWORD_IN_URI}@{address}/?tls=true&tlsCAFile={}&retryWrites=false",
            self.certificates.authority.display()
        )
    }

    /// Its certificate, and the authority that vouches for it.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    fn create_user(&self, interpreter: &Path) -> Result<()> {
        let uri = format!("mongodb://{}/?tls=true&retryWrites=false", self.address());
        let mut python = Command::new(interpreter);
        python.args(["-c", CREATE_USER, &uri]).arg(&self.certificates.authority);
        python.args([USER, PASSWORD]).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = python.output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ServerError::new(format!("the user could not be created: {said}\n{}", self.log())))
    }
}

impl Deref for Mongo {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// It listens once it has opened its files.
fn is_ready(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
}
