//! The clients that attempts work with, made of the environment once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use foz_catalog::Catalog;
use foz_domain::keys::DefinitionKey;
use foz_domain::{GroupName, StreamName};
use foz_edge::settings::{self, Env, Vars};
use foz_edge::{Components, ErrorType, Hints};
use foz_lake::{Definitions, Store, Tables};
use foz_pipeline::Definition;
use foz_wire::env;

/// The clients that an attempt works with.
#[derive(Debug)]
pub struct AttemptComponents {
    pub catalog: Catalog,
    /// Raw objects and definitions.
    pub store: Store,
    pub lake: Tables,
    /// Tells dispatch that there is more to do.
    pub hints: Hints,
    /// Time between two heartbeats.
    pub beat: Duration,
    definitions: Definitions,
}

/// The part of the environment that all such functions read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    lake: settings::LakeEnv,
    database: String,
    queue: String,
    takeover_after: u64,
}

impl Settings {
    /// Reads the variables.
    pub fn read(vars: &mut Vars<'_>) -> Option<Self> {
        let lake = settings::LakeEnv::read(vars);
        let database = vars.required(env::GLUE_DATABASE.name);
        let queue = vars.required(env::HINT_QUEUE_URL.name);
        let takeover_after = settings::takeover_after(vars);
        Some(Self { lake: lake?, database: database?, queue: queue?, takeover_after })
    }
}

impl AttemptComponents {
    /// Makes the clients.
    pub async fn open(env: &Env, settings: Settings) -> Self {
        let components = Components::open(env, &settings.lake).await;
        let definitions = Definitions::new(components.store.clone());
        Self {
            lake: components.tables(&settings.database),
            hints: components.hints(&settings.queue),
            catalog: components.catalog,
            store: components.store,
            // Several beats within the time after which silence means death.
            beat: Duration::from_secs(settings.takeover_after) / 6,
            definitions,
        }
    }

    /// The group's streams, as the catalog has them: a later definition may have made other groups.
    ///
    /// # Errors
    /// The catalog cannot be read, or has no such group.
    pub async fn members(&self, group: &GroupName) -> anyhow::Result<Vec<StreamName>> {
        let head = self.catalog.group_head(group).await?;
        Ok(head.context("the catalog has no such group").context(ErrorType::Invariant)?.members)
    }

    /// The definition of that key.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn definition(&self, key: &DefinitionKey) -> anyhow::Result<Arc<Definition>> {
        Ok(self.definitions.get(key.as_str()).await?)
    }
}
