//! A lock: an exclusive queue, which belongs to one connection and dies with it.

use anyhow::Context;
use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::timeout;

use crate::broker_error::BrokerError;
use crate::connection::{self, PATIENCE, Refusal};

/// The name of the lock on a lake's group.
pub fn name(lake: &str, group: &str) -> String {
    format!("foz.{lake}.{group}.lock")
}

/// Takes the lock of that name for the connection. `false` if another connection holds it.
pub async fn try_lock(connection: &Connection, name: &str) -> anyhow::Result<bool> {
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    // A refusal closes the channel, so each attempt gets its own.
    let channel = connection::channel(connection).await?;
    match timeout(PATIENCE, channel.queue_declare(name.into(), options, FieldTable::default())).await? {
        Ok(_) => Ok(true),
        Err(error) => match Refusal::of(&error) {
            Some(Refusal { code: Refusal::RESOURCE_LOCKED, .. }) => Ok(false),
            _ => Err(BrokerError::from(error)).context("declaring the lock"),
        },
    }
}
