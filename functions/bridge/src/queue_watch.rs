//! Looks at the queues of a group while it is held: whether they are still fit, and what waits in them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use foz_domain::StreamName;
use foz_rabbit::inspect::Inspector;
use foz_rabbit::look::{self, QueueLook};
use foz_rabbit::{AMQPUri, BrokerConnection, connection};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::assignment::{AssignedStream, Assignment};
use crate::health::{GroupHealth, QueueTotals};

/// How often the queues are looked at. What was changed is seen within a minute, two failed looks included.
const PERIOD: Duration = Duration::from_secs(15);

/// How a queue's fitness changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitnessChange {
    /// It is not as it must be any more.
    Unfit,
    /// There is no such queue any more.
    Gone,
    /// It is fit again.
    Fit,
}

/// What a look at a queue found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum QueueState {
    Fit,
    /// What is wrong with it.
    Unfit(String),
    /// What is wrong with it: there is none.
    Gone(String),
}

/// Looks at the queues of one group.
#[derive(Debug)]
pub struct QueueWatch<'a> {
    uri: &'a AMQPUri,
    /// A connection of its own, or `None` after it failed: lapin never uses the number of a channel again that the broker
    /// closed, and a look at a queue that is not there is such a channel. The one that consumes must not run out of them.
    connection: Option<BrokerConnection>,
    inspector: &'a Inspector,
    group: &'a Assignment,
    health: &'a GroupHealth,
    known: Known,
    /// Changes that the last look found and nobody was told yet.
    changes: VecDeque<(StreamName, FitnessChange)>,
    period: Interval,
}

impl<'a> QueueWatch<'a> {
    /// A watch over queues that were fit when the bridge started.
    pub fn new(uri: &'a AMQPUri, inspector: &'a Inspector, group: &'a Assignment, health: &'a GroupHealth) -> Self {
        let mut period = interval(PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (known, changes) = (Known::default(), VecDeque::new());
        Self { uri, connection: None, inspector, group, health, known, changes, period }
    }

    /// Looks again and again until a queue's fitness has changed.
    pub async fn next_change(&mut self) -> (StreamName, FitnessChange) {
        loop {
            if let Some(change) = self.changes.pop_front() {
                return change;
            }
            self.period.tick().await;
            self.look_at_all().await;
        }
    }

    async fn look_at_all(&mut self) {
        let (mut totals, mut complete) = (QueueTotals::default(), true);
        for stream in &self.group.streams {
            match self.look(stream, &mut totals).await {
                Ok(state) => {
                    totals.unfit += u64::from(state != QueueState::Fit);
                    let change = self.known.learn(stream, state);
                    self.changes.extend(change.map(|change| (stream.name.clone(), change)));
                }
                // Whatever it was, it is no reason to stop: the next look is on another connection.
                Err(error) => {
                    complete = false;
                    self.connection = None;
                    warn!(stream = %stream.name, error = format!("{error:#}"), "cannot look at the queue");
                }
            }
        }
        if complete {
            self.health.looked(totals);
        }
    }

    async fn look(&mut self, stream: &AssignedStream, totals: &mut QueueTotals) -> anyhow::Result<QueueState> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let name = format!("foz {} looks at queues", self.group.name);
                none.insert(connection::connect(self.uri.clone(), &name).await?)
            }
        };
        let QueueLook { depth, dead_letters, fitness } =
            look::look(connection, Some(self.inspector), &stream.queue).await?;
        totals.dead_letters += dead_letters.map_or(0, u64::from);
        totals.ready += depth.map_or(0, |depth| u64::from(depth.ready));
        let consumers = fitness.as_ref().and_then(|fitness| fitness.counts).map_or(0, |counts| counts.consumers);
        totals.shared += u64::from(consumers > 1);
        Ok(match fitness.and_then(|fitness| fitness.unfit) {
            None => QueueState::Fit,
            Some(unfit) if depth.is_none() => QueueState::Gone(unfit.to_string()),
            Some(unfit) => QueueState::Unfit(unfit.to_string()),
        })
    }
}

/// What the last look at each queue found; a queue that was not looked at was fit when the bridge started.
#[derive(Debug, Default)]
struct Known(BTreeMap<StreamName, QueueState>);

impl Known {
    /// Notes what was found and logs what is new. Returns the change, or `None` if there is none.
    fn learn(&mut self, stream: &AssignedStream, found: QueueState) -> Option<FitnessChange> {
        let before = self.0.insert(stream.name.clone(), found.clone()).unwrap_or(QueueState::Fit);
        if before == found {
            return None;
        }
        Some(match found {
            QueueState::Fit => {
                info!(stream = %stream.name, queue = stream.queue, "the queue is fit again");
                FitnessChange::Fit
            }
            QueueState::Unfit(what) => {
                error!(stream = %stream.name, "{what}");
                FitnessChange::Unfit
            }
            QueueState::Gone(what) => {
                error!(stream = %stream.name, "{what}");
                FitnessChange::Gone
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use foz_domain::bridge::LaneSpec;

    use super::*;

    #[test]
    fn input_11_a_queue_that_changes_while_it_is_held_is_told_once() {
        let plan = LaneSpec { references: Vec::new(), max_latency: 1 };
        let stream = AssignedStream { name: "boxes".parse().unwrap(), queue: "boxes.state".to_owned(), plan };
        let unfit = |what: &str| QueueState::Unfit(what.to_owned());
        let mut known = Known::default();
        assert_eq!(known.learn(&stream, QueueState::Fit), None);
        assert_eq!(known.learn(&stream, unfit("a time to live")), Some(FitnessChange::Unfit));
        assert_eq!(known.learn(&stream, unfit("a time to live")), None);
        assert_eq!(known.learn(&stream, QueueState::Fit), Some(FitnessChange::Fit));
        assert_eq!(known.learn(&stream, QueueState::Gone("none".to_owned())), Some(FitnessChange::Gone));
        assert_eq!(known.learn(&stream, unfit("classic")), Some(FitnessChange::Unfit));
        let mut known = Known::default();
        assert_eq!(known.learn(&stream, unfit("classic")), Some(FitnessChange::Unfit), "also at the first look");
    }
}
