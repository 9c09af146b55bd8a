//! `foz status`: how far each group and stream is.

use anyhow::{Context, bail};
use foz_catalog::{Catalog, GroupHead, ImageRecord, Out, StreamHead};
use foz_domain::groups::Group;
use foz_domain::job::{Job, JobState};
use foz_domain::keys::DefinitionKey;
use foz_domain::plan::{self, GroupView, Policy};
use foz_domain::{AttemptId, StreamName, Timestamp};
use foz_edge::clock;
use foz_pipeline::Definition;
use foz_pipeline::planning::explained;
use foz_rabbit::Connection;
use serde_json::{Value, json};

use crate::address::LakeAddress;
use crate::arguments::StatusArgs;
use crate::broker;
use crate::cli_status::CliStatus;
use crate::output::{CellText, Heading, Printer, complain};
use crate::units;

/// A group as the catalog has it.
struct GroupStatus {
    group: Group,
    head: Option<GroupHead>,
    out: Out,
    view: Option<GroupView>,
    streams: Vec<StreamStatus>,
}

struct StreamStatus {
    name: StreamName,
    queue: String,
    head: StreamHead,
    image: Option<ImageRecord>,
    ready: Ready,
}

/// What is known of a queue.
#[derive(Clone, Copy)]
enum Ready {
    Messages(u32),
    NoQueue,
    /// No broker is named, or it does not answer.
    Unknown,
}

/// What a group does now.
struct State {
    text: String,
    /// It stands still until somebody acts.
    halted: bool,
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
    let (connection, mut end) = connect(address).await;
    let mut found = Vec::new();
    for group in groups {
        let one = look(&catalog, &definition, group, connection.as_ref()).await;
        found.push(one.context("reading the catalog")?);
    }
    let now = clock::now();
    let states: Vec<State> = found.iter().map(|group| group.state(&definition, now)).collect();
    if states.iter().any(|state| state.halted) {
        end = CliStatus::Attention;
    }
    if output.json {
        let groups: Vec<_> = found.iter().zip(&states).map(|(group, state)| group.json(state, now)).collect();
        output.value(&json!({ "lake": definition.lake.as_str(), "groups": groups }))?;
    } else {
        let rows = found.iter().zip(&states).flat_map(|(group, state)| group.rows(state, now)).collect();
        output.table(&COLUMNS, rows, "there are no streams")?;
    }
    Ok(end)
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

/// The broker, if one is named and answers.
async fn connect(address: &LakeAddress) -> (Option<Connection>, CliStatus) {
    match address.amqp_url() {
        Ok(_) => match broker::connect(address).await {
            Ok(connection) => (Some(connection), CliStatus::Ok),
            Err(error) => {
                complain(&format!("foz: {error:#}; queues are not shown"));
                (None, CliStatus::Attention)
            }
        },
        Err(_) => (None, CliStatus::Ok),
    }
}

async fn look(
    catalog: &Catalog,
    definition: &Definition,
    group: Group,
    connection: Option<&Connection>,
) -> anyhow::Result<GroupStatus> {
    let limit = policy(definition, &group, None).embedded_limit;
    let view = catalog.group_view(&group.name, limit).await?;
    let (out, head) = tokio::try_join!(catalog.out(&group.name), catalog.group_head(&group.name))?;
    let mut streams = Vec::new();
    for stream in group.streams.iter().filter_map(|name| definition.stream(name)) {
        let (head, mut images) = tokio::try_join!(
            catalog.stream_head(&group.name, &stream.name),
            catalog.images(&group.name, &stream.name, 1)
        )?;
        let ready = match connection {
            None => Ready::Unknown,
            Some(connection) => {
                foz_rabbit::declare::ready(connection, &stream.queue).await?.map_or(Ready::NoQueue, Ready::Messages)
            }
        };
        streams.push(StreamStatus {
            name: stream.name.clone(),
            queue: stream.queue.clone(),
            head,
            image: images.pop(),
            ready,
        });
    }
    Ok(GroupStatus { group, head, out, view, streams })
}

/// By what the group is planned. Whether it is time for an image, or for a takeover, is not shown; a failed run is shown
/// as such until dispatch lets it go on.
fn policy(definition: &Definition, group: &Group, failed: Option<&Job>) -> Policy {
    // Without a failed job nobody asks which definition this is.
    let key = failed.map_or_else(|| DefinitionKey::kept(""), |run| run.definition.clone());
    Policy { consolidate_every: 0, ..definition.policy(&group.streams, &key, u64::MAX) }
}

const COLUMNS: [Heading<'_>; 10] = [
    Heading::Text("GROUP"),
    Heading::Text("STREAM"),
    Heading::Number("READY"),
    Heading::Number("MESSAGES"),
    Heading::Number("SEQUENCE"),
    Heading::Number("THROUGH"),
    Heading::Number("ROWS"),
    Heading::Number("PENDING"),
    Heading::Number("OLDEST"),
    Heading::Text("STATE"),
];

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

