//! AWS clients: one configuration, with the timeouts and endpoints that every client needs.
//!
//! Clients other than S3 are made with their own `Client::new(&config)`; service endpoints such as
//! `AWS_ENDPOINT_URL_LAMBDA` are honoured by them.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

use crate::settings::Env;

/// The longest attempt at a request, as the SDK waits for ever by default. Requests and answers are small, and answered
/// within a second: ten are enough for a bad moment, and let the SDK's own repetition come before the shortest
/// function, half a minute, is at its end.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The longest attempt at a transfer. A minute lets 64 MiB pass at 10 Mbit/s, and is well below the time of the
/// functions that move so much.
pub(crate) const TRANSFER: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);

/// The configuration of all clients: region, credentials, endpoints from the environment; bounded attempts.
pub async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts(ATTEMPT)).load().await
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt).build()
}

/// The configuration for a client that invokes functions: it waits `patience` (longer than the function's timeout) for
/// an answer and never repeats by itself, since only the caller knows whether the same bytes may be sent again.
pub fn invoking(config: &SdkConfig, patience: Duration) -> SdkConfig {
    config.to_builder().timeout_config(timeouts(patience)).retry_config(RetryConfig::disabled()).build()
}

/// An S3 client for functions that run for minutes, and for processes.
pub fn s3(config: &SdkConfig, env: &Env) -> aws_sdk_s3::Client {
    s3_within(TRANSFER, config, env)
}

/// An S3 client whose attempts take at most this long: less than the function that waits for them has. Where the endpoint
/// is not Amazon's, buckets are named in the path: no wildcard DNS there.
pub fn s3_within(attempt: Duration, config: &SdkConfig, env: &Env) -> aws_sdk_s3::Client {
    let elsewhere = env.get("AWS_ENDPOINT_URL").or(env.get("AWS_ENDPOINT_URL_S3")).is_some();
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(elsewhere);
    aws_sdk_s3::Client::from_conf(config.timeout_config(timeouts(attempt)).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The timeout of ingest and dispatch, as `infra` sets it.
    const SHORTEST_FUNCTION: Duration = Duration::from_secs(30);

    #[test]
    fn attempts_end_before_the_function_does_and_transfers_may_take_longer() {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).timeout_config(timeouts(ATTEMPT));
        let config = config.build();
        let attempt = |client: &aws_sdk_s3::Client| {
            client.config().timeout_config().and_then(TimeoutConfig::operation_attempt_timeout)
        };
        let env = Env::from_pairs([("", "")]);
        assert_eq!(attempt(&s3(&config, &env)), Some(TRANSFER));
        let short = Duration::from_secs(20);
        assert_eq!(attempt(&s3_within(short, &config, &env)), Some(short));
        let others = config.timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
        assert!(others.is_some_and(|attempt| attempt * 2 < SHORTEST_FUNCTION), "one that hangs can be repeated");
        let invoking = invoking(&config, Duration::from_secs(45));
        let patience = invoking.timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
        assert_eq!(patience, Some(Duration::from_secs(45)));
    }
}
