//! How the SDK is set up.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;

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

/// A client with the time-outs that the promises of this store rest on.
pub(crate) fn of(config: &SdkConfig) -> Client {
    let builder = Builder::from(config).timeout_config(time_outs()).retry_config(retries());
    Client::from_conf(builder.build())
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
