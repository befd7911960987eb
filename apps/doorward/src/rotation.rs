//! What AWS Secrets Manager calls to have a secret succeeded: one step at a time.

use std::io::{self, Read};
use std::sync::Arc;

use aws::rotation::{RotationEvent, rotate};
use contracts::SecretRotation;
use lambda_runtime::{LambdaEvent, service_fn};
use service::{RingRotation, SharedSecretRotation};
use settings::Settings;

use crate::cli::RotatedSecret;
use crate::elsewhere::Elsewhere;
use crate::failure::Failure;
use crate::system::{SystemClock, SystemEntropy};
use crate::{console, signing};

/// An event has a few hundred bytes.
const EVENT_BYTES_MAX: u64 = 64 * 1024;

/// Does the step that the event on standard input names.
pub(crate) async fn step(settings: &Settings, secret: RotatedSecret) -> Result<(), Failure> {
    let mut text = String::new();
    let read = io::stdin().take(EVENT_BYTES_MAX).read_to_string(&mut text);
    read.map_err(Failure::of("the event could not be read"))?;
    let event: RotationEvent = serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("standard input holds no event: {error}")))?;
    let function = Function::open(settings, secret).await?;
    function.step(&event).await?;
    console::print("done")
}

/// Serves events as an AWS Lambda function, until Lambda ends it.
pub(crate) async fn serve(settings: &Settings, secret: RotatedSecret) -> Result<(), Failure> {
    if !is_in_lambda() {
        let help = "this runs as an AWS Lambda function; for one step, run `doorward key \
                    rotation-step`";
        return Err(Failure::Usage(help.to_owned()));
    }
    let function = Arc::new(Function::open(settings, secret).await?);
    let handler = service_fn(move |event: LambdaEvent<RotationEvent>| {
        let function = Arc::clone(&function);
        async move { function.step(&event.payload).await.map_err(|error| error.on_one_line()) }
    });
    lambda_runtime::run(handler)
        .await
        .map_err(|error| Failure::of("Lambda does not give us events")(error.to_string()))
}

fn is_in_lambda() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

struct Function {
    elsewhere: Elsewhere,
    rotation: Box<dyn SecretRotation>,
}

impl Function {
    async fn open(settings: &Settings, secret: RotatedSecret) -> Result<Self, Failure> {
        let rotation: Box<dyn SecretRotation> = match secret {
            RotatedSecret::Ring => {
                let (policy, clock) = (signing::policy(&settings.keys), Arc::new(SystemClock));
                Box::new(RingRotation { policy, clock })
            }
            RotatedSecret::SharedSecret => {
                Box::new(SharedSecretRotation { entropy: Arc::new(SystemEntropy) })
            }
        };
        let function = Self { elsewhere: Elsewhere::default(), rotation };
        // So that the first event does not wait for credentials.
        function.clients().await?;
        Ok(function)
    }

    async fn step(&self, event: &RotationEvent) -> Result<(), Failure> {
        rotate(self.clients().await?, event, &*self.rotation)
            .await
            .map_err(Failure::of(format!("the step {:?} was not done", event.step)))
    }

    async fn clients(&self) -> Result<&aws::AwsClients, Failure> {
        self.elsewhere.aws_clients().await.map_err(Failure::of("AWS cannot be asked"))
    }
}
