//! Staged files into tables. Only what was elected is published, and whoever publishes it publishes the same.

use anyhow::Context;
use foz_domain::run::Run;
use foz_edge::{ErrorType, fail_point};
use foz_lake::{Change, Files, Lake};
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use foz_domain::run::{Engine, Kind, RunState};
    use foz_domain::{Epoch, Range, Sequence};
    use foz_lake::{AttemptManifest, TableSpec};

    use super::*;

    const TABLES: [&str; 2] = ["planes_changes", "flights_changes"];

    fn run() -> Run {
        Run {
            kind: Kind::Transform,
            range: Range::new(Sequence(0), Sequence(3)).unwrap(),
            state: RunState::Committing,
            epoch: Epoch(1),
            attempt: "a".into(),
            engine: Engine::Embedded,
            definition: "config/1.yaml".into(),
            bytes: 0,
            manifest: None,
            heartbeat: 0,
            seen_heartbeat: 0,
            seen_at: 0,
            started_at: 0,
            ended_at: None,
            error: None,
            crashes: 0,
        }
    }

    /// A lake with a staged attempt of three rows for each table.
    async fn staged(manifest: &str) -> Lake {
        let lake = Lake::in_memory();
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

    async fn rows(lake: &Lake) -> Vec<u64> {
        let mut rows = Vec::new();
        for name in TABLES {
            rows.push(lake.load(name).await.unwrap().rows());
        }
        rows
    }

    #[tokio::test]
    async fn what_was_elected_is_committed_once_however_often_it_is_published() {
        let lake = staged("m").await;
        for _ in 0..2 {
            publish(&lake, &run(), "m", || 0).await.unwrap();
            assert_eq!(rows(&lake).await, [3, 3]);
        }
    }

    #[tokio::test]
    async fn a_death_between_tables_is_finished_by_the_next_attempt() {
        let lake = staged("m").await;
        let elected = lake.read_manifest("m").await.unwrap();
        let table = lake.load(TABLES[0]).await.unwrap();
        let files = Files::Append(elected.tables()[0].files(&table).unwrap());
        lake.commit(TABLES[0], &Change { run: "m".into(), range: run().range, files }, 0).await.unwrap();
        assert_eq!(rows(&lake).await, [3, 0]);
        publish(&lake, &Run { epoch: Epoch(2), attempt: "b".into(), ..run() }, "m", || 0).await.unwrap();
        assert_eq!(rows(&lake).await, [3, 3]);
    }

    #[tokio::test]
    async fn a_table_that_includes_a_part_of_the_range_halts_the_run() {
        let lake = staged("m").await;
        let range = Range::new(Sequence(0), Sequence(2)).unwrap();
        lake.commit(TABLES[0], &Change { run: "x".into(), range, files: Files::Append(vec![]) }, 0).await.unwrap();
        let error = publish(&lake, &run(), "m", || 0).await.unwrap_err();
        assert!(crate::stage::halt(&error).is_some_and(|reason| reason.contains(TABLES[0])), "{error:#}");
        assert_eq!(rows(&lake).await, [0, 0]);
    }
}
