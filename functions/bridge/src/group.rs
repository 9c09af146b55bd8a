//! A group's life in this process: connect, wait for the lock, reign, and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use foz_domain::bridge::Settings;
use lapin::uri::AMQPUri;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::broker;
use crate::pace::{Pace, Reigned};
use crate::pause::jittered;
use crate::plan::Group;
use crate::reign::{Ended, Running, Tools};

/// How long a connection may take to close; then it is dropped.
const CLOSING: Duration = Duration::from_secs(3);

/// What to do about a conflict.
const CONFLICT: &str = "a batch was refused, as the catalog or the definition that ingest works by contradicts this \
    bridge (the reason is logged with the batch): deploy bridge and ingest with the same pipeline.yaml, then restart the \
    bridge; until then the group's messages stay in their queues";

/// What all groups of the process share.
#[derive(Debug)]
pub struct Bridge {
    /// Name of the lake, part of the locks' names.
    pub lake: String,
    /// The broker.
    pub uri: AMQPUri,
    /// Sizes and periods.
    pub settings: Settings,
    /// How many groups this process holds.
    pub held: AtomicUsize,
}

/// Serves the group until it is drained; for ever, if that was not asked for.
pub async fn serve(bridge: Arc<Bridge>, group: Group, tools: Tools) {
    let mut pace = Pace::default();
    loop {
        let began = tokio::time::Instant::now();
        let committed = AtomicBool::new(false);
        let ended = reign(&bridge, &group, &tools, &committed).await;
        match &ended {
            Ok(Ended::Drained) => {
                info!(group = %group.name, "drained");
                return;
            }
            Ok(Ended::Lost) => {}
            Ok(Ended::Conflict) => error!(group = %group.name, "{CONFLICT}"),
            Err(error) => warn!(group = %group.name, error = format!("{error:#}"), "the reign failed"),
        }
        let hopeless = matches!(ended, Ok(Ended::Conflict));
        let reigned = Reigned { lasted: began.elapsed(), committed: committed.into_inner(), hopeless };
        let pause = jittered(pace.after(reigned));
        if hopeless {
            warn!(group = %group.name, seconds = pause.as_secs(), "the group is not served for a while");
        }
        sleep(pause).await;
    }
}

/// One reign, from connection to connection loss. Notes when a batch is `committed`.
async fn reign(bridge: &Bridge, group: &Group, tools: &Tools, committed: &AtomicBool) -> anyhow::Result<Ended> {
    let name = format!("foz {} {}", bridge.lake, group.name);
    let consuming = Arc::new(broker::connect(&bridge.uri, &name).await?);
    let publishing = broker::connect(&bridge.uri, &format!("{name} markers")).await?;
    let reigning = async {
        broker::lock(&consuming, &bridge.lake, &group.name, bridge.held.load(Ordering::Relaxed)).await?;
        let _held = Held::new(&bridge.held);
        info!(group = %group.name, "holding the group");
        let running =
            Running::new(group.clone(), tools.clone(), bridge.settings.clone(), Arc::clone(&consuming), &publishing)
                .await?;
        running.run(committed).await
    };
    let ended = tokio::select! {
        ended = reigning => ended,
        error = broker::failure(&consuming) => Err(error),
        error = broker::failure(&publishing) => Err(error),
    };
    // Frees the lock and gives back what is not acknowledged, even if nobody answers: the socket goes with the last clone.
    for connection in [&*consuming, &publishing] {
        let _ = timeout(CLOSING, connection.close(200, "reign over".into())).await;
    }
    ended
}

/// Counts a group as held while it lives.
struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(held: &'a AtomicUsize) -> Self {
        held.fetch_add(1, Ordering::Relaxed);
        Self(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
