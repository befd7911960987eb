use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::{Result, ServerError};

/// The files of an authority made for one test, and of a server that it vouches for.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The certificate of the authority, which clients must trust.
    pub authority: PathBuf,
    /// The certificate of the server.
    pub certificate: PathBuf,
    /// The private key of the server.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them in `folder`, for a server with these names and addresses.
    pub fn create(folder: &Path, names: &[&str]) -> Result<Self> {
        let files = Self {
            authority: folder.join("ca.pem"),
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        };
        let [authority, certificate, key] =
            certify(names).map_err(|error| ServerError::new(format!("certificates: {error}")))?;
        fs::write(&files.authority, authority)?;
        fs::write(&files.certificate, certificate)?;
        fs::write(&files.key, key)?;
        Ok(files)
    }
}

/// The authority's certificate, the server's, and the server's key.
fn certify(names: &[&str]) -> std::result::Result<[String; 3], rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "An authority for tests");
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate()?;
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    Ok([authority, certificate.pem(), key.serialize_pem()])
}
