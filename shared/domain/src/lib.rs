//! The pure core of Foz: what is decided, without I/O, clock, randomness or wire format.
//!
//! - [`ids`]: streams, groups, epochs, ordinals, sequences, digests
//! - [`time`]: instants, to the millisecond
//! - [`position`]: the total order of all messages of a group, and half-open ranges of it
//! - [`batch`]: batches as the catalog knows them; their states follow from watermarks
//! - [`job`]: runs, consolidations and compactions, their states, the steps between these, and when a silent one is taken over
//! - [`plan`]: what a group does next
//! - [`groups`]: streams connected by references, and the order inside a group
//! - [`maintenance`]: what an image adds to a table, and what it writes anew
//! - [`merge`]: which of an entity's states is the latest
//! - [`bridge`]: the bridge's protocol: alignment, batches, markers, acknowledgement
//! - [`mapping`]: an event source mapping in the bridge's place: what of an event is catalogued already
//! - [`table_name`]: names of the tables that are made of a stream
//! - [`keys`]: names of the objects in the lake bucket; the only place that formats and parses them

pub mod batch;
pub mod bridge;
pub mod groups;
pub mod ids;
pub mod job;
pub mod keys;
pub mod maintenance;
pub mod mapping;
pub mod merge;
pub mod plan;
pub mod position;
pub mod table_name;
pub mod time;

pub use ids::{AttemptId, Digest, Epoch, GroupName, Ordinal, Sequence, StreamName};
pub use position::{Position, Range};
pub use table_name::TableName;
pub use time::Timestamp;
