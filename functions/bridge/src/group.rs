//! A group's life in this process: connect, wait for the lock, reign, and again.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{anyhow, bail};
use foz_domain::bridge::{ReignSettings, Unfitness};
use foz_rabbit::inspect::Inspector;
use foz_rabbit::{AMQPUri, LoginRefused, connection};
use foz_retry::jittered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use crate::assignment::Assignment;
use crate::group_catalog::is_permanent;
use crate::lock::{self, LockRequest};
use crate::marker_publisher::MarkerPublisher;
use crate::pace::{LoginPatience, Pace, PastReign};
use crate::queue_watch::{FitnessChange, QueueWatch};
use crate::runner::{ReignComponents, ReignEnd, ReignRunner, Tally};

/// What a draining reign may take to commit a batch that is due, catalog, ingest and an operator's restart included.
const STALL: Duration = Duration::from_secs(600);

/// What to do about a conflict.
const CONFLICT: &str = "a batch was refused, as the catalog or the definition that ingest works by contradicts this \
    bridge (the reason is logged with the batch): deploy bridge and ingest with the same pipeline.yaml, then restart the \
    bridge; until then the group's messages stay in their queues";

/// What to do about refused logins.
const REFUSED: &str = "the broker has refused this login several times: the process ends, as another one may know a new \
    password (ECS starts it with the secret as it is then); if that is refused too, correct FOZ_AMQP_URL or the user's \
    permissions";

/// What all groups of the process share.
#[derive(Debug)]
pub struct Bridge {
    /// Name of the lake, part of the locks' names.
    pub lake: String,
    /// The broker.
    pub uri: AMQPUri,
    /// Sizes and periods.
    pub settings: ReignSettings,
    /// How many groups this process serves.
    pub serving: AtomicUsize,
    /// Whether the process is to end.
    pub stopping: watch::Receiver<bool>,
    /// Where queues are looked up.
    pub inspector: Inspector,
}

/// Serves the group until it is drained, or another bridge is found to serve it; until the process is to end, if draining
/// was not asked for.
///
/// # Errors
/// [`LoginRefused`], in the chain of causes, if that was so several times; others if it was to be drained, and reigns have
/// failed too often for that.
pub async fn serve(bridge: Arc<Bridge>, group: Assignment, components: ReignComponents) -> anyhow::Result<()> {
    let mut pace = Pace::new(bridge.settings.drain);
    let mut logins = LoginPatience::default();
    loop {
        let began = Instant::now();
        let tally = Tally::default();
        let ended = reign(&bridge, &group, &components, &tally).await;
        match &ended {
            Ok(ReignEnd::Drained) => {
                info!(group = %group.name, "drained");
                return Ok(());
            }
            Ok(ReignEnd::ServedElsewhere) => {
                info!(group = %group.name, "another bridge serves the group: nothing to drain here");
                return Ok(());
            }
            Ok(ReignEnd::Stopped) => {
                info!(group = %group.name, "stopped, and nothing is on its way");
                return Ok(());
            }
            Ok(ReignEnd::Fenced) => {}
            Ok(ReignEnd::Undrainable) => {
                warn!(group = %group.name, "not drained: a queue gives nothing, or is not fit")
            }
            Ok(ReignEnd::Conflict) => error!(group = %group.name, "{CONFLICT}"),
            Err(error) if is_permanent(error) => {
                error!(group = %group.name, error = format!("{error:#}"), "the reign failed, and will again until a person has looked");
            }
            Err(error) => warn!(group = %group.name, error = format!("{error:#}"), "the reign failed"),
        }
        if ended.as_ref().is_err_and(|error| error.is::<LoginRefused>()) {
            components.health.refused();
            // The process may end before it tells the next time.
            components.health.emit();
        }
        let ended = match ended {
            Err(error) if logins.is_over(error.is::<LoginRefused>()) => return Err(error.context(REFUSED)),
            Err(error) => Err(error),
            Ok(end) => {
                logins = LoginPatience::default();
                Ok(end)
            }
        };
        let hopeless = match &ended {
            Ok(ended) => matches!(ended, ReignEnd::Conflict | ReignEnd::Undrainable),
            Err(error) => is_permanent(error),
        };
        let (committed, delivered) = (tally.batches.into_inner() > 0, tally.delivered.into_inner());
        let reign = PastReign { lasted: began.elapsed(), committed, delivered, hopeless };
        let Some(pause) = pace.after(reign) else { bail!("group {} cannot be drained", group.name) };
        let pause = jittered(pause);
        if hopeless {
            warn!(group = %group.name, seconds = pause.as_secs(), "the group is not served for a while");
        }
        let mut stopping = bridge.stopping.clone();
        tokio::select! {
            () = sleep(pause) => {}
            // The sender lives as long as the process.
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
        }
    }
}

