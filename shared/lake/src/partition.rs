//! Iceberg's bucket transform, so that the engine puts a key where every other reader looks for it.

use arrow::array::{ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{DataType, Int32Type};
use iceberg::spec::Transform;
use iceberg::transform::create_transform_function;

use crate::error::LakeError;

/// The bucket, 0 to `buckets` − 1, of every key in a column of strings; null for null.
pub fn buckets_of(keys: &ArrayRef, buckets: u32) -> Result<Int32Array, LakeError> {
    let keys = arrow::compute::cast(keys, &DataType::Utf8)?;
    let buckets = create_transform_function(&Transform::Bucket(buckets))?.transform(keys)?;
    Ok(buckets.as_primitive::<Int32Type>().clone())
}

/// The bucket, 0 to `buckets` − 1, of a key.
pub fn bucket_of(key: &str, buckets: u32) -> Result<i32, LakeError> {
    let key: ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec![key]));
    let buckets = buckets_of(&key, buckets)?;
    Ok(buckets.iter().flatten().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's example: the 32-bit Murmur3 hash of "iceberg" is 1210000089.
    #[test]
    fn agrees_with_the_specification() {
        assert_eq!(bucket_of("iceberg", u32::try_from(i32::MAX).unwrap()).unwrap(), 1_210_000_089);
        assert_eq!(bucket_of("iceberg", 16).unwrap(), 1_210_000_089 % 16);
    }
}
