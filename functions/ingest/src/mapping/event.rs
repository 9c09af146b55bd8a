//! The event, as Lambda documents it ("Using Lambda with Amazon MQ", RabbitMQ record event).
//!
//! Not the type of `aws_lambda_events`: there, one record that is not as expected makes the whole event unreadable, and a
//! mapping would repeat it for ever. Here each record is kept as text and read by itself.

use std::collections::BTreeMap;

use foz_domain::StreamName;
use foz_pipeline::{Definition, Door};
use serde_json::value::RawValue;

/// What a mapping hands over.
#[derive(Debug)]
pub struct Event {
    /// Queue and virtual host (`orders.state::/`) → its records, in the order of the queue.
    pub messages: BTreeMap<String, Vec<Box<RawValue>>>,
}

/// How an event names the queue of each stream that comes by a mapping.
pub fn queues(definition: &Definition) -> BTreeMap<String, StreamName> {
    let vhost = &definition.broker.vhost;
    let mapped = definition.streams.values().filter(|stream| stream.settings.door == Door::Mapping);
    mapped.map(|stream| (format!("{}::{vhost}", stream.queue), stream.name.clone())).collect()
}