/// One reign, from connection to connection loss. Counts what it was good for.
async fn reign(
    bridge: &Bridge,
    group: &Assignment,
    components: &ReignComponents,
    tally: &Tally,
) -> anyhow::Result<ReignEnd> {
    let name = format!("foz {} {}", bridge.lake, group.name);
    let drain = bridge.settings.drain;
    let consuming = Arc::new(connection::connect(bridge.uri.clone(), &name).await?);
    let name = format!("{name} markers");
    let publishing = connection::connect(bridge.uri.clone(), &name).await?;
    let (told, blocked) = watch::channel(false);
    let mut stopping = bridge.stopping.clone();
    let reigning = async {
        let (serving, patience) = (bridge.serving.load(Ordering::Relaxed), drain.then_some(connection::ALIVE));
        let request = LockRequest { lake: &bridge.lake, group: &group.name, serving, patience };
        tokio::select! {
            locked = lock::lock(&consuming, request) => if !locked? {
                return Ok(ReignEnd::ServedElsewhere);
            },
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(ReignEnd::Stopped),
        }
        let _serving = ServingGuard::new(&bridge.serving);
        info!(group = %group.name, "holding the group");
        let _holding = components.health.hold();
        let mut queues = QueueWatch::new(&bridge.uri, &bridge.inspector, group, &components.health);
        let locked = group.name.clone();
        let (group, components, settings) = (group.clone(), components.clone(), bridge.settings.clone());
        let publisher = MarkerPublisher::open(&publishing, bridge.uri.clone(), &name, blocked).await?;
        let runner = ReignRunner::new(group, components, settings, Arc::clone(&consuming), publisher);
        let orders = runner.orders();
        let stop = async {
            if stopping.wait_for(|stopping| *stopping).await.is_ok() {
                orders.stop().await;
            }
            std::future::pending::<Infallible>().await
        };
        let look = async {
            loop {
                let (stream, change) = queues.next_change().await;
                match change {
                    FitnessChange::Unfit => orders.give_up(&stream, Unfitness::Wrong).await,
                    FitnessChange::Gone => orders.give_up(&stream, Unfitness::Gone).await,
                    FitnessChange::Fit => orders.take_up(&stream).await,
                }
            }
        };
        tokio::select! {
            ended = runner.run(tally) => ended,
            lost = lock::keep(&consuming, &bridge.lake, &locked) => Err(lost),
            never = stop => match never {},
            () = look => unreachable!("it looks for ever"),
        }
    };
    let ended = tokio::select! {
        ended = reigning => ended,
        error = connection::failure(&consuming) => Err(error),
        error = connection::failure_telling(&publishing, |blocked| _ = told.send(blocked)) => Err(error),
        error = stalled(&tally.batches, stall(&bridge.settings), sleep), if drain => Err(error),
    };
    // Frees the lock and gives back what is not acknowledged, even if nobody answers.
    for connection in [&*consuming, &publishing] {
        connection.close("reign over").await;
    }
    ended
}

/// How long a draining reign may go on without a batch. A batch may wait for a quarter of the consumer timeout.
fn stall(settings: &ReignSettings) -> Duration {
    STALL + Duration::from_millis(settings.consumer_timeout / 4)
}

/// Resolves when no batch was committed for the whole `patience`.
async fn stalled<F: Future>(batches: &AtomicU64, patience: Duration, wait: impl Fn(Duration) -> F) -> anyhow::Error {
    loop {
        let before = batches.load(Ordering::Relaxed);
        wait(patience).await;
        if batches.load(Ordering::Relaxed) == before {
            return anyhow!("nothing was committed for {} seconds", patience.as_secs());
        }
    }
}

/// Counts a group as served while the guard lives.
struct ServingGuard<'a>(&'a AtomicUsize);

impl<'a> ServingGuard<'a> {
    fn new(serving: &'a AtomicUsize) -> Self {
        serving.fetch_add(1, Ordering::Relaxed);
        Self(serving)
    }
}

impl Drop for ServingGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_goes_on_as_long_as_it_commits() {
        let (batches, waits) = (AtomicU64::new(0), AtomicU64::new(0));
        let error = stalled(&batches, STALL, |_| {
            if waits.fetch_add(1, Ordering::Relaxed) < 5 {
                batches.fetch_add(1, Ordering::Relaxed);
            }
            std::future::ready(())
        });
        assert!(error.await.to_string().contains("nothing was committed"));
        assert_eq!(waits.into_inner(), 6);
    }

    #[test]
    fn a_drain_waits_longer_than_a_batch_may() {
        let settings = ReignSettings { consumer_timeout: 4 * 3_600_000, ..ReignSettings::default() };
        assert!(stall(&settings) > Duration::from_secs(3_600));
    }
}