    fn state(&self, definition: &Definition, now: Timestamp) -> State {
        let calm = |text: String| State { text, halted: false };
        let Some(view) = &self.view else { return calm("no bridge has begun yet".to_owned()) };
        let mut active = view.run.iter().chain(&view.consolidation);
        let policy = policy(definition, &self.group, active.find(|run| run.state == JobState::Failed));
        // Only what stands still is asked for, so that no attempt ever begins under this name.
        let halts = plan::decide(view, &policy, &[], now, &mut || AttemptId::from_uuid(0)).halts;
        if !halts.is_empty() {
            let text = halts.iter().map(explained).collect::<Vec<_>>().join("; ");
            return State { text, halted: true };
        }
        calm(match (&view.run, &view.consolidation) {
            (Some(job), _) | (None, Some(job)) => format!("{} {} ({})", job.id.kind, job.range, job.state),
            (None, None) if self.pending() > 0 => "waits for a run".to_owned(),
            (None, None) if view.marks.imaged < view.marks.done => "waits for an image".to_owned(),
            (None, None) => "up to date".to_owned(),
        })
    }

    fn rows(&self, state: &State, now: Timestamp) -> Vec<Vec<CellText>> {
        let mut rows = Vec::new();
        for (i, stream) in self.streams.iter().enumerate() {
            let of_group = |field: CellText| if i == 0 { field } else { "".into() };
            rows.push(vec![
                of_group(self.group.name.to_string().into()),
                stream.name.to_string().into(),
                match stream.ready {
                    Ready::Messages(n) => units::count(n.into()).into(),
                    Ready::NoQueue => CellText::loud("no queue"),
                    Ready::Unknown => "?".into(),
                },
                units::count(stream.head.messages).into(),
                stream.head.last.map_or("-".into(), |last| last.sequence.to_string().into()),
                stream.image.as_ref().map_or("-".into(), |image| image.through.to_string().into()),
                stream.image.as_ref().map_or("-".into(), |image| units::count(image.rows).into()),
                of_group(units::count(self.pending()).into()),
                of_group(self.oldest(now).map_or("-".into(), |age| units::duration(age).into())),
                of_group(if state.halted { CellText::loud(&state.text) } else { state.text.clone().into() }),
            ]);
        }
        rows
    }

    fn json(&self, state: &State, now: Timestamp) -> Value {
        let marks = self.out.marks;
        let streams: Vec<_> = self.streams.iter().map(StreamStatus::json).collect();
        json!({
            "group": self.group.name.as_str(),
            "state": state.text,
            "halted": state.halted,
            "epoch": self.head.as_ref().map(|head| head.epoch.0),
            "owner": self.head.as_ref().map(|head| &head.owner),
            "next_sequence": self.next(),
            "claimed": marks.claimed.0,
            "done": marks.done.0,
            "imaging": marks.imaging.0,
            "imaged": marks.imaged.0,
            "pending": self.pending(),
            "oldest_ms": self.oldest(now),
            "streams": streams,
        })
    }
}

impl StreamStatus {
    fn json(&self) -> Value {
        let ready = match self.ready {
            Ready::Messages(n) => Some(n),
            Ready::NoQueue | Ready::Unknown => None,
        };
        json!({
            "stream": self.name.as_str(),
            "queue": self.queue,
            "ready": ready,
            "messages": self.head.messages,
            "bytes": self.head.bytes,
            "sequence": self.head.last.map(|last| last.sequence.0),
            "through": self.image.as_ref().map(|image| image.through.0),
            "rows": self.image.as_ref().map(|image| image.rows),
        })
    }
}
