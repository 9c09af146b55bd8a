//! The compact function.

// The handler awaits through Iceberg, Parquet and the SDK: a future deeper than the compiler's default of 128.
#![recursion_limit = "256"]

use std::sync::Arc;

use compact::{Compact, WalkTime};
use foz_attempt::{AttemptComponents, Settings};
use foz_domain::Timestamp;
use foz_edge::settings::{self, Env};
use foz_edge::{clock, logging};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::init();
    let env = Env::of_process();
    let settings = settings::read(&env, Settings::read)?;
    let compact = Arc::new(Compact::new(AttemptComponents::open(&env, settings).await));
    foz_edge::run(|event, context: lambda_runtime::Context| {
        let compact = compact.clone();
        let deadline = i64::try_from(context.deadline).map_or(Timestamp(i64::MAX), Timestamp);
        async move { compact.handle(event, WalkTime { began: clock::now(), deadline }).await }
    })
    .await
}
