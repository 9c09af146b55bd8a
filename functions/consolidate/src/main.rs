//! The consolidate function.

// The handler awaits through Iceberg, Parquet and the SDK: a future deeper than the compiler's default of 128.
#![recursion_limit = "256"]

use std::sync::Arc;

use consolidate::{Consolidate, Execution};
use foz_attempt::{AttemptComponents, Settings};
use foz_domain::Timestamp;
use foz_domain::maintenance::DebtBounds;
use foz_edge::logging;
use foz_edge::settings::{self, Env};
use foz_engine::Limits;
use foz_wire::env::REWRITE_BELOW;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::init();
    let env = Env::of_process();
    let settings = settings::read(&env, |vars| {
        let shared = Settings::read(vars);
        let memory = settings::memory_limit(vars);
        let small = vars.optional(REWRITE_BELOW.name).unwrap_or(DebtBounds::default().small);
        Some((shared?, memory, DebtBounds { small, ..DebtBounds::default() }))
    });
    let (settings, memory, bounds) = settings?;
    let limits = Limits { memory, spill_to: None };
    let consolidate = Arc::new(Consolidate::new(AttemptComponents::open(&env, settings).await, limits, bounds));
    foz_edge::run(|event, context: lambda_runtime::Context| {
        let consolidate = consolidate.clone();
        let deadline = i64::try_from(context.deadline).map_or(Timestamp(i64::MAX), Timestamp);
        async move { consolidate.handle(event, Execution { request: &context.request_id, deadline }).await }
    })
    .await
}
