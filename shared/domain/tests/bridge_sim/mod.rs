//! A seeded simulation that drives the real core: several bridges, zombies among them, a broker, a catalog, publishers,
//! and a network that delays, loses and repeats. One seed is one run.

mod broker;
mod catalog;
mod process;
mod random;

use foz_domain::bridge::{self, Action, Content, Event, InvokeOutcome, LaneSpec, Reign, ReignSettings, StreamNo};
use foz_domain::{Epoch, Ordinal};

use broker::{Asked, Body, Broker, Connection, Said, digest};
use catalog::{Catalog, Published, SentBatch};
use process::{Lane, Process};
use random::Random;

/// A rule that catalog or broker keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The catalog refuses batches of other epochs than the group's.
    Fence,
    /// The catalog refuses a batch whose ordinal is not the next.
    Ordinal,
    /// Ordinals begin anew with each epoch.
    OrdinalInEpoch,
    /// A batch under a used ordinal counts as committed only if its content is the same.
    Digest,
    /// The tail reaches back over as many messages as are asked for, not only over the last batch.
    DeepTail,
    /// The tail is read after the epoch was raised.
    TailAfterRaise,
    /// The broker delivers to one consumer of a queue at a time.
    SingleActiveConsumer,
}

/// The rules of the protocol: those of the core, and those that catalog and broker keep.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub core: bridge::Rules,
    missing: &'static [Guard],
}

impl Rules {
    pub const ALL: Self = Self { core: bridge::Rules::ALL, missing: &[] };

    /// All but these.
    #[cfg(debug_assertions)]
    pub fn without(rules: &[bridge::Rule], guards: &'static [Guard]) -> Self {
        Self { core: bridge::Rules::without(rules), missing: guards }
    }

    pub fn keeps(&self, guard: Guard) -> bool {
        !self.missing.contains(&guard)
    }
}

/// Steps after which a run that should have finished never will.
const ENOUGH: usize = 30_000;

/// On its way to broker or catalog.
#[derive(Debug)]
enum Request {
    Raise,
    Head,
    Prefetch(StreamNo, u16),
    Tail(StreamNo, bridge::ChannelNo, usize),
    Invoke(StreamNo, Epoch, Ordinal, Vec<usize>),
    Open(StreamNo, bridge::ChannelNo, u16),
    Publish(StreamNo, bridge::Marker),
    /// The broker learns that a connection is gone.
    Disconnect,
}

/// What can happen next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Publish,
    Arrive(usize),
    Answer(usize),
    Deliver(usize),
    Hear(usize),
    Tell(usize),
    Tick(usize),
    Lock,
    Fault,
}

pub struct World {
    rules: Rules,
    random: Random,
    now: u64,
    broker: Broker,
    catalog: Catalog,
    published: Published,
    /// Streams in the order in which publishers will publish into them.
    script: Vec<StreamNo>,
    faults: usize,
    max_prefetch: u16,
    connections: Connection,
    /// Processes that wait for the lock.
    standby: usize,
    lock: Option<Connection>,
    processes: Vec<Process>,
    air: Vec<(Connection, Request)>,
    answers: Vec<(Connection, Event)>,
    trace: Option<Vec<String>>,
}

/// Runs a seed. `Err`: what went wrong.
pub fn run(seed: u64, rules: Rules) -> Result<(), String> {
    World::new(seed, rules, false).run().map_err(|(wrong, _)| wrong)
}

/// Runs a seed and shows what happened.
pub fn explain(seed: u64, rules: Rules) -> String {
    match World::new(seed, rules, true).run() {
        Ok(()) => "nothing wrong".to_owned(),
        Err((wrong, trace)) => format!("{}\n{wrong}", trace.join("\n")),
    }
}

impl World {
    fn new(seed: u64, rules: Rules, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let streams = 2 + random.below(2);
        let references = match (streams, random.below(3)) {
            (2, _) => vec![vec![], vec![StreamNo(0)]],
            (_, 0) => vec![vec![], vec![StreamNo(0)], vec![StreamNo(1)]],
            (_, 1) => vec![vec![], vec![StreamNo(0)], vec![StreamNo(0), StreamNo(1)]],
            _ => vec![vec![], vec![], vec![StreamNo(0), StreamNo(1)]],
        };
        let script = (0..3 + random.below(12)).map(|_| StreamNo(random.below(streams))).collect();
        Self {
            rules,
            now: 0,
            broker: Broker::new(streams, rules.keeps(Guard::SingleActiveConsumer)),
            catalog: Catalog::new(streams),
            published: Published { before: vec![vec![]; streams], references },
            script,
            faults: random.below(24),
            max_prefetch: 2 << (2 * random.below(2)),
            connections: 0,
            standby: 2 + random.below(2),
            lock: None,
            processes: vec![],
            air: vec![],
            answers: vec![],
            random,
            trace: trace.then(Vec::new),
        }
    }

