//! Look whether the run is still this attempt's, work, tell what became of it.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use foz_catalog::Finish;
use foz_domain::GroupName;
use foz_domain::run::Run;
use foz_edge::{ErrorType, clock, error_type};
use foz_lake::LakeError;
use foz_wire::{Attempt, AttemptAnswer};
use tracing::{error, info, warn};

use crate::Workbench;
use crate::hold::while_held;

impl Workbench {
    /// The attempt's run; none if it is no longer this attempt's.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub async fn claimed(&self, attempt: &Attempt) -> anyhow::Result<Option<Run>> {
        let Attempt { group, kind, range, epoch, attempt } = attempt;
        let run = self.catalog.run(group, *kind, *range).await.context(ErrorType::Catalog)?;
        let run = run.filter(|run| run.epoch == *epoch && run.attempt == *attempt && run.state.is_active());
        if run.is_none() {
            info!("the run is no longer this attempt's");
        }
        Ok(run)
    }

    /// Does the `work` while the run is held; calls `ended` if that ended the run. `halts` tells of an error why the run
    /// cannot go on until a person has looked, if that is so.
    ///
    /// # Errors
    /// The attempt is dead: dispatch hears of it and starts another, unless the run itself was failed.
    pub async fn carry_out(
        &self,
        group: &GroupName,
        run: &Run,
        work: impl Future<Output = anyhow::Result<Finish>>,
        halts: impl FnOnce(&anyhow::Error) -> Option<String>,
        ended: impl FnOnce(i64),
    ) -> anyhow::Result<AttemptAnswer> {
        let done = match while_held(&self.catalog, group, run, self.beat, work).await {
            Ok(done) => done,
            Err(failure) => {
                let Some(reason) = halts(&failure) else { return Err(failure) };
                self.halt(group, run, &reason).await;
                return Err(failure.context(ErrorType::Invariant));
            }
        };
        if done != Some(Finish::Ended) {
            warn!("the run was taken over");
            return Ok(AttemptAnswer::Lost);
        }
        ended(clock::now());
        // Lost, it costs latency only: the sweep looks at every group with work.
        if let Err(lost) = self.hints.send(group, Duration::ZERO).await {
            warn!(error = format!("{lost:#}"), "hint lost");
        }
        Ok(AttemptAnswer::Done)
    }

    async fn halt(&self, group: &GroupName, run: &Run, reason: &str) {
        match self.catalog.fail(group, run, reason, clock::now()).await {
            Ok(_) => error!(reason, "the group halts"),
            Err(unsaid) => warn!(error = format!("{:#}", anyhow::Error::from(unsaid)), "could not halt the group"),
        }
    }
}

/// Why the run cannot go on until a person has looked, if no later attempt with the same definition can succeed: a table
/// includes a part of its range or cannot be what the definition says, or the definition itself is wrong.
pub fn halts(error: &anyhow::Error) -> Option<String> {
    let hopeless = |cause: &&LakeError| matches!(cause, LakeError::Halt { .. } | LakeError::Incompatible { .. });
    let of_table = error.chain().filter_map(|cause| cause.downcast_ref()).find(hopeless).map(ToString::to_string);
    of_table.or_else(|| (error_type(error) == ErrorType::Settings).then(|| format!("{error:#}")))
}

/// Milliseconds from the first claim until `now`, as metrics take it.
#[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
pub fn duration(run: &Run, now: i64) -> f64 {
    now.saturating_sub(run.started_at) as f64
}
