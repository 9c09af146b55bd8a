//! Staged files into tables. Only what was elected is published, and whoever publishes it publishes the same.

use anyhow::Context;
use foz_domain::run::Run;
use foz_lake::{Change, Files, Lake};
use foz_lambda::{ErrorType, fail_point};
use tracing::info;

/// Commits the elected list of files, table by table in its order: referenced streams first, so that who reads a referrer
/// and then the referenced table never meets a reference that leads nowhere. What is committed already is skipped.
///
/// # Errors
/// [`foz_lake::LakeError::Halt`] at the root if a table includes a part of the range.
pub async fn publish(lake: &Lake, run: &Run, manifest: &str, now: impl Fn() -> i64) -> anyhow::Result<()> {
    let elected = lake.read_manifest(manifest).await.context(ErrorType::Store)?;
    for (number, staged) in elected.tables().iter().enumerate() {
        if number > 0 {
            fail_point("transform.between_tables").await?;
        }
        let table = lake.load(&staged.table).await.context(ErrorType::Tables)?;
        let files = Files::Append(staged.files(&table).context(ErrorType::Tables)?);
        // The manifest names the execution whose files these are, whoever commits them.
        let change = Change { run: manifest.to_owned(), range: run.range, files };
        let image = lake.commit(&staged.table, &change, now()).await.context(ErrorType::Tables)?;
        info!(table = staged.table, rows = staged.rows, repeated = image.repeated, "committed");
    }
    Ok(())
}
