//! The ingest function.

use std::sync::Arc;
use std::time::Duration;

use foz_edge::settings::{self, Env, LakeEnv};
use foz_edge::{Components, clock, logging};
use foz_lake::StoredDefinition;
use foz_wire::env;
use ingest::Ingest;

/// What an attempt to put a raw object may take: the function has half a minute, and the catalog comes after it.
const TRANSFER: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::init();
    let ingest = Arc::new(boot(&Env::of_process()).await?);
    foz_edge::run(|event, _| {
        let ingest = ingest.clone();
        async move { ingest.invoke(event, clock::now()).await }
    })
    .await
}

async fn boot(env: &Env) -> anyhow::Result<Ingest> {
    let (lake, queue) = settings::read(env, |vars| {
        let lake = LakeEnv::read(vars);
        let queue = vars.required::<String>(env::HINT_QUEUE_URL.name);
        Some((lake?, queue?))
    })?;
    let components = Components::within(TRANSFER, env, &lake).await;
    let StoredDefinition { definition, .. } = StoredDefinition::read(&components.store, &lake.definition).await?;
    let hints = components.hints(&queue);
    Ok(Ingest::new(components.store, components.catalog, hints, &definition))
}
