//! A run or consolidation ends: its watermark moves together with its state.
//!
//! Conditions: the watermarks stand at the run's range; the run is this attempt's and where a run that ends may be.

use foz_domain::GroupName;
use foz_domain::run::{Kind, Run, RunState};

use crate::Catalog;
use crate::error::{CatalogError, Result};
use crate::item::{Key, number, text};
use crate::list::Image;
use crate::patience::Patience;
use crate::run_item;
use crate::table::{Change, Sent, Write};

/// What became of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It has ended as asked, now or before.
    Ended,
    /// It was taken over, has ended otherwise, or is not where it could end so.
    Lost,
}

impl Catalog {
    /// The run's files are in the tables: `done` moves over its range.
    ///
    /// # Errors
    /// Unavailable (repeat), refused or damaged.
    pub async fn finish_run(&self, group: &GroupName, run: &Run, now: i64) -> Result<Finish> {
        self.finish(group, run, || {
            let mark = Change::new(
                Key::outward(group),
                "SET #done = :hi",
                "#done = :lo AND #claimed = :hi",
                [(":lo", number(run.range.lo())), (":hi", number(run.range.hi()))],
            );
            vec![Write::Change(mark), Write::Change(ends(group, run, RunState::Committing, RunState::Done, now))]
        })
        .await
    }

    /// All images of the consolidation are in the tables: they are recorded, then `imaged` moves over its range. An image
    /// that goes further is not the consolidation's: a later one was faster, after somebody had finished this one.
    ///
    /// # Errors
    /// Unavailable (repeat), refused or damaged.
    pub async fn finish_consolidation(
        &self,
        group: &GroupName,
        run: &Run,
        images: &[Image],
        now: i64,
    ) -> Result<Finish> {
        // Data before the record that names it, and so before the fence: an attempt that is late must change nothing. A
        // table takes each image just once, so the first record of one is the right one.
        for image in images.iter().filter(|image| image.through == run.range.hi()) {
            self.table.put_new(image.to_item(group)).await?;
        }
        let finish = self
            .finish(group, run, || {
                let mark = Change::new(
                    Key::outward(group),
                    "SET #imaged = :hi, #last_image_at = :began",
                    "#imaged = :lo AND #imaging = :hi",
                    [
                        (":lo", number(run.range.lo())),
                        (":hi", number(run.range.hi())),
                        (":began", number(run.started_at)),
                    ],
                );
                vec![Write::Change(mark), Write::Change(ends(group, run, RunState::Claimed, RunState::Done, now))]
            })
            .await?;
        if finish == Finish::Ended {
            self.settle(group, run.range.hi()).await?;
        }
        Ok(finish)
    }

    /// Stops the run or consolidation, and with it its group, until a person has looked.
    ///
    /// # Errors
    /// Unavailable (repeat), refused or damaged.
    pub async fn fail(&self, group: &GroupName, run: &Run, reason: &str, now: i64) -> Result<Finish> {
        let change = || {
            let mut change = Change::new(
                run_item::key(group, run.kind, run.range),
                "SET #state = :failed, #ended_at = :now, #error = :error",
                "#epoch = :epoch AND #attempt = :attempt AND #state IN (:claimed, :staged, :committing)",
                [
                    (":failed", text(RunState::Failed)),
                    (":now", number(now)),
                    (":error", text(reason)),
                    (":epoch", number(run.epoch)),
                    (":attempt", text(&run.attempt)),
                ],
            );
            for state in [RunState::Claimed, RunState::Staged, RunState::Committing] {
                change.value(&format!(":{state}"), text(state));
            }
            change
        };
        self.end(group, run, RunState::Failed, "failing a run", async || self.table.change(change()).await).await
    }

    /// A person lets a failed run or consolidation go on, in the next epoch: the next dispatch starts a new attempt. If an
    /// attempt was elected, its files are still the ones that are committed.
    ///
    /// # Errors
    /// Unavailable (repeat), refused or damaged.
    pub async fn resume(&self, group: &GroupName, run: &Run, attempt: &str) -> Result<Finish> {
        let next = if run.manifest.is_some() { RunState::Committing } else { RunState::Claimed };
        // Never seen, by any clock: silent for longer than any limit.
        let change = Change::new(
            run_item::key(group, run.kind, run.range),
            "SET #state = :next, #epoch = :next_epoch, #attempt = :new, #seen_heartbeat = #heartbeat, #seen_at = :never, \
             #crashes = :zero \
             REMOVE #ended_at, #error",
            "#epoch = :epoch AND #attempt = :attempt AND #state = :failed",
            [
                (":next", text(next)),
                (":next_epoch", number(run.epoch.next())),
                (":new", text(attempt)),
                (":never", number(0)),
                (":zero", number(0)),
                (":epoch", number(run.epoch)),
                (":attempt", text(&run.attempt)),
                (":failed", text(RunState::Failed)),
            ],
        );
        if let Sent::Unclear(error) = self.table.change(change).await? {
            return Err(error);
        }
        let found = self.run(group, run.kind, run.range).await?;
        let ours = found.is_some_and(|found| found.attempt == attempt);
        Ok(if ours { Finish::Ended } else { Finish::Lost })
    }

    async fn finish(&self, group: &GroupName, run: &Run, writes: impl Fn() -> Vec<Write>) -> Result<Finish> {
        self.end(group, run, RunState::Done, "finishing a run", async || self.table.transact(writes()).await).await
    }

    /// Tries a write that ends the run, judged by reading, until it is known to have ended.
    async fn end(
        &self,
        group: &GroupName,
        run: &Run,
        state: RunState,
        operation: &'static str,
        write: impl AsyncFn() -> Result<Sent>,
    ) -> Result<Finish> {
        let mut patience = Patience::default();
        loop {
            let source = match write().await? {
                Sent::Applied => return Ok(Finish::Ended),
                Sent::Refused => None,
                Sent::Unclear(error) => Some(Box::from(error)),
            };
            match self.run(group, run.kind, run.range).await? {
                Some(found) if found.state == state => return Ok(Finish::Ended),
                Some(found)
                    if found.epoch == run.epoch
                        && found.attempt == run.attempt
                        && found.state.may_become(state, run.kind) => {}
                _ => return Ok(Finish::Lost),
            }
            if !patience.wait().await {
                return Err(CatalogError::Unavailable { operation, source });
            }
        }
    }
}

fn ends(group: &GroupName, run: &Run, from: RunState, to: RunState, now: i64) -> Change {
    debug_assert!(from.may_become(to, run.kind), "{from} → {to}");
    debug_assert!(matches!(run.kind, Kind::Transform) == matches!(from, RunState::Committing));
    Change::new(
        run_item::key(group, run.kind, run.range),
        "SET #state = :to, #ended_at = :now",
        "#epoch = :epoch AND #attempt = :attempt AND #state = :from",
        [
            (":to", text(to)),
            (":from", text(from)),
            (":now", number(now)),
            (":epoch", number(run.epoch)),
            (":attempt", text(&run.attempt)),
        ],
    )
}
