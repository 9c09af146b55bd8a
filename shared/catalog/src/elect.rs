//! One attempt of a run wins, before any table is touched: its range, definition and list of files are frozen.
//!
//! Condition: the run is this attempt's, in this epoch, and nobody is elected yet.

use foz_domain::run::{Kind, Run, RunState};
use foz_domain::{Epoch, GroupName};

use crate::Catalog;
use crate::error::{CatalogError, Result};
use crate::item::{number, text};
use crate::patience::Patience;
use crate::run_item;
use crate::table::{Change, Sent};

/// What became of an election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Election {
    /// This attempt's files are the run's.
    Elected,
    /// The run is this attempt's, but another execution of it was elected: commit the files in that manifest.
    Frozen {
        /// Key of the elected list of files.
        manifest: String,
    },
    /// The run was taken over, or has ended: stop.
    Lost {
        /// The run's epoch now.
        epoch: Epoch,
    },
}

impl Catalog {
    /// Elects `manifest`, the key of a complete list of staged files, for `run` as claimed or taken over.
    ///
    /// # Errors
    /// Unavailable (repeat with the same manifest), refused or damaged.
    pub async fn elect(&self, group: &GroupName, run: &Run, manifest: &str) -> Result<Election> {
        let mut patience = Patience::default();
        loop {
            let change = Change::new(
                run_item::key(group, Kind::Transform, run.range),
                "SET #state = :committing, #manifest = :manifest",
                "#epoch = :epoch AND #attempt = :attempt AND #state IN (:claimed, :staged)",
                [
                    (":committing", text(RunState::Committing)),
                    (":manifest", text(manifest)),
                    (":epoch", number(run.epoch)),
                    (":attempt", text(&run.attempt)),
                    (":claimed", text(RunState::Claimed)),
                    (":staged", text(RunState::Staged)),
                ],
            );
            let source = match self.table.change(change).await? {
                Sent::Applied => return Ok(Election::Elected),
                Sent::Refused => None,
                Sent::Unclear(error) => Some(Box::from(error)),
            };
            if let Some(election) = judge(run, manifest, self.run(group, Kind::Transform, run.range).await?) {
                return Ok(election);
            }
            if !patience.wait().await {
                return Err(CatalogError::Unavailable { operation: "an election", source });
            }
        }
    }
}

/// Judges by what stands there; none if nobody is elected yet.
fn judge(run: &Run, manifest: &str, found: Option<Run>) -> Option<Election> {
    let found = found?;
    let ours = found.epoch == run.epoch && found.attempt == run.attempt;
    match (found.state, found.manifest) {
        (RunState::Committing, Some(elected)) if ours && elected == manifest => Some(Election::Elected),
        (RunState::Committing, Some(elected)) if ours => Some(Election::Frozen { manifest: elected }),
        (RunState::Claimed | RunState::Staged, _) if ours => None,
        _ => Some(Election::Lost { epoch: found.epoch }),
    }
}
