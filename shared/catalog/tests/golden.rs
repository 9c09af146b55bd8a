//! Formats of the catalog's items: `testdata/v1/catalog.json`, and what compactions added to them, `testdata/v2/compaction.json`.
//! Today's code writes the same and reads it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use foz_catalog::{Catalog, Commit, Debt, ImageRecord, Swap};
use foz_domain::batch::{BatchContent, Watermarks};
use foz_domain::groups::Group;
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobEngine, JobKind, JobState, Start, Work};
use foz_domain::keys::RawKey;
use foz_domain::{Digest, Epoch, GroupName, Ordinal, Range, Sequence, StreamName, Timestamp};

use foz_testkit::Memory;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

const V1: &str = "v1/catalog.json";
const COMPACTION: &str = "v2/compaction.json";

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(file)
}

/// Fails if today's items are not those of the file.
fn check(file: &str, today: &serde_json::Value) {
    let path = path(file);
    let Ok(golden) = std::fs::read(&path) else {
        let cut = Path::new(env!("CARGO_TARGET_TMPDIR")).join("catalog.json");
        std::fs::write(&cut, serde_json::to_string_pretty(today).unwrap() + "\n").unwrap();
        panic!("no {}; today's code writes {}", path.display(), cut.display())
    };
    assert_eq!(*today, serde_json::from_slice::<serde_json::Value>(&golden).unwrap());
}

fn read(file: &str) -> Catalog {
    let golden = std::fs::read(path(file)).unwrap();
    Catalog::new(Memory::holding(&serde_json::from_slice(&golden).unwrap()).client(), "foz")
}

fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

fn stream(name: &str) -> StreamName {
    name.parse().unwrap()
}

fn range(lo: u64, hi: u64) -> Range {
    Range::new(Sequence(lo), Sequence(hi)).unwrap()
}

/// A lake of two groups, one of which joined the other, with items of every kind.
struct Story {
    catalog: Catalog,
}

impl Story {
    /// A new reign over the group of these streams, which has the first one's name.
    async fn reign(&self, of: &[&str]) -> Epoch {
        let members: Vec<_> = of.iter().map(|name| stream(name)).collect();
        self.catalog.raise_epoch(&group(of[0]), &members, "bridge-00000000000000ff").await.unwrap()
    }

    async fn batch(&self, of: &[&str], name: &str, epoch: Epoch, ordinal: u64) {
        let digest = Digest([u8::try_from(ordinal).unwrap(); 32]);
        let ordinal = Ordinal(ordinal);
        let batch = BatchContent {
            stream: stream(name),
            epoch,
            ordinal,
            digest,
            raw_key: RawKey::new(&stream(name), NOW, epoch, ordinal, &digest),
            messages: 10,
            bytes: 1000,
            object_bytes: 500,
            ingested_at: NOW.plus(ordinal.0),
        };
        let group = Group { name: group(of[0]), streams: of.iter().map(|name| stream(name)).collect() };
        let commit = self.catalog.commit_batch(&group, &batch).await.unwrap();
        assert!(matches!(commit, Commit::Committed { repeated: false, .. }), "{commit:?}");
    }

    async fn take(&self, from: Option<&Job>, to: &Job, guard: Guard) -> Job {
        match self.catalog.swap(from, to, guard).await.unwrap() {
            Swap::Done(job) => job,
            Swap::Lost(found) => panic!("lost to {found:?}"),
        }
    }

    async fn claim(&self, of: &str, work: Work, start: &Start) -> Job {
        self.take(None, &Job::claimed(&group(of), work, start), Guard::Held).await
    }

