//! Dispatch: hints become what each group may run next.
//!
//! A hint says only that there may be work; truth is in the catalog. So duplicated, late, reordered and lost hints change
//! nothing but latency, and any number of dispatches may look at a group at once.
//!
//! - [`raw_object`]: which stream an object of S3's notification belongs to
//! - [`policy`]: how the definition wants a group to be planned
//! - [`start`]: starting the function that runs a claim
//! - [`dispatch`]: look, decide, act, until a group only waits

pub mod dispatch;
pub mod policy;
pub mod raw_object;
pub mod start;

pub use dispatch::{Dispatch, DispatchComponents};
