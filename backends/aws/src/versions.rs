//! The versions of a secret in Secrets Manager and the labels on them. A label is on one version at
//! a time, and moves only from the version that the request names: a compare-and-set.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use secrecy::SecretString;

use crate::failure::Failure;

/// On the version that readers get.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// On the version that a rotation is making.
pub(crate) const PENDING: &str = "AWSPENDING";

/// A version as it was read.
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) value: Value,
}

/// What a version holds.
pub(crate) enum Value {
    Text(SecretString),
    /// Nothing that we ever write.
    Binary,
    /// The version was announced, and its value never put.
    None,
}

/// What a secret is made of.
pub(crate) struct Described {
    pub(crate) is_rotation_enabled: bool,
    labels: HashMap<String, Vec<String>>,
}

impl Described {
    /// The version that bears the label.
    pub(crate) fn holder(&self, label: &str) -> Option<&str> {
        self.labels.keys().find(|version| self.has(version, label)).map(String::as_str)
    }

    pub(crate) fn has(&self, version: &str, label: &str) -> bool {
        self.labels.get(version).is_some_and(|labels| labels.iter().any(|one| one == label))
    }

    pub(crate) fn knows(&self, version: &str) -> bool {
        self.labels.contains_key(version)
    }
}

/// Looks at the secret without reading it; `None` if there is none.
pub(crate) async fn describe(client: &Client, secret: &str) -> Result<Option<Described>, Failure> {
    match client.describe_secret().secret_id(secret).send().await {
        Ok(answer) => Ok(Some(Described {
            is_rotation_enabled: answer.rotation_enabled == Some(true),
            labels: answer.version_ids_to_stages.unwrap_or_default(),
        })),
        Err(error) => match error.as_service_error() {
            Some(known) if known.is_resource_not_found_exception() => Ok(None),
            _ => Err(Failure::of(&error)),
        },
    }
}

/// Reads the version that is current; `None` if there is no secret, or none is current.
pub(crate) async fn read_current(
    client: &Client,
    secret: &str,
) -> Result<Option<Version>, Failure> {
    read(client.get_secret_value().secret_id(secret)).await
}

/// Reads the version if it bears the label.
pub(crate) async fn read_labelled(
    client: &Client,
    secret: &str,
    version: &str,
    label: &str,
) -> Result<Option<Version>, Failure> {
    let request = client.get_secret_value().secret_id(secret);
    read(request.version_id(version).version_stage(label)).await
}

async fn read(request: GetSecretValueFluentBuilder) -> Result<Option<Version>, Failure> {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            return match error.as_service_error() {
                Some(known) if known.is_resource_not_found_exception() => Ok(None),
                _ => Err(Failure::of(&error)),
            };
        }
    };
    let id = answer.version_id.ok_or_else(|| Failure::new("the version has no id"))?;
    let value = match (answer.secret_string, answer.secret_binary) {
        (Some(text), _) => Value::Text(text.into()),
        (None, Some(_)) => Value::Binary,
        (None, None) => Value::None,
    };
    Ok(Some(Version { id, value }))
}

/// Puts the label on `to`, from where it must be now; `None` for a label that is nowhere.
pub(crate) async fn move_label(
    client: &Client,
    secret: &str,
    label: &str,
    from: Option<&str>,
    to: &str,
) -> Result<(), Failure> {
    let request = client.update_secret_version_stage().secret_id(secret).version_stage(label);
    let request = request.set_remove_from_version_id(from.map(str::to_owned));
    let moved = request.move_to_version_id(to).send().await;
    moved.map(|_| ()).map_err(|error| Failure::of(&error))
}

/// Takes the label off that version.
pub(crate) async fn remove_label(
    client: &Client,
    secret: &str,
    label: &str,
    from: &str,
) -> Result<(), Failure> {
    let request = client.update_secret_version_stage().secret_id(secret).version_stage(label);
    let removed = request.remove_from_version_id(from).send().await;
    removed.map(|_| ()).map_err(|error| Failure::of(&error))
}
