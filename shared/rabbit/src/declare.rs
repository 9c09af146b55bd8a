//! Makes queues.

use anyhow::Context;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ExchangeKind};
use tokio::time::timeout;

use crate::broker_error::BrokerError;
use crate::connection::{self, PATIENCE, Refusal};
use crate::queue::{StreamQueue, table};

/// Declares what a stream needs, the dead-letter queue first. Returns the broker's words if it refuses.
pub async fn declare(connection: &Connection, queue: &StreamQueue) -> anyhow::Result<Option<String>> {
    let channel = connection::channel(connection).await?;
    let (name, dead) = (queue.name.as_str(), queue.dead_letters.as_str());
    let declare = async {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(dead.into(), ExchangeKind::Fanout, durable, FieldTable::default()).await?;
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(dead.into(), durable, table(&StreamQueue::dead_letter_arguments())).await?;
        let options = QueueBindOptions::default();
        channel.queue_bind(dead.into(), dead.into(), "".into(), options, FieldTable::default()).await?;
        channel.queue_declare(name.into(), durable, table(&queue.arguments())).await
    };
    match timeout(PATIENCE, declare).await.context("the broker does not answer")? {
        Ok(_) => Ok(None),
        Err(error) => match Refusal::of(&error) {
            Some(refusal) => Ok(Some(refusal.text)),
            None => Err(BrokerError::from(error)).with_context(|| format!("declaring {name}")),
        },
    }
}
