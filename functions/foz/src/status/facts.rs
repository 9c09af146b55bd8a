//! What a status is judged by.

use foz_domain::{GroupName, StreamName};

/// What is known of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSight {
    /// It was looked at.
    Seen {
        /// Messages that wait for a consumer.
        ready: u32,
        /// Consumers; without a management API only the active one.
        consumers: u32,
        /// Messages in the queue for its dead letters, or `None` if there is none of the usual name.
        dead_letters: Option<u32>,
        /// Messages that the queue holds beside those, above all delivered and not acknowledged ones; `None` without a
        /// management API.
        unacknowledged: Option<u64>,
        /// What is wrong with the queue, or `None` if nothing is, or there is no management API.
        unfit: Option<String>,
    },
    /// There is no such queue.
    Absent,
    /// No broker is named, so it was not looked at.
    NotNamed,
    /// The broker, or its management API, does not answer or refuses to, for this reason.
    Silent(String),
}

/// What is known of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFacts {
    pub name: StreamName,
    pub queue: String,
    pub sight: QueueSight,
    /// Milliseconds since the last batch was taken in, or `None` if none ever was.
    pub last_batch: Option<u64>,
}

/// By which way the group's messages come, and whether anybody brings them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A bridge holds the group.
    Bridge,
    /// A bridge should, and none does.
    NoBridge,
    /// Lambda's event source mapping.
    Mapping,
    /// The broker was not asked, or did not answer.
    Unknown,
}

/// A job that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFacts {
    /// What it is, with its range and state.
    pub text: String,
    /// How often it was begun.
    pub attempts: u64,
    /// Why its last attempt ended, or `None` if none did.
    pub error: Option<String>,
}

/// What is known of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    pub name: GroupName,
    /// Whether it was ever held.
    pub begun: bool,
    /// Why it stands still until somebody acts.
    pub halts: Vec<String>,
    /// Runs and consolidations.
    pub jobs: Vec<JobFacts>,
    /// Why tables are not compacted until somebody acts; `None` if they are.
    pub uncompacted: Option<String>,
    /// Batches that are not in the history tables.
    pub pending: u64,
    /// Batches that are in the history tables, and in no image.
    pub unimaged: u64,
    /// Age in milliseconds of the oldest batch that no image shows, or `None` if there is none.
    pub oldest: Option<u64>,
    /// How old it may be: the smallest `max_latency` of the group's streams, in milliseconds; `None` if the definition has
    /// none of them any more.
    pub promised: Option<u64>,
    pub carrier: Carrier,
    pub streams: Vec<StreamFacts>,
}
