//! RabbitMQ: the only place that speaks AMQP.
//!
//! - [`queue`]: what a queue must be, so that nothing in it is lost or reordered
//! - [`inspect`]: whether a queue is that
//! - [`declare`]: makes queues
//! - [`look`]: how much waits in queues, and whether a lock is held
//! - [`address`]: the broker's URL
//! - [`connection`]: connections and channels, and how they fail
//! - [`broker_error`]: the client library's errors, told once
//! - [`question`]: asks about a queue by declaring it
//! - [`lock`]: an exclusive queue, which dies with its connection
//! - [`consume`]: subscribing, acknowledging, giving back
//! - [`publish`]: publishing with confirms
//! - [`message`]: arrivals to messages of the lake, messages to what is published, markers
//! - [`mover`]: what brings messages from one queue to another
//! - [`arrival`]: messages as they arrive, undecoded
//! - [`properties`]: what a publisher wrote beside a body
//! - [`field`]: field tables, which carry headers
//! - [`octets`]: reads encoded values
//! - [`stream`]: the stream under lapin, to which the broker's frames come transcoded
//! - [`transcoder`]: passes what a publisher wrote through lapin as bytes

pub mod address;
pub mod arrival;
pub mod broker_error;
pub mod connection;
pub mod consume;
pub mod declare;
pub mod field;
pub mod inspect;
pub mod lock;
pub mod look;
pub mod message;
pub mod mover;
mod octets;
mod properties;
pub mod publish;
mod question;
pub mod queue;
mod stream;
mod transcoder;

pub use arrival::{Arrival, Arrivals};
pub use broker_error::BrokerError;
pub use connection::{BrokerConnection, LoginRefused, connect};
pub use lapin::protocol::basic::AMQPProperties;
pub use lapin::uri::AMQPUri;
pub use lapin::{Channel, Connection, ErrorKind};
