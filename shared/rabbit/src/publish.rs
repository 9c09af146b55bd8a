//! Publishing with confirms.

use std::pin::Pin;
use std::task::{Poll, ready};

use anyhow::Context;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::protocol::basic::AMQPProperties;
use lapin::{Channel, Confirmation, Connection, PublisherConfirm};

use crate::connection;

/// A channel on which the broker confirms what is published. Clones share it.
#[derive(Debug, Clone)]
pub struct Publisher {
    channel: Channel,
}

impl Publisher {
    /// Opens a channel and asks for confirms.
    pub async fn open(connection: &Connection) -> anyhow::Result<Self> {
        let channel = connection::channel(connection).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.context("asking for confirms")?;
        Ok(Self { channel })
    }

    /// Publishes a message to the queue. What the result resolves to says whether the queue has it.
    pub async fn publish(&self, queue: &str, body: &[u8], properties: AMQPProperties) -> lapin::Result<Confirm> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        self.channel.basic_publish("".into(), queue.into(), options, body, properties).await.map(Confirm)
    }
}

/// What the broker will say of a message.
#[derive(Debug)]
pub struct Confirm(PublisherConfirm);

impl Future for Confirm {
    type Output = lapin::Result<Confirmed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let confirmation = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(confirmation.map(|confirmation| match confirmation {
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
