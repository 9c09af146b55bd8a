//! Looks at queues without changing anything, and without more than the right to connect.

use anyhow::Context;
use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::timeout;

use crate::broker_error::BrokerError;
use crate::connection::{self, PATIENCE, Refusal};

/// How much waits in a queue, and for how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that wait for a consumer; what is delivered and not acknowledged is not among them.
    pub ready: u32,
    /// Consumers, active or not.
    pub consumers: u32,
}

/// What a queue that was asked for is.
enum Found {
    Queue(QueueDepth),
    Absent,
    /// It belongs to another connection.
    Locked,
}

/// How much waits in the queue, or `None` if there is no such queue.
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
    // A refusal closes the channel, so each question gets its own.
    let channel = connection::channel(connection).await?;
    let declared = timeout(PATIENCE, channel.queue_declare(queue.into(), passive, FieldTable::default())).await;
    match declared.context("the broker does not answer")? {
        Ok(queue) => {
            let depth = QueueDepth { ready: queue.message_count(), consumers: queue.consumer_count() };
            // Those who look often must not use up the connection's channels.
            let _ = timeout(PATIENCE, channel.close(200, "looked".into())).await;
            Ok(Found::Queue(depth))
        }
        Err(error) => match Refusal::of(&error) {
            Some(Refusal { code: Refusal::NOT_FOUND, .. }) => Ok(Found::Absent),
            Some(Refusal { code: Refusal::RESOURCE_LOCKED, .. }) => Ok(Found::Locked),
            _ => Err(BrokerError::from(error)).with_context(|| format!("looking at queue {queue}")),
        },
    }
}
