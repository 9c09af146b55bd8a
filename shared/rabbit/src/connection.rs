//! Connections to the broker, their channels, and how both fail.

use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, Event};
use tokio::time::timeout;

/// A broker that hears nothing for two of these closes the connection, which frees the lock of a frozen bridge.
const HEARTBEAT_SECONDS: u16 = 10;

/// How long the broker may take to answer before the connection is taken for dead.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// After how long the broker has missed the heartbeats of a dead client, and has closed its connection.
pub const ALIVE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS as u64);

/// Reads the URL of a broker for a client that must be missed soon. Only the local cloud may go without TLS.
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

/// Opens a connection, which ends with the last of its clones and does not come back by itself. Errors name the broker's
/// host, not its URL, which holds a password.
pub async fn connect(uri: AMQPUri, name: &str) -> anyhow::Result<Connection> {
    let place = format!("{}:{}", uri.authority.host, uri.authority.port);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    timeout(PATIENCE, Connection::connect_uri(uri, properties))
        .await
        .with_context(|| format!("connecting to the broker at {place} took too long"))?
        .with_context(|| format!("connecting to the broker at {place}"))
}

/// Opens a channel.
pub async fn channel(connection: &Connection) -> anyhow::Result<Channel> {
    timeout(PATIENCE, connection.create_channel())
        .await
        .context("opening a channel took too long")?
        .context("opening a channel")
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

/// What the broker says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// AMQP's reply code.
    pub code: u16,
    /// The broker's words.
    pub text: String,
}

impl Refusal {
    /// There is no such queue.
    pub const NOT_FOUND: u16 = 404;
    /// The queue is exclusive to another connection.
    pub const RESOURCE_LOCKED: u16 = 405;

    /// The refusal, or `None` if the error is another.
    pub fn of(error: &lapin::Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::ProtocolError(refused) => {
                Some(Self { code: refused.get_id(), text: refused.get_message().to_string() })
            }
            _ => None,
        }
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
