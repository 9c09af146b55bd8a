//! Staged files into tables. Only what was elected is published, and every attempt that publishes it publishes the same.

use anyhow::Context;
use foz_domain::Timestamp;
use foz_domain::job::Job;
use foz_domain::keys::ManifestKey;
use foz_edge::{ErrorType, fail_point};
use foz_lake::{Files, TableCommit, Tables};
use tracing::info;

/// Commits the elected list of files, table by table in its order: referenced streams first, so that who reads a referrer
/// and then the referenced table never meets a reference that leads nowhere. What is committed already is skipped.
///
/// # Errors
/// [`foz_lake::LakeError::Halt`] at the root if a table includes a part of the range.
pub async fn publish(
    lake: &Tables,
    run: &Job,
    manifest: &ManifestKey,
    now: impl Fn() -> Timestamp,
) -> anyhow::Result<()> {
    let elected = lake.read_manifest(manifest).await.context(ErrorType::Store)?;
    for (number, staged) in elected.tables().iter().enumerate() {
        if number > 0 {
            fail_point("transform.between_tables").await?;
        }
        let table = lake.load(&staged.table).await?;
        let files = Files::Append(staged.files(&table)?);
        // The manifest names the execution whose files these are, not the attempt that commits them.
        let change = TableCommit { run: manifest.to_string(), range: Some(run.range), files, rule: staged.rule()? };
        let image = lake.commit(&staged.table, &change, now()).await?;
        info!(table = staged.table, rows = staged.rows, repeated = image.repeated, "committed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use foz_domain::job::{JobEngine, JobKind, Start, Work};
    use foz_domain::{Range, Sequence};
    use foz_lake::{AttemptManifest, EntityRule, TableSpec};

    use super::*;

    const TABLES: [&str; 2] = ["planes_changes", "flights_changes"];

    fn run() -> Job {
        let range = Range::new(Sequence(0), Sequence(3)).unwrap();
        let work = Work { kind: JobKind::Transform, range, bytes: 0, engine: JobEngine::Embedded };
        Job::claimed(&"flights".parse().unwrap(), work, &start("a")).elected(manifest())
    }

    fn start(attempt: &str) -> Start {
        let (attempt, definition) = (attempt.parse().unwrap(), "config/1.yaml".parse().unwrap());
        Start { attempt, definition, now: Timestamp(0) }
    }

    fn manifest() -> ManifestKey {
        "m".parse().unwrap()
    }

    /// A lake with a staged attempt of three rows for each table.
    async fn staged(manifest: &ManifestKey) -> Tables {
        let lake = Tables::in_memory();
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let rows = RecordBatch::try_from_iter([("_sequence", column)]).unwrap();
        let mut list = AttemptManifest::default();
        for name in TABLES {
            let spec = TableSpec::log(name, rows.schema());
            let table = lake.ensure(&spec).await.unwrap();
            let mut writer = lake.writer(&table, "staged/").await.unwrap();
            writer.write(&rows).await.unwrap();
            list.push(&table, writer.close().await.unwrap()).unwrap();
        }
        lake.write_manifest(manifest, &list).await.unwrap();
        lake
    }

    async fn rows(lake: &Tables) -> Vec<u64> {
        let mut rows = Vec::new();
        for name in TABLES {
            rows.push(lake.load(name).await.unwrap().rows());
        }
        rows
    }

    #[tokio::test]
    async fn what_was_elected_is_committed_once_however_often_it_is_published() {
        let lake = staged(&manifest()).await;
        for _ in 0..2 {
            publish(&lake, &run(), &manifest(), || Timestamp(0)).await.unwrap();
            assert_eq!(rows(&lake).await, [3, 3]);
        }
    }

    #[tokio::test]
    async fn a_death_between_tables_is_finished_by_the_next_attempt() {
        let lake = staged(&manifest()).await;
        let elected = lake.read_manifest(&manifest()).await.unwrap();
        let table = lake.load(TABLES[0]).await.unwrap();
        let files = Files::Append(elected.tables()[0].files(&table).unwrap());
        let change = TableCommit { run: "m".into(), range: Some(run().range), files, rule: EntityRule::default() };
        lake.commit(TABLES[0], &change, Timestamp(0)).await.unwrap();
        assert_eq!(rows(&lake).await, [3, 0]);
        publish(&lake, &run().taken_over(&start("b")), &manifest(), || Timestamp(0)).await.unwrap();
        assert_eq!(rows(&lake).await, [3, 3]);
    }

    #[tokio::test]
    async fn a_table_that_includes_a_part_of_the_range_halts_the_run() {
        let lake = staged(&manifest()).await;
        let range = Range::new(Sequence(0), Sequence(2)).unwrap();
        let (files, rule) = (Files::Append(vec![]), EntityRule::default());
        lake.commit(TABLES[0], &TableCommit { run: "x".into(), range: Some(range), files, rule }, Timestamp(0))
            .await
            .unwrap();
        let error = publish(&lake, &run(), &manifest(), || Timestamp(0)).await.unwrap_err();
        assert!(crate::stage::halt(&error).is_some_and(|reason| reason.contains(TABLES[0])), "{error:#}");
        assert_eq!(rows(&lake).await, [0, 0]);
    }
}
