//! One stream's part of a reign: its channel, its batches, the one that is in flight.

mod advance;
mod batches;
mod told;

use std::collections::VecDeque;

use self::batches::{Flight, OpenBatch, QueuedBatch};
use super::channel::{Channel, Fate, Link, Phase};
use super::doubt::Doubt;
use super::drain::Rate;
use super::events::{Action, ChannelNo, End, Marker, Millis, Notice, StreamNo, Unfitness};
use super::markers::Markers;
use super::probe::Probe;
use super::rules::Rule;
use super::settings::{LaneSpec, ReignSettings};
use super::window::Window;
use crate::ids::{Epoch, Ordinal};

/// The longest pause before a channel is opened again, as a multiple of [`ReignSettings::reopen_delay`].
const LONGEST_REOPEN: u32 = 6;

/// What a stream's part sees of the rest of its reign.
pub(super) struct Context<'a> {
    pub(super) now: Millis,
    pub(super) epoch: Epoch,
    pub(super) seal: u64,
    pub(super) settings: &'a ReignSettings,
    pub(super) markers: &'a mut Markers,
    pub(super) doubt: &'a mut Doubt,
    pub(super) channels: &'a mut u64,
    pub(super) out: &'a mut Vec<Action>,
}

impl Context<'_> {
    /// Whether the reign keeps the rule.
    fn keeps(&self, rule: Rule) -> bool {
        self.settings.rules.keeps(rule)
    }

    /// Publishes the next marker into a queue. Returns its number.
    fn publish(&mut self, queue: StreamNo) -> u64 {
        let number = self.markers.publish(queue);
        self.put(queue, number);
        number
    }

    /// Publishes a marker of this number.
    fn put(&mut self, queue: StreamNo, number: u64) {
        self.out.push(Action::Publish(queue, Marker { epoch: self.epoch, number, seal: self.seal }));
    }
}

/// What the stream head records as the stream's largest prefetch.
#[derive(Debug, Clone, Copy)]
enum Prefetch {
    /// Nobody has told yet.
    Unknown,
    Recorded(u16),
    /// At least this; a larger one is being recorded.
    Raising(u16),
}

impl Prefetch {
    /// The largest that is known to be recorded; `None` if nothing is known.
    fn recorded(self) -> Option<u16> {
        match self {
            Self::Unknown => None,
            Self::Recorded(prefetch) | Self::Raising(prefetch) => Some(prefetch),
        }
    }
}

/// How far the reign is with what was in the stream's queue before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// No channel is aligned yet.
    Unaligned,
    /// A channel was aligned: what came on it was new from then on.
    Aligned,
    /// Everything that was in the queue when its channel was first opened is committed.
    Drained,
}

/// The state of one stream.
#[derive(Debug)]
pub(super) struct Lane {
    no: StreamNo,
    spec: LaneSpec,
    rate: Rate,
    link: Link,
    /// How many times in a row no channel could be opened.
    refusals: u32,
    prefetch: Prefetch,
    progress: Progress,
    /// Whether the queue is not consumed, as it, or one that the stream refers to, is not fit.
    given_up: bool,
    /// Whether it was said that a foreign marker came.
    foreign_said: bool,
    /// Whether an [`Action::Fill`] is not answered yet. What can be done next depends on the answer.
    filling: bool,
    open: Option<OpenBatch>,
    batches: VecDeque<QueuedBatch>,
    flight: Option<Flight>,
    /// Ordinal of the last batch that was sent to ingest.
    ordinal: Ordinal,
    /// Markers of closed channels; empty where [`Rule::ForgetOnClose`] is kept.
    remembered: Vec<u64>,
}

impl Lane {
    pub(super) fn new(no: StreamNo, spec: LaneSpec) -> Self {
        Self {
            no,
            spec,
            rate: Rate::default(),
            link: Link::Closed { from: 0 },
            refusals: 0,
            prefetch: Prefetch::Unknown,
            progress: Progress::Unaligned,
            given_up: false,
            foreign_said: false,
            filling: false,
            open: None,
            batches: VecDeque::new(),
            flight: None,
            ordinal: Ordinal(0),
            remembered: Vec::new(),
        }
    }

    /// Whether everything that was in the queue when its channel was first opened is committed.
    pub(super) fn drained(&self) -> bool {
        self.progress == Progress::Drained
    }

    /// Whether the stream was given up, and nothing of it waits for the catalog.
    pub(super) fn abandoned(&self) -> bool {
        self.given_up && self.flight.is_none() && !matches!(self.link, Link::Open(_))
    }

    /// Whether a batch is on its way to the catalog.
    pub(super) fn is_flying(&self) -> bool {
        self.flight.is_some()
    }

    /// When the batch on its way is to be sent again; `None` if there is none, or no answer yet.
    pub(super) fn retry_at(&self) -> Option<Millis> {
        self.flight.as_ref().and_then(|flight| flight.retry_at)
    }

    /// The streams that it refers to.
    pub(super) fn references(&self) -> &[StreamNo] {
        &self.spec.references
    }

    pub(super) fn begin(&mut self, cx: &mut Context<'_>) {
        cx.out.push(Action::RecordPrefetch(self.no, cx.settings.first_prefetch()));
    }

