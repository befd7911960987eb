//! TLS by rustls on aws-lc: named here, because a default of the process is nobody's choice.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Encryption, Roots};

/// Why encryption cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncryptionError {
    #[error("the certificates in {path} cannot be read")]
    UnreadableFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is not PEM")]
    NotPem {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("there is no certificate in {0}")]
    NoCertificate(PathBuf),
    #[error("certificates cannot be verified")]
    Verifier(#[from] rustls::Error),
}

/// How connections are encrypted; one that never is gets the same, and does not use it.
pub(super) fn connector(encryption: &Encryption) -> Result<MakeRustlsConnect, EncryptionError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let config = match encryption {
        Encryption::Always(Roots::File(path)) => {
            builder.with_root_certificates(read_roots(path.clone())?).with_no_client_auth()
        }
        Encryption::Always(Roots::Machine) => {
            builder.with_platform_verifier()?.with_no_client_auth()
        }
        Encryption::Never | Encryption::IfOffered => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn read_roots(path: PathBuf) -> Result<RootCertStore, EncryptionError> {
    let pem = match fs::read(&path) {
        Ok(pem) => pem,
        Err(source) => return Err(EncryptionError::UnreadableFile { path, source }),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        match certificate {
            Ok(certificate) => roots.add(certificate)?,
            Err(source) => return Err(EncryptionError::NotPem { path, source }),
        }
    }
    if roots.is_empty() { Err(EncryptionError::NoCertificate(path)) } else { Ok(roots) }
}

/// Believes anybody, where the address asks for encryption only if the server happens to have it:
/// it keeps out who listens and not who answers.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn error_of(content: &[u8]) -> String {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("roots.pem");
        fs::write(&path, content).unwrap();
        let refused = connector(&Encryption::Always(Roots::File(path))).map(|_| ()).unwrap_err();
        contracts::chain(&refused).replace(&folder.path().display().to_string(), "")
    }

    #[test]
    fn a_file_without_a_certificate_is_a_mistake_that_says_so() {
        assert_eq!(error_of(b""), "there is no certificate in /roots.pem");
        assert_eq!(error_of(b"no PEM at all\n"), "there is no certificate in /roots.pem");
        let key = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert_eq!(error_of(key), "there is no certificate in /roots.pem");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake_that_names_it() {
        let missing = Encryption::Always(Roots::File("/nowhere/roots.pem".into()));
        let refused = connector(&missing).map(|_| ()).unwrap_err();
        assert_eq!(refused.to_string(), "the certificates in /nowhere/roots.pem cannot be read");
    }

    #[test]
    fn half_a_certificate_is_a_mistake() {
        assert!(error_of(b"-----BEGIN CERTIFICATE-----\nAAAA\n").starts_with("/roots.pem is not"));
        let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(error_of(garbage).starts_with("certificates cannot be verified"));
    }

    #[test]
    fn encryption_needs_no_default_of_the_process() {
        assert!(connector(&Encryption::IfOffered).is_ok());
        assert!(CryptoProvider::get_default().is_none());
    }
}
