//! The lock on a group.

use std::time::Duration;

use anyhow::{Context, bail};
use foz_domain::GroupName;
use foz_rabbit::{Connection, lock, look};
use foz_retry::jittered;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// How long a bridge that finds a group locked waits before it tries again; the mean, with as much jitter.
const STANDBY: Duration = Duration::from_millis(1_000);

/// How much later a bridge tries for every group that it serves already, so that bridges share the groups.
const PER_GROUP: Duration = Duration::from_millis(100);

/// How often a lock that is held is looked at. To the broker that is a use of its queue, so that a policy with `expires`
/// deletes it only if that is less: who sets so little has queues of minutes in mind, not of seconds.
const LOOK: Duration = Duration::from_secs(5);

/// What a bridge knows when it asks for a group's lock.
#[derive(Debug, Clone, Copy)]
pub struct LockRequest<'a> {
    /// Name of the lake.
    pub lake: &'a str,
    /// The group to serve.
    pub group: &'a GroupName,
    /// How many groups this process serves already: the more, the longer it waits, so that processes share the groups.
    pub serving: usize,
    /// How long another bridge may hold the lock before this one gives up, `None` if it is to wait for ever.
    pub patience: Option<Duration>,
}

/// Waits until the group's lock is ours. The lock keeps bridges from disturbing each other; what keeps them from harm is the
/// epoch. `false` if another bridge held it for all of the patience.
pub async fn lock(connection: &Connection, request: LockRequest<'_>) -> anyhow::Result<bool> {
    let LockRequest { lake, group, serving, patience } = request;
    let until = patience.map(|patience| Instant::now() + patience);
    let name = lock::name(lake, group.as_str());
    sleep(jittered(PER_GROUP).saturating_mul(u32::try_from(serving).unwrap_or(u32::MAX))).await;
    let mut waiting = false;
    while !lock::try_lock(connection, &name).await? {
        if until.is_some_and(|until| until <= Instant::now()) {
            return Ok(false);
        }
        if !std::mem::replace(&mut waiting, true) {
            info!(%group, "another bridge holds the group, standing by");
        }
        sleep(jittered(STANDBY)).await;
    }
    Ok(true)
}

/// Keeps a lock that was taken: looks at it, which counts as using it, and takes it again if somebody has deleted it.
///
/// # Errors
/// It returns only with one: another connection has the lock now, or the broker does not answer.
pub async fn keep(connection: &Connection, lake: &str, group: &GroupName) -> anyhow::Error {
    let name = lock::name(lake, group.as_str());
    loop {
        sleep(LOOK).await;
        if let Err(error) = renew(connection, &name, group).await {
            return error;
        }
    }
}

async fn renew(connection: &Connection, name: &str, group: &GroupName) -> anyhow::Result<()> {
    if look::depth(connection, name).await.context("looking at the group's lock")?.is_some() {
        return Ok(());
    }
    warn!(
        %group, queue = name,
        "the broker has deleted the group's lock while it was held, and it is taken again: a policy sets `expires` on its \
        queue, or somebody deletes it (docs/runbook.md, fenced)"
    );
    if !lock::try_lock(connection, name).await? {
        bail!("another bridge has taken the group's lock, which the broker had deleted");
    }
    Ok(())
}
