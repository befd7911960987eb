use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::BYTES_MAX;
use crate::unusable::UnusableSecret;

/// Reads the file at `path` without the line end at its end; `None` if there is no such file.
pub(crate) async fn read(path: PathBuf) -> Result<Option<SecretString>, UnusableSecret> {
    tokio::task::spawn_blocking(move || read_blocking(&path))
        .await
        .map_err(|error| UnusableSecret::Unreadable(io::Error::other(error)))?
}

fn read_blocking(path: &Path) -> Result<Option<SecretString>, UnusableSecret> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // To open a pipe would block until somebody writes.
    if !metadata.is_file() {
        return Err(UnusableSecret::NotRegularFile);
    }
    let longest = BYTES_MAX + "\r\n".len();
    // At once as long as it can get: growing would leave copies of the secret in freed memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest + 1));
    let bound = u64::try_from(bytes.capacity()).unwrap_or(u64::MAX);
    File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    let text = without_line_end(str::from_utf8(&bytes).map_err(|_| UnusableSecret::NotUtf8)?);
    if text.len() > BYTES_MAX {
        return Err(UnusableSecret::TooLong);
    }
    Ok(Some(SecretString::from(text)))
}

/// Without one `\n` or `\r\n` at the end.
fn without_line_end(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_line_end_is_left_out() {
        for (text, expected) in [
            ("", ""),
            ("\n", ""),
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r", "a\r"),
            ("a\n\r\n", "a\n"),
            (" a \n", " a "),
        ] {
            assert_eq!(without_line_end(text), expected, "{text:?}");
        }
    }
}
