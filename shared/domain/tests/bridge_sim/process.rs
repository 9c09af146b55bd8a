//! A bridge process around the real core: the bytes that it would hold are message numbers here.

use std::collections::VecDeque;

use foz_domain::Ordinal;
use foz_domain::bridge::{ChannelNo, Reign, StreamNo};

use super::broker::Connection;

/// What one stream's part of a process holds.
#[derive(Debug, Default)]
pub struct Lane {
    pub channel: Option<ChannelNo>,
    pub held: VecDeque<usize>,
    pub open: Vec<usize>,
    pub cut: VecDeque<Vec<usize>>,
    pub flight: Option<(Ordinal, Vec<usize>)>,
    /// The stream's messages in the catalog before the epoch was raised.
    pub early_tail: Option<Vec<usize>>,
}

impl Lane {
    pub fn discard(&mut self) {
        let (flight, early_tail) = (self.flight.take(), self.early_tail.take());
        *self = Self { flight, early_tail, ..Self::default() };
    }

    /// The batch to send under this ordinal: the one in flight, or the next.
    pub fn batch(&mut self, ordinal: Ordinal) -> Vec<usize> {
        match &self.flight {
            Some((of, content)) if *of == ordinal && !content.is_empty() => content.clone(),
            _ => {
                let content = self.cut.pop_front().unwrap_or_default();
                self.flight = Some((ordinal, content.clone()));
                content
            }
        }
    }
}

/// A process that reigns, or believes that it does.
pub struct Process {
    pub connection: Connection,
    pub core: Reign,
    pub lanes: Vec<Lane>,
}

impl Process {
    pub fn lane(&mut self, no: StreamNo) -> &mut Lane {
        &mut self.lanes[no.0]
    }
}
