//! What a rotation function of Secrets Manager does: the four steps by which AWS has a secret
//! succeeded. Each may be repeated, and AWS does so when one fails.

use contracts::{BoxError, SecretRotation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::clients::AwsClients;
use crate::failure::Failure;
use crate::versions::{
    CURRENT, Described, PENDING, Value, Version, describe, move_label, read_current, read_labelled,
    remove_label,
};

/// What the function is called with. Members that it does not know are ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationEvent {
    /// What is to be done now.
    pub step: RotationStep,
    /// The ARN of the secret.
    pub secret_id: String,
    /// Names the rotation, and the version that it makes.
    pub client_request_token: String,
    /// Shows that it is the rotation that writes, where its role does not.
    #[serde(default)]
    pub rotation_token: Option<SecretString>,
}

/// The steps of a rotation, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RotationStep {
    /// Makes the next value and keeps it as pending.
    CreateSecret,
    /// Would tell others of it; whoever uses ours reads it from the secret.
    SetSecret,
    /// Refuses a pending value that must not become current.
    TestSecret,
    /// Makes it current.
    FinishSecret,
}

/// Why a step was not done, by what is to be done about it.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The event names a secret of another account, region or time.
    #[error("there is no such secret: correct the function or the event that calls it")]
    NoSecret,
    /// Somebody cancelled the rotation.
    #[error("rotation is turned off for the secret: turn it on")]
    RotationOff,
    /// Never announced by Secrets Manager, or given up since: another rotation took its place, or a
    /// step dropped it.
    #[error("no version of that token bears a label: start the rotation again")]
    UnknownVersion,
    /// It is a version, such as the previous one, that no rotation is making.
    #[error("the version of that token is not pending: start the rotation again")]
    NotPending,
    /// There is nothing that a next value could follow.
    #[error("the secret has no current text: put a first one")]
    NoCurrentValue,
    /// A later step came first.
    #[error("the pending version has no value: run createSecret first")]
    NoPendingValue,
    /// No value can follow the one that is current, as long as that stays as it is.
    #[error("no next value could be made: look at the current one")]
    NextValue(#[source] BoxError),
    /// The pending value was made from one that is no longer current, or is unfit. It is pending no
    /// more.
    #[error("the pending value cannot follow the current one: start the rotation again")]
    StartAgain(#[source] BoxError),
    /// Secrets Manager failed or refused.
    #[error("a request to Secrets Manager failed: repeat the step")]
    Repeat(#[source] BoxError),
}

/// Does one step. What has been done already succeeds and changes nothing.
pub async fn rotate(
    clients: &AwsClients,
    event: &RotationEvent,
    rotation: &dyn SecretRotation,
) -> Result<(), RotateError> {
    let round = Round { clients, event, rotation };
    let described = describe(&clients.secrets, &event.secret_id).await?;
    let described = described.ok_or(RotateError::NoSecret)?;
    match standing(&described, &event.client_request_token)? {
        Standing::Pending => round.step().await,
        // Left over if the last step broke off. To a change of the secret it would look like a
        // rotation under way.
        Standing::Finished { is_pending: true } if event.step == RotationStep::FinishSecret => {
            round.stop_pending().await
        }
        Standing::Finished { .. } => Ok(()),
    }
}

/// Where a rotation stands.
enum Standing {
    Pending,
    Finished { is_pending: bool },
}

fn standing(described: &Described, token: &str) -> Result<Standing, RotateError> {
    if !described.is_rotation_enabled {
        return Err(RotateError::RotationOff);
    }
    if !described.knows(token) {
        return Err(RotateError::UnknownVersion);
    }
    let is_pending = described.has(token, PENDING);
    if described.has(token, CURRENT) {
        return Ok(Standing::Finished { is_pending });
    }
    if is_pending { Ok(Standing::Pending) } else { Err(RotateError::NotPending) }
}

/// One call of the function.
struct Round<'a> {
    clients: &'a AwsClients,
    event: &'a RotationEvent,
    rotation: &'a dyn SecretRotation,
}

impl Round<'_> {
    async fn step(&self) -> Result<(), RotateError> {
        match self.event.step {
            RotationStep::CreateSecret => self.create().await,
            RotationStep::SetSecret => Ok(()),
            RotationStep::TestSecret => self.test().await.map(|_| ()),
            RotationStep::FinishSecret => self.finish().await,
        }
    }

    async fn create(&self) -> Result<(), RotateError> {
        if let Some(pending) = self.pending().await? {
            let (_, current) = self.current().await?;
            return self.check(&current, &pending).await;
        }
        let (_, current) = self.current().await?;
        let next = self.rotation.next_value(&current).await.map_err(RotateError::NextValue)?;
        self.put(&next).await
    }

    /// Returns the version that the pending value may follow.
    async fn test(&self) -> Result<String, RotateError> {
        let pending = self.pending().await?.ok_or(RotateError::NoPendingValue)?;
        let (version, current) = self.current().await?;
        self.check(&current, &pending).await?;
        Ok(version)
    }

    async fn finish(&self) -> Result<(), RotateError> {
        // Again, since the current value may have changed after the test.
        let tested = self.test().await?;
        let (secret, token) = (&self.event.secret_id, &self.event.client_request_token);
        let client = &self.clients.secrets;
        // From the version that was tested and no other: if another has become current since, AWS
        // refuses, and the step is repeated with a new test.
        let moved = move_label(client, secret, CURRENT, Some(&tested), token).await;
        if let Err(failure) = moved {
            let described = describe(client, secret).await?;
            // Its answer may have been lost, and then the repeated request was refused.
            if !described.is_some_and(|described| described.has(token, CURRENT)) {
                return Err(failure.into());
            }
        }
        self.stop_pending().await
    }

    async fn check(
        &self,
        current: &SecretString,
        pending: &SecretString,
    ) -> Result<(), RotateError> {
        match self.rotation.test_value(current, pending).await {
            Ok(()) => Ok(()),
            Err(why) => {
                // A pending version that cannot become current keeps the next rotation from
                // starting.
                self.stop_pending().await?;
                Err(RotateError::StartAgain(why))
            }
        }
    }

    async fn stop_pending(&self) -> Result<(), RotateError> {
        let (secret, token) = (&self.event.secret_id, &self.event.client_request_token);
        Ok(remove_label(&self.clients.secrets, secret, PENDING, token).await?)
    }

    async fn current(&self) -> Result<(String, SecretString), RotateError> {
        match read_current(&self.clients.secrets, &self.event.secret_id).await? {
            Some(Version { id, value: Value::Text(text) }) => Ok((id, text)),
            _ => Err(RotateError::NoCurrentValue),
        }
    }

    async fn pending(&self) -> Result<Option<SecretString>, RotateError> {
        let (secret, token) = (&self.event.secret_id, &self.event.client_request_token);
        let found = read_labelled(&self.clients.secrets, secret, token, PENDING).await?;
        Ok(found.and_then(|version| match version.value {
            Value::Text(text) => Some(text),
            Value::Binary | Value::None => None,
        }))
    }

    async fn put(&self, next: &SecretString) -> Result<(), RotateError> {
        let event = self.event;
        let proof = event.rotation_token.as_ref().map(|token| token.expose_secret().to_owned());
        let request = self.clients.secrets.put_secret_value().secret_id(&event.secret_id);
        let request = request.client_request_token(&event.client_request_token);
        let request = request.version_stages(PENDING).set_rotation_token(proof);
        match request.secret_string(next.expose_secret()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // The same step, run twice at once, has kept another value, which is as good.
                Some(known) if known.is_resource_exists_exception() => Ok(()),
                _ => Err(Failure::without_words(&error).into()),
            },
        }
    }
}

impl From<Failure> for RotateError {
    fn from(failure: Failure) -> Self {
        Self::Repeat(failure.into())
    }
}
