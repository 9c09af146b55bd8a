//! The clients through which a program reaches its lake.

use std::time::Duration;

use aws_config::SdkConfig;
use foz_catalog::Catalog;
use foz_lake::{Store, Tables};

use crate::hints::Hints;
use crate::settings::{Env, LakeEnv};
use crate::{aws, metrics};

/// The clients of one lake, all of one configuration.
#[derive(Debug, Clone)]
pub struct Components {
    /// What is catalogued, and who works on it.
    pub catalog: Catalog,
    /// Raw objects and definitions.
    pub store: Store,
    /// The configuration of which clients of other services are made.
    pub config: SdkConfig,
}

impl Components {
    /// The clients of this lake. Whatever the process emits as a metric from now on is said of it.
    pub async fn open(env: &Env, lake: &LakeEnv) -> Self {
        Self::within(aws::TRANSFER, env, lake).await
    }

    /// As [`open`](Self::open), for a function that has less time than a transfer may take: one attempt at the bucket takes
    /// `transfer` at most.
    pub async fn within(transfer: Duration, env: &Env, lake: &LakeEnv) -> Self {
        metrics::of_lake(&lake.table);
        let config = aws::config().await;
        let store = Store::new(aws::s3_within(transfer, &config, env), lake.bucket.clone());
        Self { catalog: catalog(&config, &lake.table), store, config }
    }

    /// The Iceberg tables that this Glue database registers.
    pub fn tables(&self, database: &str) -> Tables {
        tables(&self.config, &self.store, database)
    }

    /// The queue of hints at this URL.
    pub fn hints(&self, queue: &str) -> Hints {
        Hints::new(&self.config, queue)
    }
}

/// The catalog in this DynamoDB table.
pub fn catalog(config: &SdkConfig, table: &str) -> Catalog {
    Catalog::new(aws_sdk_dynamodb::Client::new(config), table)
}

/// The Iceberg tables of this bucket that this Glue database registers.
pub fn tables(config: &SdkConfig, store: &Store, database: &str) -> Tables {
    Tables::aws(store, aws_sdk_glue::Client::new(config), database)
}
