//! Dispatch: hints become what each group may run next.
//!
//! A hint says only that there may be work; truth is in the catalog. So duplicated, late, reordered and lost hints change
//! nothing but latency, and any number of dispatches may look at a group at once.
//!
//! - [`event`]: what may wake a dispatch, and how a batch of messages is answered
//! - [`policy`]: how the definition wants a group to be planned
//! - [`start`]: starting the function that runs a claim
//! - [`dispatch`]: look, decide, act, until a group only waits

pub mod dispatch;
pub mod event;
pub mod policy;
pub mod start;

pub use dispatch::{Dispatch, Wiring};
pub use event::{Answer, Event};