    async fn run(&self, of: &str, lo: u64, hi: u64) {
        let claimed = self.claim(of, transform(lo, hi), &start("019a", NOW)).await;
        assert!(self.catalog.heartbeat(&claimed).await.unwrap());
        let beating = self.catalog.job(&claimed.id).await.unwrap().unwrap();
        let observed = self.take(Some(&beating), &beating.observed(NOW.plus(1)), Guard::Unseen).await;
        let manifest = format!("staged/{of}/{lo}-{hi}/e1/019a/manifest.json").parse().unwrap();
        let elected = self.take(Some(&observed), &observed.elected(manifest), Guard::Held).await;
        self.take(Some(&elected), &elected.done(NOW.plus(2)), Guard::Held).await;
    }

    async fn images(&self, of: &str, lo: u64, hi: u64, names: &[&str]) {
        let work = Work { kind: JobKind::Consolidate, range: range(lo, hi), bytes: 0, engine: JobEngine::Embedded };
        let claimed = self.claim(of, work, &start("019b", NOW.plus(3))).await;
        let image = |name: &&str| ImageRecord {
            stream: stream(name),
            through: Sequence(hi),
            snapshot_id: i64::MAX,
            metadata_location: format!("s3://lake/tables/{name}/metadata/00001-x.metadata.json"),
            rows: 3,
            committed_at: NOW.plus(4),
        };
        self.catalog.record_images(&claimed, &names.iter().map(image).collect::<Vec<_>>()).await.unwrap();
        self.take(Some(&claimed), &claimed.done(NOW.plus(5)), Guard::Held).await;
        self.catalog.clear_pending(&group(of), Sequence(hi)).await.unwrap();
    }
}

fn transform(lo: u64, hi: u64) -> Work {
    Work { kind: JobKind::Transform, range: range(lo, hi), bytes: 1000, engine: JobEngine::Embedded }
}

fn start(attempt: &str, now: Timestamp) -> Start {
    Start { attempt: attempt.parse().unwrap(), definition: "config/0123.yaml".parse().unwrap(), now }
}

async fn written() -> Memory {
    let memory = Memory::default();
    let story = Story { catalog: Catalog::new(memory.client(), "foz") };
    let epoch = story.reign(&["planes"]).await;
    story.batch(&["planes"], "planes", epoch, 1).await;
    story.run("planes", 0, 1).await;
    story.images("planes", 0, 1, &["planes"]).await;
    // A stream that refers to it: one group of both.
    let both = ["flights", "planes"];
    story.reign(&["flights"]).await;
    let epoch = story.reign(&both).await;
    story.catalog.raise_prefetch(&group("flights"), &stream("flights"), 400).await.unwrap();
    story.batch(&both, "flights", epoch, 1).await;
    story.batch(&both, "planes", epoch, 1).await;
    story.batch(&both, "flights", epoch, 2).await;
    story.run("flights", 1, 3).await;
    story.images("flights", 1, 3, &both).await;
    let claimed = story.claim("flights", transform(3, 4), &start("019c", NOW)).await;
    story.take(Some(&claimed), &claimed.failed("message 7 cannot be typed", NOW.plus(6)), Guard::Held).await;
    story.batch(&both, "planes", epoch, 2).await;
    memory
}

#[tokio::test]
async fn items_are_written_as_in_version_1() {
    check(V1, &written().await.items());
}

