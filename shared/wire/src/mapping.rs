//! The event of Amazon MQ's event source mapping, as Lambda documents it ("Using Lambda with Amazon MQ", RabbitMQ record
//! event).
//!
//! Not the type of `aws_lambda_events`: there, one record that is not as expected makes the whole event unreadable, and a
//! mapping would repeat it for ever. Here each record is kept as text and read by itself.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The messages that a mapping hands over.
#[derive(Debug)]
pub struct MappingEvent {
    /// Queue and virtual host (`orders.state::/`) → its records, in the order of the queue.
    pub messages: BTreeMap<String, Vec<Box<RawValue>>>,
}
