use clap::CommandFactory;
use foz_catalog::{Commit, Swap};
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobEngine, JobKind, Start, Work};
use foz_domain::{AttemptId, Ordinal, Range, Sequence};
use foz_testkit::{Memory, a_batch};

use super::*;
use crate::arguments::Cli;

#[test]
fn how_long_it_waits_before_it_looks_again_is_what_is_written() {
    let seconds = format!("{} seconds", STATISTICS_AGE.as_secs());
    let mut cli = Cli::command();
    let help = cli.find_subcommand_mut("status").unwrap().render_long_help().to_string();
    for text in [help.as_str(), include_str!("../../README.md")] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&seconds), "{text}");
    }
}

fn named(name: &str, streams: &[&str]) -> Group {
    Group { name: name.parse().unwrap(), streams: streams.iter().map(|name| name.parse().unwrap()).collect() }
}

/// A new reign of the group, in which its stream of that name gets so many batches.
async fn fill(catalog: &Catalog, group: &Group, stream: &str, batches: u64) {
    let epoch = catalog.raise_epoch(&group.name, &group.streams, "bridge").await.unwrap();
    for ordinal in 1..=batches {
        let batch = a_batch(&stream.parse().unwrap(), epoch, Ordinal(ordinal));
        assert!(matches!(catalog.commit_batch(group, &batch).await.unwrap(), Commit::Committed { .. }));
    }
}

/// Brings everything of the group into images.
async fn drain(catalog: &Catalog, group: &GroupName) {
    let next = catalog.group_head(group).await.unwrap().unwrap().next_sequence;
    for kind in [JobKind::Transform, JobKind::Consolidate] {
        let work = Work { kind, range: Range::new(Sequence(0), next).unwrap(), bytes: 1, engine: JobEngine::Embedded };
        let (attempt, definition) = (AttemptId::from_uuid(7), "config/1.yaml".parse().unwrap());
        let job = Job::claimed(group, work, &Start { attempt, definition, now: Timestamp(1) });
        let mut steps = vec![job.clone()];
        if kind == JobKind::Transform {
            steps.push(job.elected("manifest".parse().unwrap()));
        }
        let mut from = None;
        for step in steps {
            from = Some(taken(catalog.swap(from.as_ref(), &step, Guard::Held).await.unwrap()));
        }
        let last = from.unwrap();
        taken(catalog.swap(Some(&last), &last.done(Timestamp(2)), Guard::Held).await.unwrap());
    }
}

fn taken(swap: Swap) -> Job {
    let Swap::Done(job) = swap else { panic!("{swap:?}") };
    job
}

#[tokio::test]
async fn the_last_batch_is_the_streams_own_also_after_it_moved_to_another_group() {
    let memory = Memory::default();
    let catalog = Catalog::new(memory.client(), "foz");
    let (apart, other) = (named("lids", &["lids"]), named("boxes", &["boxes"]));
    fill(&catalog, &apart, "lids", 2).await;
    fill(&catalog, &other, "boxes", 5).await;
    let at = async |catalog: &Catalog, group: &Group| {
        last_batch_at(catalog, &group.name, &"lids".parse().unwrap()).await.map(|at| at.map(|at| at.0))
    };
    assert_eq!(at(&catalog, &other).await.unwrap(), None, "there it never had one");
    assert_eq!(at(&catalog, &apart).await.unwrap(), Some(1002));
    for group in [&apart, &other] {
        drain(&catalog, &group.name).await;
    }
    let together = named("boxes", &["boxes", "lids"]);
    catalog.raise_epoch(&together.name, &together.streams, "bridge").await.unwrap();
    // The group has a batch of that sequence, too, and it is another stream's.
    assert_eq!(at(&catalog, &together).await.unwrap(), Some(1002));
    let mut items = memory.items();
    let is_batch = |item: &serde_json::Value| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("B#"));
    items.as_array_mut().unwrap().retain(|item| !is_batch(item) || item["stream"]["S"] != "lids");
    let holed = Catalog::new(Memory::holding(&items).client(), "foz");
    assert!(at(&holed, &together).await.is_err(), "what cannot be read is not what never came");
}
