//! A Redis of the test's own, which may die, hang and come back.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ephemeral::{RedisConnection, RedisSettings};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::fixtures::connect;

pub(crate) struct Server {
    pub(crate) port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
    /// Where it runs; it keeps nothing there.
    folder: TempDir,
}

impl Server {
    /// A server that takes anybody.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let mut server = Self::stopped();
        server.arguments.extend(arguments.iter().map(ToString::to_string));
        // Somebody else may have taken the port meanwhile.
        while !server.launch().await {
            server.port = Self::stopped().port;
        }
        server
    }

    /// A place for a server that does not run.
    pub(crate) fn stopped() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, arguments: Vec::new(), process: None, folder: TempDir::new().unwrap() }
    }

    /// Starts it at the same place, with nothing in it.
    pub(crate) async fn resume(&mut self) {
        assert!(self.launch().await, "port {} was taken", self.port);
    }

    async fn launch(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &self.port.to_string()]).args(&self.arguments);
        command.current_dir(self.folder.path()).stdout(Stdio::null());
        let process = self.process.insert(command.spawn().expect("redis-server is installed"));
        for _ in 0..1_000 {
            let is_open = std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            let is_running = process.try_wait().unwrap().is_none();
            if is_open || !is_running {
                return is_running;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not listen on {}", self.port);
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// From now on it takes connections and answers nothing.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// It goes on where it hung.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn connection(&self) -> RedisConnection {
        connect(RedisSettings::new(self.url().into()))
    }

    /// Asks the server something that our own code does not.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let (name, arguments) = words.split_first().unwrap();
        redis::cmd(name).arg(arguments).query(&mut client.get_connection().unwrap()).unwrap()
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
