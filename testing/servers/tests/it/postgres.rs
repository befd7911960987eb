use std::process::Command;
use std::time::{Duration, Instant};

use servers::Postgres;

use crate::waiting::{listens, until};

#[test]
fn a_cluster_answers_and_keeps_its_data_when_it_is_stopped() {
    let postgres = Postgres::start().unwrap();
    let url = postgres.url();
    assert_eq!(postgres.sql("SHOW max_connections").unwrap(), "300");
    assert_eq!(postgres.sql("SHOW fsync").unwrap(), "off");
    postgres.sql("CREATE TABLE kept AS SELECT 7 AS number").unwrap();
    postgres.stop();
    assert!(!listens(postgres.address()));
    postgres.start_again().unwrap();
    assert_eq!(postgres.sql("SELECT number FROM kept").unwrap(), "7");
    assert_eq!(postgres.url(), url);
    assert!(url.starts_with("postgres://postgres@127.0.0.1:"), "{url}");
}

#[test]
fn a_durable_cluster_keeps_its_data_when_it_is_killed() {
    let postgres = Postgres::start_durable().unwrap();
    assert_eq!(postgres.sql("SHOW fsync").unwrap(), "on");
    postgres.sql("CREATE TABLE kept AS SELECT 7 AS number").unwrap();
    for _ in 0..2 {
        postgres.kill();
        assert!(!listens(postgres.address()));
        postgres.start_again().unwrap();
        assert_eq!(postgres.sql("SELECT number FROM kept").unwrap(), "7");
    }
}

#[test]
fn a_user_with_a_password_must_give_it() {
    let postgres = Postgres::start().unwrap();
    postgres.create_user_with_password("ann", "a secret").unwrap();
    postgres.create_user_with_password("bob", "other").unwrap();
    let url = |password| format!("postgres://ann:{password}@{}/postgres", postgres.address());
    let psql = |url: String| Command::new("psql").args([&url, "-c", "SELECT 1"]).output().unwrap();
    let accepted = psql(url("a%20secret"));
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    let refused = psql(url("other"));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("password authentication failed"), "{said}");
}

#[test]
fn a_paused_cluster_answers_when_it_is_resumed() {
    let postgres = Postgres::start().unwrap();
    postgres.pause();
    std::thread::scope(|scope| {
        let asked = Instant::now();
        let answer = scope.spawn(|| postgres.sql("SELECT 1"));
        std::thread::sleep(Duration::from_millis(500));
        assert!(!answer.is_finished());
        postgres.resume();
        assert_eq!(answer.join().unwrap().unwrap(), "1");
        assert!(asked.elapsed() >= Duration::from_millis(500));
    });
}

#[test]
fn a_dropped_cluster_leaves_nothing_behind() {
    let postgres = Postgres::start().unwrap();
    let (address, folder) = (postgres.address(), postgres.folder().to_path_buf());
    assert!(folder.join("data").exists());
    // A connection that stays must not keep it.
    let _client = std::net::TcpStream::connect(address).unwrap();
    postgres.pause();
    drop(postgres);
    until("the port is free", || !listens(address));
    assert!(!folder.exists());
}

#[test]
fn an_error_of_a_statement_is_an_error() {
    let error = Postgres::start().unwrap().sql("SELECT nothing").unwrap_err().to_string();
    assert!(error.contains("\"nothing\" does not exist"), "{error}");
}
