//! Asks the broker about a queue by declaring it.

use anyhow::Context;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, Queue};
use tokio::time::timeout;

use crate::broker_error::BrokerError;
use crate::connection::{self, PATIENCE, Refusal};

/// The queue as the broker answers the declaration, or what it says when it refuses.
///
/// Each question gets a channel of its own, as a refusal closes it. lapin never uses a number of such a channel again, so
/// who is refused often asks on a connection that does not live for long. Otherwise the channel is closed here and now:
/// one that is only dropped is closed behind our back, and fails a connection that is closed at the same time.
///
/// # Errors
/// If the broker does not answer.
pub(crate) async fn declared(
    connection: &Connection,
    queue: &str,
    options: QueueDeclareOptions,
    arguments: FieldTable,
) -> anyhow::Result<Result<Queue, Refusal>> {
    let channel = connection::channel(connection).await?;
    let answer = timeout(PATIENCE, channel.queue_declare(queue.into(), options, arguments)).await;
    match answer.context("the broker does not answer")? {
        Ok(queue) => {
            let _ = timeout(PATIENCE, channel.close(200, "asked".into())).await;
            Ok(Ok(queue))
        }
        Err(error) => match Refusal::of(&error) {
            Some(refusal) => Ok(Err(refusal)),
            None => Err(BrokerError::from(error)).with_context(|| format!("declaring queue {queue}")),
        },
    }
}
