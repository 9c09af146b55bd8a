//! The consolidate function.

// The handler awaits through Iceberg, Parquet and the SDK: a future deeper than the compiler's default of 128.
#![recursion_limit = "256"]

use std::sync::Arc;

use consolidate::{Consolidate, Execution};
use foz_attempt::{AttemptComponents, Settings};
use foz_domain::Timestamp;
use foz_edge::logging;
use foz_edge::settings::{self, Env};
use foz_engine::Limits;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::init();
    let env = Env::of_process();
    let settings = settings::read(&env, |vars| {
        let shared = Settings::read(vars);
        let memory = settings::memory_limit(vars);
        Some((shared?, memory))
    });
    let (settings, memory) = settings?;
    let limits = Limits { memory, spill_to: None };
    let consolidate = Arc::new(Consolidate::new(AttemptComponents::open(&env, settings).await, limits));
    foz_edge::run(|event, context: lambda_runtime::Context| {
        let consolidate = consolidate.clone();
        let deadline = i64::try_from(context.deadline).map_or(Timestamp(i64::MAX), Timestamp);
        async move { consolidate.handle(event, Execution { request: &context.request_id, deadline }).await }
    })
    .await
}
