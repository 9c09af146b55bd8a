//! What tests of several crates share. Only ever a development dependency.
//!
//! - [`dynamodb`]: a DynamoDB in memory that can be told to misbehave
//! - [`batch`]: a batch to commit
//! - [`cloud`]: as much of S3, SQS and Lambda as our functions use, in memory
//! - [`assert_written`]: a file of the repository that follows from the code
//! - [`client!`]: a client of any service with made-up credentials
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod batch;
pub mod cloud;
pub mod dynamodb;
pub mod written;

pub use batch::a_batch;
pub use cloud::Cloud;
pub use dynamodb::{Fault, Memory};
pub use written::assert_written;

/// A client of the SDK's crate that is named, with made-up credentials and no retries of its own: what our code survives,
/// it survives by itself. Settings of the SDK's `Config` may follow: `client!(aws_sdk_s3, endpoint_url("…"))`.
#[macro_export]
macro_rules! client {
    ($service:ident $(, $setting:ident($value:expr))* $(,)?) => {{
        use $service::config::retry::RetryConfig;
        use $service::config::{BehaviorVersion, Config, Credentials, Region};
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            $(.$setting($value))*
            .build();
        $service::Client::from_conf(config)
    }};
}
