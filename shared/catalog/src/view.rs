//! What a dispatch decides from: one view of a group, consistent although it takes several reads.
//!
//! The watermarks are read first, then what they point to. A run is claimed, halved and finished together with its
//! watermark, so whatever is read later is at least as new; a job that has ended or was halved in between shows it by its
//! state or range, and the view is taken again.

use foz_domain::batch::Watermarks;
use foz_domain::job::{Job, JobId, JobKind, JobState};
use foz_domain::plan::{GroupView, MAX_RUN_BATCHES, Pending, enough, half_in_question};
use foz_domain::{GroupName, Range, Sequence};

use crate::Catalog;
use crate::error::{CatalogError, Result};
use crate::item::{Item, batch, group_pk, job};
use crate::patience::Patience;
use crate::table::Part;

/// Which job holds a range that a watermark says is held.
enum Holder {
    /// This one; `None` if nothing is held, or nobody holds it: then the planner halts.
    Is(Option<Box<Job>>),
    /// It ended or was halved while the view was being read.
    MovedOn,
}

impl Catalog {
    /// The group as it is now, with the pending batches that one run could take, and one more if there is one, unless a
    /// run is active. `None` if the group never had a reign.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn group_view(&self, group: &GroupName, embedded_limit: u64) -> Result<Option<GroupView>> {
        let mut patience = Patience::default();
        loop {
            let out = self.out(group).await?;
            let Some(head) = self.group_head(group).await? else { return Ok(None) };
            let Watermarks { claimed, done, imaging, imaged, compacting, compacted } = out.marks;
            let holder = |kind, from, to| Box::pin(self.holder(group, kind, Range::new(from, to)));
            let holders = tokio::try_join!(
                holder(JobKind::Transform, done, claimed),
                holder(JobKind::Consolidate, imaged, imaging),
                holder(JobKind::Compact, compacted, compacting),
            )?;
            if let (Holder::Is(run), Holder::Is(consolidation), Holder::Is(compaction)) = holders {
                let [run, consolidation, compaction] = [run, consolidation, compaction].map(|job| job.map(|job| *job));
                let (next, marks, last_image_at) = (head.next_sequence, out.marks, out.last_image_at);
                // Nobody asks for them while a run is active, and with a backlog they are a megabyte.
                let pending = match run {
                    Some(_) => Vec::new(),
                    None => self.pending(group, marks.claimed, next, embedded_limit).await?,
                };
                let half_bytes = match run.as_ref().and_then(half_in_question) {
                    Some(half) => self.batches(group, half).await?.iter().map(|batch| batch.content.bytes).sum(),
                    None => 0,
                };
                let group = group.clone();
                return Ok(Some(GroupView {
                    group,
                    next,
                    marks,
                    last_image_at,
                    run,
                    half_bytes,
                    consolidation,
                    compaction,
                    debt_since: out.debt.map(|debt| debt.since),
                    pending,
                }));
            }
            if !patience.wait().await {
                return Err(CatalogError::Unavailable { operation: "a consistent view", source: None });
            }
        }
    }

    /// The job, strongly consistent.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        let item = self.table.get(&job::key(id)).await?;
        item.as_ref().map(|item| job::of_item(&id.group, item)).transpose()
    }

    async fn holder(&self, group: &GroupName, kind: JobKind, range: Option<Range>) -> Result<Holder> {
        let Some(range) = range else { return Ok(Holder::Is(None)) };
        let job = self.job(&JobId::new(group.clone(), kind, range)).await?;
        let moved_on = |job: &Job| job.state == JobState::Done || job.range.hi() < range.hi();
        Ok(if job.as_ref().is_some_and(moved_on) { Holder::MovedOn } else { Holder::Is(job.map(Box::new)) })
    }

    async fn pending(&self, group: &GroupName, from: Sequence, next: Sequence, limit: u64) -> Result<Vec<Pending>> {
        let Some(range) = Range::new(from, next) else { return Ok(Vec::new()) };
        let mut pending = Vec::new();
        let take = |item: &Item| {
            pending.push(batch::pending(item)?);
            Ok(enough(&pending, limit))
        };
        let part = Part { fields: Some(batch::PENDING), page: Some(MAX_RUN_BATCHES + 1) };
        self.table.part_of_range(&group_pk(group), batch::sks(range), part, take).await?;
        Ok(pending)
    }
}