    fn run(mut self) -> Result<(), (String, Vec<String>)> {
        self.script.reverse();
        for _ in 0..ENOUGH {
            if let Some(violation) = self.catalog.violation.take() {
                return Err((violation, self.trace.unwrap_or_default()));
            }
            let committed = self.catalog.committed.iter().zip(&self.published.before).all(|(a, b)| a.len() == b.len());
            if self.script.is_empty() && committed {
                return Ok(());
            }
            let step = self.choose();
            self.step(step);
        }
        Err(("never finishes".to_owned(), self.trace.unwrap_or_default()))
    }

    fn choose(&mut self) -> Step {
        if self.faults > 0 && self.random.percent(4) {
            return Step::Fault;
        }
        let mut steps = vec![];
        if !self.script.is_empty() {
            steps.push(Step::Publish);
        }
        if self.lock.is_none() && self.standby > 0 {
            steps.push(Step::Lock);
        }
        steps.extend((0..self.air.len()).map(Step::Arrive));
        steps.extend((0..self.answers.len()).map(Step::Answer));
        steps.extend(self.broker.deliverable().into_iter().map(Step::Deliver));
        for (n, channel) in self.broker.channels.iter().enumerate() {
            if !channel.to_broker.is_empty() {
                steps.push(Step::Hear(n));
            }
            if !channel.to_client.is_empty() {
                steps.push(Step::Tell(n));
            }
        }
        steps.extend((0..self.processes.len()).map(Step::Tick));
        steps[self.random.below(steps.len())]
    }

    fn step(&mut self, step: Step) {
        self.note(|| format!("{step:?}"));
        match step {
            Step::Publish => {
                let Some(stream) = self.script.pop() else { return };
                let before = self.published.before.iter().map(Vec::len).collect();
                let of_stream = &mut self.published.before[stream.0];
                self.broker.publish(stream, Body::Message(of_stream.len()));
                of_stream.push(before);
            }
            Step::Lock => {
                self.standby -= 1;
                self.start();
            }
            Step::Arrive(n) => {
                let (owner, request) = self.air.swap_remove(n);
                self.note(|| format!("  of {owner}: {request:?}"));
                self.arrive(owner, request);
            }
            Step::Answer(n) => {
                let (owner, event) = self.answers.swap_remove(n);
                self.tell(owner, event);
            }
            Step::Deliver(n) => self.broker.deliver(n),
            Step::Hear(n) => self.broker.hear(n),
            Step::Tell(n) => self.channel_says(n),
            Step::Tick(n) => {
                self.now += 1 + self.random.below(20) as u64;
                self.tell(self.processes[n].connection, Event::Tick);
            }
            Step::Fault => {
                self.faults -= 1;
                self.fault();
            }
        }
    }

    /// A bridge has won the lock.
    fn start(&mut self) {
        self.connections += 1;
        let connection = self.connections;
        self.lock = Some(connection);
        let plan = |references: &Vec<StreamNo>| LaneSpec { references: references.clone(), max_latency: 30 };
        let settings = ReignSettings {
            target_bytes: 40,
            min_latency: 1,
            consumer_timeout: 40_000,
            prefetch: 2,
            max_prefetch: self.max_prefetch,
            byte_budget: 1 << 20,
            marker_patience: 100,
            invoke_backoff: 10,
            reopen_delay: 5,
            drain: false,
            rules: self.rules.core,
        };
        let early = |committed: &Vec<usize>| Lane { early_tail: Some(committed.clone()), ..Lane::default() };
        let lanes = self.catalog.committed.iter().map(early).collect();
        let core = Reign::new(self.published.references.iter().map(plan).collect(), settings);
        self.processes.push(Process { connection, core, lanes });
        self.tell(connection, Event::Start);
    }

