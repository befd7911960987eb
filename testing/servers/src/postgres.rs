use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use rustix::process::{Signal, geteuid};

use crate::folder::Folder;
use crate::launch::{Owner, mortal};
use crate::server::{Recipe, Server};
use crate::{Result, ServerError};

/// Where Debian puts the programs, in a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The members of this role, and nobody else, must give a password.
const WITH_PASSWORD: &str = "with_password";

const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=64MB",
    // In its folder, where nothing of it remains when it was killed.
    "dynamic_shared_memory_type=mmap",
];

/// Faster by far, and loses what was written if the machine goes down.
const FORGETFUL: &[&str] = &["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// A cluster of PostgreSQL, whose superuser `postgres` needs no password.
pub struct Postgres {
    server: Server,
    psql: PathBuf,
}

impl Postgres {
    /// Starts a cluster that writes when it likes, for tests that do not kill it.
    pub fn start() -> Result<Self> {
        Self::open(FORGETFUL)
    }

    /// Starts a cluster that has written what it has confirmed.
    pub fn start_durable() -> Result<Self> {
        Self::open(&[])
    }

    fn open(settings: &'static [&'static str]) -> Result<Self> {
        let server = Self::program()
            .ok_or_else(|| ServerError::new("PostgreSQL is missing (Debian: postgresql)"))?;
        let programs = server.parent().unwrap_or(Path::new("")).to_path_buf();
        let folder = Folder::create("postgres")?;
        let owner = owner();
        if let Some(Owner { user, group }) = owner {
            chown(folder.path(), Some(user), Some(group))?;
        }
        create_cluster(&programs, folder.path(), owner)?;
        let command = move |folder: &Path, port: u16| {
            let mut command = mortal(&server, owner);
            command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
            for setting in SETTINGS.iter().chain(settings) {
                command.args(["-c", setting]);
            }
            Ok(command)
        };
        let recipe = Recipe {
            name: "PostgreSQL",
            command: Box::new(command),
            is_ready,
            // The "fast" way: SIGTERM would wait for clients to leave.
            stop: Signal::INT,
            // Killed, it would leave a segment of shared memory behind.
            leave: (Signal::QUIT, Duration::from_secs(2)),
        };
        let psql = programs.join("psql");
        let psql = if psql.is_file() { psql } else { "psql".into() };
        Ok(Self { server: Server::start(recipe, folder)?, psql })
    }

    /// The program `postgres` of Debian's newest version, else the one on the search path.
    pub fn program() -> Option<PathBuf> {
        let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        let versions = versions.filter_map(|entry| {
            let number: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((number, entry.path().join("bin/postgres")))
        });
        let newest = versions.filter(|(_, program)| is_complete(program)).max();
        newest.map(|(_, program)| program).or_else(|| {
            let path = env::var_os("PATH")?;
            let programs = env::split_paths(&path).map(|folder| folder.join("postgres"));
            // A link has the other programs only where it leads.
            programs.filter_map(|program| fs::canonicalize(program).ok()).find(|it| is_complete(it))
        })
    }

    /// The URL of the database `postgres` for its superuser.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of this database for the superuser.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port())
    }

    /// Runs statements as the superuser in the database `postgres`; returns the values that they
    /// answer with, a row a line, columns parted by `|`.
    pub fn sql(&self, statements: &str) -> Result<String> {
        let mut psql = Command::new(&self.psql);
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            psql.env_remove(name);
        }
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url()]);
        output(psql.args(["-c", statements]))
    }

    /// Makes a superuser who must give a password (SCRAM-SHA-256); neither holds quotes.
    pub fn create_user_with_password(&self, name: &str, password: &str) -> Result<()> {
        let exists = format!("SELECT 1 FROM pg_roles WHERE rolname = '{WITH_PASSWORD}'");
        if self.sql(&exists)?.is_empty() {
            self.sql(&format!("CREATE ROLE {WITH_PASSWORD}"))?;
        }
        let options = format!("SUPERUSER LOGIN IN ROLE {WITH_PASSWORD} PASSWORD '{password}'");
        self.sql(&format!("CREATE ROLE \"{name}\" {options}")).map(drop)
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Whom the cluster belongs to if we are root, for whom PostgreSQL does not run.
fn owner() -> Option<Owner> {
    if !geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2);
        let user = numbers.next()?.parse().ok()?;
        Some(Owner { user, group: numbers.next()?.parse().ok()? })
    };
    find("postgres").or_else(|| find("nobody"))
}

fn is_complete(program: &Path) -> bool {
    program.is_file() && program.with_file_name("initdb").is_file()
}

/// Whether a variable tells clients of PostgreSQL how to connect.
fn is_setting(variable: &str) -> bool {
    variable.starts_with("PG")
}

fn create_cluster(programs: &Path, folder: &Path, owner: Option<Owner>) -> Result<()> {
    let data = folder.join("data");
    let mut initdb = mortal(&programs.join("initdb"), owner);
    initdb.arg("-D").arg(&data).current_dir(folder);
    initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
    output(initdb.args(["--no-sync", "--no-instructions"]))?;
    // The first line that fits decides.
    let rule = format!("host all +{WITH_PASSWORD} 127.0.0.1/32 scram-sha-256\n");
    let rules = data.join("pg_hba.conf");
    let others = fs::read_to_string(&rules)?;
    Ok(fs::write(rules, rule + &others)?)
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let failed =
        |why: &dyn std::fmt::Display| ServerError::new(format!("{}: {why}", program.display()));
    let output = command.output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Whether it lets the superuser in, as it does not before it has recovered.
fn is_ready(address: SocketAddr) -> bool {
    const PATIENCE: Duration = Duration::from_secs(2);
    // The length of the message, version 3.0 of the protocol, and parameters.
    const STARTUP: &[u8] = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    // What a client says that leaves.
    const TERMINATE: &[u8] = b"X\0\0\0\x04";
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(STARTUP)?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        // It may be gone already.
        let _ = stream.write_all(TERMINATE);
        std::io::Result::Ok(kind == *b"R")
    };
    ask().unwrap_or(false)
}
