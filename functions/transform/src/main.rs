//! The transform function.

// The handler awaits through Iceberg, Parquet and the SDK: a future deeper than the compiler's default of 128.
#![recursion_limit = "256"]

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use foz_catalog::Catalog;
use foz_lake::Store;
use foz_lambda::settings::{self, Env, Lake};
use foz_lambda::{ErrorType, Hints, aws, logging};
use transform::{Transform, Wiring};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::init();
    let transform = Arc::new(boot(&Env::of_process()).await?);
    foz_lambda::run(|event, _| {
        let transform = transform.clone();
        async move { transform.handle(event).await }
    })
    .await
}

struct Settings {
    lake: Lake,
    database: String,
    queue: String,
    takeover_after: u64,
}

async fn boot(env: &Env) -> anyhow::Result<Transform> {
    let settings = settings::read(env, |vars| {
        let lake = Lake::read(vars);
        let database = vars.required("FOZ_GLUE_DATABASE");
        let queue = vars.required("FOZ_HINT_QUEUE_URL");
        let takeover_after = vars.optional("FOZ_TAKEOVER_AFTER").unwrap_or(60);
        Some(Settings { lake: lake?, database: database?, queue: queue?, takeover_after })
    })
    .context(ErrorType::Settings)?;
    let config = aws::config().await;
    let store = Store::new(aws::s3(&config, env), settings.lake.bucket);
    Ok(Transform::new(Wiring {
        catalog: Catalog::new(aws_sdk_dynamodb::Client::new(&config), settings.lake.table),
        lake: foz_lake::Lake::aws(&store, aws_sdk_glue::Client::new(&config), settings.database),
        store,
        hints: Hints::new(&config, settings.queue),
        // Several beats within the time after which silence means death.
        beat: Duration::from_secs(settings.takeover_after) / 6,
    }))
}
