//! What tasks tell the reign that they work for.

use foz_domain::bridge::{ChannelNo, Delivery, Event, StreamNo};
use foz_rabbit::Channel;
use foz_rabbit::mover::Mover;

use crate::parcel::Parcel;

/// What a task tells.
#[derive(Debug)]
pub enum News {
    /// Something that concerns the core alone.
    Event(Event),
    /// A channel is open.
    Opened(StreamNo, ChannelNo, Channel),
    /// A channel delivered.
    Delivered(StreamNo, ChannelNo, Load),
    /// The reign cannot go on.
    Lost(anyhow::Error),
}

/// Deliveries that are passed on together, and the messages among them in the same order.
#[derive(Debug, Default)]
pub struct Load {
    /// What the core is told of each.
    pub deliveries: Vec<Delivery>,
    /// The messages; a marker has none.
    pub parcels: Vec<Parcel>,
    /// What brought one of the messages here from another queue, or `None` if none says so.
    pub mover: Option<Mover>,
}
