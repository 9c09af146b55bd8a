//! Attempts: which one a function is to carry out, as dispatch says it, and what the function answers.

use foz_domain::ids::ParseError;
use foz_domain::run::{Kind, Run};
use foz_domain::{Epoch, GroupName, Range, Sequence};
use serde::{Deserialize, Serialize};

/// One execution of a run or consolidation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The group whose batches are worked on.
    pub group: GroupName,
    /// What is done with them.
    pub kind: Kind,
    /// The batches; for a consolidation only the end counts.
    pub range: Range,
    /// The run's epoch when the attempt was started.
    pub epoch: Epoch,
    /// The attempt's unique name.
    pub attempt: String,
}

impl Attempt {
    /// The current attempt of the group's run.
    pub fn of(group: &GroupName, run: &Run) -> Self {
        let Run { kind, range, epoch, attempt, .. } = run;
        Self { group: group.clone(), kind: *kind, range: *range, epoch: *epoch, attempt: attempt.clone() }
    }

    /// The event for the function that carries out such attempts.
    #[expect(clippy::expect_used, reason = "strings and numbers written to a string cannot fail")]
    pub fn to_json(&self) -> String {
        let Self { range, epoch: Epoch(epoch), .. } = *self;
        let (attempt, group) = (self.attempt.clone(), self.group.to_string());
        let json = match self.kind {
            Kind::Transform => {
                serde_json::to_string(&TransformEvent { attempt, epoch, group, hi: range.hi().0, lo: range.lo().0 })
            }
            Kind::Consolidation => {
                serde_json::to_string(&ConsolidateEvent { attempt, epoch, group, through: range.hi().0 })
            }
        };
        json.expect("writing JSON into memory")
    }
}

/// An event that names no attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    /// The group's name is none.
    #[error(transparent)]
    Group(#[from] ParseError),
    /// A run without batches.
    #[error("the range is empty")]
    EmptyRange,
    /// A consolidation without batches.
    #[error("there is nothing to consolidate")]
    NothingToConsolidate,
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
        Ok(Self { group, kind: Kind::Transform, range, epoch: Epoch(event.epoch), attempt: event.attempt })
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
        Ok(Self { group, kind: Kind::Consolidation, range, epoch: Epoch(event.epoch), attempt: event.attempt })
    }
}

/// What became of an attempt. Nobody needs it but people: truth is in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum AttemptAnswer {
    /// The run is in the tables and recorded.
    Done,
    /// The run is another attempt's, or has ended: nothing was done, or what was done is void.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_make_no_sense_are_told_apart() {
        let event = |group: &str, hi| TransformEvent { attempt: "a".into(), epoch: 1, group: group.into(), hi, lo: 2 };
        assert_eq!(Attempt::try_from(event("g", 2)), Err(AttemptError::EmptyRange));
        assert!(matches!(Attempt::try_from(event("Not A Name", 3)), Err(AttemptError::Group(_))));
        let event = ConsolidateEvent { attempt: "a".into(), epoch: 1, group: "g".into(), through: 0 };
        assert_eq!(Attempt::try_from(event), Err(AttemptError::NothingToConsolidate));
    }
}
