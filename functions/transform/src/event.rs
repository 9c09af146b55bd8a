//! What invokes the function.

use anyhow::Context;
use foz_attempt::Attempt;
use foz_domain::run::Kind;
use foz_domain::{Epoch, Range, Sequence};
use foz_edge::ErrorType;
use serde::Deserialize;

/// An attempt of a run, as dispatch starts it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    group: String,
    lo: u64,
    hi: u64,
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
        let range = Range::new(Sequence(self.lo), Sequence(self.hi));
        let range = range.context("the range is empty").context(ErrorType::Event)?;
        Ok(Attempt { group, kind: Kind::Transform, range, epoch: Epoch(self.epoch), attempt: self.attempt })
    }
}
