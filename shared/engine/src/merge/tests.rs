use foz_domain::merge::{Change, Latest, Rank};
use foz_domain::{Position, Sequence};
use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::fixture::{raw, raw_key, stream, texts};
use crate::{CompiledStream, Origin, Transformer};

const BUCKETS: u32 = 4;
/// Buckets that are merged at once.
const TOGETHER: i32 = 2;
const VERSIONED: &str = "key: [id]\ncolumns: { id: string, n: long, v: int, gone: boolean }\nversion: v\ndelete_when: gone\n\
    transform: \"SELECT id, n FROM messages\"";

/// A message: which entity, which version if any, and whether it deletes.
type Message = (u8, Option<u8>, bool);

/// A stream's tables, by bucket.
#[derive(Default)]
struct Tables {
    current: Vec<(i32, RecordBatch)>,
    tombstones: Vec<(i32, RecordBatch)>,
}

fn once(batches: Vec<RecordBatch>) -> Rows {
    stream::iter(batches.into_iter().map(Ok)).boxed()
}

fn of(parts: &[(i32, RecordBatch)], touched: &BTreeSet<i32>) -> Vec<RecordBatch> {
    parts.iter().filter(|(bucket, _)| touched.contains(bucket)).map(|(_, batch)| batch.clone()).collect()
}

impl Tables {
    async fn consolidate(&mut self, plan: &CompiledStream, changes: Vec<RecordBatch>, memory: usize) {
        let merge = Merge::new(&plan.current_schema(), BUCKETS);
        let (current, tombstones) = (self.current.clone(), self.tombstones.clone());
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let heard = asked.clone();
        let base = move |touched: BTreeSet<i32>| {
            let base =
                Base { current: once(of(&current, &touched)), tombstones: Some(once(of(&tombstones, &touched))) };
            let mut heard = heard.lock().unwrap();
            assert!(
                touched.iter().all(|bucket| bucket / TOGETHER == touched.first().unwrap() / TOGETHER),
                "{touched:?}"
            );
            assert!(touched.first() > heard.last(), "each once, and in order");
            heard.extend(touched);
            async move { Ok(base) }.boxed()
        };
        let limits = Limits { memory, spill_to: None };
        let together = |bucket| bucket / TOGETHER * TOGETHER + TOGETHER - 1;
        let merged: Vec<Merged> = merge.run(once(changes), together, base, &limits).try_collect().await.unwrap();
        let touched = asked.lock().unwrap().clone();
        self.current.retain(|(bucket, _)| !touched.contains(bucket));
        self.tombstones.retain(|(bucket, _)| !touched.contains(bucket));
        for part in merged {
            assert!(touched.contains(&part.bucket));
            self.current.push((part.bucket, part.current));
            self.tombstones.extend(part.tombstones.map(|tombstones| (part.bucket, tombstones)));
        }
    }

    fn rows(&self, of: fn(&Self) -> &[(i32, RecordBatch)], columns: &[&str]) -> Vec<String> {
        let lines = |(_, batch): &(i32, RecordBatch)| {
            let columns: Vec<_> = columns.iter().map(|column| texts(batch, column)).collect();
            (0..batch.num_rows())
                .map(|row| columns.iter().map(|column| column[row].as_str()).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        let mut lines: Vec<_> = of(self).iter().flat_map(lines).collect();
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

/// The tables after consolidations of these sizes against the model.
fn check(messages: &[Message], splits: &[usize], versioned: bool) -> Result<(), TestCaseError> {
    let lines = if versioned { VERSIONED.to_owned() } else { VERSIONED.replace("version: v\n", "") };
    let plan = CompiledStream::new(&stream(&lines)).unwrap();
    let mut tables = Tables::default();
    let mut rest = messages;
    let mut first = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for split in splits.iter().copied().chain([usize::MAX]) {
        let (now, later) = rest.split_at(split.min(rest.len()));
        runtime.block_on(tables.consolidate(&plan, history(&plan, first, now), 1 << 20));
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
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Random histories, split into consolidations at random, give what the model gives.
    #[test]
    fn agrees_with_the_model(messages in messages(), splits in prop::collection::vec(0usize..12, 0..4), versioned: bool) {
        check(&messages, &splits, versioned)?;
    }
}

#[test]
fn a_late_older_state_meets_its_tombstone() {
    let messages = [(1, Some(3), true), (2, Some(1), false), (1, Some(2), false), (1, None, false)];
    check(&messages, &[1, 1], true).unwrap();
}

/// The way out that is documented: equal versions are decided by the position.
#[test]
fn input_18_a_version_by_mistake_is_overcome_under_that_version() {
    let mistaken = [(1, Some(250), false), (1, Some(3), false), (1, Some(250), false)];
    check(&mistaken, &[1, 1], true).unwrap();
    let latest = |messages: &[Message]| model(messages, true).rows().map(|(_, _, n)| *n).collect::<Vec<_>>();
    assert_eq!((latest(&mistaken[..2]), latest(&mistaken)), (vec![0], vec![2]));
    let deleted = [(1, Some(250), false), (1, Some(250), true)];
    check(&deleted, &[1], true).unwrap();
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
    let mut expected = std::collections::BTreeMap::new();
    for batch in &batches {
        for (id, sequence) in texts(batch, "id").into_iter().zip(texts(batch, "_sequence")) {
            expected.insert(id, sequence);
        }
    }
    let memory = 4 << 20;
    assert!(size > 3 * memory, "{size} bytes would fit");
    let mut tables = Tables::default();
    tables.consolidate(&plan, batches, memory).await;
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
        tables.consolidate(&plan, batches, memory).await;
        let mut expected: Vec<_> = (0..400).map(|id| format!("{id} {sequence}")).collect();
        expected.sort();
        assert_eq!(tables.rows(|tables| &tables.current, &["id", "_sequence"]), expected);
    }
}
