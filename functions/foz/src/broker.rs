//! Connections to the broker.

use std::time::Duration;

use anyhow::Context;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::time::timeout;

/// How long the broker may take to answer before a person should hear of it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Opens a connection. Errors do not repeat the URL, which holds a password.
pub async fn connect(url: &str) -> anyhow::Result<Connection> {
    let uri: AMQPUri = url
        .parse()
        .map_err(|_| anyhow::anyhow!("FOZ_AMQP_URL is not an AMQP URL, amqps://user:password@host/vhost"))?;
    let place = format!("{}:{}", uri.authority.host, uri.authority.port);
    let properties = ConnectionProperties::default().with_connection_name("foz".into());
    let doing = || format!("connecting to the broker at {place}");
    timeout(PATIENCE, Connection::connect_uri(uri, properties)).await.with_context(doing)?.with_context(doing)
}

/// Opens a channel.
pub async fn channel(connection: &Connection) -> anyhow::Result<Channel> {
    timeout(PATIENCE, connection.create_channel()).await.context("opening a channel")?.context("opening a channel")
}

/// Number of messages in the queue that wait for a consumer; none if there is no such queue.
pub async fn ready(connection: &Connection, queue: &str) -> anyhow::Result<Option<u32>> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    // A refusal closes the channel, so each question gets its own.
    let channel = channel(connection).await?;
    match timeout(PATIENCE, channel.queue_declare(queue.into(), passive, FieldTable::default())).await? {
        Ok(queue) => Ok(Some(queue.message_count())),
        Err(error) if refusal(&error).is_some_and(|(code, _)| code == 404) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("looking at queue {queue}")),
    }
}

/// The code and the words with which the broker refused.
pub fn refusal(error: &lapin::Error) -> Option<(u16, String)> {
    match error.kind() {
        ErrorKind::ProtocolError(refused) => Some((refused.get_id(), refused.get_message().to_string())),
        _ => None,
    }
}
