//! The ingest function.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use foz_catalog::Catalog;
use foz_edge::settings::{self, Env, Lake};
use foz_edge::{ErrorType, Hints, aws, clock, logging, metrics};
use foz_lake::{DefinitionError, Store, StoredDefinition};
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
        let lake = Lake::read(vars);
        let queue = vars.required::<String>(env::HINT_QUEUE_URL.name);
        Some((lake?, queue?))
    })
    .context(ErrorType::Settings)?;
    metrics::of_lake(&lake.table);
    let config = aws::config().await;
    let store = Store::new(aws::s3_within(TRANSFER, &config, env), lake.bucket);
    let StoredDefinition { definition, .. } =
        StoredDefinition::read(&store, &lake.definition).await.map_err(unusable)?;
    let catalog = Catalog::new(aws_sdk_dynamodb::Client::new(&config), lake.table);
    Ok(Ingest::new(store, catalog, Hints::new(&config, queue), &definition))
}

fn unusable(error: DefinitionError) -> anyhow::Error {
    let kind = if error.is_unread() { ErrorType::Store } else { ErrorType::Settings };
    anyhow::Error::new(error).context(kind)
}
