//! The wire: everything that leaves a process and is read by another one, as one type for both sides.
//!
//! Two programs that talk to each other are deployed at different moments, so each must understand what the other's
//! previous version says. `testdata/` holds every message as it is on the wire; what is written must equal the file, and
//! the file must be understood.
//!
//! - [`ingest`]: a batch for ingest, and what ingest answers
//! - [`mapping`]: the event with which Amazon MQ's event source mapping invokes ingest
//! - [`attempt`]: which attempt transform, consolidate and compact are to carry out, and what they answer
//! - [`hint`]: what wakes dispatch; [`notification`] and [`failure_report`]: hints that S3 and Lambda write
//! - [`sqs`]: the batch of hints that SQS hands over, and which of them failed
//! - [`marker`]: the headers of the messages with which a bridge marks its place in a queue
//! - [`error_type`]: what a function answers as the type of its error
//! - [`mod@env`]: the environment variables that tell a program what it needs

pub mod attempt;
mod base64_text;
pub mod env;
pub mod error_type;
pub mod failure_report;
pub mod hint;
pub mod ingest;
pub mod mapping;
pub mod marker;
pub mod notification;
mod number;
pub mod sqs;
mod text;

pub use attempt::{Attempt, AttemptAnswer};
pub use error_type::ErrorType;
pub use hint::Hint;
pub use ingest::{IngestAnswer, IngestRequest};
