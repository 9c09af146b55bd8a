//! The wire: everything that leaves a process and is read by another one, as one type for both sides.
//!
//! Two programs that talk to each other are deployed at different moments, so each must understand what the other's
//! previous version says. What stands here is therefore written down in `testdata/` too, and tested in both directions.
//!
//! - [`error_type`]: what a function answers as the type of its error
//! - [`env`]: the environment variables that tell a program what it needs

pub mod env;
pub mod error_type;

pub use error_type::ErrorType;
