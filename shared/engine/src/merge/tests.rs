use std::collections::{BTreeMap, BTreeSet};

use arrow::array::UInt32Array;
use arrow::compute::{concat_batches, take};
use foz_domain::merge::{Change, Latest, Rank};
use foz_domain::{Position, Sequence};
use foz_lake::Places;
use futures::stream;
use proptest::prelude::*;

use super::*;
use crate::fixture::{raw, raw_key, stream, texts};
use crate::{CompiledStream, Origin, Transformer};

/// Units of keys.
const UNITS: u32 = 4;
const VERSIONED: &str = "key: [id]\ncolumns: { id: string, n: long, v: int, gone: boolean }\nversion: v\ndelete_when: gone\n\
    transform: \"SELECT id, n FROM messages\"";

/// A message: which entity, which version if any, and whether it deletes.
type Message = (u8, Option<u8>, bool);

/// A file of a table: rows in the order of their keys, and those of them that are deleted.
#[derive(Clone)]
struct File {
    rows: RecordBatch,
    deleted: BTreeSet<u64>,
}

/// A table's files by unit.
type Table = BTreeMap<u32, Vec<File>>;

/// A stream's tables.
#[derive(Default)]
struct Tables {
    current: Table,
    tombstones: Table,
}

fn once(batches: Vec<RecordBatch>) -> Rows {
    stream::iter(batches.into_iter().map(Ok)).boxed()
}

impl File {
    fn new(rows: &RecordBatch) -> Option<Self> {
        (rows.num_rows() > 0).then(|| Self { rows: rows.clone(), deleted: BTreeSet::new() })
    }

    fn live(&self) -> RecordBatch {
        let live: BooleanArray =
            (0..self.rows.num_rows() as u64).map(|row| Some(!self.deleted.contains(&row))).collect();
        filter_record_batch(&self.rows, &live).unwrap()
    }

    fn run(&self, unsorted: bool) -> Run {
        Run { file: "f".to_owned(), rows: once(vec![self.live()]), unsorted }
    }

    fn places(&self, changes: &RecordBatch) -> Places {
        let mut places = Places { keys: vec![], positions: vec![], versions: None };
        let (keys, wanted) = (texts(&self.rows, "_key"), texts(changes, "_key"));
        for (position, key) in keys.iter().enumerate() {
            let number = wanted.iter().position(|wanted| wanted == key);
            if let Some(number) = number.filter(|_| !self.deleted.contains(&(position as u64))) {
                places.keys.push(number as u32);
                places.positions.push(position as u64);
            }
        }
        let rows = UInt32Array::from_iter_values(places.positions.iter().map(|position| *position as u32));
        places.versions = self.rows.column_by_name("_version").map(|versions| take(versions, &rows, None).unwrap());
        places
    }
}

fn delta(files: &mut Vec<File>, delta: &Delta, places: &[Places], added: Option<&RecordBatch>) {
    for (file, places) in files.iter_mut().zip(places) {
        file.deleted.extend(delta.gone(places));
    }
    files.extend(added.and_then(File::new));
}

impl Tables {
    /// One consolidation; `ways` says of each unit whether a delta is added, its rows are merged, or sorted and merged.
    async fn consolidate(&mut self, plan: &CompiledStream, changes: Vec<RecordBatch>, memory: usize, ways: [u8; 4]) {
        let merge = Merge::new(&plan.current_schema(), UNITS);
        let limits = Limits { memory, spill_to: None };
        let changes = merge.changes(once(changes), &limits);
        let mut last = None;
        let most = if ways[0] == 0 { memory } else { 1 };
        while let Some(unit) = changes.next(most).await.unwrap() {
            assert!(Some(unit.unit) > last, "each once, and in order");
            last = Some(unit.unit);
            let current = self.current.entry(unit.unit).or_default();
            let tombstones = self.tombstones.entry(unit.unit).or_default();
            let way = ways[unit.unit as usize];
            if way == 0 && unit.whole {
                let changes = concat_batches(&unit.rows[0].schema(), &unit.rows).unwrap();
                let found: Vec<_> = current.iter().map(|file| file.places(&changes)).collect();
                let deleted: Vec<_> = tombstones.iter().map(|file| file.places(&changes)).collect();
                let effect = merge.delta(&changes, &found.iter().chain(&deleted).collect::<Vec<_>>()).unwrap();
                delta(current, &effect, &found, Some(&effect.rows.current));
                delta(tombstones, &effect, &deleted, effect.rows.tombstones.as_ref());
                continue;
            }
            let base = Base {
                current: current.iter().map(|file| file.run(way == 2)).collect(),
                tombstones: tombstones.iter().map(|file| file.run(way == 2)).collect(),
            };
            let rest = changes.rest(unit.unit);
            let rows = stream::iter(unit.rows.into_iter().map(Ok)).chain(rest).boxed();
            let merged: Vec<Merged> = merge.rewrite(rows, base, &limits).try_collect().await.unwrap();
            *current = merged.iter().filter_map(|part| File::new(&part.current)).collect();
            *tombstones = merged.iter().filter_map(|part| File::new(part.tombstones.as_ref()?)).collect();
        }
    }

