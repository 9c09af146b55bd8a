//! An attempt holds its run as long as the catalog says so.

use std::future::Future;
use std::time::Duration;

use foz_catalog::Catalog;
use foz_domain::GroupName;
use foz_domain::run::{Run, RunState};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// Works on the run, beating `every` so often. None: the run was taken over or has ended, and the work was dropped.
///
/// # Errors
/// Those of the work. A beat that fails is none: only an answer can say that the run is lost.
pub async fn while_held<T>(
    catalog: &Catalog,
    group: &GroupName,
    run: &Run,
    every: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<Option<T>> {
    let lost = async {
        loop {
            sleep(every).await;
            // A request that hangs must not keep the next beat from being tried in time.
            let Ok(beat) = timeout(every, catalog.heartbeat(group, run)).await else {
                warn!("heartbeat missed: no answer in time");
                continue;
            };
            match beat {
                Ok(true) => {}
                // The work itself may just have ended the run, and only waits for the answer.
                Ok(false) if ended_by(catalog, group, run).await => std::future::pending().await,
                Ok(false) => return,
                Err(error) => warn!(error = format!("{:#}", anyhow::Error::from(error)), "heartbeat missed"),
            }
        }
    };
    tokio::select! {
        done = work => done.map(Some),
        () = lost => Ok(None),
    }
}

/// Whether it was this very attempt that ended the run as it should.
async fn ended_by(catalog: &Catalog, group: &GroupName, run: &Run) -> bool {
    let ours = |found: &Run| found.epoch == run.epoch && found.attempt == run.attempt && found.state == RunState::Done;
    matches!(catalog.run(group, run.kind, run.range).await, Ok(Some(found)) if ours(&found))
}
