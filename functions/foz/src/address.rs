//! Which lake is meant, and clients of its parts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use foz_catalog::Catalog;
use foz_edge::components;
use foz_edge::settings::Env;
use foz_lake::{Store, StoredDefinition};
use foz_pipeline::Definition;
use foz_wire::env;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::arguments::LakeFlags;

/// Where `make up` describes the local cloud.
const STACK: &str = ".local/stack.json";

/// Where a lake is: as far as flags, environment and the local cloud's file say.
#[derive(Debug, Default)]
pub struct LakeAddress {
    bucket: Option<String>,
    table: Option<String>,
    definition: Option<String>,
    glue_database: Option<String>,
    amqp_url: Option<String>,
    management_url: Option<String>,
    /// The file that `make up` was given.
    pipeline: Option<PathBuf>,
    local: Option<Local>,
}

/// The emulated AWS of a local cloud.
#[derive(Debug, Clone)]
struct Local {
    endpoint: String,
    region: String,
}

/// The keys of `stack.json` that are read here; it has others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stack {
    amqp_url: Option<String>,
    management_url: Option<String>,
    aws_endpoint_url: Option<String>,
    region: Option<String>,
    bucket: Option<String>,
    table: Option<String>,
    glue_database: Option<String>,
    definition: Option<String>,
    pipeline: Option<PathBuf>,
}

impl LakeAddress {
    /// The lake of the flags and the environment. What they leave open is taken from the local cloud's file, if there is one.
    pub fn find(given: &LakeFlags) -> anyhow::Result<Self> {
        let here = std::env::current_dir().context("looking for the current folder")?;
        let stack = match (&given.stack, &given.bucket) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(_)) => None,
            (None, None) => here.ancestors().map(|folder| folder.join(STACK)).find(|file| file.is_file()),
        };
        let stack = stack.map(|file| Stack::read(&file)).transpose()?.unwrap_or_default();
        Ok(Self::merge(given, stack))
    }

    fn merge(given: &LakeFlags, stack: Stack) -> Self {
        let either = |given: &Option<String>, stack: Option<String>| given.clone().or(stack);
        let region = stack.region.unwrap_or_else(|| "us-east-1".to_owned());
        Self {
            bucket: either(&given.bucket, stack.bucket),
            table: either(&given.table, stack.table),
            definition: either(&given.definition, stack.definition),
            glue_database: either(&given.glue_database, stack.glue_database),
            amqp_url: either(&given.amqp_url, stack.amqp_url),
            management_url: either(&given.management_url, stack.management_url),
            pipeline: stack.pipeline,
            local: stack.aws_endpoint_url.map(|endpoint| Local { endpoint, region }),
        }
    }

    fn need<'a>(&self, value: &'a Option<String>, variable: &str, flag: &str) -> anyhow::Result<&'a str> {
        match value {
            Some(value) => Ok(value),
            None if self.bucket.is_none() => {
                bail!(
                    "no lake found: run `make up` for a local one, or name yours: {variable} is not set ({flag} does too; see foz --help)"
                )
            }
            None => bail!("{variable} is not set: set it, or give {flag}"),
        }
    }

    /// The broker's URL, password included.
    pub fn amqp_url(&self) -> anyhow::Result<&str> {
        self.need(&self.amqp_url, env::AMQP_URL.name, "--amqp-url")
    }

    /// Whether this is the local cloud, whose broker may be spoken to in the clear.
    pub fn is_local(&self) -> bool {
        self.local.is_some() || Env::of_process().get(env::LOCAL.name) == Some("1")
    }

    /// The URL of the broker's management API, or `None` if it is not known.
    pub fn management_url(&self) -> Option<&str> {
        self.management_url.as_deref()
    }

    /// The name of the Glue database.
    pub fn glue_database(&self) -> anyhow::Result<&str> {
        self.need(&self.glue_database, env::GLUE_DATABASE.name, "--glue-database")
    }

    /// The definition's file, for use if no lake holds one: the file that the local cloud was started with, else
    /// `pipeline.yaml`.
    pub fn pipeline(&self) -> PathBuf {
        self.pipeline.clone().unwrap_or_else(|| PathBuf::from("pipeline.yaml"))
    }

    /// Whether it is known where the lake keeps its definition.
    pub fn has_definition(&self) -> bool {
        self.bucket.is_some() && self.definition.is_some()
    }

    /// The configuration of AWS clients: that of the local cloud, else the usual one of the environment.
    pub async fn aws(&self) -> anyhow::Result<SdkConfig> {
        let Some(local) = self.local.clone() else { return Ok(foz_edge::aws::config().await) };
        local.reach().await?;
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(60)).build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(local.endpoint)
            .region(Region::new(local.region))
            .credentials_provider(Credentials::new("test", "test", None, None, "local cloud"))
            .timeout_config(timeouts);
        Ok(config.load().await)
    }

    /// A client of the catalog.
    pub fn catalog(&self, aws: &SdkConfig) -> anyhow::Result<Catalog> {
        let table = self.need(&self.table, env::TABLE.name, "--table")?;
        Ok(components::catalog(aws, table))
    }

    /// A client of the bucket.
    pub fn store(&self, aws: &SdkConfig) -> anyhow::Result<Store> {
        let bucket = self.need(&self.bucket, env::BUCKET.name, "--bucket")?;
        let env = match &self.local {
            Some(local) => Env::from_pairs([("AWS_ENDPOINT_URL", local.endpoint.as_str())]),
            None => Env::of_process(),
        };
        Ok(Store::new(foz_edge::aws::s3(aws, &env), bucket))
    }

    /// Reads the definition that the lake works by.
    pub async fn definition(&self, store: &Store) -> anyhow::Result<Definition> {
        let key = self.need(&self.definition, env::DEFINITION.name, "--definition")?;
        Ok(StoredDefinition::read(store, key).await?.definition)
    }
}

