//! Buckets: Iceberg's bucket transform, so that the engine puts a key where every other reader looks for it.

use std::fmt;

use arrow::array::{ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{DataType, Int32Type};
use iceberg::spec::Transform;
use iceberg::transform::create_transform_function;

use crate::error::LakeError;

/// One of the parts into which keys are divided by their hash: those for which the hash modulo `of` is `number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    /// How many there are, at least 1.
    pub of: u32,
    /// Which one, from 0.
    pub number: u32,
}

impl Bucket {
    /// The bucket of a coarser division in which all keys of this one are. `of` divides the number of buckets.
    #[must_use]
    pub const fn within(self, of: u32) -> Self {
        Self { of, number: self.number % of }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.of)
    }
}

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

    #[test]
    fn the_buckets_of_a_division_lie_in_those_of_its_divisors() {
        for key in ["a", "iceberg", "[\"k1\"]", ""] {
            let fine = Bucket { of: 24, number: u32::try_from(bucket_of(key, 24).unwrap()).unwrap() };
            for of in [1, 2, 3, 4, 6, 8, 12, 24] {
                assert_eq!(i64::from(fine.within(of).number), i64::from(bucket_of(key, of).unwrap()), "{key} {of}");
            }
        }
    }
}
