//! What a job does, where it is, and which engine computes it.

use std::fmt;
use std::str::FromStr;

use crate::ids::ParseError;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobKind {
    /// A run: raw objects to history tables.
    Transform,
    /// A consolidation: history tables to current tables.
    Consolidate,
    /// A compaction: files of current tables to fewer and larger ones.
    Compact,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Transform, Self::Consolidate, Self::Compact];
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transform => "run",
            Self::Consolidate => "consolidation",
            Self::Compact => "compaction",
        })
    }
}

/// Where a job is: `claimed → staged → committing → done`, or `failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// Its range is held; an engine works on it.
    Claimed,
    /// An engine that does not commit by itself (EMR) has written its files.
    Staged,
    /// One attempt is elected: range, definition and files are frozen and may be in tables.
    Committing,
    /// In the tables; the watermark has moved.
    Done,
    /// Stopped; it waits for a person.
    Failed,
}

impl JobState {
    /// Every state, in the order in which a job passes through them.
    pub const ALL: [Self; 5] = [Self::Claimed, Self::Staged, Self::Committing, Self::Done, Self::Failed];

    /// Whether an attempt is, or should be, working on the job.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Claimed | Self::Staged | Self::Committing)
    }

    /// Whether the transition to `next` is legal.
    ///
    /// An embedded run goes from `claimed` to `committing` in one step. A consolidation is never elected (the
    /// `foz.through` of each table makes it exactly-once), nor is a compaction (each of its commits changes files and no
    /// row, and depends on the snapshot that it was computed from), so these end from `claimed`. A failed job that a person resumes
    /// goes back to where it was: `committing` if an attempt was elected, else `claimed`.
    pub const fn may_become(self, next: Self, kind: JobKind) -> bool {
        use JobState::{Claimed, Committing, Done, Failed, Staged};
        match (self, next) {
            (Claimed | Staged | Committing, Failed) | (Failed, Claimed) => true,
            (Claimed, Staged | Committing) | (Staged, Committing) | (Committing, Done) | (Failed, Committing) => {
                matches!(kind, JobKind::Transform)
            }
            (Claimed, Done) => matches!(kind, JobKind::Consolidate | JobKind::Compact),
            _ => false,
        }
    }
}

/// Which engine computes a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobEngine {
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
    JobState,
    "a job's state: claimed, staged, committing, done or failed",
    Claimed = "claimed",
    Staged = "staged",
    Committing = "committing",
    Done = "done",
    Failed = "failed"
);
text!(JobEngine, "an engine: embedded or emr", Embedded = "embedded", Emr = "emr");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_is_final_and_an_elected_run_never_goes_back_to_the_engine() {
        for kind in JobKind::ALL {
            for next in JobState::ALL {
                assert!(!JobState::Done.may_become(next, kind), "done → {next}");
                assert!(!(next < JobState::Committing && JobState::Committing.may_become(next, kind)), "{next}");
            }
            assert!(JobState::ALL.iter().filter(|s| s.is_active()).all(|s| s.may_become(JobState::Failed, kind)));
        }
        assert!(
            !JobState::Claimed.may_become(JobState::Done, JobKind::Transform),
            "no table is touched before an election"
        );
        for kind in [JobKind::Consolidate, JobKind::Compact] {
            assert!(JobState::Claimed.may_become(JobState::Done, kind), "{kind}");
            assert!(!JobState::Claimed.may_become(JobState::Committing, kind), "{kind}");
        }
    }

    #[test]
    fn states_and_engines_round_trip() {
        for state in JobState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for engine in [JobEngine::Embedded, JobEngine::Emr] {
            assert_eq!(engine.to_string().parse(), Ok(engine));
        }
    }
}
