//! The dispatch function.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dispatch::policy::Policies;
use dispatch::start::{EngineFunctions, Starter};
use dispatch::{Dispatch, DispatchComponents};
use foz_domain::keys::DefinitionKey;
use foz_edge::settings::{self, Env, LakeEnv};
use foz_edge::{Components, clock, logging};
use foz_lake::StoredDefinition;
use foz_wire::env;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::init();
    let dispatch = Arc::new(boot(&Env::of_process()).await?);
    foz_edge::run(|event, _| {
        let dispatch = dispatch.clone();
        async move { dispatch.handle(event, clock::now()).await }
    })
    .await
}

struct Settings {
    lake: LakeEnv,
    queue: String,
    functions: EngineFunctions,
    takeover_after: u64,
}

async fn boot(env: &Env) -> anyhow::Result<Dispatch> {
    let settings = settings::read(env, |vars| {
        let lake = LakeEnv::read(vars);
        let queue = vars.required(env::HINT_QUEUE_URL.name);
        let transform = vars.required(env::TRANSFORM_FUNCTION.name);
        let consolidate = vars.required(env::CONSOLIDATE_FUNCTION.name);
        let compact = vars.required(env::COMPACT_FUNCTION.name);
        let takeover_after = settings::takeover_after(vars);
        let functions = EngineFunctions { transform: transform?, consolidate: consolidate?, compact: compact? };
        Some(Settings { lake: lake?, queue: queue?, functions, takeover_after })
    })?;
    let components = Components::within(Duration::from_secs(20), env, &settings.lake).await;
    let LakeEnv { bucket, definition: key, .. } = settings.lake;
    let StoredDefinition { definition, text } = StoredDefinition::read(&components.store, &key).await?;
    // A run ends with the definition that it began with, also when the next one has been deployed meanwhile.
    let kept = DefinitionKey::kept(&key);
    components.store.put_new(kept.as_str(), text, HashMap::new()).await.context("keeping the definition")?;
    Ok(Dispatch::new(DispatchComponents {
        bucket,
        policies: Policies::new(definition, kept, settings.takeover_after.saturating_mul(1000)),
        hints: components.hints(&settings.queue),
        starter: Starter::new(aws_sdk_lambda::Client::new(&components.config), settings.functions),
        catalog: components.catalog,
    }))
}
