//! Runs and consolidations: their states, and when a silent one is taken over.
//!
//! Clocks decide only *when* somebody tries to take over. *Who* wins is decided by the run's epoch, which every takeover
//! raises by compare-and-set, and by the election of one attempt before any table is touched.

use std::fmt;
use std::str::FromStr;

use crate::ids::{Epoch, ParseError};
use crate::position::Range;

/// What a run does with its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Raw objects to history tables.
    Transform,
    /// History tables to current images.
    Consolidation,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transform => "run",
            Self::Consolidation => "consolidation",
        })
    }
}

/// Where a run is: `claimed → staged → committing → done`, or `failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Its range is held; an engine works on it.
    Claimed,
    /// An engine that does not commit by itself (EMR) has written its files.
    Staged,
    /// One attempt is elected: range, definition and files are frozen and may be in tables.
    Committing,
    /// In the tables; the watermark has moved.
    Done,
    /// Stopped; the group waits for a person.
    Failed,
}

impl RunState {
    /// Whether somebody is, or should be, working on it.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Claimed | Self::Staged | Self::Committing)
    }

    /// Whether the transition to `next` is legal.
    ///
    /// An embedded run goes from `claimed` to `committing` in one step. A consolidation is never elected (the
    /// `foz.through` of each table makes it exactly-once), so it ends from `claimed`. A failed run that a person resumes
    /// goes back to where it was: `committing` if an attempt was elected, else `claimed`.
    pub const fn may_become(self, next: Self, kind: Kind) -> bool {
        use RunState::{Claimed, Committing, Done, Failed, Staged};
        match (self, next) {
            (Claimed | Staged | Committing, Failed) | (Failed, Claimed) => true,
            (Claimed, Staged | Committing) | (Staged, Committing) | (Committing, Done) | (Failed, Committing) => {
                matches!(kind, Kind::Transform)
            }
            (Claimed, Done) => matches!(kind, Kind::Consolidation),
            _ => false,
        }
    }
}

/// Which engine computes a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// DataFusion inside a function.
    Embedded,
    /// Spark on EMR.
    Emr,
}

macro_rules! text {
    ($type:ident, $expected:literal, $($variant:ident = $text:literal),*) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),* })
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(ParseError::new(text, $expected)),
                }
            }
        }
    };
}

text!(
    RunState,
    "a run's state: claimed, staged, committing, done or failed",
    Claimed = "claimed",
    Staged = "staged",
    Committing = "committing",
    Done = "done",
    Failed = "failed"
);
text!(Engine, "an engine: embedded or emr", Embedded = "embedded", Emr = "emr");

/// A run or a consolidation as the catalog holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it does.
    pub kind: Kind,
    /// The batches it holds.
    pub range: Range,
    /// Where it is.
    pub state: RunState,
    /// Raised by every takeover, from 1; a higher one fences all lower ones.
    pub epoch: Epoch,
    /// The execution that holds it now; unique.
    pub attempt: String,
    /// Which engine computes it.
    pub engine: Engine,
    /// Key of the definition that it uses.
    pub definition: String,
    /// Uncompressed bytes of its batches; 0 for a consolidation.
    pub bytes: u64,
    /// Key of the elected attempt's list of files, once elected.
    pub manifest: Option<String>,
    /// Counts up while an attempt works.
    pub heartbeat: u64,
    /// The heartbeat that a dispatch saw last.
    pub seen_heartbeat: u64,
    /// When it saw it, by its own clock, in milliseconds since 1970 UTC.
    pub seen_at: i64,
    /// When it was first claimed, in milliseconds since 1970 UTC.
    pub started_at: i64,
    /// When it ended, done or failed.
    pub ended_at: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Attempts over this very range that are known to have crashed their engine.
    pub crashes: u32,
}

/// An attempt that is known to have ended without finishing: its function's failure was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadAttempt {
    /// The run's epoch at that attempt.
    pub epoch: Epoch,
    /// The attempt.
    pub attempt: String,
    /// Whether its process died or ran out of time, and did not say by itself that it failed.
    pub crashed: bool,
}

/// What a dispatch does about an active run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Its heartbeat stood still for too long, or its end was reported: raise its epoch, start a new attempt.
    TakeOver,
    /// Its heartbeat moved: note it, with the time.
    Observe,
    /// Too early to judge: look again after so many milliseconds.
    Wait(u64),
}

