//! Heartbeats, observations and takeovers of runs and consolidations.
//!
//! Every condition names the epoch and the attempt, so an attempt that was taken over can change nothing any more.

use foz_domain::GroupName;
use foz_domain::run::{Run, RunState};

use crate::error::Result;
use crate::item::{number, text};
use crate::table::{Change, Sent};
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

    /// Takes the silent `run` over for the new and unique `attempt`, under the next epoch. It keeps its range and, once
    /// elected, its manifest. None: it beat or moved meanwhile, or somebody else was first.
    ///
    /// # Errors
    /// Unavailable (repeat later: the takeover may stand), refused or damaged.
    pub async fn take_over(&self, group: &GroupName, run: &Run, attempt: &str, now: i64) -> Result<Option<Run>> {
        let change = Change::new(
            run_item::key(group, run.kind, run.range),
            "SET #epoch = :next, #attempt = :new, #seen_heartbeat = :heartbeat, #seen_at = :now",
            format!("{HOLDS} AND #heartbeat = :heartbeat AND #state = :state"),
            [
                (":epoch", number(run.epoch)),
                (":attempt", text(&run.attempt)),
                (":next", number(run.epoch.next())),
                (":new", text(attempt)),
                (":heartbeat", number(run.heartbeat)),
                (":now", number(now)),
                (":state", text(run.state)),
            ],
        );
        match self.table.change(change).await? {
            Sent::Applied => {
                let (epoch, seen_heartbeat) = (run.epoch.next(), run.heartbeat);
                Ok(Some(Run { epoch, attempt: attempt.to_owned(), seen_heartbeat, seen_at: now, ..run.clone() }))
            }
            // The attempt is unique: if it stands there, an earlier copy of the request took effect.
            Sent::Refused | Sent::Unclear(_) => {
                Ok(self.run(group, run.kind, run.range).await?.filter(|found| found.attempt == attempt))
            }
        }
    }
}
