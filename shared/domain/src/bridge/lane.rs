//! One stream's part of a reign: its channel, its batches, the one that is in flight.

mod advance;

use std::collections::VecDeque;

use super::align::committed_prefix;
use super::channel::{Channel, Link, Phase};
use super::drain::Rate;
use super::events::{Action, ChannelNo, Content, Delivery, End, InvokeOutcome, Marker, Millis, StreamNo};
use super::markers::{Markers, Patience};
use super::rules::Rule;
use super::settings::{LaneSpec, ReignSettings};
use super::window::{Released, Window};
use crate::ids::{Digest, Epoch, Ordinal};

/// What a stream's part sees of the rest of its reign.
pub(super) struct Context<'a> {
    pub(super) now: Millis,
    pub(super) epoch: Epoch,
    pub(super) settings: &'a ReignSettings,
    pub(super) markers: &'a mut Markers,
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
        self.out.push(Action::Publish(queue, Marker { epoch: self.epoch, number }));
        number
    }
}

/// A batch that is being filled.
#[derive(Debug)]
struct OpenBatch {
    messages: usize,
    since: Millis,
}

/// A batch that is cut and not invoked yet.
#[derive(Debug)]
struct QueuedBatch {
    messages: usize,
    /// The markers that must count first; `None` if they are not published yet.
    needs: Option<Vec<(StreamNo, u64)>>,
    /// How long to wait for them; `None` if that was not asked yet.
    patience: Option<Patience>,
}

