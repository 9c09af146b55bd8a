//! The bridge: a process that consumes RabbitMQ queues in order and hands their messages to ingest, batch by batch.
//!
//! What it decides is decided in [`foz_domain::bridge`]; here is what does it.
//!
//! - [`settings`]: arguments and environment
//! - [`plan`]: what to consume, as the definition has it
//! - [`group`]: a group's life: connect, lock, reign, again
//! - [`lock`]: the lock on a group
//! - [`reign`]: runs the decisions of one reign
//! - [`intake`]: one channel: subscribe, pass on what is delivered
//! - [`parcel`]: messages on their way into a batch
//! - [`held`], [`stock`]: bytes that wait: for a batch, in a batch
//! - [`spool`]: in memory or in a temporary file
//! - [`ingest`]: invokes ingest
//! - [`records`]: asks the catalog
//! - [`pace`]: when a group is taken up again
//! - [`pause`]: pauses with jitter

pub mod group;
pub mod held;
pub mod ingest;
pub mod intake;
pub mod lock;
pub mod pace;
pub mod parcel;
pub mod pause;
pub mod plan;
pub mod records;
pub mod reign;
pub mod settings;
pub mod spool;
pub mod stock;
