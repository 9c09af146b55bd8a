//! The backends that keep the promises: one in memory, and a DynamoDB.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use foz_catalog::Catalog;
use foz_testkit::Memory;

/// Runs `test` on every backend, each with an empty table.
pub async fn on_all(name: &str, test: impl AsyncFn(Catalog)) {
    Box::pin(test(Catalog::new(Memory::default().client(), "foz"))).await;
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    match std::env::var("FOZ_TEST_DYNAMODB") {
        Ok(endpoint) => Box::pin(test(real(&endpoint, name).await)).await,
        Err(_) => {
            eprintln!("not run against DynamoDB: set FOZ_TEST_DYNAMODB to an endpoint such as http://127.0.0.1:5000")
        }
    }
}

/// A catalog on a new table at `endpoint`.
async fn real(endpoint: &str, test: &str) -> Catalog {
    let retries = aws_sdk_dynamodb::config::retry::RetryConfig::standard();
    let client = foz_testkit::client!(aws_sdk_dynamodb, endpoint_url(endpoint), retry_config(retries));
    let name = format!("foz-test-{test}-{}", std::process::id());
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("pending")
        .key_schema(key("pending", KeyType::Hash))
        .key_schema(key("pending_since", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending_since", ScalarAttributeType::N))
        .global_secondary_indexes(index)
        .send()
        .await
        .unwrap();
    Catalog::new(client, name)
}
