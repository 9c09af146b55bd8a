mod edits;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use foz_domain::keys::RawKey;
use foz_domain::{Digest, Epoch, Ordinal};
use foz_engine::{Origin, Transformer};
use foz_lake::EntityRule;
use foz_pipeline::Definition;

use futures::stream::TryStreamExt;

use super::*;

fn definition(version: &str) -> String {
    format!(
        "lake: test\nbroker: {{ vhost: / }}\nstreams:\n  s:\n    queue: s\n    key: [id]\n    buckets: 4\n    {version}\n    \
         delete_when: gone\n    columns: {{ id: string, v: int, n: long, gone: boolean, deep: \"array<struct<m:map<string,bigint>>>\" }}\n"
    )
}

fn parsed(definition: &str) -> Stream {
    Definition::stored(definition).unwrap().streams.into_values().next().unwrap()
}

fn stream(version: &str) -> Stream {
    parsed(&definition(version))
}

/// One message of entity `id`: its version, its content, whether it deletes.
type Message<'a> = (&'a str, i32, i64, bool);

/// A lake whose history table of the stream holds, for each sequence, one message.
struct World {
    lake: Tables,
    stream: Stream,
    next: u64,
    /// Whether an older release publishes, which notes no rule.
    older: bool,
    /// When units are written anew.
    bounds: DebtBounds,
}

/// Deltas wherever there is something before.
const DELTAS: DebtBounds = DebtBounds { small: 0, files: u64::MAX, rows_per_deleted: 0 };

impl World {
    fn new(version: &str) -> Self {
        Self { lake: Tables::in_memory(), stream: stream(version), next: 0, older: false, bounds: DELTAS }
    }

