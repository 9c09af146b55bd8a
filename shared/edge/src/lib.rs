//! The edge kit: everything through which a process touches its surroundings, so that the rest takes it as a value.
//!
//! - [`settings`]: the environment, read once, typed, all errors at once
//! - [`clock`]: the only clock
//! - [`logging`]: structured logs on standard output
//! - [`metrics`]: the registry of metrics, emitted in CloudWatch's embedded format
//! - [`aws`]: client configuration
//! - [`components`]: the clients through which a program reaches its lake
//! - [`failure`]: errors become a stable `error_type`
//! - [`function`]: boots a Lambda function around a typed handler
//! - [`hints`]: tells dispatch that a group may have work
//! - [`fail_point`](mod@fail_point): named places at which tests make a process die, fail or hang

pub mod aws;
pub mod clock;
pub mod components;
pub mod fail_point;
pub mod failure;
pub mod function;
pub mod hints;
pub mod logging;
pub mod metrics;
pub mod settings;

pub use components::Components;
pub use fail_point::fail_point;
pub use failure::{Classified, Failure, error_type};
pub use foz_wire::ErrorType;
pub use function::run;
pub use hints::Hints;
