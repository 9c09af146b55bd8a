//! What invokes the function, and its answer.

use anyhow::Context;
use foz_domain::{Epoch, GroupName, Range, Sequence};
use foz_lambda::ErrorType;
use serde::{Deserialize, Serialize};

/// An attempt of a run, as dispatch starts it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    group: String,
    lo: u64,
    hi: u64,
    epoch: u64,
    attempt: String,
}

/// The attempt that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The run's group.
    pub group: GroupName,
    /// The run's range.
    pub range: Range,
    /// The run's epoch when the attempt was started.
    pub epoch: Epoch,
    /// The attempt.
    pub attempt: String,
}

impl Event {
    /// The attempt that the event names.
    ///
    /// # Errors
    /// It is no event of ours.
    pub fn read(self) -> anyhow::Result<Attempt> {
        let group = self.group.parse().context(ErrorType::Event)?;
        let range = Range::new(Sequence(self.lo), Sequence(self.hi));
        let range = range.context("the range is empty").context(ErrorType::Event)?;
        Ok(Attempt { group, range, epoch: Epoch(self.epoch), attempt: self.attempt })
    }
}

/// What became of the attempt. Nobody needs it but people: truth is in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Answer {
    /// The run is in the tables.
    Done,
    /// The run is another attempt's, or has ended: nothing was done, or what was done is void.
    Lost,
}