    fn rows(&self, of: fn(&Self) -> &Table, columns: &[&str]) -> Vec<String> {
        let lines = |file: &File| {
            let batch = file.live();
            let columns: Vec<_> = columns.iter().map(|column| texts(&batch, column)).collect();
            (0..batch.num_rows())
                .map(|row| columns.iter().map(|column| column[row].as_str()).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        let mut lines: Vec<_> = of(self).values().flatten().flat_map(lines).collect();
        lines.sort();
        lines
    }
}

/// History rows of messages, three to a batch, numbered from the first.
fn history(plan: &CompiledStream, first: usize, messages: &[Message]) -> Vec<RecordBatch> {
    let key = raw_key();
    let mut transformer = Transformer::new(plan.clone(), 0).unwrap();
    let rows = messages.iter().zip(first..).map(|((id, version, gone), n)| {
        let body = serde_json::json!({"id": format!("k{id}"), "n": n, "v": version, "gone": gone}).to_string();
        let origin = Origin { sequence: Sequence(n as u64 / 3), raw_key: &key };
        transformer.transform(&raw(n as i32 % 3, &[body.as_bytes()]), origin).unwrap().history
    });
    rows.collect()
}

fn model(messages: &[Message], versioned: bool) -> Latest<String, u8, usize> {
    let mut image = Latest::default();
    image.extend(messages.iter().enumerate().map(|(n, (id, version, gone))| Change {
        key: format!("[\"k{id}\"]"),
        rank: Rank {
            version: version.filter(|_| versioned),
            position: Position { sequence: Sequence(n as u64 / 3), index: n as u32 % 3 },
        },
        state: (!gone).then_some(n),
    }));
    image
}

fn version(version: Option<u8>) -> String {
    version.map_or("null".to_owned(), |version| version.to_string())
}

/// The tables after consolidations of these sizes, done in these ways, against the model.
fn check(messages: &[Message], splits: &[(usize, [u8; 4])], versioned: bool) -> Result<(), TestCaseError> {
    let lines = if versioned { VERSIONED.to_owned() } else { VERSIONED.replace("version: v\n", "") };
    let plan = CompiledStream::new(&stream(&lines)).unwrap();
    let mut tables = Tables::default();
    let mut rest = messages;
    let mut first = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (split, ways) in splits.iter().copied().chain([(usize::MAX, [0, 1, 2, 0])]) {
        let (now, later) = rest.split_at(split.min(rest.len()));
        runtime.block_on(tables.consolidate(&plan, history(&plan, first, now), 1 << 20, ways));
        first += now.len();
        rest = later;
    }
    let image = model(messages, versioned);
    let place = |rank: &Rank<u8>| format!("{} {}", rank.position.sequence, rank.position.index);
    let rows: Vec<_> = image.rows().map(|(key, rank, n)| format!("{key} {n} {}", place(rank))).collect();
    prop_assert_eq!(tables.rows(|tables| &tables.current, &["_key", "n", "_sequence", "_index"]), rows);
    if versioned {
        let mut expected: Vec<_> =
            image.tombstones().map(|(key, rank)| format!("{key} {} {}", version(rank.version), place(rank))).collect();
        expected.sort();
        prop_assert_eq!(
            tables.rows(|tables| &tables.tombstones, &["_key", "_version", "_sequence", "_index"]),
            expected
        );
    }
    Ok(())
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec((0u8..6, prop::option::of(0u8..4), prop::bool::weighted(0.3)), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Random histories, split into consolidations at random, give what the model gives.
    #[test]
    fn agrees_with_the_model(
        messages in messages(),
        splits in prop::collection::vec((0usize..12, prop::array::uniform4(0u8..3)), 0..6),
        versioned: bool,
    ) {
        check(&messages, &splits, versioned)?;
    }
}

/// Consolidations of these sizes of a stream with versions, in each way.
fn both(messages: &[Message], splits: &[usize]) {
    for way in 0..3 {
        check(messages, &splits.iter().map(|split| (*split, [way; 4])).collect::<Vec<_>>(), true).unwrap();
    }
}

#[test]
fn a_late_older_state_meets_its_tombstone() {
    let messages = [(1, Some(3), true), (2, Some(1), false), (1, Some(2), false), (1, None, false)];
    both(&messages, &[1, 1]);
}

/// The way out that is documented: equal versions are decided by the position.
#[test]
fn input_18_a_version_by_mistake_is_overcome_under_that_version() {
    let mistaken = [(1, Some(250), false), (1, Some(3), false), (1, Some(250), false)];
    both(&mistaken, &[1, 1]);
    let latest = |messages: &[Message]| model(messages, true).rows().map(|(_, _, n)| *n).collect::<Vec<_>>();
    assert_eq!((latest(&mistaken[..2]), latest(&mistaken)), (vec![0], vec![2]));
    let deleted = [(1, Some(250), false), (1, Some(250), true)];
    both(&deleted, &[1]);
    assert_eq!(latest(&deleted), [0; 0]);
}

/// Far more rows than memory: it spills, and the result is the same.
#[tokio::test]
async fn spills_and_is_still_right() {
    let plan = CompiledStream::new(&stream("key: [id]\ncolumns: { id: long, text: string }")).unwrap();
    let key = raw_key();
    let mut transformer = Transformer::new(plan.clone(), 0).unwrap();
    let keys = 5_000u64;
    let batches: Vec<RecordBatch> = (0..20u64)
        .map(|sequence| {
            let bodies: Vec<Vec<u8>> = (0..2_000u64)
                .map(|row| {
                    let id = (sequence * 7_919 + row * 104_729) % keys;
                    format!(r#"{{"id":{id},"text":"{sequence}-{}"}}"#, "x".repeat(200)).into_bytes()
                })
                .collect();
            let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
            transformer
                .transform(&raw(0, &bodies), Origin { sequence: Sequence(sequence), raw_key: &key })
                .unwrap()
                .history
        })
        .collect();
    let size: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    let mut expected = BTreeMap::new();
    for batch in &batches {
        for (id, sequence) in texts(batch, "id").into_iter().zip(texts(batch, "_sequence")) {
            expected.insert(id, sequence);
        }
    }
    let memory = 4 << 20;
    assert!(size > 3 * memory, "{size} bytes would fit");
    let mut tables = Tables::default();
    tables.consolidate(&plan, batches, memory, [1; 4]).await;
    let mut expected: Vec<_> = expected.into_iter().map(|(id, sequence)| format!("{id} {sequence}")).collect();
    expected.sort();
    assert_eq!(tables.rows(|tables| &tables.current, &["id", "_sequence"]), expected);
}

/// Rows so wide that a few hundred of them, in one batch, exceed the memory.
#[tokio::test]
async fn input_8c_wide_rows_are_merged_in_the_memory_that_there_is() {
    let plan = CompiledStream::new(&stream("key: [id]\ncolumns: { id: long, text: string }")).unwrap();
    let key = raw_key();
    let mut transformer = Transformer::new(plan.clone(), 0).unwrap();
    let mut history = |sequence: u64| {
        let bodies: Vec<Vec<u8>> = (0..400u64)
            .map(|id| format!(r#"{{"id":{id},"text":"{sequence}-{}"}}"#, "x".repeat(70_000)).into_bytes())
            .collect();
        let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        let origin = Origin { sequence: Sequence(sequence), raw_key: &key };
        vec![transformer.transform(&raw(0, &bodies), origin).unwrap().history]
    };
    let memory = 8 << 20;
    let mut tables = Tables::default();
    for sequence in 0..2 {
        let batches = history(sequence);
        assert!(batches[0].get_array_memory_size() > 3 * memory);
        tables.consolidate(&plan, batches, memory, [1; 4]).await;
        let mut expected: Vec<_> = (0..400).map(|id| format!("{id} {sequence}")).collect();
        expected.sort();
        assert_eq!(tables.rows(|tables| &tables.current, &["id", "_sequence"]), expected);
    }
}

#[tokio::test]
async fn rows_that_are_not_in_order_are_told_with_their_file() {
    let plan =
        CompiledStream::new(&stream("key: [id]\ncolumns: { id: string, n: long, v: int, gone: boolean }")).unwrap();
    let rows =
        concat_batches(&plan.history_schema(), &history(&plan, 0, &[(2, None, false), (1, None, false)])).unwrap();
    let merge = Merge::new(&plan.current_schema(), 1);
    let run = |unsorted| Run { file: "s3://b/f.parquet".to_owned(), rows: once(vec![rows.clone()]), unsorted };
    let limits = Limits { memory: 1 << 20, spill_to: None };
    let merged = |unsorted| {
        let base = Base { current: vec![run(unsorted)], tombstones: vec![] };
        merge.rewrite(stream::empty().boxed(), base, &limits).try_collect::<Vec<_>>()
    };
    let error = merged(false).await.unwrap_err();
    assert_eq!(error.to_string(), "s3://b/f.parquet is not in the order of its keys");
    assert_eq!(texts(&merged(true).await.unwrap()[0].current, "_key"), ["[\"k1\"]", "[\"k2\"]"]);
}
