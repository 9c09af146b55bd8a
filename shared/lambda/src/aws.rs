//! AWS clients: one configuration, with the timeouts and endpoints that every client needs.
//!
//! Clients other than S3 are made with their own `Client::new(&config)`; service endpoints such as
//! `AWS_ENDPOINT_URL_LAMBDA` are honoured by them.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

use crate::settings::Env;

/// The SDK waits for ever by default. A minute lets 64 MiB pass at 10 Mbit/s and is well below a function's timeout.
const ATTEMPT: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);

/// The configuration of all clients: region, credentials, endpoints from the environment; bounded attempts.
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await
}

/// The configuration for a client that invokes functions: it waits `patience` (longer than the function's timeout) for
/// an answer and never repeats by itself, since only the caller knows whether the same bytes may be sent again.
pub fn invoking(config: &SdkConfig, patience: Duration) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(patience).build();
    config.to_builder().timeout_config(timeouts).retry_config(RetryConfig::disabled()).build()
}

/// An S3 client. Where the endpoint is not Amazon's, buckets are named in the path: no wildcard DNS there.
pub fn s3(config: &SdkConfig, env: &Env) -> aws_sdk_s3::Client {
    let elsewhere = env.get("AWS_ENDPOINT_URL").or(env.get("AWS_ENDPOINT_URL_S3")).is_some();
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(elsewhere).build())
}
