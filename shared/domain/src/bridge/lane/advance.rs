//! What a stream does as soon as it can: batch, cut, ask for markers, send, widen, give back, open.

use super::{
    Action, ChannelNo, Context, End, Fate, Flight, Lane, Link, Marker, Millis, Phase, Prefetch, QueuedBatch,
    ReignSettings, Rule,
};
use crate::bridge::markers::Patience;

impl Lane {
    /// Does everything that can be done now.
    pub(in crate::bridge) fn advance(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if !self.remembered.is_empty() && self.flight.is_none() {
            self.remembered.drain(..).for_each(|number| cx.markers.count(self.no, number));
        }
        self.release_markers(cx);
        if !self.filling {
            self.fill(cx);
        }
        if self.filling {
            return Ok(());
        }
        self.cut_if_due(cx);
        self.ask(cx);
        self.send(cx);
        self.ask(cx); // the next batch's marker travels while this one commits
        self.align(cx)?;
        self.lose_patience(cx)?;
        self.retry(cx);
        self.widen(cx);
        self.give_back(cx);
        self.finish(cx);
        self.reopen(cx);
        Ok(())
    }

    /// When [`Lane::advance`] should be called again at the latest; `None` if only news can change anything.
    pub(in crate::bridge) fn deadline(&self, settings: &ReignSettings) -> Option<Millis> {
        let link = match &self.link {
            Link::Closed { from } if self.may_open(settings) => Some(*from),
            Link::Open(channel) => {
                let holding = match &channel.phase {
                    Phase::Holding { probe, .. } => probe.deadline(),
                    _ => None,
                };
                let give_back = channel.window.oldest().map(|oldest| oldest + settings.consumer_timeout / 4);
                let gives_back = settings.rules.keeps(Rule::GiveBack) && channel.fate == Fate::Consuming;
                earlier(holding, give_back.filter(|_| gives_back))
            }
            _ => None,
        };
        let age = self.open.as_ref().filter(|_| self.could_send());
        let age = age.map(|open| open.since + self.rate.drain_period(settings, self.spec.max_latency));
        let waiting = self.batches.front().and_then(|batch| batch.patience).and_then(|patience| patience.deadline());
        let retry = self.flight.as_ref().and_then(|flight| flight.retry_at);
        [link, age, waiting, retry].into_iter().fold(None, earlier)
    }

    /// Markers at the front of the window have nothing uncommitted before them.
    fn release_markers(&mut self, cx: &mut Context<'_>) {
        if let Link::Open(channel) = &mut self.link
            && channel.is_flowing()
        {
            let (number, released) = (channel.number, channel.window.release(0));
            self.released(number, released, cx);
        }
    }

    /// Batches what is ready. An own marker ends the batch before it, so that it can count soon.
    fn fill(&mut self, cx: &mut Context<'_>) {
        loop {
            let Link::Open(channel) = &mut self.link else { return };
            if !channel.is_flowing() {
                return;
            }
            let (messages, _) = channel.window.ready();
            if messages > 0 {
                self.filling = true;
                cx.out.push(Action::Fill(self.no, messages));
                return;
            }
            if !channel.window.pass_marker() {
                return;
            }
            self.cut(cx);
        }
    }

    /// Whether a batch that is cut now could be sent, or ask for its markers, before it would grow.
    fn could_send(&self) -> bool {
        self.batches.is_empty() && (self.flight.is_none() || !self.spec.references.is_empty())
    }

    fn cut_if_due(&mut self, cx: &mut Context<'_>) {
        let (Some(open), Link::Open(channel)) = (&self.open, &self.link) else { return };
        let period = self.rate.drain_period(cx.settings, self.spec.max_latency);
        let complete = channel.is_full() || channel.fate == Fate::Orphaned;
        if self.could_send() && (open.since + period <= cx.now || complete) {
            self.cut(cx);
        }
    }

    /// Publishes the markers of the next batch. They serve all batches that are cut.
    fn ask(&mut self, cx: &mut Context<'_>) {
        let Some(QueuedBatch { needs: None, .. }) = self.batches.front() else { return };
        let queues = if cx.keeps(Rule::Markers) { self.spec.references.as_slice() } else { &[] };
        if queues.iter().any(|&queue| cx.markers.is_mute(queue)) {
            return;
        }
        let mut needs = Vec::with_capacity(queues.len());
        for &queue in queues {
            let earlier = cx.markers.last(queue);
            let number = if cx.keeps(Rule::MarkerAfterCut) || earlier == 0 { cx.publish(queue) } else { earlier };
            needs.push((queue, number));
        }
        for batch in self.batches.iter_mut().filter(|batch| batch.needs.is_none()) {
            batch.needs = Some(needs.clone());
        }
    }

