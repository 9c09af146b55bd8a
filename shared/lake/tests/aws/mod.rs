//! The real clients against an emulated AWS, if there is one.

use aws_sdk_glue::types::DatabaseInput;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use foz_lake::Store;
use foz_testkit::client;

/// A new bucket and a Glue database of the same name at `FOZ_TEST_AWS_ENDPOINT`.
pub async fn connect() -> Option<(Store, aws_sdk_glue::Client)> {
    #[expect(clippy::disallowed_methods, reason = "tests have no edge that could read it for them")]
    let endpoint = std::env::var("FOZ_TEST_AWS_ENDPOINT").ok()?;
    let retries = aws_sdk_glue::config::retry::RetryConfig::standard();
    let glue = client!(aws_sdk_glue, endpoint_url(&endpoint), retry_config(retries));
    let s3 = s3(&endpoint);

    let name = format!("lake-{}", uuid::Uuid::new_v4().simple());
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuCentral1).build();
    s3.create_bucket().bucket(&name).create_bucket_configuration(place).send().await.unwrap();
    let database = DatabaseInput::builder().name(&name).build().unwrap();
    glue.create_database().database_input(database).send().await.unwrap();
    Some((Store::new(s3, &name), glue))
}

/// A client of the S3 at the endpoint that leaves all retries to us.
pub fn s3(endpoint: &str) -> aws_sdk_s3::Client {
    client!(aws_sdk_s3, endpoint_url(endpoint), force_path_style(true))
}
