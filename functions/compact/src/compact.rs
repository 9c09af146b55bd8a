//! The order of things: the group's tables, then the catalog.

use anyhow::Context;
use foz_attempt::AttemptComponents;
use foz_attempt::attempt::{duration, halts};
use foz_catalog::Swap;
use foz_domain::job::Job;
use foz_domain::job::step::Guard;
use foz_domain::{GroupName, TableName};
use foz_edge::metrics::{self, emit};
use foz_edge::{ErrorType, clock, fail_point};
use foz_pipeline::Definition;
use foz_wire::attempt::{Attempt, AttemptAnswer, CompactEvent};
use futures::FutureExt;
use tracing::info;

use crate::step::take_next_step;
use crate::walk::{WalkTime, Walked, walk};

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Compact {
    components: AttemptComponents,
}

impl Compact {
    /// A compaction with these components.
    pub fn new(components: AttemptComponents) -> Self {
        Self { components }
    }

    /// Executes one attempt of a compaction.
    ///
    /// # Errors
    /// The attempt is dead: dispatch hears of it and starts another, unless the compaction itself was failed.
    #[tracing::instrument(skip_all, fields(group, number, epoch))]
    pub async fn handle(&self, event: CompactEvent, time: WalkTime) -> anyhow::Result<AttemptAnswer> {
        let attempt = Attempt::try_from(event).context(ErrorType::Event)?;
        let (group, span) = (&attempt.group, tracing::Span::current());
        span.record("group", group.as_str()).record("number", attempt.range.lo().0).record("epoch", attempt.epoch.0);
        let Some(job) = self.components.claimed(&attempt).await? else { return Ok(AttemptAnswer::Lost) };
        let ended = |now| {
            let metric = (&metrics::COMPACTION_DURATION, duration(&job, now));
            emit(now, &[("group", group.as_str())], &[metric]);
        };
        let work = self.compact(&job, time).boxed_local();
        self.components.carry_out(&job, work, halts, ended).await
    }

    /// Merges what is due in the group's tables, ends the compaction, and settles the debt if nothing is due any more.
    async fn compact(&self, job: &Job, time: WalkTime) -> anyhow::Result<Swap> {
        let AttemptComponents { catalog, lake, .. } = &self.components;
        let group = &job.id.group;
        // Before the tables: what becomes due after they were looked at is noted once more, and stays.
        let debt = catalog.out(group).await?.debt;
        let definition = self.components.definition(&job.definition).await?;
        let tables = self.tables(group, &definition).await?;
        let walked = walk(&tables, time, clock::now, async |table| take_next_step(lake, table).await).await?;
        info!(tables = tables.len(), ?walked, "walked");
        fail_point("compact.before_end").await?;
        let swap = catalog.swap(Some(job), &job.done(clock::now()), Guard::Held).await?;
        if let (Swap::Done(_), Walked::All, Some(debt)) = (&swap, walked, &debt) {
            catalog.settle_debt(group, debt, time.began).await?;
        }
        Ok(swap)
    }

    /// The current tables of the group's streams, and their tombstones. The catalog says which streams these are; one that
    /// the definition has no more keeps its files as they are.
    async fn tables(&self, group: &GroupName, definition: &Definition) -> anyhow::Result<Vec<TableName>> {
        let members = self.components.members(group).await?;
        let known = members.iter().filter(|name| definition.stream(name).is_some());
        Ok(known.flat_map(|name| [name.current(), name.tombstones()]).collect())
    }
}
