//! What a load balancer sees of a server that is not ready yet.

use std::io::ErrorKind;

use servers::Port;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::deployment::Deployment;
use crate::store::URL;
use crate::waiting::PATIENCE;

#[tokio::test]
async fn a_server_that_waits_for_its_database_lets_the_next_server_be_asked() {
    // A database that takes its time, as one does in which another instance upgrades the schema.
    let database = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://nobody@{}/none", database.local_addr().unwrap());
    let port = Port::reserve().unwrap();
    let deployment = Deployment::new()
        .with(URL, &url)
        .with("DOORWARD_SERVER__LISTEN", &port.address().to_string());
    let _starting = deployment.start(&["serve"], "");
    let _asked = timeout(PATIENCE, database.accept()).await.unwrap().unwrap();

    // Whoever is let in now waits as long as the start takes, and is cut off if it fails.
    let refusal = TcpStream::connect(port.address()).await.map(|_| "let in").unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::ConnectionRefused);
}
