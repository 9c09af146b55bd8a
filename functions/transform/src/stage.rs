//! Raw objects to staged files: everything that an attempt writes, below its own prefix. Nothing of it is visible yet.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow};
use foz_attempt::AttemptComponents;
use foz_attempt::attempt::halts;
use foz_domain::batch::Batch;
use foz_domain::job::Job;
use foz_domain::keys::ManifestKey;
use foz_domain::{StreamName, Timestamp};
use foz_edge::metrics::{self, emit};
use foz_edge::{ErrorType, fail_point};
use foz_engine::{CompiledStream, Origin, TransformError, Transformer, Waiting};
use foz_lake::{AttemptManifest, StagedWriter, Table, TableSpec, Tables, raw};
use foz_pipeline::Definition;
use futures::stream::{self, StreamExt, TryStreamExt};
use tracing::info;

/// Raw objects opened at a time: one is transformed while the next is fetched.
const AHEAD: usize = 2;

/// Stages the run and returns the key of the attempt's manifest.
///
/// # Errors
/// [`TransformError::Halt`] at the root if a stream is declared to stop at a message that cannot be typed.
pub async fn stage(
    AttemptComponents { catalog, store, lake, .. }: &AttemptComponents,
    definition: &Definition,
    run: &Job,
    now: Timestamp,
) -> anyhow::Result<ManifestKey> {
    let batches = catalog.batches(&run.id.group, run.range).await?;
    fail_point("transform.before_stage").await?;
    let prefix = run.prefix();
    let mut outputs = Outputs::open(lake, definition, &batches, &prefix, now).await?;
    let open = |batch: Batch| async move {
        let rows = raw::read(store, &batch.content.raw_key).await?;
        anyhow::Ok((batch, rows))
    };
    let mut objects = stream::iter(batches.into_iter().map(open)).buffered(AHEAD);
    while let Some((batch, mut rows)) = objects.try_next().await? {
        let origin = Origin { sequence: batch.sequence, raw_key: &batch.content.raw_key };
        while let Some(rows) = rows.try_next().await? {
            outputs.take(&batch.content.stream, rows, origin).await?;
        }
    }
    let manifest = outputs.close(definition).await?;
    let key = ManifestKey::below(&prefix);
    if let Err(error) = lake.write_manifest(&key, &manifest).await {
        // Another execution of this very attempt was faster: its files are as good as ours.
        lake.read_manifest(&key).await.map_err(|_| error).context(ErrorType::Store)?;
    }
    fail_point("transform.after_stage").await?;
    Ok(key)
}

/// The streams of a run, each with its files.
struct Outputs<'a> {
    lake: &'a Tables,
    prefix: &'a str,
    now: Timestamp,
    streams: BTreeMap<StreamName, Output>,
}

/// One stream's files.
struct Output {
    transformer: Transformer,
    changes: (Table, StagedWriter),
    quarantine_table: TableSpec,
    /// `None` if no row was quarantined yet; most streams never need one.
    quarantine: Option<(Table, StagedWriter)>,
}

impl<'a> Outputs<'a> {
    async fn open(
        lake: &'a Tables,
        definition: &Definition,
        batches: &[Batch],
        prefix: &'a str,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let names: BTreeSet<&StreamName> = batches.iter().map(|batch| &batch.content.stream).collect();
        let open = names.into_iter().map(|name| async move {
            let stream = definition.stream(name).with_context(|| format!(
                "the definition has no stream {name}, but messages of it wait: put it back until they are in its tables"
            ));
            let plan = CompiledStream::new(stream.context(ErrorType::Settings)?).map_err(|problems| {
                let problems: Vec<_> =
                    problems.iter().map(|problem| format!("{}: {problem}", problem.part.as_str())).collect();
                anyhow!("stream {name}: {}", problems.join("; ")).context(ErrorType::Settings)
            })?;
            let quarantine_table = plan.quarantine_table();
            let changes = open(lake, &plan.changes_table(), prefix).await?;
            if changes.0.rule().key.is_none() {
                // Older releases wrote this history. What they noted of its states stands in the current table.
                lake.compare(&plan.current_table()).await?;
            }
            let transformer = Transformer::new(plan, now.micros()).context(ErrorType::Engine)?;
            anyhow::Ok((name.clone(), Output { transformer, changes, quarantine_table, quarantine: None }))
        });
        let streams = futures::future::try_join_all(open).await?.into_iter().collect();
        Ok(Self { lake, prefix, now, streams })
    }

    async fn take(
        &mut self,
        name: &StreamName,
        rows: arrow::array::RecordBatch,
        origin: Origin<'_>,
    ) -> anyhow::Result<()> {
        let output = self.streams.get_mut(name).context("a batch of a stream that was not opened")?;
        let mut waiting = Waiting::new(rows);
        // The work of a whole batch must not hold up the runtime's other tasks, such as uploads.
        let mut next = || tokio::task::block_in_place(|| output.transformer.next(&mut waiting, origin));
        while let Some(done) = next().context(ErrorType::Engine)? {
            output.changes.1.write(&done.history).await?;
            if done.quarantine.num_rows() > 0 {
                let quarantine = match output.quarantine.take() {
                    Some(quarantine) => quarantine,
                    None => open(self.lake, &output.quarantine_table, self.prefix).await?,
                };
                let (_, writer) = &mut output.quarantine.insert(quarantine);
                writer.write(&done.quarantine).await?;
            }
        }
        Ok(())
    }

