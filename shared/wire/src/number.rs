//! Numbers of the domain as JSON numbers.

use serde::{Deserialize, Deserializer, Serializer};

pub fn serialize<T: Copy + Into<u64>, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64((*value).into())
}

pub fn deserialize<'de, T: From<u64>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    u64::deserialize(from).map(T::from)
}
