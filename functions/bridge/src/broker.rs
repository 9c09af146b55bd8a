//! Connections to the broker, and the lock on a group.

use std::time::Duration;

use anyhow::Context;
use foz_domain::GroupName;
use futures::StreamExt;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, Event};
use tokio::time::{Instant, sleep, timeout};

use crate::pause::jittered;

/// A broker that hears nothing for two of these closes the connection, which frees the lock of a frozen bridge.
const HEARTBEAT_SECONDS: u16 = 10;

/// How long a call to the broker may take before the connection is taken for dead.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a bridge that finds a group locked waits before it tries again; the mean, with as much jitter.
const STANDBY: Duration = Duration::from_millis(1_000);

/// How much later a bridge tries for every group that it holds already, so that bridges share the groups.
const PER_GROUP: Duration = Duration::from_millis(100);

/// After how long a lock is not a dead bridge's: the broker has missed its heartbeats and closed its connection.
pub const ALIVE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS as u64);

/// AMQP's reply code for a queue that is exclusive to another connection.
const RESOURCE_LOCKED: u16 = 405;

/// Reads the URL. Only the local cloud may go without TLS.
///
/// # Errors
/// In words that do not repeat the URL, which holds a password.
pub fn uri(text: &str, local: bool) -> Result<AMQPUri, String> {
    let mut uri: AMQPUri = text.parse().map_err(|_| "is not an AMQP URL".to_owned())?;
    if uri.scheme != AMQPScheme::AMQPS && !local {
        return Err("must begin with amqps://".to_owned());
    }
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    Ok(uri)
}

/// Opens a connection, which ends with the last of its clones and does not come back by itself.
pub async fn connect(uri: &AMQPUri, name: &str) -> anyhow::Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connecting = Connection::connect_uri(uri.clone(), properties);
    timeout(PATIENCE, connecting)
        .await
        .context("connecting to the broker took too long")?
        .context("connecting to the broker")
}

/// Resolves when the connection fails.
pub async fn failure(connection: &Connection) -> anyhow::Error {
    let mut events = connection.events_listener();
    while let Some(event) = events.next().await {
        match event {
            // A channel's failure is its consumer's to tell.
            Event::Error(error) if error.is_amqp_soft_error() => {}
            Event::Error(error) => return anyhow::Error::new(error).context("the connection to the broker failed"),
            Event::ConnectionBlocked(reason) => tracing::warn!(reason, "the broker blocks publishing"),
            Event::ConnectionUnblocked => tracing::info!("the broker accepts publishing again"),
            _ => {}
        }
    }
    anyhow::anyhow!("the connection to the broker ended")
}

/// Waits until the group's lock is ours: an exclusive queue, which dies with the connection. The lock keeps bridges from
/// disturbing each other; what keeps them from harm is the epoch. `held` is how many groups this process holds already:
/// the more, the longer it waits, so that processes share the groups. `false`: another bridge held it for all of `patience`,
/// if there is one.
pub async fn lock(
    connection: &Connection,
    lake: &str,
    group: &GroupName,
    held: usize,
    patience: Option<Duration>,
) -> anyhow::Result<bool> {
    let until = patience.map(|patience| Instant::now() + patience);
    let queue = format!("foz.{lake}.{group}.lock");
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    sleep(jittered(PER_GROUP).saturating_mul(u32::try_from(held).unwrap_or(u32::MAX))).await;
    let mut waiting = false;
    loop {
        let channel = channel(connection).await?;
        match timeout(PATIENCE, channel.queue_declare(queue.as_str().into(), options, FieldTable::default())).await? {
            Ok(_) => return Ok(true),
            Err(error) if reply_code(&error) == Some(RESOURCE_LOCKED) => {
                if until.is_some_and(|until| until <= Instant::now()) {
                    return Ok(false);
                }
                if !std::mem::replace(&mut waiting, true) {
                    tracing::info!(%group, "another bridge holds the group, standing by");
                }
                sleep(jittered(STANDBY)).await;
            }
            Err(error) => return Err(error).context("declaring the lock"),
        }
    }
}

/// Opens a channel.
pub async fn channel(connection: &Connection) -> anyhow::Result<Channel> {
    timeout(PATIENCE, connection.create_channel())
        .await
        .context("opening a channel took too long")?
        .context("opening a channel")
}

/// The reply code with which the broker refused.
pub fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_for_the_local_cloud_only() {
        assert!(uri("amqp://u:p@h/%2f", false).unwrap_err().contains("amqps://"));
        assert!(uri("amqp://u:p@h/%2f", true).is_ok());
        let uri = uri("amqps://u:p@h/%2f", false).unwrap();
        assert_eq!(uri.query.heartbeat, Some(HEARTBEAT_SECONDS));
    }

    #[test]
    fn a_wrong_url_is_not_repeated() {
        assert!(!uri("amqp//user:secret@h", true).unwrap_err().contains("secret"));
    }
}