    async fn publish(&mut self, messages: &[Message<'_>]) {
        self.try_publish(messages).await.unwrap();
    }

    /// As a run does it: the table first, then the files, then the commit.
    async fn try_publish(&mut self, messages: &[Message<'_>]) -> Result<(), LakeError> {
        let plan = CompiledStream::new(&self.stream).unwrap();
        let mut declared = plan.changes_table();
        if self.older {
            declared.rule = EntityRule::default();
        }
        let table = self.lake.ensure(&declared).await?;
        let mut writer = self.lake.writer(&table, "staged/").await.unwrap();
        let mut transformer = Transformer::new(plan, 0).unwrap();
        let lo = Sequence(self.next);
        for (id, v, n, gone) in messages {
            let body = format!(r#"{{"id":"{id}","v":{v},"n":{n},"gone":{gone},"deep":[{{"m":{{"x":{n}}}}}]}}"#);
            let key = RawKey::new(&self.stream.name, Timestamp(0), Epoch(1), Ordinal(1), &Digest([0; 32]));
            let origin = Origin { sequence: Sequence(self.next), raw_key: &key };
            writer.write(&transformer.transform(&raw(body.as_bytes()), origin).unwrap().history).await.unwrap();
            self.next += 1;
        }
        self.next = self.next.max(lo.0 + 1);
        let range = Range::new(lo, Sequence(self.next)).unwrap();
        let files = Files::Append(writer.close().await.unwrap());
        let change =
            TableCommit { run: format!("run {lo}"), range: Some(range), files, rule: table.declared().clone() };
        self.lake.commit("s_changes", &change, Timestamp(0)).await?;
        Ok(())
    }

    fn maker(&self, execution: &str, through: u64) -> ImageMaker<'_> {
        let limits = Limits { memory: 16 << 20, spill_to: None };
        let (lake, written, bounds) = (&self.lake, BTreeMap::new(), self.bounds);
        ImageMaker { lake, execution: execution.to_owned(), through: Sequence(through), written, limits, bounds }
    }

    async fn image(&self, execution: &str) -> TableState {
        self.maker(execution, self.next).image(&self.stream, Timestamp(0)).await.unwrap()
    }

    /// The current table: content by entity.
    async fn rows(&self) -> BTreeMap<String, i64> {
        let table = self.lake.load("s").await.unwrap();
        let files = table.files().await.unwrap();
        let batches: Vec<RecordBatch> = table.read(&files).unwrap().try_collect().await.unwrap();
        let mut rows = BTreeMap::new();
        for batch in &batches {
            let (ids, numbers) = (batch["id"].as_string::<i32>(), batch["n"].as_primitive::<Int64Type>());
            for row in 0..batch.num_rows() {
                let deep = batch["deep"].as_list::<i32>().value(row);
                let deep = deep.as_struct().column_by_name("m").unwrap().as_map().value(0);
                assert_eq!(deep.column(1).as_primitive::<Int64Type>().value(0), numbers.value(row));
                assert_eq!(rows.insert(ids.value(row).to_owned(), numbers.value(row)), None, "one row per entity");
            }
        }
        rows
    }
}

fn raw(body: &[u8]) -> RecordBatch {
    let instant = || Arc::new(TimestampMicrosecondArray::from_value(0, 1).with_timezone("UTC")) as ArrayRef;
    let columns: [(&str, ArrayRef); 6] = [
        ("index", Arc::new(Int32Array::from(vec![0]))),
        ("body", Arc::new(BinaryArray::from_vec(vec![body]))),
        ("digest", Arc::new(FixedSizeBinaryArray::try_from_iter([[0; 32]].into_iter()).unwrap())),
        ("published_at", instant()),
        ("ingested_at", instant()),
        ("message_id", Arc::new(StringArray::from(vec!["m"]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn rows<const N: usize>(rows: [(&str, i64); N]) -> BTreeMap<String, i64> {
    rows.map(|(id, n)| (id.to_owned(), n)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_state_of_each_entity() {
    let mut world = World::new("");
    world.publish(&[("a", 0, 1, false), ("b", 0, 2, false), ("a", 0, 3, false)]).await;
    assert_eq!(world.image("1").await.rows, 2);
    assert_eq!(world.rows().await, rows([("a", 3), ("b", 2)]));
    world.publish(&[("b", 0, 0, true), ("c", 0, 4, false), ("b", 0, 5, false), ("a", 0, 0, true)]).await;
    world.image("2").await;
    assert_eq!(world.rows().await, rows([("b", 5), ("c", 4)]));
    assert!(world.image("3").await.repeated, "nothing is new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_messages_has_an_empty_table() {
    let world = World::new("");
    let image = world.maker("1", 5).image(&world.stream, Timestamp(0)).await.unwrap();
    assert_eq!((image.through, image.rows, image.snapshot_id), (Some(Sequence(5)), 0, None));
    assert_eq!(world.rows().await, rows([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn late_older_states_meet_tombstones_of_earlier_images() {
    let mut world = World::new("version: v");
    world.publish(&[("a", 5, 1, false), ("a", 7, 0, true), ("b", 3, 2, false)]).await;
    world.image("1").await;
    assert_eq!(world.rows().await, rows([("b", 2)]));
    world.publish(&[("a", 6, 3, false), ("b", 2, 4, false)]).await;
    world.image("2").await;
    assert_eq!(world.rows().await, rows([("b", 2)]));
    world.publish(&[("a", 8, 5, false)]).await;
    world.image("3").await;
    assert_eq!(world.rows().await, rows([("a", 5), ("b", 2)]));
}

/// Case 18, the first half done: the tombstones are committed, the image is not.
#[tokio::test(flavor = "multi_thread")]
async fn killed_between_tombstones_and_image() {
    let mut world = World::new("version: v");
    world.publish(&[("a", 1, 1, false), ("b", 1, 2, false)]).await;
    world.image("1").await;
    world.publish(&[("a", 2, 0, true), ("b", 2, 0, true), ("b", 3, 3, false), ("a", 1, 4, false)]).await;
    {
        let maker = world.maker("killed", world.next);
        let tables = maker.load(&world.stream, &plan(&world.stream).unwrap()).await.unwrap();
        let range = Range::new(Sequence(2), Sequence(world.next)).unwrap();
        let unsorted = BTreeSet::new();
        let next = Next { stream: &world.stream, tables: &tables, range, now: Timestamp(0), unsorted: &unsorted };
        let (_, tombstones) = maker.merged(&next).await.unwrap();
        let change = TableCommit {
            run: "killed-0".into(),
            range: Some(range),
            files: tombstones.unwrap(),
            rule: EntityRule::default(),
        };
        world.lake.commit("s_tombstones", &change, Timestamp(0)).await.unwrap();
    }
    assert_eq!(world.rows().await, rows([("a", 1), ("b", 2)]), "nothing is visible yet");
    world.image("2").await;
    assert_eq!(world.rows().await, rows([("b", 3)]));
}

/// Case 18: two at once give one image, and the loser computes again or finds it made.
#[tokio::test(flavor = "multi_thread")]
async fn two_consolidations_at_once() {
    let mut world = World::new("version: v");
    for round in 0..5i32 {
        let n = i64::from(round);
        world.publish(&[("a", round, n, false), ("b", round, 10 + n, round == 3), ("c", -round, n, false)]).await;
        let (first, second) = (format!("x{round}"), format!("y{round}"));
        let (first, second) = tokio::join!(world.image(&first), world.image(&second));
        assert_eq!(first.snapshot_id, second.snapshot_id);
    }
    assert_eq!(world.rows().await, rows([("a", 4), ("b", 14), ("c", 0)]));
}

/// The register answers with the past: the last run's rows are in the history, but not in what is shown of it.
#[tokio::test(flavor = "multi_thread")]
async fn protocol_16_a_history_that_is_shown_too_old_is_not_passed() {
    let mut world = World::new("");
    let written = |last| BTreeMap::from([("s".parse().unwrap(), Sequence(last))]);
    let late = async |world: &World, last| {
        let maker = ImageMaker { written: written(last), ..world.maker("1", last + 1) };
        maker.image(&world.stream, Timestamp(0)).await
    };
    let error = late(&world, 0).await.unwrap_err();
    assert!(format!("{error:#}").contains("s_changes shows what it includes through nothing"), "{error:#}");
    world.publish(&[("a", 1, 1, false), ("b", 1, 2, false)]).await;
    let error = late(&world, 2).await.unwrap_err();
    assert!(format!("{error:#}").contains("through 2, although 2 was written"), "{error:#}");
    assert!(error.chain().find_map(|cause| cause.downcast_ref::<LakeError>()).unwrap().is_transient());
    assert_eq!(world.lake.find("s").await.unwrap().map(|table| table.through()), None);
    late(&world, 1).await.unwrap();
    assert_eq!(world.rows().await, rows([("a", 1), ("b", 2)]));
}

/// Random messages in random images, each made by deltas or anew, give what the model gives; and so do tombstones.
#[test]
fn any_mix_of_deltas_and_rewrites_agrees_with_the_model() {
    use foz_domain::Position;
    use foz_domain::merge::{Change, Latest, Rank};
    use proptest::prelude::*;

    let message = (0u8..12, 0i32..5, prop::bool::weighted(0.3));
    let step = (prop::collection::vec(message, 1..12), prop::sample::select(vec![0u64, 1, 3, u64::MAX]), 0u64..3);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 24, ..ProptestConfig::default() });
    runner
        .run(&(prop::collection::vec(step, 1..6), any::<bool>()), |(steps, versioned)| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let mut world = World::new(if versioned { "version: v" } else { "" });
                let mut model = Latest::default();
                for (number, (messages, files, rows_per_deleted)) in steps.into_iter().enumerate() {
                    let names: Vec<_> = messages.iter().map(|(id, ..)| format!("e{id}")).collect();
                    let sent = messages.iter().zip(&names).enumerate();
                    let sent: Vec<Message<'_>> =
                        sent.map(|(n, ((_, v, gone), id))| (id.as_str(), *v, n as i64, *gone)).collect();
                    model.extend(sent.iter().enumerate().map(|(n, (id, v, content, gone))| Change {
                        key: (*id).to_owned(),
                        rank: Rank {
                            version: versioned.then_some(*v),
                            position: Position { sequence: Sequence(world.next + n as u64), index: 0 },
                        },
                        state: (!gone).then_some(*content),
                    }));
                    world.bounds = DebtBounds { small: 0, files, rows_per_deleted };
                    world.publish(&sent).await;
                    let state = world.image(&number.to_string()).await;
                    let expected: BTreeMap<String, i64> =
                        model.rows().map(|(id, _, content)| (id.clone(), *content)).collect();
                    assert_eq!(world.rows().await, expected);
                    assert_eq!(state.rows, expected.len() as u64);
                    if versioned {
                        let table = world.lake.load("s_tombstones").await.unwrap();
                        assert_eq!(table.rows(), model.tombstones().count() as u64);
                    }
                }
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_named_and_nothing_is_committed() {
    for bounds in [DELTAS, DebtBounds::default()] {
        let mut world = World::new("");
        world.bounds = bounds;
        world.publish(&[("a", 0, 1, false), ("b", 0, 2, false)]).await;
        let before = world.image("1").await;
        let files = world.lake.load("s").await.unwrap().files().await.unwrap();
        for file in &files {
            world.lake.load("s").await.unwrap().iceberg().file_io().delete(file.path()).await.unwrap();
        }
        world.publish(&[("a", 0, 3, false), ("b", 0, 4, false)]).await;
        let error = world.maker("2", world.next).image(&world.stream, Timestamp(0)).await.unwrap_err();
        let said = format!("{error:#}");
        assert!(files.iter().any(|file| said.contains(file.path())), "{said}");
        let after = world.lake.load("s").await.unwrap();
        assert_eq!((after.through(), after.snapshot_id()), (before.through, before.snapshot_id));
    }
}
