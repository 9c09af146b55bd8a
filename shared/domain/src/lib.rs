//! The pure core of Foz: what is decided, without I/O, clock, randomness or wire format.
//!
//! - [`ids`]: streams, groups, epochs, ordinals, sequences, digests
//! - [`position`]: the total order of all messages of a group, and half-open ranges of it
//! - [`merge`]: which of an entity's states is the latest
//! - [`bridge`]: the bridge's protocol: alignment, batches, markers, acknowledgement
//! - [`keys`]: names of the objects in the lake bucket; the only place that formats and parses them

pub mod bridge;
pub mod ids;
pub mod keys;
pub mod merge;
pub mod position;

pub use ids::{Digest, Epoch, GroupName, Ordinal, Sequence, StreamName};
pub use position::{Position, Range};
