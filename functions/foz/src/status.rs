//! `foz status`: how far each group and stream is, and what waits.
//!
//! - [`mod@facts`]: what it is judged by
//! - [`mod@shown`]: how it looks
//! - [`mod@sight`]: what can be seen at the broker
//! - [`mod@verdict`]: what it amounts to

mod facts;
mod shown;
mod sight;
mod verdict;

use anyhow::{Context, bail};
use foz_catalog::{Catalog, GroupHead, ImageRecord, Out, StreamHead};
use foz_domain::groups::Group;
use foz_domain::job::{Job, JobState};
use foz_domain::keys::DefinitionKey;
use foz_domain::plan::{self, GroupView, Policy};
use foz_domain::{AttemptId, GroupName, Range, Sequence, StreamName, Timestamp};
use foz_edge::clock;
use foz_pipeline::planning::explained;
use foz_pipeline::{Definition, Door};
use serde_json::json;

use self::facts::{Carrier, GroupFacts, JobFacts, QueueSight, StreamFacts};
use self::sight::BrokerSight;
use self::verdict::{Verdict, verdict};
use crate::address::LakeAddress;
use crate::arguments::StatusArgs;
use crate::cli_status::CliStatus;
use crate::output::Printer;

/// A group as catalog and broker have it.
struct GroupStatus {
    group: Group,
    head: Option<GroupHead>,
    out: Out,
    view: Option<GroupView>,
    carrier: Carrier,
    streams: Vec<StreamStatus>,
}

struct StreamStatus {
    name: StreamName,
    queue: String,
    head: StreamHead,
    image: Option<ImageRecord>,
    sight: QueueSight,
    /// When the last batch was taken in, or `None` if there was none.
    last_batch_at: Option<Timestamp>,
}

pub async fn run(what: &StatusArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let aws = address.aws().await?;
    let catalog = address.catalog(&aws)?;
    let definition = address.definition(&address.store(&aws)?).await?;
    let mut groups = definition.groups();
    groups.extend(left_behind(&catalog, &groups).await.context("reading the catalog")?);
    if let Some(name) = &what.name {
        groups.retain(|group| group.streams.contains(name));
        if groups.is_empty() {
            let names: Vec<_> = definition.streams.keys().map(StreamName::as_str).collect();
            bail!("there is no stream or group {name}; there are {}", names.join(", "));
        }
    }
    let sight = BrokerSight::open(address).await;
    let mut found = Vec::new();
    for group in groups {
        found.push(look(&catalog, &definition, group, &sight).await?);
    }
    let now = clock::now();
    let judged: Vec<_> = found.iter().map(|group| group.facts(&definition, now)).collect();
    let verdicts: Vec<_> = judged.iter().map(verdict).collect();
    if output.json {
        let all = found.iter().zip(&judged).zip(&verdicts);
        let groups: Vec<_> = all.map(|((group, facts), verdict)| group.json(facts, verdict)).collect();
        output.value(&json!({ "lake": definition.lake.as_str(), "groups": groups }))?;
    } else {
        let all = found.iter().zip(&verdicts);
        let rows = all.clone().flat_map(|(group, verdict)| group.rows(verdict, now)).collect();
        output.table(&shown::COLUMNS, rows, "there are no streams")?;
        output.text(&all.map(|(group, verdict)| told(&group.group.name, verdict)).collect::<String>())?;
    }
    Ok(if verdicts.iter().all(Verdict::up_to_date) { CliStatus::Ok } else { CliStatus::Attention })
}

/// What waits in the group, a line each, and the next step; nothing if it is up to date.
fn told(group: &GroupName, verdict: &Verdict) -> String {
    let mut text = String::new();
    for finding in &verdict.findings {
        text += &format!("\n{group}: {}", finding.text);
    }
    if let Some(next) = verdict.next() {
        text += &format!("\n  → {next}\n");
    }
    text
}

/// Groups that the definition has no more, while batches of theirs are in no image.
async fn left_behind(catalog: &Catalog, known: &[Group]) -> anyhow::Result<Vec<Group>> {
    let mut groups = Vec::new();
    for name in catalog.pending_groups().await?.into_iter().map(|pending| pending.group) {
        if known.iter().all(|group| group.name != name) {
            let streams = catalog.group_head(&name).await?.map(|head| head.members).unwrap_or_default();
            groups.push(Group { name, streams });
        }
    }
    Ok(groups)
}

