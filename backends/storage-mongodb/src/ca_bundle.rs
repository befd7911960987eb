//! The authorities' certificates that the server's is checked against.
//!
//! The driver passes over what it cannot read, so that a file with nothing in it shows only as a
//! server that cannot be reached. So we look first.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableBundle {
    #[error("the file {path} of tlsCAFile could not be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the file {0} of tlsCAFile holds no certificate: it is empty, or a page of HTML, or no PEM"
    )]
    Empty(PathBuf),
}

/// How many certificates the file holds that can be used. Blocks while it reads.
pub(crate) fn count(path: &Path) -> Result<usize, UnusableBundle> {
    let bytes = std::fs::read(path)
        .map_err(|source| UnusableBundle::Unreadable { path: path.to_owned(), source })?;
    let certificates = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok);
    let (usable, unusable) = RootCertStore::empty().add_parsable_certificates(certificates);
    if usable == 0 {
        return Err(UnusableBundle::Empty(path.to_owned()));
    }
    if unusable > 0 {
        tracing::warn!(usable, unusable, "some certificates of tlsCAFile cannot be used");
    }
    Ok(usable)
}

#[cfg(test)]
mod tests {
    use tempfile::NamedTempFile;

    use super::*;

    /// An authority of nobody's.
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIULzLJQTwuZC5Uc/wpUtzFygvxijAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJQXV0aG9yaXR5MCAXDTI2MTEyMjExMzIyN1oYDzIxMjYxMDI5
MTEzMjI3WjAUMRIwEAYDVQQDDAlBdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARnBCONCQwT3LHkptQ+1n3jb1QuJwh5NqCvXMVBjV7TtM1zkgWL/8lT
BZnzNVbyUvD6haHpznVqgCi2COvOfdUCo1MwUTAdBgNVHQ4EFgQUdqjo0+fGjgC4
tCpXkfJnnn+k1QgwHwYDVR0jBBgwFoAUdqjo0+fGjgC4tCpXkfJnnn+k1QgwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBVlsl6ZDSurtRlp1J897o1
Lip2nrpkGbHptenp/HtBTQIhAJ/hqg+bDk+4ZRxunKSk4htUn9dioQa3kSkKHFMR
XEMl
-----END CERTIFICATE-----
";

    fn count_in(content: &str) -> Result<usize, String> {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        count(file.path()).map_err(|unusable| unusable.to_string())
    }

    #[test]
    fn certificates_are_counted() {
        assert_eq!(count_in(CERTIFICATE), Ok(1));
        let bundle = format!("# two of a kind\n{CERTIFICATE}\n{CERTIFICATE}");
        assert_eq!(count_in(&bundle), Ok(2));
    }

    #[test]
    fn certificates_that_cannot_be_used_are_passed_over() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(count_in(&format!("{broken}{CERTIFICATE}")), Ok(1));
        assert!(count_in(broken).is_err());
    }

    #[test]
    fn a_file_without_certificates_is_refused_and_named() {
        for content in ["", "<html><body>Access denied</body></html>", "\u{0}\u{1}"] {
            let words = count_in(content).unwrap_err();
            assert!(words.contains("tlsCAFile") && words.contains("no certificate"), "{words}");
        }
        let missing = count(Path::new("no/such/bundle.pem")).unwrap_err().to_string();
        assert!(missing.contains("no/such/bundle.pem"), "{missing}");
    }
}
