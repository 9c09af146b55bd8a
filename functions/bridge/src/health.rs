//! What a bridge tells of each group while it lives: whether it holds it, and what waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foz_domain::bridge::Delivery;
use foz_domain::{GroupName, Timestamp};
use foz_edge::clock;
use foz_edge::metrics::{
    self, CONSUMES_REFUSED, DEAD_LETTERS, HOLDING, Metric, OLDEST_UNACKNOWLEDGED, QUEUES_UNFIT, READY, REDELIVERED,
    STRANGERS,
};
use tokio::time::interval;

/// How often a bridge tells: a few times in the minute that an alarm looks at.
const PERIOD: Duration = Duration::from_secs(20);

/// The health of a group. Clones share it.
#[derive(Debug, Clone)]
pub struct GroupHealth {
    group: GroupName,
    state: Arc<Mutex<HealthState>>,
}

#[derive(Debug, Default)]
struct HealthState {
    holding: bool,
    /// Since when the oldest delivery is held that is not acknowledged, or `None` if all are.
    oldest: Option<Timestamp>,
    /// What was seen of the queues last, or `None` if the broker was not asked yet.
    queues: Option<QueueTotals>,
    /// Queues that serve another consumer first, or `None` if that is not known yet.
    unheard: Option<u64>,
    refused: u64,
    redelivered: u64,
}

/// What the queues of a group hold together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueTotals {
    /// Messages that wait for a consumer.
    pub ready: u64,
    /// Messages in the queues for dead letters.
    pub dead_letters: u64,
    /// Queues that are not fit to be consumed.
    pub unfit: u64,
    /// Queues that somebody beside the bridge consumes, or waits to consume; 0 without a management API, which alone tells.
    pub shared: u64,
}

impl GroupHealth {
    /// A group that is not held.
    pub fn new(group: GroupName) -> Self {
        Self { group, state: Arc::default() }
    }

    /// The group is held while the guard lives.
    pub fn hold(&self) -> HoldingGuard {
        self.state().holding = true;
        HoldingGuard(self.clone())
    }

    /// A login, a channel or a consumer was refused, or a consumer was cancelled.
    pub fn refused(&self) {
        self.state().refused += 1;
    }

    /// A channel delivered.
    pub fn delivered(&self, deliveries: &[Delivery]) {
        self.state().redelivered += deliveries.iter().filter(|delivery| delivery.redelivered).count() as u64;
    }

    /// The oldest delivery that is not acknowledged is held since then; `None` if all are.
    pub fn holds_since(&self, oldest: Option<Timestamp>) {
        self.state().oldest = oldest;
    }

    /// So many queues serve another consumer first; `None` if that is not known yet.
    pub fn unheard(&self, queues: Option<usize>) {
        self.state().unheard = queues.map(|queues| queues as u64);
    }

    /// The queues were looked at.
    pub fn looked(&self, queues: QueueTotals) {
        self.state().queues = Some(queues);
    }

    /// What is to be told at `now`; what is counted begins anew.
    fn values(&self, now: Timestamp) -> Vec<(&'static Metric, f64)> {
        let mut state = self.state();
        let mut values = vec![
            (&HOLDING, f64::from(u8::from(state.holding))),
            (&CONSUMES_REFUSED, std::mem::take(&mut state.refused) as f64),
            (&REDELIVERED, std::mem::take(&mut state.redelivered) as f64),
        ];
        // Also while the group is not held for that very reason.
        if let Some(QueueTotals { unfit, .. }) = state.queues {
            values.push((&QUEUES_UNFIT, unfit as f64));
        }
        if state.holding {
            values.push((&OLDEST_UNACKNOWLEDGED, state.oldest.map_or(0, |oldest| now.since(oldest)) as f64));
            if let Some(QueueTotals { ready, dead_letters, .. }) = state.queues {
                values.extend([(&READY, ready as f64), (&DEAD_LETTERS, dead_letters as f64)]);
            }
            // A bridge that has just begun does not know yet, and must not end the alarm.
            let shared = state.queues.map(|queues| queues.shared).filter(|shared| *shared > 0);
            if let Some(strangers) = shared.max(state.unheard) {
                values.push((&STRANGERS, strangers as f64));
            }
        }
        values
    }

    fn state(&self) -> MutexGuard<'_, HealthState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the metrics once.
    pub fn emit(&self) {
        let now = clock::now();
        metrics::emit(now, &[("group", self.group.as_str())], &self.values(now));
    }
}

