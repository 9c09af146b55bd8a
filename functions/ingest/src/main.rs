//! The ingest function.

use std::sync::Arc;

use foz_edge::settings::{self, Env, LakeEnv};
use foz_edge::{Components, clock, logging};
use foz_lake::StoredDefinition;
use foz_wire::env;
use ingest::Ingest;

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
    let (lake, queue, timeout) = settings::read(env, |vars| {
        let lake = LakeEnv::read(vars);
        let queue = vars.required::<String>(env::HINT_QUEUE_URL.name);
        let timeout = settings::ingest_timeout(vars);
        Some((lake?, queue?, timeout))
    })?;
    let components = Components::within(ingest::most_of(timeout), env, &lake).await;
    let StoredDefinition { definition, .. } = StoredDefinition::read(&components.store, &lake.definition).await?;
    let hints = components.hints(&queue);
    Ok(Ingest::new(components.store, components.catalog, hints, &definition, timeout))
}
