//! Wires the bridge to its surroundings.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bridge::assignment::{self, Assignment};
use bridge::group::{self, Bridge};
use bridge::group_catalog::GroupCatalog;
use bridge::health::{self, GroupHealth};
use bridge::ingest::{self, IngestClient};
use bridge::runner::ReignComponents;
use bridge::settings::{BridgeArguments, BridgeEnv};
use bridge::spool::Spool;
use clap::Parser;
use foz_edge::settings::Env;
use foz_edge::{Components, aws, logging};
use foz_lake::StoredDefinition;
use foz_rabbit::inspect::management::Management;
use foz_rabbit::inspect::{Fitness, Inspector, inspect};
use foz_rabbit::{LoginRefused, connection};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{error, info, warn};

/// Bytes of compressed batches and of large bodies that wait in memory; more wait in files.
const SPOOL: usize = 48 << 20;

/// Bytes that the unacknowledged messages of all streams together should not exceed: lapin holds what it is sent. A stream's
/// share also bounds its first prefetch; only streams with very large messages, and more than sixteen of them, exceed it.
const WINDOWS: u64 = 64 << 20;

/// What batches on their way to the catalog may take after SIGTERM. With what follows it is less than the time after which
/// infra has a task killed.
const FINISHING: Duration = Duration::from_secs(15);

/// What the process may take to stop after that.
const STOPPING: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    logging::init();
    let arguments = BridgeArguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(error) => {
            error!(error = format!("{error:#}"), "the bridge cannot run");
            ExitCode::FAILURE
        }
    };
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn run(arguments: BridgeArguments) -> anyhow::Result<ExitCode> {
    let env = Env::of_process();
    let settings = BridgeEnv::read(&env)?;
    // Two parts of the process link different defaults; rustls wants one named.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Components { catalog, store, config } = Components::open(&env, &settings.lake).await;
    let StoredDefinition { definition, .. } = StoredDefinition::read(&store, &settings.lake.definition).await?;
    let mut groups = assignment::groups(&definition)?;
    if !arguments.groups.is_empty() {
        if let Some(unknown) = arguments.groups.iter().find(|name| groups.iter().all(|group| group.name != **name)) {
            anyhow::bail!("there is no group {unknown}");
        }
        groups.retain(|group| arguments.groups.contains(&group.name));
    }
    if groups.is_empty() {
        info!("every stream comes by a mapping: there is nothing to serve");
    }
    let inspector = inspector(&settings)?;
    if !all_queues_are_safe(&settings, &inspector, &groups).await? {
        return Ok(ExitCode::FAILURE);
    }
    if arguments.check {
        let queues: usize = groups.iter().map(|group| group.streams.len()).sum();
        info!(queues, "every queue is fit: none loses or reorders messages");
        return Ok(ExitCode::SUCCESS);
    }
    let streams = groups.iter().map(|group| group.streams.len()).sum::<usize>().max(1);
    let (stop, told) = watch::channel(false);
    let bridge = Arc::new(Bridge {
        lake: definition.lake.as_str().to_owned(),
        uri: settings.uri.clone(),
        settings: foz_domain::bridge::ReignSettings {
            consumer_timeout: settings.consumer_timeout,
            byte_budget: WINDOWS / streams as u64,
            drain: arguments.drain,
            rules: settings.rules,
            ..Default::default()
        },
        serving: AtomicUsize::new(0),
        stopping: told,
        inspector,
    });
    let invoking = aws_sdk_lambda::Client::new(&aws::invoking(&config, ingest::patience(settings.ingest_timeout)));
    let ingest = IngestClient::new(invoking, settings.ingest, store.clone());
    let spool = Spool::new(SPOOL);
    let owner = format!("bridge-{:016x}", rand::Rng::random::<u64>(&mut rand::rng()));
    info!(owner, groups = groups.len(), streams, "the bridge starts");

    let healths: Vec<_> = groups.iter().map(|group| GroupHealth::new(group.name.clone())).collect();
    tokio::spawn(health::tell(healths.clone()));
    let mut serving = JoinSet::new();
    for (group, health) in groups.into_iter().zip(healths) {
        let members = group.streams.iter().map(|stream| stream.name.clone()).collect();
        let (catalog, store, owner) = (catalog.clone(), store.clone(), owner.clone());
        let catalog = GroupCatalog { catalog, store, group: group.name.clone(), members, owner };
        let components = ReignComponents { catalog, ingest: ingest.clone(), spool: spool.clone(), health };
        serving.spawn(group::serve(Arc::clone(&bridge), group, components));
    }
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = all(&mut serving) => match ended {
            Ok(drained) => return Ok(if drained { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
            Err(refused) => {
                stop.send_replace(true);
                finish(serving).await;
                return Err(refused);
            }
        },
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    info!("stopping");
    stop.send_replace(true);
    finish(serving).await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for all groups to end. Whether each is drained, or another bridge's.
///
/// # Errors
/// [`LoginRefused`], in the chain of causes, as soon as one group meets it: then the others will.
async fn all(serving: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<bool> {
    let mut drained = true;
    while let Some(ended) = serving.join_next().await {
        if let Err(error) = ended.map_err(anyhow::Error::new).flatten() {
            if error.is::<LoginRefused>() {
                return Err(error);
            }
            error!(error = format!("{error:#}"), "a group is not drained");
            drained = false;
        }
    }
    if drained {
        info!("everything is drained, or served by another bridge");
    }
    Ok(drained)
}

/// Waits until the reigns have finished what is on its way to the catalog, but not for long: then they are dropped, their
/// connections close, and what is not acknowledged is delivered again.
async fn finish(mut serving: JoinSet<anyhow::Result<()>>) {
    let finished = async { while serving.join_next().await.is_some() {} };
    if timeout(FINISHING, finished).await.is_err() {
        info!("some batches are still on their way: they will be recognised");
        let _ = timeout(STOPPING, serving.shutdown()).await;
    }
}

/// Where queues are looked up.
fn inspector(settings: &BridgeEnv) -> anyhow::Result<Inspector> {
    let Some(url) = &settings.management else { return Ok(Inspector::Redeclaration) };
    let management = Management::of_broker(url.as_str(), &settings.uri, settings.lake.local)?;
    Ok(Inspector::Management(management))
}

/// Logs every queue that could lose messages, and why. Returns whether there is none.
async fn all_queues_are_safe(
    settings: &BridgeEnv,
    inspector: &Inspector,
    groups: &[Assignment],
) -> anyhow::Result<bool> {
    let connection = connection::connect(settings.uri.clone(), "foz checks queues").await?;
    let mut safe = true;
    for stream in groups.iter().flat_map(|group| &group.streams) {
        let Fitness { unfit, remarks, .. } = inspect(inspector, &connection, &stream.queue).await?;
        for remark in remarks {
            warn!(stream = %stream.name, queue = stream.queue, "{remark}");
        }
        match unfit {
            Some(unfit) => {
                error!(stream = %stream.name, "{unfit}");
                safe = false;
            }
            None => info!(stream = %stream.name, queue = stream.queue, "the queue is fit"),
        }
    }
    connection.close("checked").await;
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_group_that_is_not_drained_fails_the_process_but_not_the_others() {
        let mut serving = JoinSet::from_iter([std::future::ready(Ok(())), std::future::ready(Ok(()))]);
        assert!(all(&mut serving).await.unwrap());
        serving.spawn(async { anyhow::bail!("too often") });
        serving.spawn(async { Ok(()) });
        assert!(!all(&mut serving).await.unwrap());
        assert!(serving.is_empty());
    }
}
