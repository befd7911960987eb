//! TLS.

use std::fs;
use std::path::Path;

use contracts::Probe;
use ephemeral::{RedisConnection, RedisSettings};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::fixtures::connect;
use crate::server::Server;

/// A server with a certificate of an authority that only the test knows.
struct Protected {
    server: Server,
    tls_port: u16,
    ca_pem: Vec<u8>,
    _folder: TempDir,
}

impl Protected {
    async fn start() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "An authority for tests");
        let key = KeyPair::generate().unwrap();
        let ca_pem = params.self_signed(&key).unwrap().pem();
        let authority = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority);

        let folder = TempDir::new().unwrap();
        let path = |name| Path::new(folder.path()).join(name).display().to_string();
        fs::write(path("ca.pem"), &ca_pem).unwrap();
        fs::write(path("cert.pem"), certificate.unwrap().pem()).unwrap();
        fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        let tls_port = Server::stopped().port;
        let server = Server::start_with(&[
            "--tls-port",
            &tls_port.to_string(),
            "--tls-cert-file",
            &path("cert.pem"),
            "--tls-key-file",
            &path("key.pem"),
            "--tls-ca-cert-file",
            &path("ca.pem"),
            "--tls-auth-clients",
            "no",
        ])
        .await;
        Self { server, tls_port, ca_pem: ca_pem.into_bytes(), _folder: folder }
    }

    fn connection(&self, host: &str, ca_pem: Option<Vec<u8>>) -> RedisConnection {
        let url = format!("rediss://{host}:{}", self.tls_port);
        connect(RedisSettings { ca_pem, ..RedisSettings::new(url.into()) })
    }
}

async fn refusal(connection: &RedisConnection) -> String {
    contracts::chain(&connection.check().await.unwrap_err())
}

#[tokio::test]
async fn a_private_authority_is_trusted_if_it_is_given() {
    let protected = Protected::start().await;
    let trusting = protected.connection("localhost", Some(protected.ca_pem.clone()));
    trusting.check().await.unwrap();
    let unknowing = protected.connection("localhost", None);
    let text = refusal(&unknowing).await;
    assert!(text.contains("UnknownIssuer"), "{text}");
}

#[tokio::test]
async fn a_certificate_of_another_server_is_refused() {
    let protected = Protected::start().await;
    let connection = protected.connection("127.0.0.1", Some(protected.ca_pem.clone()));
    let text = refusal(&connection).await;
    assert!(text.contains("not valid for name"), "{text}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_in_the_clear() {
    let protected = Protected::start().await;
    let url = format!("rediss://localhost:{}", protected.server.port);
    let ca_pem = Some(protected.ca_pem.clone());
    let connection = connect(RedisSettings { ca_pem, ..RedisSettings::new(url.into()) });
    refusal(&connection).await;
}

#[tokio::test]
async fn a_protected_server_is_used_again_when_it_is_back() {
    let mut protected = Protected::start().await;
    let connection = protected.connection("localhost", Some(protected.ca_pem.clone()));
    connection.check().await.unwrap();
    protected.server.kill();
    refusal(&connection).await;
    protected.server.resume().await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    connection.check().await.unwrap();
}
