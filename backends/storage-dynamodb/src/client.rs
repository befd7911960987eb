//! How the SDK is set up.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use contracts::StoreError;

use crate::credentials;

/// To reach the server.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// For one attempt: the least that `DynamoDB` asks for transactions.
const ATTEMPT_MAX: Duration = Duration::from_secs(1);
/// For one request with its repetitions.
const REQUEST_MAX: Duration = Duration::from_millis(2500);
/// The first of them and two more.
const ATTEMPTS_MAX: u32 = 3;
/// Before the second attempt, at most; twice that before the third.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// What the environment says of region, credentials and `AWS_ENDPOINT_URL`, read as every SDK of
/// AWS reads them.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(time_outs())
        .retry_config(retries())
        .load()
        .await
}

/// A client with the time-outs that the promises of this store rest on.
pub(crate) async fn of(config: &SdkConfig) -> Result<Client, StoreError> {
    let mut builder = Builder::from(config).timeout_config(time_outs()).retry_config(retries());
    if let Some(source) = config.credentials_provider() {
        builder = builder.credentials_provider(credentials::fetched(source).await?);
    }
    Ok(Client::from_conf(builder.build()))
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
