//! User names and passwords that settings name.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{BoxError, CredentialSource, Credentials, Freshness, SecretSource};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use settings::SecretInput;

use crate::data_key::read_secret;
use crate::elsewhere::Elsewhere;

/// The credentials that `setting` names, if it names any: read anew whenever the server has refused
/// the old ones.
pub(crate) fn named(
    setting: &'static str,
    input: Option<&SecretInput>,
    elsewhere: &Elsewhere,
) -> Option<Arc<dyn CredentialSource>> {
    let input = input?.clone();
    Some(Arc::new(NamedCredentials { setting, input, secrets: elsewhere.secrets(Freshness::New) }))
}

struct NamedCredentials {
    setting: &'static str,
    input: SecretInput,
    secrets: Arc<dyn SecretSource>,
}

/// The JSON as Secrets Manager keeps it for databases; what else is in it is not looked at.
#[derive(Deserialize)]
struct StoredCredentials {
    username: String,
    password: SecretString,
}

#[async_trait]
impl CredentialSource for NamedCredentials {
    async fn read_credentials(&self) -> Result<Credentials, BoxError> {
        let text = read_secret(&self.input, &*self.secrets).await?;
        // What serde says of the text may repeat it.
        let stored: StoredCredentials =
            serde_json::from_str(text.expose_secret()).map_err(|_| {
                format!("{} is no JSON object with username and password", self.setting)
            })?;
        Ok(Credentials { username: stored.username, password: stored.password })
    }
}
