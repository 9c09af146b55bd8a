//! A run or consolidation takes its range: the watermark moves and the item appears in one transaction.
//!
//! Conditions: nothing is claimed beyond what is done, and the range begins there; the item does not exist. So of several
//! dispatchers one wins, and ranges never overlap or leave gaps.

use foz_domain::run::{Engine, Kind, Run, RunState};
use foz_domain::{Epoch, GroupName, Range};

use crate::error::{CatalogError, Result};
use crate::item::{Key, number};
use crate::patience::Patience;
use crate::table::{Change, Sent, Write};
use crate::{Catalog, run_item};

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The range is this attempt's.
    Claimed(Run),
    /// Somebody else was first, or the group has moved on: look again.
    Lost,
}

impl Catalog {
    /// Claims a run over `range`, whose batches hold `bytes` uncompressed, for the new and unique `attempt`.
    ///
    /// # Errors
    /// Unavailable (the claim may stand; it is then taken over like any silent one), refused or damaged.
    #[allow(clippy::too_many_arguments, reason = "the fields of a run that its claimer chooses, each once")]
    pub async fn claim_run(
        &self,
        group: &GroupName,
        range: Range,
        bytes: u64,
        engine: Engine,
        definition: &str,
        attempt: &str,
        now: i64,
    ) -> Result<Claim> {
        let run = new_run(Kind::Transform, range, bytes, engine, definition, attempt, now);
        let mark = Change::new(
            Key::outward(group),
            "SET #claimed = :hi",
            "#claimed = :lo AND #done = :lo",
            [(":lo", number(range.lo())), (":hi", number(range.hi()))],
        );
        self.claim(group, run, mark).await
    }

    /// Claims a consolidation over `range`, from what is imaged to what is done.
    ///
    /// # Errors
    /// As of [`claim_run`](Self::claim_run).
    pub async fn claim_consolidation(
        &self,
        group: &GroupName,
        range: Range,
        definition: &str,
        attempt: &str,
        now: i64,
    ) -> Result<Claim> {
        let run = new_run(Kind::Consolidation, range, 0, Engine::Embedded, definition, attempt, now);
        let mark = Change::new(
            Key::outward(group),
            "SET #imaging = :hi",
            "#imaging = :lo AND #imaged = :lo AND #done >= :hi",
            [(":lo", number(range.lo())), (":hi", number(range.hi()))],
        );
        self.claim(group, run, mark).await
    }

    async fn claim(&self, group: &GroupName, run: Run, mark: Change) -> Result<Claim> {
        let writes = vec![Write::Change(mark), Write::Create(run_item::to_item(group, &run))];
        match self.table.transact(writes).await? {
            Sent::Applied => return Ok(Claim::Claimed(run)),
            Sent::Refused => {}
            Sent::Unclear(error) => tracing::debug!(%error, %group, "reading before judging"),
        }
        // Contended or answered twice: whose attempt stands there says it. An unanswered write may still be on its way,
        // so a missing item is no proof yet; but then its claim is simply lost to us, and found again by its silence.
        let mut patience = Patience::default();
        loop {
            match self.run(group, run.kind, run.range).await {
                Ok(found) => {
                    let ours = found.filter(|found| found.attempt == run.attempt);
                    return Ok(ours.map_or(Claim::Lost, Claim::Claimed));
                }
                Err(CatalogError::Unavailable { .. }) if patience.wait().await => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn new_run(kind: Kind, range: Range, bytes: u64, engine: Engine, definition: &str, attempt: &str, now: i64) -> Run {
    Run {
        kind,
        range,
        state: RunState::Claimed,
        epoch: Epoch(1),
        attempt: attempt.to_owned(),
        engine,
        definition: definition.to_owned(),
        bytes,
        manifest: None,
        heartbeat: 0,
        seen_heartbeat: 0,
        seen_at: now,
        started_at: now,
        ended_at: None,
        error: None,
        crashes: 0,
    }
}
