//! What processes ask of broker and catalog, and what comes of it.

use foz_domain::bridge::{self, Action, Event, InvokeOutcome, StreamNo};

use super::broker::{self, Asked, Body, Connection, digest};
use super::catalog::SentBatch;
use super::{Guard, Request, World};

impl World {
    /// A request reaches broker or catalog.
    pub(super) fn arrive(&mut self, owner: Connection, request: Request) {
        let answer = match request {
            Request::Raise => {
                let unknown = self.unlucky();
                let epoch = self.catalog.raise();
                Event::EpochRaised((!unknown).then_some(epoch))
            }
            Request::Head => Event::HeadRead(self.catalog.epoch),
            Request::Prefetch(no, at_least) => {
                let recorded = &mut self.catalog.prefetch[no.0];
                *recorded = at_least.max(*recorded);
                Event::PrefetchRecorded(no, *recorded)
            }
            Request::Tail(no, channel, depth) => {
                let mut tail = self.catalog.tail(no, depth, &self.rules);
                let early = self.process(owner).and_then(|process| process.lane(no).early_tail.take());
                if !self.rules.keeps(Guard::TailAfterRaise) {
                    tail = early.unwrap_or(tail);
                }
                let tail = tail.into_iter().map(|n| digest(no, n)).collect();
                Event::TailRead(no, channel, self.catalog.epoch, tail)
            }
            Request::Invoke(no, epoch, ordinal, content) => {
                if self.unlucky() {
                    // The caller gives up; the request may be lost, or be executed later all the same.
                    self.answers.push((owner, Event::Invoked(no, ordinal, InvokeOutcome::Unknown)));
                    if self.random.percent(60) {
                        self.air.push((owner, Request::Invoke(no, epoch, ordinal, content)));
                    }
                    return;
                }
                let batch = SentBatch { stream: no, epoch, ordinal, content: &content };
                let outcome = self.catalog.commit(&batch, &self.rules, &self.published);
                let known = if self.unlucky() { InvokeOutcome::Unknown } else { outcome };
                Event::Invoked(no, ordinal, known)
            }
            Request::Open(no, channel, prefetch) => {
                if self.process(owner).is_some() {
                    self.broker.open(owner, no, channel, prefetch);
                }
                return;
            }
            Request::Publish(no, marker) => {
                // What was sent on a connection that has published before is read when the alarm ends.
                if self.alarm && !self.rules.keeps(Guard::MarkerByItsOwnConnection) {
                    self.air.push((owner, Request::Publish(no, marker)));
                } else if !self.unlucky() {
                    self.broker.publish(no, Body::Marker(marker));
                }
                return;
            }
            Request::Look(no, channel) => Event::QueueLooked(no, channel, true),
            Request::Disconnect => {
                self.broker.disconnect(owner);
                if self.lock == Some(owner) {
                    self.lock = None;
                }
                return;
            }
        };
        self.answers.push((owner, answer));
    }

    pub(super) fn act(&mut self, owner: Connection, action: Action) -> Option<Event> {
        let capacity = 1 + self.random.below(3);
        let process = self.process(owner)?;
        let epoch = process.core.epoch().unwrap_or_default();
        let request = match action {
            Action::RaiseEpoch => Request::Raise,
            Action::ReadHead => Request::Head,
            Action::RecordPrefetch(no, at_least) => Request::Prefetch(no, at_least),
            Action::ReadTail(no, channel, depth) => Request::Tail(no, channel, depth),
            Action::OpenChannel(no, channel, prefetch) => Request::Open(no, channel, prefetch),
            Action::LookForQueue(no, channel) => Request::Look(no, channel),
            Action::Publish(no, marker) => Request::Publish(no, marker),
            Action::Invoke(no, ordinal) => Request::Invoke(no, epoch, ordinal, process.lane(no).batch(ordinal)),
            Action::End(_) => {
                self.processes.retain(|process| process.connection != owner);
                self.standby += 1;
                Request::Disconnect
            }
            Action::Ack(no, number, tag) => {
                self.ask(owner, no, number, Asked::Ack(tag));
                return None;
            }
            Action::AckOne(no, number, tag) => {
                self.ask(owner, no, number, Asked::AckOne(tag));
                return None;
            }
            Action::Tell(..) => return None,
            Action::CloseChannel(no, number) => {
                self.ask(owner, no, number, Asked::Close);
                return None;
            }
            Action::Discard(no) => {
                process.lane(no).discard();
                return None;
            }
            Action::Drop(no, count) => {
                process.lane(no).held.drain(..count);
                return None;
            }
            Action::Fill(no, count) => {
                let lane = process.lane(no);
                let filled = count.min(capacity.saturating_sub(lane.open.len()));
                lane.open.extend(lane.held.drain(..filled));
                return Some(Event::Filled(no, filled, filled < count));
            }
            Action::Cut(no) => {
                let lane = process.lane(no);
                let content = std::mem::take(&mut lane.open);
                lane.cut.push_back(content);
                return None;
            }
        };
        self.air.push((owner, request));
        None
    }

    fn ask(&mut self, owner: Connection, no: StreamNo, number: bridge::ChannelNo, asked: Asked) {
        let of =
            |channel: &&mut broker::Channel| (channel.owner, channel.stream, channel.number) == (owner, no, number);
        if let Some(channel) = self.broker.channels.iter_mut().find(of) {
            channel.to_broker.push_back(asked);
        }
    }
}