    pub(super) fn recorded(&mut self, prefetch: u16, settings: &ReignSettings) {
        let before = self.prefetch.recorded();
        let kept = settings.rules.keeps(Rule::KeepPrefetch) || before.is_some();
        let recorded = if kept { prefetch } else { settings.first_prefetch() };
        self.prefetch = Prefetch::Recorded(before.map_or(recorded, |before| before.max(recorded)));
    }

    pub(super) fn opened(&mut self, number: ChannelNo, cx: &mut Context<'_>) {
        let Link::Opening { number: expected, prefetch } = self.link else { return };
        if number != expected {
            return;
        }
        self.refusals = 0;
        let phase = if !cx.keeps(Rule::Align) || self.progress >= Progress::Aligned && !cx.keeps(Rule::AlignEachChannel)
        {
            Phase::Flowing
        } else {
            Phase::Holding { seen: Vec::new(), probe: Probe::new(cx.now, cx.settings) }
        };
        self.link = Link::Open(Channel { number, prefetch, window: Window::default(), phase, fate: Fate::Consuming });
        if self.given_up {
            self.close(cx);
        }
    }

    pub(super) fn closed(&mut self, number: ChannelNo, cx: &mut Context<'_>) {
        let delay = match &self.link {
            Link::Opening { number: at, .. } if *at == number => {
                let delay = cx.settings.reopen_delay << self.refusals.min(LONGEST_REOPEN);
                self.refusals += 1;
                delay
            }
            Link::Open(channel) if channel.number == number => {
                self.discard(cx);
                cx.settings.reopen_delay
            }
            Link::Closing(at) if *at == number => 0,
            _ => return,
        };
        self.link = Link::Closed { from: cx.now + delay };
    }

    /// The server cancelled the consumer. It does so when a queue goes: then what was delivered is nowhere else.
    pub(super) fn cancelled(&mut self, number: ChannelNo, cx: &mut Context<'_>) {
        let Some(channel) = self.link.open(number) else { return };
        if !cx.keeps(Rule::CloseCancelled) {
            self.discard(cx);
            self.link = Link::Closed { from: cx.now };
        } else if channel.may_be_finished() {
            if channel.fate == Fate::Consuming {
                channel.fate = Fate::Cancelled;
                cx.out.push(Action::LookForQueue(self.no, number));
            }
        } else {
            self.close(cx);
        }
    }

    /// When the oldest delivery that is not acknowledged was received; `None` if there is none.
    pub(super) fn oldest_unacknowledged(&self) -> Option<Millis> {
        let Link::Open(channel) = &self.link else { return None };
        channel.window.oldest()
    }

    /// Whether the queue serves another consumer first; `None` if that is not known yet.
    pub(super) fn unheard(&self) -> Option<bool> {
        match &self.link {
            Link::Open(channel) => channel.unheard(),
            // Who does not consume is not behind anybody.
            _ if self.given_up => Some(false),
            _ => None,
        }
    }

    /// Whether the queue of a consumer that was cancelled is there.
    pub(super) fn queue_looked(&mut self, number: ChannelNo, found: bool, cx: &mut Context<'_>) {
        let Some(channel) = self.link.open(number) else { return };
        match channel.fate {
            // Its messages are given back to it, which the next channel gets first.
            Fate::Cancelled if found => self.close(cx),
            Fate::Cancelled => self.orphan(cx),
            Fate::Consuming | Fate::Orphaned => {}
        }
    }

    /// The queue, or one that the stream refers to, is not fit to be consumed.
    pub(super) fn give_up(&mut self, why: Unfitness, cx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.given_up, true) {
            cx.out.push(Action::Tell(self.no, Notice::GivenUp));
        }
        let Link::Open(channel) = &self.link else { return };
        match (channel.fate, why) {
            // It ends when it is finished, or by the answer that is awaited.
            (Fate::Cancelled | Fate::Orphaned, _) => {}
            (Fate::Consuming, Unfitness::Gone) if channel.may_be_finished() => self.orphan(cx),
            (Fate::Consuming, _) => self.close(cx),
        }
    }

    /// The queue, and all that the stream refers to, are fit again.
    pub(super) fn take_up(&mut self, cx: &mut Context<'_>) {
        if std::mem::take(&mut self.given_up) {
            cx.out.push(Action::Tell(self.no, Notice::TakenUp));
        }
    }

    /// The queue is gone: nothing more comes, and what was delivered can only go to the catalog.
    fn orphan(&mut self, cx: &mut Context<'_>) {
        let Link::Open(channel) = &mut self.link else { return };
        channel.fate = Fate::Orphaned;
        cx.out.push(Action::Tell(self.no, Notice::Orphaned(channel.window.messages())));
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        let Link::Open(channel) = &self.link else { return };
        let number = channel.number;
        cx.out.push(Action::CloseChannel(self.no, number));
        self.discard(cx);
        self.link = Link::Closing(number);
    }

    /// The channel's messages will be delivered again: forgets them, and every marker that does not count yet.
    fn discard(&mut self, cx: &mut Context<'_>) {
        cx.out.push(Action::Discard(self.no));
        self.open = None;
        self.batches.clear();
        if let Link::Open(channel) = &self.link
            && !cx.keeps(Rule::ForgetOnClose)
        {
            self.remembered.extend(channel.window.markers());
        }
        if !cx.keeps(Rule::ResolveFirst) && self.flight.take().is_some() {
            self.ordinal = Ordinal(self.ordinal.0 - 1);
        }
    }
}