async fn look(
    catalog: &Catalog,
    definition: &Definition,
    group: Group,
    sight: &BrokerSight,
) -> anyhow::Result<GroupStatus> {
    const READING: &str = "reading the catalog";
    const ASKING: &str = "asking the broker";
    let limit = policy(definition, &group, None).embedded_limit;
    // The queues first: what leaves them meanwhile is then seen in the catalog, perhaps twice, but never nowhere.
    let mut sights = Vec::new();
    for stream in group.streams.iter().filter_map(|name| definition.stream(name)) {
        sights.push((stream, sight.queue(&stream.queue).await.context(ASKING)?));
    }
    let holds = sight.holds(definition.lake.as_str(), &group.name).await.context(ASKING)?;
    let mapped = sights.iter().any(|(stream, _)| stream.settings.door == Door::Mapping);
    let carrier = match holds {
        _ if mapped => Carrier::Mapping,
        None => Carrier::Unknown,
        Some(true) => Carrier::Bridge,
        Some(false) => Carrier::NoBridge,
    };
    let view = catalog.group_view(&group.name, limit).await.context(READING)?;
    let (out, head) = tokio::try_join!(catalog.out(&group.name), catalog.group_head(&group.name)).context(READING)?;
    let mut streams = Vec::new();
    for (stream, sight) in sights {
        let (head, mut images) = tokio::try_join!(
            catalog.stream_head(&group.name, &stream.name),
            catalog.images(&group.name, &stream.name, 1)
        )
        .context(READING)?;
        let last_batch_at = match head.last {
            Some(last) => came(catalog, &group.name, last.sequence).await.context(READING)?,
            None => None,
        };
        let (name, queue) = (stream.name.clone(), stream.queue.clone());
        streams.push(StreamStatus { name, queue, head, image: images.pop(), sight, last_batch_at });
    }
    Ok(GroupStatus { group, head, out, view, carrier, streams })
}

/// When the batch was taken in, or `None` if it is another group's.
async fn came(catalog: &Catalog, group: &GroupName, sequence: Sequence) -> anyhow::Result<Option<Timestamp>> {
    let Some(range) = Range::new(sequence, Sequence(sequence.0 + 1)) else { return Ok(None) };
    Ok(catalog.batches(group, range).await.ok().and_then(|batches| batches.first().map(|b| b.content.ingested_at)))
}

/// By what the group is planned. Whether it is time for an image, or for a takeover, is not shown; a failed run is shown
/// as such until dispatch lets it go on.
fn policy(definition: &Definition, group: &Group, failed: Option<&Job>) -> Policy {
    // Without a failed job nobody asks which definition this is.
    let key = failed.map_or_else(|| DefinitionKey::kept(""), |run| run.definition.clone());
    Policy { consolidate_every: 0, ..definition.policy(&group.streams, &key, u64::MAX) }
}

impl GroupStatus {
    /// Batches that are not in the history tables yet.
    fn pending(&self) -> u64 {
        self.next() - self.out.marks.done.0
    }

    fn next(&self) -> u64 {
        // The watermarks were read first, so the sequence is at least as far.
        self.head.as_ref().map_or(0, |head| head.next_sequence.0).max(self.out.marks.done.0)
    }

    fn oldest(&self, now: Timestamp) -> Option<u64> {
        self.head.as_ref()?.pending_since.map(|since| now.since(since))
    }

    fn halts(&self, definition: &Definition, now: Timestamp) -> Vec<String> {
        let Some(view) = &self.view else { return Vec::new() };
        let mut active = view.run.iter().chain(&view.consolidation);
        let policy = policy(definition, &self.group, active.find(|run| run.state == JobState::Failed));
        // Only what stands still is asked for, so that no attempt ever begins under this name.
        let halts = plan::decide(view, &policy, &[], now, &mut || AttemptId::from_uuid(0)).halts;
        halts.iter().map(explained).collect()
    }

    fn facts(&self, definition: &Definition, now: Timestamp) -> GroupFacts {
        let jobs = self.view.iter().flat_map(|view| view.run.iter().chain(&view.consolidation));
        let job = |job: &Job| JobFacts {
            text: format!("{} {} ({})", job.id.kind, job.range, job.state),
            attempts: job.epoch.0,
            error: job.error.clone(),
        };
        let stream = |stream: &StreamStatus| StreamFacts {
            name: stream.name.clone(),
            queue: stream.queue.clone(),
            sight: stream.sight.clone(),
            last_batch: stream.last_batch_at.map(|at| now.since(at)),
        };
        let promises = self.group.streams.iter().filter_map(|name| definition.stream(name));
        let promised = promises.map(|stream| stream.settings.max_latency.as_millis()).min();
        GroupFacts {
            name: self.group.name.clone(),
            begun: self.view.is_some(),
            halts: self.halts(definition, now),
            jobs: jobs.map(job).collect(),
            pending: self.pending(),
            unimaged: self.out.marks.done.0 - self.out.marks.imaged.0,
            oldest: self.oldest(now),
            promised: promised.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX)),
            carrier: self.carrier,
            streams: self.streams.iter().map(stream).collect(),
        }
    }
}
