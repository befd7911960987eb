use std::sync::Arc;

use contracts::BoxError;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::dialer::OpenRedisError;

/// How to protect a connection to one server.
pub(crate) struct Tls {
    pub(crate) connector: TlsConnector,
    pub(crate) name: ServerName<'static>,
}

impl Tls {
    /// Trusts what the machine trusts, and the authorities in `ca_pem` beside them.
    pub(crate) fn open(host: String, ca_pem: Option<&[u8]>) -> Result<Self, OpenRedisError> {
        let name = ServerName::try_from(host).map_err(unusable)?;
        let mut roots = RootCertStore::empty();
        if let Some(pem) = ca_pem {
            add_authorities(&mut roots, pem)?;
        }
        // What the machine has that cannot be read vouches for nobody.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(unusable("this machine trusts no authority"));
        }
        // Named here, because two parts of one process may have brought different cryptography.
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

fn add_authorities(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), OpenRedisError> {
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(unusable)?).map_err(unusable)?;
    }
    if roots.is_empty() { Err(OpenRedisError::NoAuthority) } else { Ok(()) }
}

fn unusable(error: impl Into<BoxError>) -> OpenRedisError {
    OpenRedisError::Authorities(error.into())
}
