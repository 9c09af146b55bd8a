//! A bridge's reign over a group.

use super::events::{Action, End, Event, Millis, StreamNo};
use super::lane::{Context, Lane};
use super::markers::Markers;
use super::rules::Rule;
use super::settings::{LaneSpec, ReignSettings};
use crate::ids::Epoch;

/// The state machine of a reign: told what happens by [`Reign::handle`], it answers what to do. It holds no bodies and
/// knows no clock. See the [module](super) for why it is right.
#[derive(Debug)]
pub struct Reign {
    settings: ReignSettings,
    epoch: Option<Epoch>,
    markers: Markers,
    lanes: Vec<Lane>,
    channels: u64,
    ended: bool,
}

impl Reign {
    /// A reign over a group's streams that has not begun.
    pub fn new(streams: Vec<LaneSpec>, settings: ReignSettings) -> Self {
        let markers = Markers::new(streams.len());
        let lanes = streams.into_iter().enumerate().map(|(no, spec)| Lane::new(StreamNo(no), spec)).collect();
        Self { settings, epoch: None, markers, lanes, channels: 0, ended: false }
    }

    /// The epoch; `None` if it is not raised yet.
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// When [`Event::Tick`] is due at the latest; `None` if only news can change anything.
    pub fn deadline(&self) -> Option<Millis> {
        if self.ended {
            return None;
        }
        self.lanes.iter().filter_map(|lane| lane.deadline(&self.settings)).min()
    }

    /// Takes in an event at time `now` and appends what is to be done to `out`. After [`Action::End`] nothing more comes.
    pub fn handle(&mut self, now: Millis, event: Event, out: &mut Vec<Action>) {
        if self.ended {
            return;
        }
        let result = match (event, self.epoch) {
            (Event::Start, None) => {
                out.push(Action::RaiseEpoch);
                Ok(())
            }
            (Event::EpochRaised(Some(epoch)), None) => {
                self.begin(now, epoch, out);
                Ok(())
            }
            (Event::EpochRaised(None), None) => {
                // Somebody raised it to what the head says now; it may not have been this call.
                out.push(if self.settings.rules.keeps(Rule::RaiseAgain) {
                    Action::RaiseEpoch
                } else {
                    Action::ReadHead
                });
                Ok(())
            }
            (Event::HeadRead(epoch), None) if !self.settings.rules.keeps(Rule::RaiseAgain) => {
                self.begin(now, epoch, out);
                Ok(())
            }
            (_, None) => Ok(()),
            (event, Some(epoch)) => self.told(now, epoch, event, out),
        };
        if let Err(end) = result.and_then(|()| self.advance(now, out)) {
            self.ended = true;
            out.push(Action::End(end));
        }
    }

    fn begin(&mut self, now: Millis, epoch: Epoch, out: &mut Vec<Action>) {
        self.epoch = Some(epoch);
        self.each(now, epoch, out, Lane::begin);
    }

    fn told(&mut self, now: Millis, epoch: Epoch, event: Event, out: &mut Vec<Action>) -> Result<(), End> {
        let Self { settings, markers, lanes, channels, .. } = self;
        let mut cx = Context { now, epoch, settings, markers, channels, out };
        match event {
            Event::Start | Event::EpochRaised(_) | Event::Tick => {}
            Event::HeadRead(head) if head != epoch => return Err(End::Fenced),
            Event::HeadRead(_) => self.each(now, epoch, out, Lane::reassured),
            Event::PrefetchRecorded(no, prefetch) => lanes[no.0].recorded(prefetch, cx.settings),
            Event::ChannelOpened(no, channel) => lanes[no.0].opened(channel, &mut cx),
            Event::ChannelClosed(no, channel) => lanes[no.0].closed(channel, &mut cx),
            Event::Cancelled(no, channel) => lanes[no.0].cancelled(channel, &mut cx),
            Event::Delivered(no, channel, deliveries) => lanes[no.0].delivered(channel, deliveries, &mut cx)?,
            Event::TailRead(no, channel, head, tail) => lanes[no.0].tail_read(channel, head, &tail, &mut cx)?,
            Event::Filled(no, messages, full) => lanes[no.0].filled(messages, full, &mut cx),
            Event::Invoked(no, ordinal, outcome) => lanes[no.0].invoked(ordinal, outcome, &mut cx)?,
        }
        Ok(())
    }

    /// Lets every stream do what it can, until none can do more: a marker that counts in one may release another's batch.
    fn advance(&mut self, now: Millis, out: &mut Vec<Action>) -> Result<(), End> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        loop {
            let before = out.len();
            self.each(now, epoch, out, Lane::advance);
            if out.len() == before {
                break;
            }
        }
        if self.settings.drain && self.lanes.iter().all(Lane::drained) {
            return Err(End::Drained);
        }
        Ok(())
    }

    fn each(
        &mut self,
        now: Millis,
        epoch: Epoch,
        out: &mut Vec<Action>,
        mut act: impl FnMut(&mut Lane, &mut Context<'_>),
    ) {
        let Self { settings, markers, lanes, channels, .. } = self;
        for lane in lanes {
            act(lane, &mut Context { now, epoch, settings, markers, channels, out });
        }
    }
}
