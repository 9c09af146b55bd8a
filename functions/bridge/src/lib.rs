//! The bridge: a process that consumes RabbitMQ queues in order and hands their messages to ingest, batch by batch.
//!
//! What it decides is decided in [`foz_domain::bridge`]; here is what does it.
//!
//! - [`settings`]: arguments and environment
//! - [`assignment`]: which groups and queues to serve, as the definition has it
//! - [`group`]: a group's life: connect, lock, reign, again
//! - [`lock`]: the lock on a group
//! - [`pace`]: when a group is taken up again
//! - [`runner`]: runs the decisions of one reign
//! - [`news`]: what tasks tell the reign
//! - [`orders`]: what others tell it while it runs
//! - [`notices`]: what a reign tells people of its streams
//! - [`marker_publisher`]: publishes markers, also while the broker blocks publishers
//! - [`lane_io`]: what one stream of a reign holds: channel, messages, the batch on its way
//! - [`intake`]: one channel: subscribe, pass on what is delivered
//! - [`parcel`]: messages on their way into a batch
//! - [`backlog`]: messages that wait, fill a batch, are cut
//! - [`spool`]: bytes that wait in memory or in a temporary file
//! - [`ingest`]: sends batches to ingest
//! - [`group_catalog`]: asks the catalog
//! - [`queue_watch`]: looks at the queues while a group is held
//! - [`health`]: what a bridge tells of each group

pub mod assignment;
pub mod backlog;
pub mod group;
pub mod group_catalog;
pub mod health;
pub mod ingest;
pub mod intake;
pub mod lane_io;
pub mod lock;
pub mod marker_publisher;
pub mod news;
pub mod notices;
pub mod orders;
pub mod pace;
pub mod parcel;
pub mod queue_watch;
pub mod runner;
pub mod settings;
pub mod spool;