    /// Completes all files, and lists them in the order in which they are to be committed: referenced streams first.
    async fn close(mut self, definition: &Definition) -> anyhow::Result<AttemptManifest> {
        let mut manifest = AttemptManifest::default();
        for name in definition.groups().into_iter().flat_map(|group| group.streams) {
            let Some(Output { changes, quarantine, .. }) = self.streams.remove(&name) else { continue };
            for (table, writer) in [Some(changes), quarantine].into_iter().flatten() {
                let rows = writer.rows();
                let files = writer.close().await?;
                info!(stream = %name, table = table.name(), rows, files = files.len(), "staged");
                if table.name() == name.quarantine().as_str() {
                    #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
                    emit(self.now, &[("stream", name.as_str())], &[(&metrics::ROWS_QUARANTINED, rows as f64)]);
                }
                manifest.push(&table, files)?;
            }
        }
        Ok(manifest)
    }
}

async fn open(lake: &Tables, table: &TableSpec, prefix: &str) -> anyhow::Result<(Table, StagedWriter)> {
    let table = lake.ensure(table).await?;
    let writer = lake.writer(&table, prefix).await?;
    Ok((table, writer))
}

/// Why the run cannot go on until a person has looked; `None` if the error does not say so.
pub fn halt(error: &anyhow::Error) -> Option<String> {
    let poison = |cause: &&TransformError| matches!(cause, TransformError::Halt { .. });
    let message = error.chain().filter_map(|cause| cause.downcast_ref()).find(poison).map(ToString::to_string);
    message.or_else(|| halts(error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use foz_domain::{Epoch, Ordinal, Range, Sequence};
    use foz_lake::{EntityRule, Files, TableCommit};
    use foz_testkit::a_batch;

    use super::*;

    fn definition(version: &str) -> Definition {
        let columns = "{ id: string, v: int, w: int }";
        Definition::stored(&format!(
            "lake: l\nstreams:\n  s: {{ queue: s, key: [id], version: {version}, columns: {columns} }}\n"
        ))
        .unwrap()
    }

    fn batch() -> Batch {
        let content = a_batch(&"s".parse().unwrap(), Epoch(1), Ordinal(1));
        Batch { sequence: Sequence(1), previous: None, content }
    }

    /// One row, as far as it must not be null.
    fn row() -> Vec<(&'static str, ArrayRef)> {
        let text = || Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
        let instant = || Arc::new(TimestampMicrosecondArray::from_value(0, 1).with_timezone("+00:00")) as ArrayRef;
        vec![
            ("_key", text()),
            ("_sequence", Arc::new(Int64Array::from(vec![0]))),
            ("_index", Arc::new(Int32Array::from(vec![0]))),
            ("_ingested_at", instant()),
            ("_processed_at", instant()),
            ("_op", text()),
            ("_raw_key", text()),
        ]
    }

    /// A table as an older release left it: of its rule it notes no more than this.
    async fn left(lake: &Tables, spec: TableSpec, noted: EntityRule) {
        let table = lake.ensure(&TableSpec { rule: noted.clone(), ..spec.clone() }).await.unwrap();
        let mut writer = lake.writer(&table, "tables/").await.unwrap();
        let columns = row().into_iter().filter(|(name, _)| spec.columns.column_with_name(name).is_some());
        writer.write(&RecordBatch::try_from_iter(columns).unwrap()).await.unwrap();
        let range = Range::new(Sequence(0), Sequence(1)).unwrap();
        let files = Files::Append(writer.close().await.unwrap());
        let change = TableCommit { run: "r".to_owned(), range: Some(range), files, rule: noted };
        lake.commit(table.name(), &change, Timestamp(0)).await.unwrap();
    }

    #[tokio::test]
    async fn protocol_1_another_version_than_an_older_release_noted_is_refused_before_anything_is_staged() {
        let lake = Tables::in_memory();
        let before = definition("v");
        let plan = CompiledStream::new(before.streams.values().next().unwrap()).unwrap();
        left(&lake, plan.changes_table(), EntityRule::default()).await;
        left(&lake, plan.current_table(), EntityRule { key: None, ..plan.rule() }).await;
        let open = async |version: &str| {
            Outputs::open(&lake, &definition(version), &[batch()], "staged/", Timestamp(0)).await.map(drop)
        };
        let error = open("w").await.unwrap_err();
        assert!(halt(&error).is_some_and(|reason| reason.contains("change it back to `version: v`")), "{error:#}");
        open("v").await.unwrap();
    }
}
