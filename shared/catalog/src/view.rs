//! What a dispatch decides from: one view of a group, consistent although it takes several reads.
//!
//! The watermarks are read first, then what they point to. A run is claimed, halved and finished together with its
//! watermark, so whatever is read later is at least as new; a run that has ended or was halved in between shows it by its
//! state or range, and the view is taken again.

use foz_domain::plan::{GroupView, Pending, enough};
use foz_domain::run::{Kind, Run, RunState};
use foz_domain::{GroupName, Range, Sequence};

use crate::error::{CatalogError, Result};
use crate::item::{Item, batch_sk, group_pk};
use crate::patience::Patience;
use crate::{Catalog, run_item, tail};

impl Catalog {
    /// The group as it is now, with the pending batches that one run could take (and one more, if there is); none before
    /// the group's first reign.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn group_view(&self, group: &GroupName, embedded_limit: u64) -> Result<Option<GroupView>> {
        let mut patience = Patience::default();
        loop {
            let out = self.out(group).await?;
            let Some(head) = self.group_head(group).await? else { return Ok(None) };
            let (run, consolidation) = tokio::try_join!(
                self.active(group, Kind::Transform, Range::new(out.marks.done, out.marks.claimed)),
                self.active(group, Kind::Consolidation, Range::new(out.marks.imaged, out.marks.imaging)),
            )?;
            if let (Ok(run), Ok(consolidation)) = (run, consolidation) {
                let pending = self.pending(group, out.marks.claimed, head.next_sequence, embedded_limit).await?;
                let (next, marks, last_image_at) = (head.next_sequence, out.marks, out.last_image_at);
                return Ok(Some(GroupView { next, marks, last_image_at, run, consolidation, pending }));
            }
            if !patience.wait().await {
                return Err(CatalogError::Unavailable { operation: "a consistent view", source: None });
            }
        }
    }

    /// The run or consolidation by its range, strongly consistent.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn run(&self, group: &GroupName, kind: Kind, range: Range) -> Result<Option<Run>> {
        let item = self.table.get(&run_item::key(group, kind, range)).await?;
        item.as_ref().map(run_item::of_item).transpose()
    }

    /// Who holds the range, if there is one. `Err(Stale)` if it has ended or was halved since the watermarks were read; a range that
    /// nobody holds is left to the planner, which halts.
    async fn active(
        &self,
        group: &GroupName,
        kind: Kind,
        range: Option<Range>,
    ) -> Result<std::result::Result<Option<Run>, Stale>> {
        let Some(range) = range else { return Ok(Ok(None)) };
        let run = self.run(group, kind, range).await?;
        let moved_on = |run: &Run| run.state == RunState::Done || run.range.hi() < range.hi();
        Ok(if run.as_ref().is_some_and(moved_on) { Err(Stale) } else { Ok(run) })
    }

    async fn pending(&self, group: &GroupName, from: Sequence, next: Sequence, limit: u64) -> Result<Vec<Pending>> {
        let Some(range) = Range::new(from, next) else { return Ok(Vec::new()) };
        let mut pending = Vec::new();
        let take = |item: &Item| {
            let batch = tail::of_item(item)?;
            pending.push(Pending { sequence: batch.sequence, bytes: batch.bytes });
            Ok(enough(&pending, limit))
        };
        let (lo, hi) = (batch_sk(range.lo()), batch_sk(Sequence(range.hi().0 - 1)));
        self.table.range(&group_pk(group), (&lo, &hi), take).await?;
        Ok(pending)
    }
}

/// The run ended or was halved while the view was being read.
struct Stale;
