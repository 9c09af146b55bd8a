//! The bridge's protocol, without its I/O.
//!
//! (to be written)

mod align;
mod channel;
mod drain;
mod events;
mod lane;
mod markers;
mod reign;
mod settings;
mod window;

pub use align::committed_prefix;
pub use events::{Action, ChannelNo, Content, Delivery, End, Event, Marker, Millis, Outcome, StreamNo, Tag};
pub use reign::Reign;
pub use settings::{Rules, Settings, StreamPlan};
