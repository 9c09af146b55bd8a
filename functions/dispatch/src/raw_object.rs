//! Which stream an object of S3's notification belongs to.

use foz_domain::StreamName;
use foz_domain::keys::RawKey;
use foz_wire::notification::RawObject;

/// The stream of a raw object, or `None` if the object is in another bucket than the lake's, or not a raw object.
pub fn stream(object: &RawObject, bucket: &str) -> Option<StreamName> {
    // S3 encodes keys in its notifications as forms do.
    let form = format!("key={}", object.encoded_key);
    let (_, key) = url::form_urlencoded::parse(form.as_bytes()).next()?;
    let key: RawKey = key.parse().ok()?;
    (object.bucket == bucket).then_some(key.stream().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_of(bucket: &str, key: &str) -> Option<StreamName> {
        stream(&RawObject { bucket: bucket.to_owned(), encoded_key: key.to_owned() }, "lake")
    }

    #[test]
    fn a_raw_object_names_its_stream() {
        let key = format!("raw/stream%3Dflights/date%3D2026-01-01/1-2-{}.parquet", "0".repeat(32));
        assert_eq!(stream_of("lake", &key), Some("flights".parse().unwrap()));
    }

    #[test]
    fn case_30_foreign_buckets_and_prefixes_are_ignored() {
        let key = format!("raw/stream%3Dflights/date%3D2026-01-01/1-2-{}.parquet", "0".repeat(32));
        assert_eq!(stream_of("another", &key), None);
        assert_eq!(stream_of("lake", "staged/x.parquet"), None);
        assert_eq!(stream_of("lake", "raw/%FF%FE"), None);
    }
}
