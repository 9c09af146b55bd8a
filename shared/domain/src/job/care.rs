//! When a job that is silent, or was reported dead, is taken over.
//!
//! Clocks decide only *when* somebody tries to take over. *Who* wins is decided by the job's epoch, which every takeover
//! raises by compare-and-set, and by the election of one attempt before any table is touched.

use crate::ids::{AttemptId, Epoch};
use crate::job::Job;
use crate::time::Timestamp;

/// Why an attempt ended without finishing its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeathCause {
    /// Something that it needs did not answer: it was throttled, timed out or cut off. That says nothing about the range,
    /// and may be over by itself.
    Outage,
    /// Anything else: a crash, a panic, no memory or time left, an error of the engine or of a table.
    Fault,
}

/// An attempt that is known to have ended without finishing: its function's failure was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadAttempt {
    /// The job's epoch at that attempt.
    pub epoch: Epoch,
    pub attempt: AttemptId,
    pub cause: DeathCause,
    /// What the function, or Lambda in its place, said; `None` if nothing was said.
    pub error: Option<String>,
}

/// What a dispatch does about an active job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Its heartbeat stood still for too long, or its end was reported: raise its epoch, start a new attempt.
    TakeOver,
    /// Its heartbeat moved: note it, with the time.
    Observe,
    /// It ended by an outage, and is not to be repeated yet: note that, so that its silence is not held against it.
    Excuse,
    /// Too early to judge: look again after this many milliseconds.
    Wait(u64),
}

/// A reported death is believed at once only for the first attempts; a job that keeps dying is tried again at the pace
/// of the heartbeat limit, so that a broken dependency is not hammered. Faults of an attempt that had begun are believed
/// always: their number is limited.
pub const HASTY_EPOCHS: u64 = 3;

/// The number of faults over one range that are taken to be the range's.
pub const MOST_CRASHES: u32 = 3;

/// How far a noted instant may be ahead of the own clock, in milliseconds, and still be believed. Clocks in one region
/// differ by milliseconds; what is further ahead was written by a clock that is wrong, and is no reason to wait.
pub const CLOCK_SKEW: u64 = 60_000;

impl Job {
    /// Whether the present attempt has shown that it works on the job. One that has not was never started, or did not
    /// come as far as the job: its end is not the range's fault.
    pub const fn has_begun(&self) -> bool {
        self.heartbeat > 0
    }

    /// Whether the end of the present attempt counts against the range; `dead` is the report of it, `None` if the attempt
    /// only went silent.
    pub fn is_blamed(&self, dead: Option<&DeadAttempt>) -> bool {
        self.has_begun() && dead.is_none_or(|dead| dead.cause == DeathCause::Fault)
    }

    /// What to do about this active job at `now`, if a heartbeat may stand still for `limit` milliseconds.
    pub fn care(&self, dead: Option<&DeadAttempt>, now: Timestamp, limit: u64) -> Care {
        let ended = dead.filter(|dead| dead.epoch == self.epoch && dead.attempt == self.attempt);
        if let Some(dead) = ended {
            if self.epoch.0 < HASTY_EPOCHS || self.is_blamed(Some(dead)) {
                return Care::TakeOver;
            }
            if self.has_begun() {
                return Care::Excuse;
            }
        }
        if self.seen_at > now.plus(CLOCK_SKEW) {
            return Care::Observe;
        }
        // A clock that went back a little makes the age 0: later, never sooner.
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
        let of = |epoch, attempt: &str, cause| DeadAttempt {
            epoch: Epoch(epoch),
            attempt: attempt.parse().unwrap(),
            cause,
            error: None,
        };
        let dead = of(1, "a", DeathCause::Outage);
        let mut job = job(JobKind::Transform, 0, 1);
        assert_eq!(job.care(Some(&dead), Timestamp(1), 100), Care::TakeOver);
        job.attempt = "b".parse().unwrap();
        assert_eq!(job.care(Some(&dead), Timestamp(1), 100), Care::Wait(99));
        job.epoch = Epoch(HASTY_EPOCHS);
        let outage = of(HASTY_EPOCHS, "b", DeathCause::Outage);
        let fault = of(HASTY_EPOCHS, "b", DeathCause::Fault);
        assert_eq!(job.care(Some(&fault), Timestamp(1), 100), Care::Wait(99), "one that cannot start is not hammered");
        job.heartbeat = 1;
        assert_eq!(job.care(Some(&outage), Timestamp(1), 100), Care::Excuse, "a dependency is not hammered");
        assert_eq!(job.care(Some(&fault), Timestamp(1), 100), Care::TakeOver);
    }

    #[test]
    fn protocol_16_a_silence_counts_if_the_attempt_had_begun_and_was_not_excused() {
        let job = job(JobKind::Transform, 0, 1);
        assert!(!job.is_blamed(None), "it was never started");
        let begun = Job { heartbeat: 1, ..job };
        assert!(begun.is_blamed(None));
        let excused = begun.excused("no answer", Timestamp(5));
        assert!(!excused.is_blamed(None));
        assert_eq!((excused.seen_at, excused.error.as_deref()), (Timestamp(5), Some("no answer")));
        assert_eq!(excused.care(None, Timestamp(104), 100), Care::Wait(1));
        assert_eq!(excused.care(None, Timestamp(105), 100), Care::TakeOver, "at a pace");
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_hide_a_silence() {
        let ahead = 3_600_000;
        let job = Job { seen_at: Timestamp(ahead), ..job(JobKind::Transform, 0, 1) };
        assert_eq!(job.care(None, Timestamp(0), 100), Care::Observe);
        let observed = job.observed(Timestamp(0));
        assert_eq!(observed.care(None, Timestamp(100), 100), Care::TakeOver);
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
