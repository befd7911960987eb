//! What becomes of the servers of a test process that is killed.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use servers::{Nginx, Postgres, Redis};

use crate::waiting::{PATIENCE, listens, until};

/// Set in the process that the test kills.
const VICTIM: &str = "SERVERS_TEST_VICTIM";

#[test]
fn servers_and_their_folders_go_with_a_process_that_is_killed() {
    if env::var_os(VICTIM).is_some() {
        return start_and_wait();
    }
    let name = "killed::servers_and_their_folders_go_with_a_process_that_is_killed";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(VICTIM, "").stdout(Stdio::piped());
    let mut victim = command.spawn().unwrap();
    let said = BufReader::new(victim.stdout.take().unwrap()).lines();
    let servers: Vec<(SocketAddr, String)> = said
        .map(Result::unwrap)
        .filter_map(|line| {
            let (address, folder) = line.strip_prefix("server ")?.split_once(' ')?;
            Some((address.parse().unwrap(), folder.to_owned()))
        })
        .take(3)
        .collect();
    assert_eq!(servers.len(), 3);
    assert!(servers.iter().all(|(address, _)| listens(*address)));
    victim.kill().unwrap();
    victim.wait().unwrap();
    for (address, folder) in servers {
        until("nobody listens", || !listens(address));
        until("the folder is gone", || !Path::new(&folder).exists());
    }
}

#[expect(clippy::print_stdout, reason = "it talks to the test that started it")]
fn start_and_wait() {
    let nginx = |port| format!("server {{ listen 127.0.0.1:{port}; }}");
    let (postgres, redis) = (Postgres::start().unwrap(), Redis::start().unwrap());
    let nginx = Nginx::start(nginx).unwrap();
    // A process that is stopped cannot end by itself.
    redis.pause();
    for server in [&*postgres, &*redis, &*nginx] {
        println!("server {} {}", server.address(), server.folder().display());
    }
    std::thread::sleep(PATIENCE);
}
