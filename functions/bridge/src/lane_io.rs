//! What one stream of a reign holds outside of the core: its channel, its messages, the batch on its way.

use std::sync::Arc;

use foz_domain::bridge::ChannelNo;
use foz_domain::{Ordinal, StreamName};
use foz_rabbit::Channel;

use crate::backlog::{Backlog, CutBatch};
use crate::spool::Spool;

/// The input and output of a lane.
pub struct LaneIo {
    stream: StreamName,
    spool: Spool,
    channel: Option<(ChannelNo, Channel)>,
    /// What the channel delivered.
    pub backlog: Backlog,
    flight: Option<(Ordinal, Arc<CutBatch>)>,
    /// Whether it was said that messages are moved here.
    mover_told: bool,
}

impl LaneIo {
    /// A lane without a channel.
    pub fn new(stream: StreamName, spool: Spool) -> Self {
        let backlog = Backlog::new(stream.clone(), spool.clone());
        Self { stream, spool, channel: None, backlog, flight: None, mover_told: false }
    }

    /// Takes over a channel that was opened.
    pub fn opened(&mut self, number: ChannelNo, channel: Channel) {
        self.channel = Some((number, channel));
    }

    /// The channel of that number, or `None` if the lane has gone on to another.
    pub fn channel(&self, number: ChannelNo) -> Option<&Channel> {
        self.channel.as_ref().filter(|(at, _)| *at == number).map(|(_, channel)| channel)
    }

    /// Hands out the channel of that number to be closed, or `None` if the lane has gone on to another.
    pub fn take_channel(&mut self, number: ChannelNo) -> Option<Channel> {
        self.channel.take_if(|(at, _)| *at == number).map(|(_, channel)| channel)
    }

    /// Whether it is to be told now that messages are moved here: once in a reign.
    pub fn tells_mover(&mut self) -> bool {
        !std::mem::replace(&mut self.mover_told, true)
    }

    /// Forgets the channel and all that it delivered. A batch on its way stays there.
    pub fn discard(&mut self) {
        self.channel = None;
        self.backlog = Backlog::new(self.stream.clone(), self.spool.clone());
    }

    /// The batch of that number, which every attempt shares, or `None` if none is cut.
    pub fn take_off(&mut self, ordinal: Ordinal) -> Option<Arc<CutBatch>> {
        if self.flight.as_ref().is_none_or(|(of, _)| *of != ordinal) {
            self.flight = self.backlog.next_cut().map(|batch| (ordinal, Arc::new(batch)));
        }
        self.flight.as_ref().map(|(_, batch)| Arc::clone(batch))
    }

    /// Forgets the batch of that number: it is committed.
    pub fn land(&mut self, ordinal: Ordinal) {
        self.flight.take_if(|(of, _)| *of == ordinal);
    }
}
