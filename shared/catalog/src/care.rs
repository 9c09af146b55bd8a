//! Heartbeats, observations and takeovers of runs and consolidations.
//!
//! Every condition names the epoch and the attempt, so an attempt that was taken over can change nothing any more.

use foz_domain::run::{Run, RunState};
use foz_domain::{GroupName, Range};

use crate::error::Result;
use crate::item::{Key, number, text};
use crate::table::{Change, Sent, Write};
use crate::{Catalog, run_item};

const HOLDS: &str = "#epoch = :epoch AND #attempt = :attempt";

impl Catalog {
    /// Shows that the attempt still works. False: it was taken over or has ended; stop.
    ///
    /// # Errors
    /// Unavailable (go on: one missed beat means nothing) or refused.
    pub async fn heartbeat(&self, group: &GroupName, run: &Run) -> Result<bool> {
        let change = Change::new(
            run_item::key(group, run.kind, run.range),
            "ADD #heartbeat :one",
            format!("{HOLDS} AND #state IN (:claimed, :staged, :committing)"),
            [
                (":one", number(1)),
                (":epoch", number(run.epoch)),
                (":attempt", text(&run.attempt)),
                (":claimed", text(RunState::Claimed)),
                (":staged", text(RunState::Staged)),
                (":committing", text(RunState::Committing)),
            ],
        );
        match self.table.change(change).await? {
            Sent::Applied => Ok(true),
            Sent::Refused => Ok(false),
            Sent::Unclear(error) => Err(error),
        }
    }

    /// Notes the heartbeat that was seen in `run`, at `now`. False: another dispatch has noted it, or the run moved on.
    ///
    /// # Errors
    /// Unavailable or refused.
    pub async fn observe(&self, group: &GroupName, run: &Run, now: i64) -> Result<bool> {
        let change = Change::new(
            run_item::key(group, run.kind, run.range),
            "SET #seen_heartbeat = :seen, #seen_at = :now",
            format!("{HOLDS} AND #seen_heartbeat = :old AND #seen_at = :old_at"),
            [
                (":epoch", number(run.epoch)),
                (":attempt", text(&run.attempt)),
                (":seen", number(run.heartbeat)),
                (":now", number(now)),
                (":old", number(run.seen_heartbeat)),
                (":old_at", number(run.seen_at)),
            ],
        );
        match self.table.change(change).await? {
            Sent::Applied => Ok(true),
            Sent::Refused => Ok(false),
            Sent::Unclear(error) => Err(error),
        }
    }

    /// Takes the silent `run` over for the new and unique `attempt`, under the next epoch, and records its `crashes`. It
    /// keeps its range and, once elected, its manifest; before that, the attempt begins with `definition`. None: it beat
    /// or moved meanwhile, or somebody else was first.
    ///
    /// # Errors
    /// Unavailable (repeat later: the takeover may stand), refused or damaged.
    pub async fn take_over(
        &self,
        group: &GroupName,
        run: &Run,
        attempt: &str,
        definition: &str,
        now: i64,
    ) -> Result<Option<Run>> {
        // With an election the definition is frozen, and nobody reads it any more.
        let definition = if run.manifest.is_some() { &run.definition } else { definition };
        let next = Run {
            epoch: run.epoch.next(),
            attempt: attempt.to_owned(),
            definition: definition.to_owned(),
            seen_heartbeat: run.heartbeat,
            seen_at: now,
            ..run.clone()
        };
        let sent = self.table.change(takes_over(group, run, &next)).await?;
        self.taken(group, next, sent).await
    }

    /// As [`take_over`](Self::take_over), over the first half of the range only, whose batches have `bytes`; the other
    /// half is pending again. The run has more than one batch and no elected attempt.
    ///
    /// # Errors
    /// As of [`take_over`](Self::take_over).
    pub async fn halve(
        &self,
        group: &GroupName,
        run: &Run,
        (range, bytes): (Range, u64),
        attempt: &str,
        definition: &str,
        now: i64,
    ) -> Result<Option<Run>> {
        let next = Run {
            range,
            bytes,
            epoch: run.epoch.next(),
            attempt: attempt.to_owned(),
            definition: definition.to_owned(),
            seen_heartbeat: run.heartbeat,
            seen_at: now,
            crashes: 0,
            ..run.clone()
        };
        let mark = Change::new(
            Key::outward(group),
            "SET #claimed = :middle",
            "#done = :lo AND #claimed = :hi",
            [(":middle", number(range.hi())), (":lo", number(run.range.lo())), (":hi", number(run.range.hi()))],
        );
        let writes = vec![Write::Change(mark), Write::Change(takes_over(group, run, &next))];
        let sent = self.table.transact(writes).await?;
        self.taken(group, next, sent).await
    }

    async fn taken(&self, group: &GroupName, next: Run, sent: Sent) -> Result<Option<Run>> {
        match sent {
            Sent::Applied => Ok(Some(next)),
            // The attempt is unique: if it stands there, an earlier copy of the request took effect.
            Sent::Refused | Sent::Unclear(_) => {
                Ok(self.run(group, next.kind, next.range).await?.filter(|found| found.attempt == next.attempt))
            }
        }
    }
}

/// The write by which `next` takes the place of `run`, as it was read.
fn takes_over(group: &GroupName, run: &Run, next: &Run) -> Change {
    Change::new(
        run_item::key(group, run.kind, run.range),
        "SET #epoch = :next, #attempt = :new, #definition = :definition, #hi = :hi, #bytes = :bytes, #crashes = :crashes, \
         #seen_heartbeat = :heartbeat, #seen_at = :now",
        format!("{HOLDS} AND #heartbeat = :heartbeat AND #state = :state"),
        [
            (":epoch", number(run.epoch)),
            (":attempt", text(&run.attempt)),
            (":next", number(next.epoch)),
            (":new", text(&next.attempt)),
            (":definition", text(&next.definition)),
            (":hi", number(next.range.hi())),
            (":bytes", number(next.bytes)),
            (":crashes", number(next.crashes)),
            (":heartbeat", number(run.heartbeat)),
            (":now", number(next.seen_at)),
            (":state", text(run.state)),
        ],
    )
}
