//! RabbitMQ: the only place that speaks AMQP.
//!
//! - [`queue`]: what a queue must be, so that nothing in it is lost or reordered
//! - [`inspect`]: whether a queue is that
//! - [`declare`]: makes queues, and counts what waits in them
//! - [`connection`]: connections and channels, and how they fail
//! - [`lock`]: an exclusive queue, which dies with its connection
//! - [`consume`]: subscribing, acknowledging, giving back
//! - [`publish`]: publishing with confirms
//! - [`message`]: deliveries to messages of the lake, messages to what is published, markers

pub mod connection;
pub mod consume;
pub mod declare;
pub mod inspect;
pub mod lock;
pub mod message;
pub mod publish;
pub mod queue;

pub use connection::connect;
pub use lapin::message::Delivery;
pub use lapin::protocol::basic::AMQPProperties;
pub use lapin::uri::AMQPUri;
pub use lapin::{Channel, Connection, Consumer, Error, ErrorKind};
