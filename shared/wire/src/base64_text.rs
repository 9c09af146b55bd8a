//! Bytes as a JSON string in base64, without a copy of the text on either side: a frame has megabytes.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Appends the text of the bytes.
pub fn append(bytes: &[u8], json: &mut String) {
    STANDARD.encode_string(bytes, json);
}

/// Decodes straight from the text of the JSON. Errors do not show it, since it is payload.
pub fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    struct Base64;

    impl Visitor<'_> for Base64 {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("base64")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
            STANDARD.decode(text).map_err(|_| E::custom("the frame is not base64"))
        }
    }
    from.deserialize_str(Base64).map(Some)
}
