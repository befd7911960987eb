//! An authority of the test's own, and the certificate of a relay that it vouches for.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::deployment::Deployment;

/// Makes both in the deployment's folder: the authority's in `ca.pem`. Returns the arguments with
/// which the catcher shows the one of a server called `name`.
pub(crate) fn certify(deployment: &Deployment, name: &str) -> Vec<String> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "An authority for tests");
    let key = KeyPair::generate().unwrap();
    fs::write(deployment.path("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = Issuer::new(params, key);

    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &authority).unwrap();
    fs::write(deployment.path("cert.pem"), certificate.pem()).unwrap();
    fs::write(deployment.path("key.pem"), key.serialize_pem()).unwrap();
    let path = |file| deployment.path(file).display().to_string();
    vec!["--cert".to_owned(), path("cert.pem"), "--key".to_owned(), path("key.pem")]
}
