//! What invokes the function, and its answer.

use anyhow::Context;
use foz_domain::{Epoch, GroupName, Range, Sequence};
use foz_lambda::ErrorType;
use serde::{Deserialize, Serialize};

/// An attempt of a consolidation, as dispatch starts it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    group: String,
    through: u64,
    epoch: u64,
    attempt: String,
}

/// The attempt that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The group.
    pub group: GroupName,
    /// Everything below the sequence to which the images are brought.
    pub below: Range,
    /// The consolidation's epoch when the attempt was started.
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
        let below = Range::new(Sequence(0), Sequence(self.through));
        let below = below.context("there is nothing to consolidate").context(ErrorType::Event)?;
        Ok(Attempt { group, below, epoch: Epoch(self.epoch), attempt: self.attempt })
    }
}

/// What became of the attempt. Nobody needs it but people: truth is in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Answer {
    /// The images are made and recorded.
    Done,
    /// The consolidation is another attempt's, or has ended.
    Lost,
}
