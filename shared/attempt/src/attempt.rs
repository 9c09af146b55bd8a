//! Look whether the job is still this attempt's, work, tell what became of it.

use std::future::Future;
use std::time::Duration;

use foz_catalog::Swap;
use foz_domain::Timestamp;
use foz_domain::job::Job;
use foz_domain::job::step::Guard;
use foz_edge::{ErrorType, clock, error_type};
use foz_lake::LakeError;
use foz_wire::{Attempt, AttemptAnswer};
use tracing::{error, info, warn};

use crate::AttemptComponents;
use crate::heartbeat::while_held;

impl AttemptComponents {
    /// The attempt's job; `None` if it is no longer this attempt's.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub async fn claimed(&self, attempt: &Attempt) -> anyhow::Result<Option<Job>> {
        let found = self.catalog.job(&attempt.job_id()).await?;
        let ours = |job: &Job| job.epoch == attempt.epoch && job.attempt == attempt.attempt && job.state.is_active();
        let ours = found.filter(ours);
        if ours.is_none() {
            info!("the job is no longer this attempt's");
        }
        Ok(ours)
    }

    /// Does the `work` while the attempt holds the job; calls `ended` if that ended the job. `halts` tells of an error why
    /// the job cannot go on until a person has looked, if that is so.
    ///
    /// # Errors
    /// The attempt is dead: dispatch hears of it and starts another, unless the job itself was failed.
    pub async fn carry_out(
        &self,
        job: &Job,
        work: impl Future<Output = anyhow::Result<Swap>>,
        halts: impl FnOnce(&anyhow::Error) -> Option<String>,
        ended: impl FnOnce(Timestamp),
    ) -> anyhow::Result<AttemptAnswer> {
        let done = match while_held(&self.catalog, job, self.beat, work).await {
            Ok(done) => done,
            Err(failure) => {
                let Some(reason) = halts(&failure) else { return Err(failure) };
                self.halt(job, &reason).await;
                return Err(failure.context(ErrorType::Invariant));
            }
        };
        let Some(Swap::Done(_)) = done else {
            warn!("the job was taken over");
            return Ok(AttemptAnswer::Lost);
        };
        ended(clock::now());
        // Lost, it costs latency only: the sweep looks at every group with work.
        if let Err(lost) = self.hints.send(&job.id.group, Duration::ZERO).await {
            warn!(error = format!("{lost:#}"), "hint lost");
        }
        Ok(AttemptAnswer::Done)
    }

    async fn halt(&self, job: &Job, reason: &str) {
        match self.catalog.swap(Some(job), &job.failed(reason, clock::now()), Guard::Held).await {
            // Why stands in the job, where `foz status` shows it: it may quote a message, and logs must not.
            Ok(Swap::Done(_)) => error!("the group halts"),
            Ok(Swap::Lost(_)) => info!("not failed: the job is another attempt's"),
            Err(unsaid) => warn!(error = format!("{:#}", anyhow::Error::from(unsaid)), "could not halt the group"),
        }
    }
}

/// Why no later attempt with the same definition can succeed, so that a person must look; `None` if one may. It cannot
/// if a table includes a part of its range or cannot be what the definition says, or the definition itself is wrong.
pub fn halts(error: &anyhow::Error) -> Option<String> {
    let hopeless = |cause: &&LakeError| matches!(cause, LakeError::Halt { .. } | LakeError::Incompatible { .. });
    let of_table = error.chain().filter_map(|cause| cause.downcast_ref()).find(hopeless).map(ToString::to_string);
    of_table.or_else(|| (error_type(error) == ErrorType::Settings).then(|| format!("{error:#}")))
}

/// Milliseconds from the first claim until `now`, as metrics take it.
#[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
pub fn duration(job: &Job, now: Timestamp) -> f64 {
    now.since(job.started_at) as f64
}
