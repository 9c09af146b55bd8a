//! The heartbeat of an attempt, which holds its job as long as the catalog says so.

use std::future::Future;
use std::time::Duration;

use foz_catalog::Catalog;
use foz_domain::job::{Job, JobState};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// Runs `work` and sends a heartbeat at once and then `every` interval. Returns `None`, dropping `work`, if the job was taken
/// over or has ended.
///
/// # Errors
/// Those of the work. A heartbeat that fails is no error: only an answer can say that the job is lost.
pub async fn while_held<T>(
    catalog: &Catalog,
    job: &Job,
    every: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<Option<T>> {
    // Before anything else: by this dispatch knows of an attempt that dies that it had begun.
    if !beat(catalog, job, every).await {
        return Ok(None);
    }
    let lost = async {
        loop {
            sleep(every).await;
            if !beat(catalog, job, every).await {
                // The work itself may just have ended the job, and only waits for the answer.
                if ended_by(catalog, job).await {
                    std::future::pending::<()>().await;
                }
                return;
            }
        }
    };
    tokio::select! {
        done = work => done.map(Some),
        () = lost => Ok(None),
    }
}

/// Sends a heartbeat; `false` if the job is known to be lost.
async fn beat(catalog: &Catalog, job: &Job, patience: Duration) -> bool {
    // A request that hangs must not keep the next beat from being tried in time.
    match timeout(patience, catalog.heartbeat(job)).await {
        Ok(Ok(held)) => held,
        Ok(Err(error)) => {
            warn!(error = format!("{:#}", anyhow::Error::from(error)), "heartbeat missed");
            true
        }
        Err(_) => {
            warn!("heartbeat missed: no answer in time");
            true
        }
    }
}

/// Whether it was this very attempt that ended the job as it should.
async fn ended_by(catalog: &Catalog, job: &Job) -> bool {
    let ours = |found: &Job| found.is_attempt_of(job) && found.state == JobState::Done;
    matches!(catalog.job(&job.id).await, Ok(Some(found)) if ours(&found))
}
