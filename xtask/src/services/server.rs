//! A server process for the length of one run.

use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;
use std::{fs::File, path::Path};

use crate::Result;

/// A process that says where it listens; killed when dropped.
pub(crate) struct Server {
    process: Child,
    /// What it said, such as an address.
    pub(crate) address: String,
}

impl Server {
    /// Starts `command` and waits until `ready` finds the address in a line that it prints.
    ///
    /// All that it prints goes to the file `log`.
    pub(crate) fn start(
        command: &mut Command,
        log: &Path,
        ready: fn(&str) -> Option<String>,
        patience: Duration,
    ) -> Result<Self> {
        let mut file = File::create(log)?;
        let (reader, writer) = std::io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let process = command.spawn()?;
        let mut server = Self { process, address: String::new() };
        // The command holds our ends of the pipe; without this the reader would never see its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, said) = mpsc::channel();
        thread::spawn(move || copy_lines(BufReader::new(reader), &mut file, ready, &sender));
        match said.recv_timeout(patience) {
            Ok(address) => server.address = address,
            Err(_) => return Err(format!("it did not start; see {}", log.display()).into()),
        }
        Ok(server)
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about either failure.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The address in a line such as `listening on http://127.0.0.1:8080`.
pub(crate) fn http_address(line: &str) -> Option<String> {
    let rest = &line[line.find("http://127.0.0.1:")?..];
    let is_of_address = |c: char| c.is_ascii_alphanumeric() || ":/.".contains(c);
    let end = rest.find(|c| !is_of_address(c)).unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches(['/', '.']).to_owned())
}

/// Copies to the end, so that the process is never stopped by a full pipe.
fn copy_lines(
    reader: impl std::io::BufRead,
    log: &mut impl std::io::Write,
    ready: fn(&str) -> Option<String>,
    sender: &Sender<String>,
) {
    let mut is_waiting = true;
    for line in reader.split(b'\n').map_while(std::io::Result::ok) {
        // A full disk loses the log, not the run.
        let _ = log.write_all(&line).and_then(|()| log.write_all(b"\n"));
        if is_waiting && let Some(address) = ready(&String::from_utf8_lossy(&line)) {
            is_waiting = false;
            let _ = sender.send(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str, patience: Duration) -> Result<(Server, tempfile::TempDir)> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Ok((Server::start(&mut command, &log, http_address, patience)?, folder))
    }

    #[test]
    fn a_server_is_ready_once_it_says_where_it_listens() {
        let script = "echo starting; echo 'listening on http://127.0.0.1:4242/' >&2; exec sleep 60";
        let (mut server, folder) = start(script, Duration::from_secs(30)).unwrap();
        assert_eq!(server.address, "http://127.0.0.1:4242");
        assert!(server.is_running());
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(log.starts_with("starting\n"), "{log}");
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_at_once() {
        let error = start("echo broken; exit 3", Duration::from_mins(10)).err().unwrap();
        assert!(error.to_string().starts_with("it did not start; see "), "{error}");
    }

    #[test]
    fn a_server_that_says_nothing_is_an_error_in_time() {
        assert!(start("exec sleep 60", Duration::from_millis(50)).is_err());
    }

    #[test]
    fn addresses_are_found_in_plain_and_in_json_lines() {
        let found = |line| http_address(line).unwrap();
        assert_eq!(found("ready: http://127.0.0.1:80"), "http://127.0.0.1:80");
        assert_eq!(found(r#"{"url":"http://127.0.0.1:80/","x":1}"#), "http://127.0.0.1:80");
        assert_eq!(found("at http://127.0.0.1:80."), "http://127.0.0.1:80");
        assert_eq!(http_address("http://example.com"), None);
    }
}
