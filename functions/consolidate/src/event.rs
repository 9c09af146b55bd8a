//! What invokes the function.

use anyhow::Context;
use foz_attempt::Attempt;
use foz_domain::run::Kind;
use foz_domain::{Epoch, Range, Sequence};
use foz_edge::ErrorType;
use serde::Deserialize;

/// An attempt of a consolidation, as dispatch starts it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    group: String,
    through: u64,
    epoch: u64,
    attempt: String,
}

impl Event {
    /// The attempt that the event names.
    ///
    /// # Errors
    /// It is no event of ours.
    pub fn read(self) -> anyhow::Result<Attempt> {
        let group = self.group.parse().context(ErrorType::Event)?;
        let range = Range::new(Sequence(0), Sequence(self.through));
        let range = range.context("there is nothing to consolidate").context(ErrorType::Event)?;
        Ok(Attempt { group, kind: Kind::Consolidation, range, epoch: Epoch(self.epoch), attempt: self.attempt })
    }
}
