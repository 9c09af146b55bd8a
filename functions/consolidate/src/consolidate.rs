//! The order of things: the group's streams, then the catalog.

use anyhow::{Context, anyhow};
use foz_attempt::AttemptComponents;
use foz_attempt::attempt::{duration, halts};
use foz_catalog::{ImageRecord, Swap};
use foz_domain::job::Job;
use foz_domain::job::step::Guard;
use foz_domain::maintenance::DebtBounds;
use foz_domain::{GroupName, Range, Sequence, StreamName, Timestamp};
use foz_edge::metrics::{self, emit};
use foz_edge::{ErrorType, clock, fail_point};
use foz_engine::Limits;
use foz_lake::commit::TableState;
use foz_pipeline::{Definition, Stream};
use foz_wire::attempt::{Attempt, AttemptAnswer, ConsolidateEvent};
use futures::FutureExt;

use crate::image::ImageMaker;
use crate::maintenance::maintenance_due;

/// One execution of the function.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'a> {
    /// Its name; no other has the same.
    pub request: &'a str,
    /// When it ends, finished or not.
    pub deadline: Timestamp,
}

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Consolidate {
    components: AttemptComponents,
    limits: Limits,
    bounds: DebtBounds,
}

impl Consolidate {
    /// A consolidation with these components; merging stays within `limits`, and the debt of tables within `bounds`.
    pub fn new(components: AttemptComponents, limits: Limits, bounds: DebtBounds) -> Self {
        Self { components, limits, bounds }
    }

    /// Executes one attempt of a consolidation.
    ///
    /// # Errors
    /// The attempt is dead: dispatch hears of it and starts another, unless the consolidation itself was failed.
    #[tracing::instrument(skip_all, fields(group, through, epoch))]
    pub async fn handle(&self, event: ConsolidateEvent, execution: Execution<'_>) -> anyhow::Result<AttemptAnswer> {
        let attempt = Attempt::try_from(event).context(ErrorType::Event)?;
        let (group, span) = (&attempt.group, tracing::Span::current());
        span.record("group", group.as_str()).record("through", attempt.range.hi().0).record("epoch", attempt.epoch.0);
        let Some(job) = self.components.claimed(&attempt).await? else { return Ok(AttemptAnswer::Lost) };
        let ended = |now| {
            let metric = (&metrics::CONSOLIDATION_DURATION, duration(&job, now));
            emit(now, &[("group", group.as_str())], &[metric]);
        };
        let work = self.consolidate(&job, execution).boxed_local();
        self.components.carry_out(&job, work, halts, ended).await
    }

    /// Brings the images to the end of the range, all at once or piece by piece. After each piece they show one state of the
    /// group, and the next attempt, if there is one, goes on from there.
    async fn consolidate(&self, job: &Job, execution: Execution<'_>) -> anyhow::Result<Swap> {
        let catalog = &self.components.catalog;
        let definition = self.components.definition(&job.definition).await?;
        let order = self.members(&job.id.group, &definition).await?;
        let (mut reached, mut longest) = (job.range.lo(), 0);
        while reached < job.range.hi() {
            let (began, through) = (clock::now(), job.next_piece(reached));
            if !job.has_time(reached, began, longest, execution.deadline) {
                // Nothing failed, and nothing of the range is to blame: as after an outage, the next attempt goes on.
                let why = format!("the images go through {reached}, and the time is up: the next attempt goes on");
                return Err(anyhow!(why).context(ErrorType::Outage));
            }
            let piece = Range::new(reached, through).context("an empty piece").context(ErrorType::Invariant)?;
            reached = self.images(job, piece, &order, execution).await?;
            longest = clock::now().since(began).max(longest);
        }
        let done = job.done(clock::now());
        let swap = catalog.swap(Some(job), &done, Guard::Held).await?;
        if let Swap::Done(_) = swap {
            catalog.clear_pending(&job.id.group, job.range.hi()).await?;
        }
        Ok(swap)
    }

    /// Brings the images of all streams to the end of the piece, and returns the sequence that they have reached: a further one if
    /// an earlier attempt has come so far.
    async fn images(
        &self,
        job: &Job,
        piece: Range,
        order: &[&Stream],
        execution: Execution<'_>,
    ) -> anyhow::Result<Sequence> {
        let AttemptComponents { catalog, lake, .. } = &self.components;
        let through = piece.hi();
        let execution = format!("{}-{}-{through}", job.attempt, execution.request);
        let batches = catalog.batches(&job.id.group, piece).await?;
        let written = batches.into_iter().map(|batch| (batch.content.stream, batch.sequence)).collect();
        let maker = ImageMaker { lake, execution, through, written, limits: self.limits.clone(), bounds: self.bounds };
        let (mut images, mut reached, mut due) = (Vec::new(), None, false);
        for (number, stream) in order.iter().enumerate() {
            if number > 0 {
                fail_point("consolidate.between_streams").await?;
            }
            let image = maker.image(stream, clock::now()).await?;
            reached = [reached, image.through].into_iter().flatten().min();
            due |= maintenance_due(&image);
            images.extend(record(stream.name.clone(), image, clock::now()));
        }
        catalog.record_images(job, &images).await?;
        if due {
            // Lost, it comes again with the next image.
            catalog.note_debt(&job.id.group, clock::now()).await?;
        }
        Ok(reached.unwrap_or(through).max(through))
    }

    /// The group's streams, referenced ones first. The catalog says which they are: an edit of the definition may have
    /// made other groups, but what is done here has been catalogued under these. A stream that the definition has no
    /// more keeps the image that it has; should it come back, its next image begins there.
    async fn members<'a>(&self, group: &GroupName, definition: &'a Definition) -> anyhow::Result<Vec<&'a Stream>> {
        let members = self.components.members(group).await?;
        let order = definition.groups().into_iter().flat_map(|group| group.streams);
        Ok(order.filter(|name| members.contains(name)).filter_map(|name| definition.stream(&name)).collect())
    }
}

/// What the catalog records of a table's state; `None` if the table never had a row. It goes as far as the table does:
/// that is further than asked for if a later consolidation was faster.
fn record(stream: StreamName, state: TableState, now: Timestamp) -> Option<ImageRecord> {
    Some(ImageRecord {
        stream,
        through: state.through?,
        snapshot_id: state.snapshot_id?,
        metadata_location: state.metadata_location,
        rows: state.rows,
        committed_at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_goes_as_far_as_the_table() {
        let state = |through, snapshot_id| TableState {
            through,
            snapshot_id,
            metadata_location: "m".to_owned(),
            rows: 3,
            repeated: true,
        };
        let stream = || "s".parse().unwrap();
        let recorded = record(stream(), state(Some(Sequence(9)), Some(7)), Timestamp(5)).unwrap();
        assert_eq!((recorded.through, recorded.snapshot_id), (Sequence(9), 7));
        assert_eq!(record(stream(), state(Some(Sequence(9)), None), Timestamp(5)), None);
    }
}
