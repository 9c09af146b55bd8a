//! What a stream is told of its messages: deliveries, the tail, batches, markers.

use super::{
    Action, ChannelNo, Context, End, Epoch, Lane, Link, Marker, Notice, OpenBatch, Ordinal, Phase, Progress,
    QueuedBatch, Rule,
};
use crate::bridge::align::committed_prefix;
use crate::bridge::events::{Content, Delivery, InvokeOutcome};
use crate::bridge::window::Released;
use crate::ids::Digest;

impl Lane {
    pub(in crate::bridge) fn delivered(&mut self, number: ChannelNo, deliveries: Vec<Delivery>, cx: &mut Context<'_>) {
        let rules = cx.settings.rules;
        let Some(channel) = self.link.open(number) else { return };
        cx.markers.set_mute(self.no, false);
        if channel.hear(cx.now, cx.settings) {
            cx.out.push(Action::Tell(self.no, Notice::Heard));
        }
        for delivery in deliveries {
            match delivery.content {
                Content::Message { size, .. } => {
                    channel.window.message(delivery.tag, cx.now, size);
                    self.rate.add(cx.now, u64::from(size));
                }
                Content::Marker(marker) if marker.epoch > cx.epoch && rules.keeps(Rule::NewerMarkerFences) => {
                    channel.window.doubtful(delivery.tag, cx.now, marker);
                    if cx.doubt.rise() {
                        cx.out.push(Action::ReadHead);
                    }
                }
                Content::Marker(marker)
                    if (marker.epoch, marker.seal) == (cx.epoch, cx.seal) || !rules.keeps(Rule::OwnMarkers) =>
                {
                    channel.window.marker(delivery.tag, cx.now, marker.number);
                    if !rules.keeps(Rule::CountCommitted) {
                        cx.markers.count(self.no, marker.number);
                    }
                }
                // Nobody waits for it. Behind messages that do not get away it would be delivered for ever, and with each
                // reign there would be one more.
                Content::Marker(_) => cx.out.push(Action::AckOne(self.no, number, delivery.tag)),
            }
            if channel.hold(&delivery, rules) {
                let depth = channel.finish_holding();
                cx.out.push(Action::ReadTail(self.no, number, depth));
            }
            if !rules.keeps(Rule::AckCommitted) {
                cx.out.push(Action::Ack(self.no, number, delivery.tag));
            }
        }
    }

    pub(in crate::bridge) fn tail_read(
        &mut self,
        number: ChannelNo,
        epoch: Epoch,
        tail: &[Digest],
        cx: &mut Context<'_>,
    ) -> Result<(), End> {
        let Some(channel) = self.link.open(number) else { return Ok(()) };
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

    pub(in crate::bridge) fn filled(&mut self, messages: usize, full: bool, cx: &mut Context<'_>) {
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

    pub(in crate::bridge) fn invoked(
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
                if let Some(channel) = self.link.open(number) {
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
    pub(in crate::bridge) fn reassured(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        self.probe_again(cx)?;
        let Some(QueuedBatch { needs: Some(needs), patience: Some(patience), .. }) = self.batches.front_mut() else {
            return Ok(());
        };
        if patience.reading {
            patience.renew(cx.now, cx.settings);
            if cx.keeps(Rule::MarkerAgain) {
                for &(queue, number) in needs.iter() {
                    if !cx.markers.counts(queue, number) && !cx.markers.is_mute(queue) {
                        cx.publish(queue);
                    }
                }
            }
        }
        Ok(())
    }

    /// Publishes another alignment marker, if the channel waits for one, and says if nothing comes at all.
    fn probe_again(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if let Link::Open(channel) = &mut self.link
            && let Phase::Holding { probe, .. } = &mut channel.phase
            && probe.reading
        {
            if probe.renew(cx.now, cx.settings) {
                cx.out.push(Action::Tell(self.no, Notice::Unheard));
                cx.markers.set_mute(self.no, true);
                if cx.settings.drain {
                    return Err(End::Unheard(self.no));
                }
            }
            if cx.keeps(Rule::AlignmentMarkerAgain) {
                cx.put(self.no, Marker::ALIGNMENT);
            }
        }
        Ok(())
    }

    /// The group head was read, and the reign is still ours: markers that seemed to be of a newer one are nobody's.
    pub(in crate::bridge) fn undoubted(&mut self, cx: &mut Context<'_>) {
        let Link::Open(channel) = &mut self.link else { return };
        for (tag, marker) in channel.window.take_doubtful() {
            if !std::mem::replace(&mut self.foreign_said, true) {
                cx.out.push(Action::Tell(self.no, Notice::ForeignMarker(marker)));
            }
            cx.out.push(Action::AckOne(self.no, channel.number, tag));
        }
    }

    pub(super) fn released(&mut self, number: ChannelNo, Released { tag, markers }: Released, cx: &mut Context<'_>) {
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

    pub(super) fn cut(&mut self, cx: &mut Context<'_>) {
        if let Some(open) = self.open.take() {
            cx.out.push(Action::Cut(self.no));
            self.batches.push_back(QueuedBatch { messages: open.messages, needs: None, patience: None });
        }
    }
}
