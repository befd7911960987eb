use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::shared::SecretReader;
use crate::shared_secret::{ParseSharedSecretError, SharedSecret, shared_secret_in};

/// Longest file that holds a secret: what AWS Secrets Manager holds, too.
const BYTES_MAX: usize = 64 * 1_024;

/// A file that does not give us a secret. Says which, and nothing that stands in it.
#[derive(Debug, Error)]
#[error("the file {path} gives no shared secret")]
struct SecretFileError {
    path: String,
    #[source]
    why: UnusableFile,
}

#[derive(Debug, Error)]
enum UnusableFile {
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    #[error("it is not a regular file")]
    NotRegular,
    #[error("it has more than {BYTES_MAX} bytes")]
    TooLong,
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    NoSecret(#[from] ParseSharedSecretError),
}

/// Reads the secret that stands in a file, each time anew.
pub(super) fn secret_file(path: PathBuf) -> SecretReader {
    let path: Arc<Path> = path.into();
    // One thread at a time: on a disk that hangs, each further one would hang too.
    let turn = Arc::new(Mutex::new(()));
    Box::new(move || {
        let (path, turn) = (Arc::clone(&path), Arc::clone(&turn));
        Box::pin(async move {
            let turn = turn.lock_owned().await;
            let secret = spawn_blocking(move || {
                let _turn = turn;
                read(&path).map_err(|why| SecretFileError { path: path.display().to_string(), why })
            });
            Ok(vec![secret.await??])
        })
    })
}

fn read(path: &Path) -> Result<SharedSecret, UnusableFile> {
    // To open a pipe would block until somebody writes.
    if !fs::metadata(path)?.is_file() {
        return Err(UnusableFile::NotRegular);
    }
    // At once as long as it can get: growing would leave copies of the secret in freed memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX + 1));
    let bound = u64::try_from(bytes.capacity()).unwrap_or(u64::MAX);
    File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    if bytes.len() > BYTES_MAX {
        return Err(UnusableFile::TooLong);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| UnusableFile::NotUtf8)?;
    Ok(shared_secret_in(text)?)
}
