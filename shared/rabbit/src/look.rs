//! Looks at queues without changing anything.

use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use crate::connection::Refusal;
use crate::inspect::{Fitness, Inspector, inspect};
use crate::question::declared;
use crate::queue::StreamQueue;

/// How much waits in a queue, and for how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that wait for a consumer; what is delivered and not acknowledged is not among them.
    pub ready: u32,
    /// Consumers; of those of a queue with a single active one, only that. The management API
    /// [counts the others too](crate::inspect::management::QueueCounts).
    pub consumers: u32,
}

/// All that can be seen of a stream's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLook {
    /// How much waits in it, or `None` if there is no such queue.
    pub depth: Option<QueueDepth>,
    /// Messages in the queue for its dead letters, or `None` if there is none of the usual name.
    pub dead_letters: Option<u32>,
    /// Whether the queue can lose messages, or `None` if there was no way to find out.
    pub fitness: Option<Fitness>,
}

/// What a queue that was asked for is.
enum Found {
    Queue(QueueDepth),
    Absent,
    /// It belongs to another connection.
    Locked,
}

/// Looks at a stream's queue, at that for its dead letters, and with an inspector at whether it is fit.
///
/// # Errors
/// If the broker or its management API does not answer, or refuses to.
pub async fn look(connection: &Connection, inspector: Option<&Inspector>, queue: &str) -> anyhow::Result<QueueLook> {
    // In the order in which messages go, so that one that leaves the queue meanwhile is seen where it comes to.
    let depth = depth(connection, queue).await?;
    let dead = self::depth(connection, &StreamQueue::new(queue).dead_letters).await?;
    let fitness = match inspector {
        Some(inspector) => Some(inspect(inspector, connection, queue).await?),
        None => None,
    };
    Ok(QueueLook { depth, dead_letters: dead.map(|dead| dead.ready), fitness })
}

/// How much waits in the queue, or `None` if there is no such queue. The right to connect is enough to ask.
///
/// # Errors
/// If the broker does not answer, or refuses to.
pub async fn depth(connection: &Connection, queue: &str) -> anyhow::Result<Option<QueueDepth>> {
    match find(connection, queue).await? {
        Found::Queue(depth) => Ok(Some(depth)),
        Found::Absent => Ok(None),
        Found::Locked => anyhow::bail!("queue {queue} belongs to another connection"),
    }
}

/// Whether somebody holds the lock of that name.
///
/// # Errors
/// If the broker does not answer, or refuses to.
pub async fn is_locked(connection: &Connection, lock: &str) -> anyhow::Result<bool> {
    Ok(!matches!(find(connection, lock).await?, Found::Absent))
}

async fn find(connection: &Connection, queue: &str) -> anyhow::Result<Found> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match declared(connection, queue, passive, FieldTable::default()).await? {
        Ok(queue) => Ok(Found::Queue(QueueDepth { ready: queue.message_count(), consumers: queue.consumer_count() })),
        Err(Refusal { code: Refusal::NOT_FOUND, .. }) => Ok(Found::Absent),
        Err(Refusal { code: Refusal::RESOURCE_LOCKED, .. }) => Ok(Found::Locked),
        Err(Refusal { text, .. }) => anyhow::bail!("the broker refuses to look at queue {queue}: {text}"),
    }
}
