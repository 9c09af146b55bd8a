//! The bridge's protocol, without its I/O: a [`Reign`] over a group is told what happens ([`Event`]) and answers what to
//! do ([`Action`]). It holds no bodies, only delivery tags, sizes, and digests where they are still needed.
//!
//! - `events`: what a reign is told and asks for
//! - `settings`: sizes and periods
//! - `rules`: the [`Rules`], with switches that are compiled out of what is released
//! - `reign`, `lane`: the state machine of a group, and of each stream in it: what it is told, then what it does by itself
//! - `channel`, `window`: a stream's channel, and what it has delivered that is not acknowledged
//! - `align`: which redelivered messages are in the catalog already
//! - `markers`: numbers of markers, and patience
//! - `doubt`: markers that seem to be of a newer reign
//! - `probe`: whether a queue gives anything
//! - `drain`: how old a batch gets
//!
//! From two facts, that the catalog commits a batch in one transaction under an epoch and an ordinal, and that RabbitMQ gives
//! back in order what was not acknowledged, the reign makes: every confirmed message is committed once; each stream in the
//! order of its queue; and if a was confirmed before b was published, and b's stream refers to a's, then a before b.
//!
//! Why that is so, rule by rule, and how it was checked: `docs/protocol.md`, "The bridge". `tests/bridge_rules.rs` drives
//! this very code through a simulation that shows what each rule is for.

mod align;
mod channel;
mod doubt;
mod drain;
mod events;
mod lane;
mod markers;
mod probe;
mod reign;
mod rules;
mod settings;
mod window;

pub use align::committed_prefix;
pub use events::{
    Action, ChannelNo, Content, Delivery, End, Event, InvokeOutcome, Marker, Millis, Notice, StreamNo, Tag, Unfitness,
};
pub use reign::Reign;
pub use rules::{Rule, Rules};
pub use settings::{LaneSpec, ReignSettings};