/// Tells of all groups again and again.
pub async fn tell(groups: Vec<GroupHealth>) {
    let mut period = interval(PERIOD);
    loop {
        period.tick().await;
        groups.iter().for_each(GroupHealth::emit);
    }
}

/// Holds a group while it lives, and tells of the group once more when it goes: a short drain is seen, too.
#[derive(Debug)]
pub struct HoldingGuard(GroupHealth);

impl Drop for HoldingGuard {
    fn drop(&mut self) {
        self.0.emit();
        let mut state = self.0.state();
        let HealthState { queues, refused, redelivered, .. } = std::mem::take(&mut *state);
        *state = HealthState { queues, refused, redelivered, ..HealthState::default() };
    }
}

#[cfg(test)]
mod tests {
    use foz_domain::Epoch;
    use foz_domain::bridge::{Content, Marker};

    use super::*;

    fn value(health: &GroupHealth, metric: &Metric) -> Option<f64> {
        let values = health.values(clock::now());
        values.iter().find(|(told, _)| told.name == metric.name).map(|(_, value)| *value)
    }

    #[test]
    fn a_group_is_told_of_whether_or_not_it_is_held() {
        let health = GroupHealth::new("boxes".parse().unwrap());
        assert_eq!(value(&health, &HOLDING), Some(0.0));
        assert_eq!(value(&health, &READY), None);
        let guard = health.hold();
        assert_eq!(value(&health, &HOLDING), Some(1.0));
        assert_eq!(value(&health, &DEAD_LETTERS), None, "not looked at yet");
        health.looked(QueueTotals { ready: 3, dead_letters: 10, unfit: 1, shared: 0 });
        assert_eq!(value(&health, &READY), Some(3.0));
        assert_eq!(value(&health, &DEAD_LETTERS), Some(10.0));
        assert_eq!(value(&health, &QUEUES_UNFIT), Some(1.0));
        let mut names: Vec<_> = health.values(clock::now()).iter().map(|(metric, _)| metric.name).collect();
        let told = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), told, "each metric once");
        drop(guard);
        assert_eq!(value(&health, &HOLDING), Some(0.0));
        assert_eq!(value(&health, &QUEUES_UNFIT), Some(1.0), "that may be why it is not held");
        assert_eq!(value(&health, &READY), None, "who does not hold the group knows nothing of its queues");
    }

    #[test]
    fn input_5_a_stranger_is_told_of_in_front_or_behind_and_not_before_it_is_known() {
        let health = GroupHealth::new("boxes".parse().unwrap());
        let check = |unheard, shared, expected| {
            health.unheard(unheard);
            health.looked(QueueTotals { shared, ..QueueTotals::default() });
            assert_eq!(value(&health, &STRANGERS), expected, "{unheard:?} {shared}");
        };
        check(Some(1), 1, None);
        let guard = health.hold();
        check(None, 0, None);
        check(Some(0), 0, Some(0.0));
        check(Some(1), 0, Some(1.0));
        check(None, 2, Some(2.0));
        check(Some(1), 2, Some(2.0));
        drop(guard);
        let _guard = health.hold();
        health.looked(QueueTotals::default());
        assert_eq!(value(&health, &STRANGERS), None, "the next reign does not know yet");
    }

    fn again(tag: u64) -> Delivery {
        let content = Content::Marker(Marker { epoch: Epoch(1), number: 1, seal: 0 });
        Delivery { tag, redelivered: true, content }
    }

    #[test]
    fn what_is_counted_is_told_once() {
        let health = GroupHealth::new("boxes".parse().unwrap());
        let _guard = health.hold();
        health.refused();
        health.delivered(&[again(4), again(5)]);
        assert_eq!(value(&health, &CONSUMES_REFUSED), Some(1.0));
        assert_eq!(value(&health, &CONSUMES_REFUSED), Some(0.0));
        assert_eq!(value(&health, &REDELIVERED), Some(0.0), "told with the refusals");
        health.delivered(&[again(6)]);
        assert_eq!(value(&health, &REDELIVERED), Some(1.0));
        assert_eq!(value(&health, &OLDEST_UNACKNOWLEDGED), Some(0.0));
        health.holds_since(Some(clock::now().minus(5_000)));
        assert!(value(&health, &OLDEST_UNACKNOWLEDGED) >= Some(5_000.0));
    }
}
