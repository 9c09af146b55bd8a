//! S3's notification that objects were created.

use serde::Deserialize;
use serde_json::Value;

/// An object that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawObject {
    /// The bucket it is in.
    pub bucket: String,
    /// Its key, encoded as forms are: `=` is `%3D`, a space `+`.
    pub encoded_key: String,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    s3: S3,
}

#[derive(Deserialize)]
struct S3 {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

/// Whether the message only tests that S3's notifications arrive.
pub(crate) fn is_test(body: &Value) -> bool {
    body.get("Event").and_then(Value::as_str) == Some("s3:TestEvent")
}

/// Whether the message comes from S3.
pub(crate) fn is_notification(body: &Value) -> bool {
    body.get("Records").is_some()
}

/// The objects that a notification tells of.
pub(crate) fn objects(body: &Value) -> Result<Vec<RawObject>, String> {
    let notification = Notification::deserialize(body).map_err(|why| why.to_string())?;
    let object = |Record { s3 }| RawObject { bucket: s3.bucket.name, encoded_key: s3.object.key };
    Ok(notification.records.into_iter().map(object).collect())
}