/// A reported death is believed at once only for the first attempts; a run that keeps dying is tried again at the pace
/// of the heartbeat limit, so that a broken dependency is not hammered. Crashes are believed always: their number is limited.
pub const HASTY_EPOCHS: u64 = 3;

/// So many crashes of attempts over the same range are its fault.
pub const MOST_CRASHES: u32 = 3;

impl Run {
    /// What to do about this active run at `now`, if a heartbeat may stand still for `limit` (both in milliseconds).
    pub fn care(&self, dead: Option<&DeadAttempt>, now: i64, limit: u64) -> Care {
        let ended = dead.filter(|dead| dead.epoch == self.epoch && dead.attempt == self.attempt);
        if ended.is_some_and(|dead| dead.crashed || self.epoch.0 < HASTY_EPOCHS) {
            return Care::TakeOver;
        }
        // A clock that went back makes the age 0: later, never sooner.
        let age = u64::try_from(now.saturating_sub(self.seen_at)).unwrap_or(0);
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
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::Sequence;

    pub(crate) fn run(kind: Kind, lo: u64, hi: u64) -> Run {
        Run {
            kind,
            range: Range::new(Sequence(lo), Sequence(hi)).unwrap(),
            state: RunState::Claimed,
            epoch: Epoch(1),
            attempt: "a".into(),
            engine: Engine::Embedded,
            definition: "config/1.yaml".into(),
            bytes: 0,
            manifest: None,
            heartbeat: 0,
            seen_heartbeat: 0,
            seen_at: 0,
            started_at: 0,
            ended_at: None,
            error: None,
            crashes: 0,
        }
    }

    const STATES: [RunState; 5] =
        [RunState::Claimed, RunState::Staged, RunState::Committing, RunState::Done, RunState::Failed];

    #[test]
    fn done_is_final_and_an_elected_run_never_goes_back_to_the_engine() {
        for kind in [Kind::Transform, Kind::Consolidation] {
            for next in STATES {
                assert!(!RunState::Done.may_become(next, kind), "done → {next}");
                assert!(!(next < RunState::Committing && RunState::Committing.may_become(next, kind)), "{next}");
            }
            assert!(STATES.iter().filter(|s| s.is_active()).all(|s| s.may_become(RunState::Failed, kind)));
        }
        assert!(
            !RunState::Claimed.may_become(RunState::Done, Kind::Transform),
            "no table is touched before an election"
        );
        assert!(RunState::Claimed.may_become(RunState::Done, Kind::Consolidation));
    }

    #[test]
    fn states_and_engines_round_trip() {
        for state in STATES {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for engine in [Engine::Embedded, Engine::Emr] {
            assert_eq!(engine.to_string().parse(), Ok(engine));
        }
    }

    #[test]
    fn a_reported_death_is_believed_if_it_is_about_this_attempt() {
        let dead = DeadAttempt { epoch: Epoch(1), attempt: "a".into(), crashed: false };
        let mut run = run(Kind::Transform, 0, 1);
        assert_eq!(run.care(Some(&dead), 1, 100), Care::TakeOver);
        run.attempt = "b".into();
        assert_eq!(run.care(Some(&dead), 1, 100), Care::Wait(99));
        let dead = DeadAttempt { epoch: Epoch(HASTY_EPOCHS), attempt: "b".into(), crashed: false };
        run.epoch = Epoch(HASTY_EPOCHS);
        assert_eq!(run.care(Some(&dead), 1, 100), Care::Wait(99), "a run that keeps dying is not hammered");
        let crashed = DeadAttempt { crashed: true, ..dead };
        assert_eq!(run.care(Some(&crashed), 1, 100), Care::TakeOver);
    }

    proptest! {
        #[test]
        fn a_run_that_beats_is_never_taken_over(seen_at in 0i64..1000, now in -1000i64..3000, heartbeat in 1u64..9) {
            let run = Run { heartbeat, seen_at, ..run(Kind::Transform, 0, 1) };
            prop_assert_ne!(run.care(None, now, 100), Care::TakeOver);
        }

        #[test]
        fn a_silent_run_is_taken_over_once_the_limit_has_passed(seen_at in 0i64..1000, age in 0i64..300) {
            let run = Run { seen_at, ..run(Kind::Transform, 0, 1) };
            let care = run.care(None, seen_at + age, 100);
            prop_assert_eq!(care == Care::TakeOver, age >= 100);
            if let Care::Wait(delay) = care {
                prop_assert_eq!(run.care(None, seen_at + age + i64::try_from(delay).unwrap(), 100), Care::TakeOver);
            }
        }
    }
}
