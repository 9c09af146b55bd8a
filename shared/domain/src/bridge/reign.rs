//! A bridge's reign over a group.

use super::doubt::Doubt;
use super::events::{Action, End, Event, Millis, StreamNo, Unfitness};
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
    seal: u64,
    epoch: Option<Epoch>,
    markers: Markers,
    doubt: Doubt,
    lanes: Vec<Lane>,
    /// By stream, why its queue is not fit; `None` if it is.
    unfit: Vec<Option<Unfitness>>,
    channels: u64,
    stopping: bool,
    ended: bool,
}

impl Reign {
    /// A reign over a group's streams that has not begun. Its `seal` is a random number that no other has, by which it knows
    /// its markers.
    pub fn new(streams: Vec<LaneSpec>, settings: ReignSettings, seal: u64) -> Self {
        let markers = Markers::new(streams.len());
        let unfit = vec![None; streams.len()];
        let lanes = streams.into_iter().enumerate().map(|(no, spec)| Lane::new(StreamNo(no), spec)).collect();
        let doubt = Doubt::default();
        Self { settings, seal, epoch: None, markers, doubt, lanes, unfit, channels: 0, stopping: false, ended: false }
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
        let due = |lane: &Lane| if self.stopping { lane.retry_at() } else { lane.deadline(&self.settings) };
        self.lanes.iter().filter_map(due).min()
    }

    /// When the oldest delivery that is not acknowledged was received; `None` if all are.
    pub fn oldest_unacknowledged(&self) -> Option<Millis> {
        self.lanes.iter().filter_map(Lane::oldest_unacknowledged).min()
    }

    /// How many queues serve another consumer first, at least; `None` if none is known to, and some may.
    pub fn unheard(&self) -> Option<usize> {
        let behind = self.lanes.iter().filter(|lane| lane.unheard() == Some(true)).count();
        (behind > 0 || self.lanes.iter().all(|lane| lane.unheard().is_some())).then_some(behind)
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
            (Event::Stop, None) => Err(End::Stopped),
            (Event::GiveUp(no, why), None) => {
                self.unfit[no.0] = Some(why);
                Ok(())
            }
            (Event::TakeUp(no), None) => {
                self.unfit[no.0] = None;
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
        self.mind_fitness(now, epoch, out);
        let (lanes, mut cx) = self.parts(now, epoch, out);
        lanes.iter_mut().for_each(|lane| lane.begin(&mut cx));
    }

    fn told(&mut self, now: Millis, epoch: Epoch, event: Event, out: &mut Vec<Action>) -> Result<(), End> {
        let stopping = self.stopping;
        let (lanes, mut cx) = self.parts(now, epoch, out);
        match event {
            Event::Start | Event::EpochRaised(_) | Event::Tick => {}
            Event::Stop => self.stopping = true,
            Event::HeadRead(head) if head != epoch => return Err(End::Fenced),
            Event::Invoked(no, ordinal, outcome) => lanes[no.0].invoked(ordinal, outcome, &mut cx)?,
            Event::ChannelClosed(no, channel) => lanes[no.0].closed(channel, &mut cx),
            // What else comes concerns what would be taken in.
            _ if stopping => {}
            Event::HeadRead(_) => {
                if cx.doubt.settle() {
                    cx.out.push(Action::ReadHead);
                } else {
                    lanes.iter_mut().for_each(|lane| lane.undoubted(&mut cx));
                }
                lanes.iter_mut().try_for_each(|lane| lane.reassured(&mut cx))?;
            }
            Event::PrefetchRecorded(no, prefetch) => lanes[no.0].recorded(prefetch, cx.settings),
            Event::ChannelOpened(no, channel) => lanes[no.0].opened(channel, &mut cx),
            Event::Cancelled(no, channel) => lanes[no.0].cancelled(channel, &mut cx),
            Event::QueueLooked(no, channel, found) => lanes[no.0].queue_looked(channel, found, &mut cx),
            Event::Delivered(no, channel, deliveries) => lanes[no.0].delivered(channel, deliveries, &mut cx),
            Event::TailRead(no, channel, head, tail) => lanes[no.0].tail_read(channel, head, &tail, &mut cx)?,
            Event::Filled(no, messages, full) => lanes[no.0].filled(messages, full, &mut cx),
            Event::GiveUp(no, why) => {
                self.unfit[no.0] = Some(why);
                self.mind_fitness(now, epoch, out);
            }
            Event::TakeUp(no) => {
                self.unfit[no.0] = None;
                self.mind_fitness(now, epoch, out);
            }
        }
        Ok(())
    }

    /// Lets every stream do what it can, until none can do more: a marker that counts in one may release another's batch.
    fn advance(&mut self, now: Millis, out: &mut Vec<Action>) -> Result<(), End> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        let (stopping, drain) = (self.stopping, self.settings.drain);
        let (lanes, mut cx) = self.parts(now, epoch, out);
        if stopping {
            lanes.iter_mut().for_each(|lane| lane.retry(&mut cx));
            return if lanes.iter().any(Lane::is_flying) { Ok(()) } else { Err(End::Stopped) };
        }
        loop {
            let before = cx.out.len();
            lanes.iter_mut().try_for_each(|lane| lane.advance(&mut cx))?;
            if cx.out.len() == before {
                break;
            }
        }
        let done = |lane: &Lane| lane.drained() || lane.abandoned();
        match drain && lanes.iter().all(done) {
            true if lanes.iter().all(Lane::drained) => Err(End::Drained),
            true => Err(End::GivenUp),
            false => Ok(()),
        }
    }

    /// Gives up every stream whose queue is not fit, and every one that refers to such, directly or not: its batches would
    /// wait for markers that do not come, and be delivered again and again. Takes up the others.
    fn mind_fitness(&mut self, now: Millis, epoch: Epoch, out: &mut Vec<Action>) {
        let mut unfit = self.unfit.clone();
        // References form no cycle, so that many rounds reach every stream.
        for _ in 0..self.lanes.len() {
            for (no, lane) in self.lanes.iter().enumerate() {
                let waits = lane.references().iter().any(|queue| unfit[queue.0].is_some());
                unfit[no] = unfit[no].or(waits.then_some(Unfitness::Wrong));
            }
        }
        let (lanes, mut cx) = self.parts(now, epoch, out);
        for (lane, unfit) in lanes.iter_mut().zip(unfit) {
            match unfit {
                Some(why) => lane.give_up(why, &mut cx),
                None => lane.take_up(&mut cx),
            }
        }
    }

    /// The streams, and what they see of the rest.
    fn parts<'a>(&'a mut self, now: Millis, epoch: Epoch, out: &'a mut Vec<Action>) -> (&'a mut [Lane], Context<'a>) {
        let Self { settings, seal, markers, doubt, lanes, channels, .. } = self;
        (lanes, Context { now, epoch, seal: *seal, settings, markers, doubt, channels, out })
    }
}
