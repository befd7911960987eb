//! An authority of the test's own, and the certificate of a server that it vouches for.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub(crate) struct Authority {
    /// The authority's certificate, PEM.
    pub(crate) pem: Vec<u8>,
    folder: TempDir,
}

impl Authority {
    /// Vouches for a server of that name.
    pub(crate) fn of_server(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "An authority for tests");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let authority = Issuer::new(params, key);

        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = server.signed_by(&key, &authority).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { pem: pem.into_bytes(), folder }
    }

    /// Has the catcher show the server's certificate.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let path = |name| Path::new(self.folder.path()).join(name).display().to_string();
        vec!["--cert".to_owned(), path("cert.pem"), "--key".to_owned(), path("key.pem")]
    }
}
