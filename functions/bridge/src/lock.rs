//! The lock on a group.

use std::time::Duration;

use foz_domain::GroupName;
use foz_rabbit::{Connection, lock};
use foz_retry::jittered;
use tokio::time::{Instant, sleep};

/// How long a bridge that finds a group locked waits before it tries again; the mean, with as much jitter.
const STANDBY: Duration = Duration::from_millis(1_000);

/// How much later a bridge tries for every group that it serves already, so that bridges share the groups.
const PER_GROUP: Duration = Duration::from_millis(100);

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
            tracing::info!(%group, "another bridge holds the group, standing by");
        }
        sleep(jittered(STANDBY)).await;
    }
    Ok(true)
}
