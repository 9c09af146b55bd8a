//! The transform function.

// The handler awaits through Iceberg, Parquet and the SDK: a future deeper than the compiler's default of 128.
#![recursion_limit = "256"]

use std::sync::Arc;

use foz_attempt::{AttemptComponents, Settings};
use foz_edge::logging;
use foz_edge::settings::{self, Env};
use transform::Transform;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::init();
    let env = Env::of_process();
    let settings = settings::read(&env, Settings::read)?;
    let transform = Arc::new(Transform::new(AttemptComponents::open(&env, settings).await));
    foz_edge::run(|event, _| {
        let transform = transform.clone();
        async move { transform.handle(event).await }
    })
    .await
}