    /// A request reaches broker or catalog.
    fn arrive(&mut self, owner: Connection, request: Request) {
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
                if !self.unlucky() {
                    self.broker.publish(no, Body::Marker(marker));
                }
                return;
            }
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

    /// Whether something goes wrong here; takes one of the run's faults.
    fn unlucky(&mut self) -> bool {
        let unlucky = self.faults > 0 && self.random.percent(15);
        self.faults -= usize::from(unlucky);
        unlucky
    }

    fn process(&mut self, connection: Connection) -> Option<&mut Process> {
        self.processes.iter_mut().find(|process| process.connection == connection)
    }

    /// A client hears what is next on its channel, several deliveries at once.
    fn channel_says(&mut self, n: usize) {
        let most = 1 + self.random.below(3);
        let channel = &mut self.broker.channels[n];
        let (owner, no, number) = (channel.owner, channel.stream, channel.number);
        let mut deliveries = vec![];
        let mut bodies = vec![];
        while deliveries.len() < most
            && let Some(&Said::Delivered(delivery, body)) = channel.to_client.front()
        {
            channel.to_client.pop_front();
            deliveries.push(delivery);
            if let (Body::Message(n), Content::Message { .. }) = (body, delivery.content) {
                bodies.push(n);
            }
        }
        let event = if deliveries.is_empty() {
            match channel.to_client.pop_front() {
                Some(Said::Opened) => Event::ChannelOpened(no, number),
                Some(Said::Cancelled) => Event::Cancelled(no, number),
                Some(Said::Closed) => Event::ChannelClosed(no, number),
                _ => return,
            }
        } else {
            Event::Delivered(no, number, deliveries)
        };
        let closed = matches!(event, Event::ChannelClosed(..));
        let Some(process) = self.process(owner) else { return };
        let lane = process.lane(no);
        match event {
            Event::ChannelOpened(..) => lane.channel = Some(number),
            _ if lane.channel == Some(number) => lane.held.extend(bodies),
            _ => {}
        }
        self.tell(owner, event);
        if closed {
            self.broker
                .channels
                .retain(|channel| (channel.owner, channel.stream, channel.number) != (owner, no, number));
        }
    }

    /// Tells a process's core, and does what it asks for.
    fn tell(&mut self, owner: Connection, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.now;
            let Some(process) = self.process(owner) else { return };
            let mut actions = vec![];
            process.core.handle(now, event.clone(), &mut actions);
            self.note(|| format!("  {owner} hears {event:?}: {actions:?}"));
            for action in actions {
                events.extend(self.act(owner, action));
            }
        }
    }

    fn act(&mut self, owner: Connection, action: Action) -> Option<Event> {
        let capacity = 1 + self.random.below(3);
        let process = self.process(owner)?;
        let epoch = process.core.epoch().unwrap_or_default();
        let request = match action {
            Action::RaiseEpoch => Request::Raise,
            Action::ReadHead => Request::Head,
            Action::RecordPrefetch(no, at_least) => Request::Prefetch(no, at_least),
            Action::ReadTail(no, channel, depth) => Request::Tail(no, channel, depth),
            Action::OpenChannel(no, channel, prefetch) => Request::Open(no, channel, prefetch),
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

    fn fault(&mut self) {
        let open: Vec<usize> = (0..self.broker.channels.len()).filter(|&n| self.broker.is_open(n)).collect();
        match self.random.below(6) {
            // A process dies; the broker notices some time.
            0 | 1 if !self.processes.is_empty() => {
                let n = self.random.below(self.processes.len());
                let dead = self.processes.swap_remove(n);
                self.note(|| format!("  {} dies", dead.connection));
                self.air.push((dead.connection, Request::Disconnect));
                self.standby += 1;
            }
            // The lock is lost; whoever had it goes on as if nothing had happened.
            2 if !self.broker.holds_for_cancelled() => self.lock = None,
            3 | 4 if !open.is_empty() => self.broker.close(open[self.random.below(open.len())]),
            5 if !open.is_empty() => {
                let n = open[self.random.below(open.len())];
                let mut bridges = self.processes.iter().map(|process| process.connection);
                let alone = self.broker.channels.iter().all(|channel| Some(channel.owner) == self.lock);
                if alone && bridges.all(|connection| Some(connection) == self.lock) {
                    self.broker.cancel(n);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }
}