/// The batch that was sent to ingest and is not resolved.
#[derive(Debug)]
struct Flight {
    messages: usize,
    channel: ChannelNo,
    backoff: Millis,
    /// When it is to be sent again; `None` if there is no answer yet.
    retry_at: Option<Millis>,
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
    prefetch: Prefetch,
    progress: Progress,
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
            prefetch: Prefetch::Unknown,
            progress: Progress::Unaligned,
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
        let phase = if !cx.keeps(Rule::Align) || self.progress >= Progress::Aligned && !cx.keeps(Rule::AlignEachChannel)
        {
            Phase::Flowing
        } else {
            cx.out.push(Action::Publish(self.no, Marker { epoch: cx.epoch, number: Marker::ALIGNMENT }));
            Phase::Holding { seen: Vec::new(), patience: Patience::new(cx.now, cx.settings) }
        };
        self.link = Link::Open(Channel { number, prefetch, window: Window::default(), phase });
    }

    pub(super) fn closed(&mut self, number: ChannelNo, cx: &mut Context<'_>) {
        let delay = match &self.link {
            Link::Opening { number: at, .. } if *at == number => cx.settings.reopen_delay,
            Link::Open(channel) if channel.number == number => {
                self.discard(cx);
                cx.settings.reopen_delay
            }
            Link::Closing(at) if *at == number => 0,
            _ => return,
        };
        self.link = Link::Closed { from: cx.now + delay };
    }

    pub(super) fn cancelled(&mut self, number: ChannelNo, cx: &mut Context<'_>) {
        if matches!(&self.link, Link::Open(channel) if channel.number == number) {
            if cx.keeps(Rule::CloseCancelled) {
                self.close(cx);
            } else {
                self.discard(cx);
                self.link = Link::Closed { from: cx.now };
            }
        }
    }

    pub(super) fn delivered(
        &mut self,
        number: ChannelNo,
        deliveries: Vec<Delivery>,
        cx: &mut Context<'_>,
    ) -> Result<(), End> {
        let rules = cx.settings.rules;
        let Some(channel) = open_channel(&mut self.link, number) else { return Ok(()) };
        for delivery in deliveries {
            match delivery.content {
                Content::Message { size, .. } => {
                    channel.window.message(delivery.tag, cx.now, size);
                    self.rate.add(cx.now, u64::from(size));
                }
                Content::Marker(marker) if marker.epoch > cx.epoch && rules.keeps(Rule::NewerMarkerFences) => {
                    return Err(End::Fenced);
                }
                Content::Marker(marker) => {
                    let counts = marker.epoch == cx.epoch || !rules.keeps(Rule::OwnMarkers);
                    channel.window.marker(delivery.tag, cx.now, counts.then_some(marker.number));
                    if counts && !rules.keeps(Rule::CountCommitted) {
                        cx.markers.count(self.no, marker.number);
                    }
                }
            }
            if channel.hold(&delivery, rules) {
                let depth = channel.finish_holding();
                cx.out.push(Action::ReadTail(self.no, number, depth));
            }
            if !rules.keeps(Rule::AckCommitted) {
                cx.out.push(Action::Ack(self.no, number, delivery.tag));
            }
        }
        Ok(())
    }

    pub(super) fn tail_read(
        &mut self,
        number: ChannelNo,
        epoch: Epoch,
        tail: &[Digest],
        cx: &mut Context<'_>,
    ) -> Result<(), End> {
        let Some(channel) = open_channel(&mut self.link, number) else { return Ok(()) };
        let Phase::Reading { seen } = &channel.phase else { return Ok(()) };
        if epoch != cx.epoch {
            return Err(End::Fenced);
        }
        let committed = committed_prefix(seen, tail);
        channel.phase = Phase::Flowing;
        self.progress = self.progress.max(Progress::Aligned);
        if committed > 0 {
            cx.out.push(Action::Drop(self.no, committed));
            let released = channel.window.release(committed);
            self.released(number, released, cx);
        }
        Ok(())
    }

    pub(super) fn filled(&mut self, messages: usize, full: bool, cx: &mut Context<'_>) {
        self.filling = false;
        let Link::Open(channel) = &mut self.link else { return };
        let (asked, first) = channel.window.ready();
        channel.window.batch(messages);
        if messages > 0 {
            let since = first.unwrap_or(cx.now);
            self.open.get_or_insert(OpenBatch { messages: 0, since }).messages += messages;
        }
        if full || messages < asked {
            self.cut(cx);
        }
    }

    pub(super) fn invoked(
        &mut self,
        ordinal: Ordinal,
        outcome: InvokeOutcome,
        cx: &mut Context<'_>,
    ) -> Result<(), End> {
        if ordinal != self.ordinal {
            return Ok(());
        }
        let Some(flight) = &mut self.flight else { return Ok(()) };
        match outcome {
            InvokeOutcome::Committed => {
                let (messages, number) = (flight.messages, flight.channel);
                self.flight = None;
                if let Some(channel) = open_channel(&mut self.link, number) {
                    let released = channel.window.release(messages);
                    self.released(number, released, cx);
                }
                Ok(())
            }
            InvokeOutcome::Fenced => Err(End::Fenced),
            InvokeOutcome::Conflict => Err(End::Conflict),
            InvokeOutcome::Unknown => {
                flight.retry_at = Some(cx.now + flight.backoff);
                flight.backoff = (flight.backoff * 2).min(cx.settings.invoke_backoff * 32);
                Ok(())
            }
        }
    }

    /// The group head was read, and the reign is still ours: a lane that waited for that publishes another marker.
    pub(super) fn reassured(&mut self, cx: &mut Context<'_>) {
        if let Link::Open(Channel { phase: Phase::Holding { patience, .. }, .. }) = &mut self.link
            && patience.reading
        {
            patience.renew(cx.now, cx.settings);
            if cx.keeps(Rule::AlignmentMarkerAgain) {
                cx.out.push(Action::Publish(self.no, Marker { epoch: cx.epoch, number: Marker::ALIGNMENT }));
            }
        }
        let Some(QueuedBatch { needs: Some(needs), patience: Some(patience), .. }) = self.batches.front_mut() else {
            return;
        };
        if patience.reading {
            patience.renew(cx.now, cx.settings);
            if cx.keeps(Rule::MarkerAgain) {
                for &(queue, number) in needs.iter() {
                    if !cx.markers.counts(queue, number) {
                        cx.publish(queue);
                    }
                }
            }
        }
    }

    fn released(&mut self, number: ChannelNo, Released { tag, markers }: Released, cx: &mut Context<'_>) {
        for marker in markers {
            if marker == Marker::ALIGNMENT {
                self.progress = Progress::Drained;
            }
            cx.markers.count(self.no, marker);
        }
        if let Some(tag) = tag {
            cx.out.push(Action::Ack(self.no, number, tag));
        }
    }

    fn cut(&mut self, cx: &mut Context<'_>) {
        if let Some(open) = self.open.take() {
            cx.out.push(Action::Cut(self.no));
            self.batches.push_back(QueuedBatch { messages: open.messages, needs: None, patience: None });
        }
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

fn open_channel(link: &mut Link, number: ChannelNo) -> Option<&mut Channel> {
    match link {
        Link::Open(channel) if channel.number == number => Some(channel),
        _ => None,
    }
}
