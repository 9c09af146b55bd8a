//! What catalog and broker say of a group.

use foz_catalog::{GroupHead, ImageRecord, Out, StreamHead};
use foz_domain::groups::Group;
use foz_domain::job::{Job, JobState};
use foz_domain::keys::DefinitionKey;
use foz_domain::plan::{self, GroupView, Halt, Policy};
use foz_domain::{AttemptId, StreamName, Timestamp};
use foz_pipeline::Definition;
use foz_pipeline::planning::explained;

use super::facts::{Carrier, GroupFacts, JobFacts, QueueSight, StreamFacts};

/// A group as catalog and broker have it.
pub struct GroupStatus {
    pub group: Group,
    pub head: Option<GroupHead>,
    pub out: Out,
    pub view: Option<GroupView>,
    pub carrier: Carrier,
    pub streams: Vec<StreamStatus>,
}

/// A stream as catalog and broker have it.
pub struct StreamStatus {
    pub name: StreamName,
    pub queue: String,
    pub head: StreamHead,
    pub image: Option<ImageRecord>,
    pub sight: QueueSight,
    /// When the last batch was taken in, or `None` if none ever was.
    pub last_batch_at: Option<Timestamp>,
}

/// By what the group is planned. Whether it is time for an image, or for a takeover, is not shown; a failed run is shown
/// as such until dispatch lets it go on.
pub fn policy(definition: &Definition, group: &Group, failed: Option<&Job>) -> Policy {
    // Without a failed job nobody asks which definition this is.
    let key = failed.map_or_else(|| DefinitionKey::kept(""), |run| run.definition.clone());
    Policy { consolidate_every: 0, ..definition.policy(&group.streams, &key, u64::MAX) }
}

impl GroupStatus {
    /// Batches that are not in the history tables yet.
    pub fn pending(&self) -> u64 {
        self.next() - self.out.marks.done.0
    }

    /// The sequence that the group gives next.
    pub fn next(&self) -> u64 {
        // The watermarks were read first, so the sequence is at least as far.
        self.head.as_ref().map_or(0, |head| head.next_sequence.0).max(self.out.marks.done.0)
    }

    fn oldest(&self, now: Timestamp) -> Option<u64> {
        self.head.as_ref()?.pending_since.map(|since| now.since(since))
    }

    fn halts(&self, definition: &Definition, now: Timestamp) -> Vec<Halt> {
        let Some(view) = &self.view else { return Vec::new() };
        let mut active = view.run.iter().chain(&view.consolidation).chain(&view.compaction);
        let policy = policy(definition, &self.group, active.find(|run| run.state == JobState::Failed));
        // Only what stands still is asked for, so that no attempt ever begins under this name.
        plan::decide(view, &policy, &[], now, &mut || AttemptId::from_uuid(0)).halts
    }

    /// What it is judged by.
    pub fn facts(&self, definition: &Definition, now: Timestamp) -> GroupFacts {
        let jobs = self.view.iter().flat_map(|view| view.run.iter().chain(&view.consolidation));
        let job = |job: &Job| JobFacts {
            text: format!("{} ({})", job.title(), job.state),
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
        let (halts, others): (Vec<_>, Vec<_>) = self.halts(definition, now).into_iter().partition(Halt::stands_still);
        GroupFacts {
            name: self.group.name.clone(),
            begun: self.view.is_some(),
            halts: halts.iter().map(explained).collect(),
            uncompacted: others.first().map(explained),
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