impl Local {
    /// Fails if nothing listens at the endpoint. The AWS clients would try for long before they said so.
    async fn reach(&self) -> anyhow::Result<()> {
        let address =
            self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, rest)| rest).trim_end_matches('/');
        let connected = timeout(Duration::from_secs(2), TcpStream::connect(address)).await;
        if connected.is_ok_and(|connected| connected.is_ok()) {
            return Ok(());
        }
        bail!("the local cloud does not answer at {}: is it running? `make up` starts it", self.endpoint)
    }
}

impl Stack {
    fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} does not describe a local cloud", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_and_the_file_fills_in() {
        let stack: Stack = serde_json::from_str(
            r#"{"amqp_url": "amqp://local", "table": "t", "bucket": "b", "aws_endpoint_url": "http://x", "processes": {"bridge": 7}}"#,
        )
        .unwrap();
        let given = LakeFlags { table: Some("mine".to_owned()), ..LakeFlags::default() };
        let address = LakeAddress::merge(&given, stack);
        assert_eq!((address.table.as_deref(), address.bucket.as_deref()), (Some("mine"), Some("b")));
        assert_eq!(address.amqp_url().unwrap(), "amqp://local");
        assert_eq!(address.local.unwrap().region, "us-east-1");
    }

    #[test]
    fn what_is_missing_is_named() {
        let nothing = LakeAddress::merge(&LakeFlags::default(), Stack::default());
        let error = nothing.amqp_url().unwrap_err().to_string();
        assert_eq!(
            error,
            "no lake found: run `make up` for a local one, or name yours: FOZ_AMQP_URL is not set (--amqp-url does too; see foz --help)"
        );
        let part = LakeAddress { bucket: Some("b".to_owned()), ..LakeAddress::default() };
        assert_eq!(
            part.glue_database().unwrap_err().to_string(),
            "FOZ_GLUE_DATABASE is not set: set it, or give --glue-database"
        );
    }
}