/// A group of a lake of version 1, with a compaction that has ended, one that has not, and a debt.
#[tokio::test]
async fn items_of_compactions_are_written_and_read() {
    let memory = Memory::holding(&serde_json::from_slice(&std::fs::read(path(V1)).unwrap()).unwrap());
    let before = memory.items();
    let story = Story { catalog: Catalog::new(memory.client(), "foz") };
    story.catalog.note_debt(&group("flights"), NOW.plus(7)).await.unwrap();
    let work = |number| Work {
        kind: JobKind::Compact,
        range: range(number, number + 1),
        bytes: 0,
        engine: JobEngine::Embedded,
    };
    let first = story.claim("flights", work(0), &start("019d", NOW.plus(8))).await;
    story.take(Some(&first), &first.done(NOW.plus(9)), Guard::Held).await;
    story.claim("flights", work(1), &start("019e", NOW.plus(10))).await;
    let mut added = memory.items();
    added.as_array_mut().unwrap().retain(|item| !before.as_array().unwrap().contains(item));
    check(COMPACTION, &added);

    let catalog = read(COMPACTION);
    let out = catalog.out(&group("flights")).await.unwrap();
    assert_eq!((out.marks.done, out.marks.compacting, out.marks.compacted), (Sequence(3), Sequence(2), Sequence(1)));
    assert_eq!(out.debt, Some(Debt { since: NOW.plus(7), notes: 1 }));
    let jobs = catalog.jobs(&group("flights"), JobKind::Compact, 9).await.unwrap();
    let states: Vec<_> = jobs.iter().map(|job| (job.id.at.0, job.state)).collect();
    assert_eq!(states, [(1, JobState::Claimed), (0, JobState::Done)]);
    assert_eq!(catalog.groups_with_debt().await.unwrap().len(), 1);
}

#[tokio::test]
async fn items_of_version_1_are_read() {
    let catalog = read(V1);
    let (flights, planes) = (group("flights"), stream("planes"));

    let head = catalog.group_head(&flights).await.unwrap().unwrap();
    assert_eq!((head.next_sequence, head.owner.as_str()), (Sequence(5), "bridge-00000000000000ff"));
    assert_eq!((head.members, head.pending_since), (vec![stream("flights"), planes.clone()], Some(NOW.plus(2))));
    let out = catalog.out(&flights).await.unwrap();
    let at = |sequence| Sequence(sequence);
    let marks = Watermarks { claimed: at(4), done: at(3), imaging: at(3), imaged: at(3), ..Watermarks::default() };
    assert_eq!((out.marks, out.debt), (marks, None));
    assert_eq!(out.last_image_at, Some(NOW.plus(3)));

    let stream_head = catalog.stream_head(&flights, &planes).await.unwrap();
    assert_eq!((stream_head.messages, stream_head.bytes, stream_head.former), (30, 3000, vec![group("planes")]));
    assert_eq!(catalog.stream_head(&flights, &stream("flights")).await.unwrap().prefetch, 400);
    let tail = catalog.tail(&flights, &planes, 1000).await.unwrap();
    let chain: Vec<_> =
        tail.iter().map(|batch| (batch.sequence.0, batch.previous.map(|previous| previous.0))).collect();
    assert_eq!(chain, [(0, None), (2, Some(0)), (4, Some(2))], "across the groups that it belonged to");
    let batch = &catalog.batches(&flights, range(3, 4)).await.unwrap()[0].content;
    assert_eq!((batch.digest, batch.object_bytes, batch.ingested_at), (Digest([2; 32]), 500, NOW.plus(2)));

    let runs = catalog.jobs(&flights, JobKind::Transform, 9).await.unwrap();
    let states: Vec<_> = runs.iter().map(|run| (run.range, run.state, run.error.as_deref())).collect();
    assert_eq!(
        states,
        [(range(3, 4), JobState::Failed, Some("message 7 cannot be typed")), (range(1, 3), JobState::Done, None)]
    );
    assert_eq!((runs[1].heartbeat, runs[1].seen_heartbeat, runs[1].seen_at), (1, 1, NOW.plus(1)));
    assert_eq!(runs[1].manifest.as_ref().map(|key| key.as_str()), Some("staged/flights/1-3/e1/019a/manifest.json"));
    let consolidations = catalog.jobs(&flights, JobKind::Consolidate, 9).await.unwrap();
    assert_eq!(
        (consolidations.len(), consolidations[0].range, consolidations[0].state),
        (1, range(1, 3), JobState::Done)
    );
    let images = catalog.images(&flights, &planes, 9).await.unwrap();
    assert_eq!((images.len(), images[0].through, images[0].snapshot_id), (1, Sequence(3), i64::MAX));
    assert_eq!(catalog.pending_groups().await.unwrap().len(), 1);
}
