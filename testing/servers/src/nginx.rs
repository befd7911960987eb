use std::env;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::folder::Folder;
use crate::launch::mortal;
use crate::server::{Recipe, Server};
use crate::{Result, ServerError};

/// Before the caller's text: everything that nginx writes goes to its folder. One process, which
/// cannot leave workers behind.
const HEAD: &str = "\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
";

/// An nginx, such as stands before the service.
pub struct Nginx {
    server: Server,
}

impl Nginx {
    /// Starts nginx with what `http` says belongs into its `http` block, given the port on which
    /// some server of it must listen. Relative paths are those of the server's folder.
    pub fn start(http: impl Fn(u16) -> String + Send + Sync + 'static) -> Result<Self> {
        let program =
            Self::program().ok_or_else(|| ServerError::new("nginx is missing (Debian: nginx)"))?;
        let command = move |folder: &Path, port: u16| {
            let file = folder.join("nginx.conf");
            fs::write(&file, format!("{HEAD}{}\n}}\n", http(port)))?;
            let mut command = mortal(&program, None);
            command.arg("-p").arg(folder).arg("-c").arg(&file).args(["-e", "stderr"]);
            Ok(command)
        };
        let recipe = Recipe {
            name: "nginx",
            command: Box::new(command),
            is_ready,
            stop: Signal::TERM,
            leave: (Signal::KILL, Duration::ZERO),
        };
        Ok(Self { server: Server::start(recipe, Folder::create("nginx")?)? })
    }

    /// The program on the search path, or where Debian puts it, which for most users is not there.
    pub fn program() -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
        folders.map(|folder| folder.join("nginx")).find(|program| program.is_file())
    }

    /// The URL of the port that it was given.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}

impl Deref for Nginx {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn is_ready(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
}