    fn send(&mut self, cx: &mut Context<'_>) {
        let Link::Open(channel) = &self.link else { return };
        if self.flight.is_some() || !channel.is_flowing() {
            return;
        }
        let Some(QueuedBatch { messages, needs: Some(needs), .. }) = self.batches.front() else { return };
        if !needs.iter().all(|&(queue, number)| cx.markers.counts(queue, number)) {
            return;
        }
        let (messages, channel, backoff) = (*messages, channel.number, cx.settings.invoke_backoff);
        self.flight = Some(Flight { messages, channel, backoff, retry_at: None });
        self.ordinal = self.ordinal.next();
        self.batches.pop_front();
        cx.out.push(Action::Invoke(self.no, self.ordinal));
    }

    /// Publishes the first alignment marker when the channel falls silent, and reads the group head again if it does not come.
    fn align(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let Link::Open(channel) = &mut self.link else { return Ok(()) };
        let Phase::Holding { probe, .. } = &mut channel.phase else { return Ok(()) };
        if probe.begins(cx.now, cx.settings) {
            cx.put(self.no, Marker::ALIGNMENT);
        }
        if !probe.exhausted(cx.now) {
            return Ok(());
        }
        probe.reading = true;
        if !cx.keeps(Rule::SilenceProvesNothing) {
            let (number, depth) = (channel.number, channel.finish_holding());
            cx.out.push(Action::ReadTail(self.no, number, depth));
        } else if cx.keeps(Rule::AlignmentHeadAgain) {
            cx.out.push(Action::ReadHead);
        } else {
            self.reassured(cx)?;
        }
        Ok(())
    }

    /// Reads the group head again if a batch has waited too long for its markers.
    fn lose_patience(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let now = cx.now;
        let Some(QueuedBatch { needs: Some(needs), patience, .. }) = self.batches.front_mut() else {
            return Ok(());
        };
        if needs.iter().all(|&(queue, number)| cx.markers.counts(queue, number)) {
            *patience = None;
            return Ok(());
        }
        let patience = patience.get_or_insert_with(|| Patience::new(now, cx.settings));
        if patience.exhausted(now) {
            patience.reading = true;
            if cx.keeps(Rule::HeadAgain) {
                cx.out.push(Action::ReadHead);
            } else {
                self.reassured(cx)?;
            }
        }
        Ok(())
    }

    pub(in crate::bridge) fn retry(&mut self, cx: &mut Context<'_>) {
        if let Some(flight) = &mut self.flight
            && flight.retry_at.is_some_and(|at| at <= cx.now)
        {
            flight.retry_at = None;
            cx.out.push(Action::Invoke(self.no, self.ordinal));
        }
    }

    /// A window that fills its prefetch should be larger if memory allows. The catalog learns of it first; then the channel
    /// is opened anew, because a running consumer keeps its prefetch.
    fn widen(&mut self, cx: &mut Context<'_>) {
        let Link::Open(channel) = &self.link else { return };
        if channel.fate != Fate::Consuming {
            return;
        }
        if self.prefetch.recorded().is_some_and(|recorded| recorded > channel.prefetch) {
            if self.flight.is_none() {
                self.close(cx);
            }
            return;
        }
        let Prefetch::Recorded(recorded) = self.prefetch else { return };
        if !channel.is_flowing() || !channel.is_full() {
            return;
        }
        let mean = (channel.window.bytes() / channel.window.len() as u64).max(1);
        let affordable = u16::try_from(cx.settings.byte_budget / mean).unwrap_or(u16::MAX);
        let wanted = channel.prefetch.saturating_mul(4).min(cx.settings.max_prefetch).min(affordable);
        if wanted / 2 >= channel.prefetch {
            self.prefetch = Prefetch::Raising(recorded);
            cx.out.push(Action::RecordPrefetch(self.no, wanted));
        }
    }

    fn give_back(&mut self, cx: &mut Context<'_>) {
        if let Link::Open(channel) = &self.link
            && channel.fate == Fate::Consuming
            && cx.keeps(Rule::GiveBack)
            && channel.window.oldest().is_some_and(|oldest| oldest + cx.settings.consumer_timeout / 4 <= cx.now)
        {
            self.close(cx);
        }
    }

    /// Closes a channel whose queue is gone, when all that it delivered is in the catalog.
    fn finish(&mut self, cx: &mut Context<'_>) {
        if let Link::Open(channel) = &self.link
            && channel.fate == Fate::Orphaned
            && channel.window.messages() == 0
        {
            self.close(cx);
        }
    }

    fn may_open(&self, settings: &ReignSettings) -> bool {
        !self.given_up
            && self.prefetch.recorded().is_some()
            && (self.flight.is_none() || !settings.rules.keeps(Rule::ResolveFirst))
    }

    fn reopen(&mut self, cx: &mut Context<'_>) {
        let Link::Closed { from } = self.link else { return };
        let Some(prefetch) = self.prefetch.recorded() else { return };
        if from > cx.now || !self.may_open(cx.settings) {
            return;
        }
        *cx.channels += 1;
        let number = ChannelNo(*cx.channels);
        self.link = Link::Opening { number, prefetch };
        cx.out.push(Action::OpenChannel(self.no, number, prefetch));
    }
}

fn earlier(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    a.into_iter().chain(b).min()
}
