use std::fmt;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use contracts::BoxError;

use crate::credentials;

/// To reach the server.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// For one attempt.
const ATTEMPT_MAX: Duration = Duration::from_secs(1);
/// For one request with its repetitions: what callers are promised, less what we do around it.
const REQUEST_MAX: Duration = Duration::from_millis(2300);
/// The first of them and two more.
const ATTEMPTS_MAX: u32 = 3;
/// Before the second attempt, at most; twice that before the third.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The services that this crate asks, set up once for all that needs them.
#[derive(Clone)]
pub struct AwsClients {
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) parameters: aws_sdk_ssm::Client,
    pub(crate) keys: aws_sdk_kms::Client,
}

impl AwsClients {
    /// Sets them up. Time-outs and retries are this crate's own, whatever `config` says of them.
    pub fn new(config: &SdkConfig) -> Self {
        let config = config.to_builder().timeout_config(time_outs()).retry_config(retries());
        let config = config.build();
        Self {
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            parameters: aws_sdk_ssm::Client::new(&config),
            keys: aws_sdk_kms::Client::new(&config),
        }
    }
}

/// The SDK's own clients say more than a log should hold.
impl fmt::Debug for AwsClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsClients").finish_non_exhaustive()
    }
}

/// What the environment says of region, credentials and `AWS_ENDPOINT_URL`, read as every SDK of
/// AWS reads them, for all that asks AWS: with [`lasting`] credentials.
pub async fn sdk_config() -> Result<SdkConfig, BoxError> {
    let defaults = aws_config::defaults(BehaviorVersion::v2026_01_12());
    let defaults = defaults.timeout_config(time_outs()).retry_config(retries());
    lasting(defaults.load().await).await
}

/// The same configuration with credentials that are fetched apart from the requests that need
/// them. The first are fetched now, for up to 10 seconds.
pub async fn lasting(config: SdkConfig) -> Result<SdkConfig, BoxError> {
    let Some(source) = config.credentials_provider() else { return Ok(config) };
    let source = credentials::fetched(source).await?;
    Ok(config.into_builder().credentials_provider(source).build())
}

fn time_outs() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_MAX)
        .operation_attempt_timeout(ATTEMPT_MAX)
        .operation_timeout(REQUEST_MAX)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX).with_initial_backoff(FIRST_WAIT)
}
