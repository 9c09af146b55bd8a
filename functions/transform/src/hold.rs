//! An attempt holds its run as long as the catalog says so.

use std::future::Future;
use std::time::Duration;

use foz_catalog::Catalog;
use foz_domain::GroupName;
use foz_domain::run::Run;
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
            tokio::time::sleep(every).await;
            match catalog.heartbeat(group, run).await {
                Ok(true) => {}
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
