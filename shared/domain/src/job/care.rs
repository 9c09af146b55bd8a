//! When a job that is silent, or was reported dead, is taken over.
//!
//! Clocks decide only *when* somebody tries to take over. *Who* wins is decided by the job's epoch, which every takeover
//! raises by compare-and-set, and by the election of one attempt before any table is touched.

use crate::ids::{AttemptId, Epoch};
use crate::job::Job;
use crate::time::Timestamp;

/// An attempt that is known to have ended without finishing: its function's failure was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadAttempt {
    /// The job's epoch at that attempt.
    pub epoch: Epoch,
    pub attempt: AttemptId,
    /// Whether its process died or ran out of time, and did not say by itself that it failed.
    pub crashed: bool,
}

/// What a dispatch does about an active job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Its heartbeat stood still for too long, or its end was reported: raise its epoch, start a new attempt.
    TakeOver,
    /// Its heartbeat moved: note it, with the time.
    Observe,
    /// Too early to judge: look again after this many milliseconds.
    Wait(u64),
}

/// A reported death is believed at once only for the first attempts; a job that keeps dying is tried again at the pace
/// of the heartbeat limit, so that a broken dependency is not hammered. Crashes are believed always: their number is limited.
pub const HASTY_EPOCHS: u64 = 3;

/// The number of crashes over one range that are taken to be the range's fault.
pub const MOST_CRASHES: u32 = 3;

impl Job {
    /// What to do about this active job at `now`, if a heartbeat may stand still for `limit` milliseconds.
    pub fn care(&self, dead: Option<&DeadAttempt>, now: Timestamp, limit: u64) -> Care {
        let ended = dead.filter(|dead| dead.epoch == self.epoch && dead.attempt == self.attempt);
        if ended.is_some_and(|dead| dead.crashed || self.epoch.0 < HASTY_EPOCHS) {
            return Care::TakeOver;
        }
        // A clock that went back makes the age 0: later, never sooner.
        let age = now.since(self.seen_at);
        let moved = self.heartbeat != self.seen_heartbeat;
        // Observed at most four times per limit, so that a flood of hints does not become a flood of writes.
        match moved {
            false if age >= limit => Care::TakeOver,
            true if age >= limit / 4 => Care::Observe,
            _ => Care::Wait(limit.saturating_sub(age)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::JobKind;
    use crate::job::tests::job;

    #[test]
    fn a_reported_death_is_believed_if_it_is_about_this_attempt() {
        let dead = DeadAttempt { epoch: Epoch(1), attempt: "a".parse().unwrap(), crashed: false };
        let mut job = job(JobKind::Transform, 0, 1);
        assert_eq!(job.care(Some(&dead), Timestamp(1), 100), Care::TakeOver);
        job.attempt = "b".parse().unwrap();
        assert_eq!(job.care(Some(&dead), Timestamp(1), 100), Care::Wait(99));
        let dead = DeadAttempt { epoch: Epoch(HASTY_EPOCHS), attempt: "b".parse().unwrap(), crashed: false };
        job.epoch = Epoch(HASTY_EPOCHS);
        assert_eq!(job.care(Some(&dead), Timestamp(1), 100), Care::Wait(99), "a job that keeps dying is not hammered");
        let crashed = DeadAttempt { crashed: true, ..dead };
        assert_eq!(job.care(Some(&crashed), Timestamp(1), 100), Care::TakeOver);
    }

    proptest! {
        #[test]
        fn a_job_that_beats_is_never_taken_over(seen_at in 0i64..1000, now in -1000i64..3000, heartbeat in 1u64..9) {
            let job = Job { heartbeat, seen_at: Timestamp(seen_at), ..job(JobKind::Transform, 0, 1) };
            prop_assert_ne!(job.care(None, Timestamp(now), 100), Care::TakeOver);
        }

        #[test]
        fn a_silent_job_is_taken_over_once_the_limit_has_passed(seen_at in 0i64..1000, age in 0i64..300) {
            let job = Job { seen_at: Timestamp(seen_at), ..job(JobKind::Transform, 0, 1) };
            let care = job.care(None, Timestamp(seen_at + age), 100);
            prop_assert_eq!(care == Care::TakeOver, age >= 100);
            if let Care::Wait(delay) = care {
                prop_assert_eq!(job.care(None, Timestamp(seen_at + age).plus(delay), 100), Care::TakeOver);
            }
        }
    }
}
