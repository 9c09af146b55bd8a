//! A seeded simulation that drives the real core: several bridges, zombies among them, a broker, a catalog, publishers,
//! and a network that delays, loses and repeats. One seed is one run.

mod broker;
mod catalog;
mod clients;
mod faults;
mod process;
mod random;
mod requests;

use foz_domain::bridge::{self, Event, LaneSpec, Reign, ReignSettings, StreamNo};
use foz_domain::{Epoch, Ordinal};

use broker::{Body, Broker, Connection};
use catalog::{Catalog, Published};
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
    /// While the broker blocks publishers, each marker goes by a connection of its own.
    MarkerByItsOwnConnection,
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

/// The connection of consumers that belong to nobody's bridge.
const STRANGER: Connection = Connection::MAX;

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
    Look(StreamNo, bridge::ChannelNo),
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
    /// Whether the broker blocks publishers, and whether it will ever end that by itself.
    alarm: bool,
    lasting: bool,
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
            alarm: false,
            lasting: random.percent(30),
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
            quiet: 20,
            marker_patience: 100,
            invoke_backoff: 10,
            reopen_delay: 5,
            drain: false,
            rules: self.rules.core,
        };
        let early = |committed: &Vec<usize>| Lane { early_tail: Some(committed.clone()), ..Lane::default() };
        let lanes = self.catalog.committed.iter().map(early).collect();
        let core = Reign::new(self.published.references.iter().map(plan).collect(), settings, connection.into());
        self.processes.push(Process { connection, core, lanes });
        self.tell(connection, Event::Start);
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

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }
}
