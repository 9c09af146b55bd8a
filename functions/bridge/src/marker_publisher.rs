//! Publishes markers, also while the broker blocks publishers.
//!
//! A broker with a memory or disk alarm reads nothing more of a connection that has published. But it reads a connection
//! until then, and a marker is one frame beside its method: it is in the queue before the connection is blocked. So while
//! there is an alarm each marker goes by a connection of its own. Consumers are free meanwhile, and what drains the queues
//! is what may end the alarm.
//!
//! That publishers are blocked proves nothing instead: theirs, too, get a message through by each new connection.

use anyhow::Context;
use foz_domain::bridge::Marker;
use foz_edge::fail_point;
use foz_rabbit::publish::{Confirmed, Publisher};
use foz_rabbit::{AMQPUri, Connection, connection, message};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::warn;

/// Publishes a reign's markers.
#[derive(Debug, Clone)]
pub struct MarkerPublisher {
    uri: AMQPUri,
    name: String,
    publisher: Publisher,
    blocked: watch::Receiver<bool>,
}

impl MarkerPublisher {
    /// Publishes on that connection as long as it is not `blocked`, then on others to the same broker, of that name.
    ///
    /// # Errors
    /// If the connection fails.
    pub async fn open(
        connection: &Connection,
        uri: AMQPUri,
        name: &str,
        blocked: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        Ok(Self { uri, name: name.to_owned(), publisher: Publisher::open(connection).await?, blocked })
    }

    /// Publishes a marker. One that the broker refuses is as good as lost: the core notices and publishes another.
    ///
    /// # Errors
    /// If a connection fails.
    pub async fn publish(mut self, queue: &str, marker: Marker) -> anyhow::Result<()> {
        // What was on its way when the alarm began may be stuck; a second marker of the same number does no harm.
        let confirmed = tokio::select! {
            biased;
            _ = self.blocked.wait_for(|blocked| *blocked) => None,
            confirmed = send(&self.publisher, queue, marker) => Some(confirmed?),
        };
        let confirmed = match confirmed {
            Some(confirmed) => confirmed,
            None => self.publish_alone(queue, marker).await?,
        };
        match confirmed {
            Confirmed::Accepted => {}
            Confirmed::Returned(reason) => warn!(queue, reason, "the broker returned a marker"),
            Confirmed::Refused => warn!(queue, "the broker did not accept a marker"),
        }
        fail_point("bridge.after_marker").await?;
        Ok(())
    }

    async fn publish_alone(&self, queue: &str, marker: Marker) -> anyhow::Result<Confirmed> {
        let connection = connection::connect(self.uri.clone(), &self.name).await?;
        let _hang_up = connection.hang_up();
        let sending = async { send(&Publisher::open(&connection).await?, queue, marker).await };
        match timeout(connection::PATIENCE, sending).await {
            Ok(confirmed) => confirmed,
            Err(_) => Ok(Confirmed::Refused),
        }
    }
}

async fn send(publisher: &Publisher, queue: &str, marker: Marker) -> anyhow::Result<Confirmed> {
    let confirm = publisher.publish(queue, &[], message::marker_properties(marker)).await;
    confirm.context("publishing a marker")?.await.context("publishing a marker")
}
