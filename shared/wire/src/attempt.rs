//! Attempts: which one a function is to carry out, as dispatch says it, and what the function answers.

use foz_domain::ids::ParseError;
use foz_domain::job::{Job, JobId, JobKind};
use foz_domain::{AttemptId, Epoch, GroupName, Range, Sequence};
use serde::{Deserialize, Serialize};

/// One execution of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The group that is worked for.
    pub group: GroupName,
    /// What is done.
    pub kind: JobKind,
    /// The batches; for a consolidation only the end counts, for a compaction it is its number alone.
    pub range: Range,
    /// The job's epoch when the attempt was started.
    pub epoch: Epoch,
    /// The attempt's unique name.
    pub attempt: AttemptId,
}

impl Attempt {
    /// The current attempt of the job.
    pub fn of(job: &Job) -> Self {
        let JobId { group, kind, .. } = job.id.clone();
        Self { group, kind, range: job.range, epoch: job.epoch, attempt: job.attempt.clone() }
    }

    /// The job that the attempt works on.
    pub fn job_id(&self) -> JobId {
        JobId::new(self.group.clone(), self.kind, self.range)
    }

    /// The event for the function that carries out such attempts.
    #[expect(clippy::expect_used, reason = "strings and numbers written to a string cannot fail")]
    pub fn to_json(&self) -> String {
        let Self { range, epoch: Epoch(epoch), .. } = *self;
        let (attempt, group) = (self.attempt.to_string(), self.group.to_string());
        let json = match self.kind {
            JobKind::Transform => {
                serde_json::to_string(&TransformEvent { attempt, epoch, group, hi: range.hi().0, lo: range.lo().0 })
            }
            JobKind::Consolidate => {
                serde_json::to_string(&ConsolidateEvent { attempt, epoch, group, through: range.hi().0 })
            }
            JobKind::Compact => serde_json::to_string(&CompactEvent { attempt, epoch, group, number: range.lo().0 }),
        };
        json.expect("writing JSON into memory")
    }
}

/// An event that names no attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    /// The name of the group or of the attempt is malformed.
    #[error(transparent)]
    Name(#[from] ParseError),
    /// A run without batches.
    #[error("the range is empty")]
    EmptyRange,
    /// A consolidation without batches.
    #[error("there is nothing to consolidate")]
    NothingToConsolidate,
    /// A compaction of a number that no compaction has.
    #[error("no compaction has this number")]
    NoSuchCompaction,
}

/// What transform is invoked with. Read first, understood second, so that an event which makes no sense is answered with an
/// error type of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformEvent {
    attempt: String,
    epoch: u64,
    group: String,
    hi: u64,
    lo: u64,
}

impl TryFrom<TransformEvent> for Attempt {
    type Error = AttemptError;

    fn try_from(event: TransformEvent) -> Result<Self, AttemptError> {
        let group = event.group.parse()?;
        let range = Range::new(Sequence(event.lo), Sequence(event.hi)).ok_or(AttemptError::EmptyRange)?;
        Ok(Self { group, kind: JobKind::Transform, range, epoch: Epoch(event.epoch), attempt: event.attempt.parse()? })
    }
}

/// What consolidate is invoked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsolidateEvent {
    attempt: String,
    epoch: u64,
    group: String,
    through: u64,
}

impl TryFrom<ConsolidateEvent> for Attempt {
    type Error = AttemptError;

    fn try_from(event: ConsolidateEvent) -> Result<Self, AttemptError> {
        let group = event.group.parse()?;
        let range = Range::new(Sequence(0), Sequence(event.through)).ok_or(AttemptError::NothingToConsolidate)?;
        Ok(Self {
            group,
            kind: JobKind::Consolidate,
            range,
            epoch: Epoch(event.epoch),
            attempt: event.attempt.parse()?,
        })
    }
}

/// What compact is invoked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactEvent {
    attempt: String,
    epoch: u64,
    group: String,
    number: u64,
}

impl TryFrom<CompactEvent> for Attempt {
    type Error = AttemptError;

    fn try_from(event: CompactEvent) -> Result<Self, AttemptError> {
        let group = event.group.parse()?;
        let end = event.number.checked_add(1).ok_or(AttemptError::NoSuchCompaction)?;
        let range = Range::new(Sequence(event.number), Sequence(end)).ok_or(AttemptError::NoSuchCompaction)?;
        Ok(Self { group, kind: JobKind::Compact, range, epoch: Epoch(event.epoch), attempt: event.attempt.parse()? })
    }
}

/// What became of an attempt. Only people read it: the catalog says the same to programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum AttemptAnswer {
    /// What the job is for is in the tables and recorded.
    Done,
    /// The job is another attempt's, or has ended: nothing was done, or what was done is void.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_make_no_sense_are_told_apart() {
        let event = |group: &str, hi| TransformEvent { attempt: "a".into(), epoch: 1, group: group.into(), hi, lo: 2 };
        assert_eq!(Attempt::try_from(event("g", 2)), Err(AttemptError::EmptyRange));
        assert!(matches!(Attempt::try_from(event("Not A Name", 3)), Err(AttemptError::Name(_))));
        let event = ConsolidateEvent { attempt: "a".into(), epoch: 1, group: "g".into(), through: 0 };
        assert_eq!(Attempt::try_from(event), Err(AttemptError::NothingToConsolidate));
        let event = CompactEvent { attempt: "a".into(), epoch: 1, group: "g".into(), number: u64::MAX };
        assert_eq!(Attempt::try_from(event), Err(AttemptError::NoSuchCompaction));
    }
}
