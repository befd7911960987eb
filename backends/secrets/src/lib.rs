//! Opens secret references that name a variable of the environment or a file.
//!
//! Every call reads anew, so that a file that was replaced takes effect. Errors name the reference
//! and never show anything of what stands there.

mod file;
mod member;
mod unusable;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use contracts::{ReadSecretError, SecretRef, SecretSource};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::unusable::UnusableSecret;

/// Finds a variable of the environment by its name.
type Lookup = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// Opens `env:NAME` and `file:PATH`, each with an optional `#key` into a JSON object.
///
/// - A variable is taken as it is; of a file, one line end at its end is left out, since editors
///   and `echo` add it.
/// - Nothing is longer than 64 KiB, and all of it is UTF-8.
/// - With a key, the whole is a JSON object and the member a text.
pub struct Secrets {
    environment: Lookup,
}

/// Longest secret, in bytes: what AWS Secrets Manager holds, too.
const BYTES_MAX: usize = 64 * 1024;

impl Secrets {
    /// Opens references in the environment of this process.
    pub fn open() -> Self {
        // The one place of this crate that reads the real environment.
        Self::with_environment(|name| std::env::var_os(name))
    }

    /// Opens references in an environment that is given, so that tests need not change their own.
    pub fn with_environment(
        environment: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Self {
        Self { environment: Box::new(environment) }
    }

    fn read_variable(&self, name: &str) -> Result<Option<SecretString>, UnusableSecret> {
        // Looking such a name up may panic, and nothing can have it.
        if name.is_empty() || name.contains(['=', '\0']) {
            return Ok(None);
        }
        let Some(value) = (self.environment)(name) else { return Ok(None) };
        let bytes = Zeroizing::new(value.into_encoded_bytes());
        let text = str::from_utf8(&bytes).map_err(|_| UnusableSecret::NotUtf8)?;
        if text.len() > BYTES_MAX {
            return Err(UnusableSecret::TooLong);
        }
        Ok(Some(SecretString::from(text)))
    }
}

/// There is nothing to show.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

#[async_trait]
impl SecretSource for Secrets {
    async fn read_secret(&self, reference: &SecretRef) -> Result<SecretString, ReadSecretError> {
        let read = match reference.source.as_str() {
            "env" => self.read_variable(&reference.name),
            "file" => file::read(PathBuf::from(&reference.name)).await,
            _ => return Err(ReadSecretError::UnknownSource(reference.clone())),
        };
        let member = |whole: SecretString| match &reference.json_key {
            Some(key) => member::of(&whole, key),
            None => Ok(Some(whole)),
        };
        match read.and_then(|found| found.map_or(Ok(None), member)) {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) => Err(ReadSecretError::Missing(reference.clone())),
            Err(error) => {
                Err(ReadSecretError::Failed { reference: reference.clone(), source: error.into() })
            }
        }
    }
}
