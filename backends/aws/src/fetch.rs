use secrecy::SecretString;

use crate::clients::AwsClients;
use crate::failure::Failure;

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In Secrets Manager, under that name or ARN.
    Secret(String),
    /// In Parameter Store.
    Parameter(String),
}

/// What was found; `None` if nothing stands there.
pub(crate) type Found = Result<Option<SecretString>, Failure>;

/// Asks AWS for the secret.
pub(crate) async fn fetch(clients: &AwsClients, place: &Place) -> Found {
    match place {
        Place::Secret(name) => fetch_secret(&clients.secrets, name).await,
        Place::Parameter(name) => fetch_parameter(&clients.parameters, name).await,
    }
}

async fn fetch_secret(client: &aws_sdk_secretsmanager::Client, name: &str) -> Found {
    let answer = match client.get_secret_value().secret_id(name).send().await {
        Ok(answer) => answer,
        Err(error) => {
            return match error.as_service_error() {
                // The secret, or a first value of it.
                Some(known) if known.is_resource_not_found_exception() => Ok(None),
                _ => Err(Failure::of(&error)),
            };
        }
    };
    if answer.secret_string.is_none() && answer.secret_binary.is_some() {
        return Err(Failure::new("it is binary, not a text"));
    }
    Ok(answer.secret_string.map(SecretString::from))
}

async fn fetch_parameter(client: &aws_sdk_ssm::Client, name: &str) -> Found {
    match client.get_parameter().name(name).with_decryption(true).send().await {
        Ok(answer) => Ok(answer.parameter.and_then(|found| found.value).map(SecretString::from)),
        Err(error) => match error.as_service_error() {
            Some(known) if known.is_parameter_not_found() => Ok(None),
            _ => Err(Failure::of(&error)),
        },
    }
}
