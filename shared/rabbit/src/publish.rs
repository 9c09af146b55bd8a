//! Publishing with confirms.

use std::pin::Pin;
use std::task::{Poll, ready};

use anyhow::Context;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::protocol::basic::AMQPProperties;
use lapin::{Channel, Confirmation, Connection, PublisherConfirm};
use tokio::time::timeout;

use crate::broker_error::BrokerError;
use crate::connection::{self, PATIENCE};

/// A channel on which the broker confirms what is published. Clones share it.
#[derive(Debug, Clone)]
pub struct Publisher {
    channel: Channel,
}

impl Publisher {
    /// Opens a channel and asks for confirms.
    pub async fn open(connection: &Connection) -> anyhow::Result<Self> {
        let channel = connection::channel(connection).await?;
        let asked = timeout(PATIENCE, channel.confirm_select(ConfirmSelectOptions::default())).await;
        asked.context("the broker does not answer")?.map_err(BrokerError::from).context("asking for confirms")?;
        Ok(Self { channel })
    }

    /// Publishes a message to the queue. What the result resolves to says whether the queue has it.
    pub async fn publish(&self, queue: &str, body: &[u8], properties: AMQPProperties) -> Result<Confirm, BrokerError> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = self.channel.basic_publish("".into(), queue.into(), options, body, properties).await;
        Ok(Confirm(sent?))
    }
}

/// What the broker will say of a message.
#[derive(Debug)]
pub struct Confirm(PublisherConfirm);

impl Future for Confirm {
    type Output = Result<Confirmed, BrokerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let confirmation = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(confirmation.map_err(BrokerError::from).map(|confirmation| match confirmation {
            Confirmation::Ack(None) => Confirmed::Accepted,
            Confirmation::Ack(Some(returned)) => Confirmed::Returned(returned.reply_text.to_string()),
            Confirmation::Nack(_) | Confirmation::NotRequested => Confirmed::Refused,
        }))
    }
}

/// What the broker says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// The queue has it.
    Accepted,
    /// There is no such queue, in the broker's words.
    Returned(String),
    /// The queue is full or not available.
    Refused,
}
