//! Markers: messages with which a bridge marks its place in a queue.
//!
//! A marker has both headers, each a 64-bit integer, and an empty body. The bridge publishes and recognises them; ingest
//! recognises those that a bridge left in a queue which a mapping reads now.

/// The header with the epoch of the bridge that published the marker.
pub const EPOCH: &str = "x-foz-epoch";

/// The header with the marker's number in its queue.
pub const NUMBER: &str = "x-foz-marker";

/// The seal of the reign that published it; earlier versions have none.
pub const SEAL: &str = "x-foz-seal";
