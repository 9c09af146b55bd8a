//! What the process is told: its environment and its arguments.

use std::time::Duration;

use clap::Parser;
use foz_domain::bridge::Rules;
use foz_edge::settings::{self, Env, LakeEnv, SettingsError};
use foz_rabbit::{AMQPUri, address};
use foz_wire::env;
use url::Url;

/// Carries RabbitMQ queues into a Foz lake, in order, each message exactly once.
///
/// Reads its settings from the environment: FOZ_BUCKET, FOZ_TABLE, FOZ_DEFINITION, FOZ_INGEST_FUNCTION, FOZ_AMQP_URL
/// (amqps://…), optionally FOZ_INGEST_TIMEOUT, FOZ_MANAGEMENT_URL and FOZ_CONSUMER_TIMEOUT_MS, and the AWS SDK's variables. Several bridges share the groups of streams; each
/// group has one bridge at a time. Stop it with SIGTERM; it finishes what is on its way, and what it had not acknowledged is delivered again.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  \
    bridge                      serve all groups that no other bridge serves\n  \
    bridge --drain              forward what is in the queues now, then exit: for a scheduled task\n  \
    bridge --group flights      serve one group only\n  \
    bridge --check              check the queues' declarations, then exit"
)]
pub struct BridgeArguments {
    /// Forward what is in the queues now, then exit: 0 if all of it is in the catalog or another bridge serves the group, 1
    /// if a group's reigns ended for nothing too often, or by a conflict.
    #[arg(long)]
    pub drain: bool,
    /// Serve only this group, named after its alphabetically first stream; can be given several times.
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<foz_domain::GroupName>,
    /// Check the queues' declarations, then exit: 0 if all are fit.
    #[arg(long)]
    pub check: bool,
}

/// The environment, as the bridge reads it.
#[derive(Debug)]
pub struct BridgeEnv {
    /// Bucket, table and definition of the lake.
    pub lake: LakeEnv,
    /// Name of the ingest function.
    pub ingest: String,
    /// What one of its invocations may take.
    pub ingest_timeout: Duration,
    /// The broker's URL.
    pub uri: AMQPUri,
    /// The URL of the broker's management API, or `None` if there is none.
    pub management: Option<Url>,
    /// After how many milliseconds the broker takes an unacknowledged delivery for lost.
    pub consumer_timeout: u64,
    /// The rules of the protocol that hold: all, unless a development build on the local cloud shows what happens without.
    pub rules: Rules,
}

impl BridgeEnv {
    /// Reads the environment.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(env: &Env) -> Result<Self, SettingsError> {
        settings::read(env, |vars| {
            let lake = LakeEnv::read(vars);
            let ingest = vars.required(env::INGEST_FUNCTION.name);
            let ingest_timeout = settings::ingest_timeout(vars);
            let url: Option<String> = vars.required(env::AMQP_URL.name);
            let management = vars.optional(env::MANAGEMENT_URL.name);
            let consumer_timeout = vars.optional(env::CONSUMER_TIMEOUT_MS.name).unwrap_or(30 * 60 * 1_000);
            let local = lake.as_ref().is_some_and(|lake| lake.local);
            let uri = url.and_then(|url| {
                address::uri(&url, local).inspect_err(|what| vars.wrong(format!("FOZ_AMQP_URL {what}"))).ok()
            });
            let management = management.filter(|url: &Url| {
                let safe = local || url.scheme() == "https";
                if !safe {
                    vars.wrong(format!(
                        "{} must begin with https://, as it is asked with a password",
                        env::MANAGEMENT_URL.name
                    ));
                }
                safe
            });
            let rules = rules(env.get(env::SWITCH_MARKERS.name), local).inspect_err(|what| vars.wrong(*what)).ok();
            let (lake, ingest) = (lake?, ingest?);
            Some(Self { lake, ingest, ingest_timeout, uri: uri?, management, consumer_timeout, rules: rules? })
        })
    }
}

/// The rules that the switch `FOZ_SWITCH_MARKERS` leaves.
///
/// # Errors
/// If it is anything but `on`, and this is not a development build on the local cloud.
fn rules(markers: Option<&str>, local: bool) -> Result<Rules, &'static str> {
    match markers {
        None | Some("on") => Ok(Rules::ALL),
        #[cfg(debug_assertions)]
        Some("off") if local => Ok(Rules::without(&[foz_domain::bridge::Rule::Markers])),
        Some("off") if local => {
            Err("FOZ_SWITCH_MARKERS: a released bridge keeps every rule; `off` is for development builds")
        }
        Some(_) => Err("FOZ_SWITCH_MARKERS is `on`, or `off` on the local cloud"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<BridgeEnv, SettingsError> {
        let base = [("FOZ_BUCKET", "b"), ("FOZ_TABLE", "t"), ("FOZ_DEFINITION", "d"), ("FOZ_INGEST_FUNCTION", "f")];
        BridgeEnv::read(&Env::from_pairs(base.iter().chain(more).copied()))
    }

    #[test]
    fn production_wants_tls_and_every_rule() {
        let error = read(&[("FOZ_AMQP_URL", "amqp://u:secret@h"), ("FOZ_SWITCH_MARKERS", "off")]).unwrap_err();
        assert_eq!(error.0.len(), 2, "{error}");
        assert!(!error.to_string().contains("secret"));
        assert!(read(&[("FOZ_AMQP_URL", "amqps://u:secret@h")]).unwrap().rules == Rules::ALL);
    }

    #[test]
    fn protocol_16_the_management_api_is_not_asked_in_the_clear_but_on_the_local_cloud() {
        let broker = ("FOZ_AMQP_URL", "amqps://u:secret@h");
        let plain = ("FOZ_MANAGEMENT_URL", "http://h:15672");
        let error = read(&[broker, plain]).unwrap_err().to_string();
        assert!(error.contains("FOZ_MANAGEMENT_URL must begin with https://"), "{error}");
        assert!(read(&[broker, plain, ("FOZ_LOCAL", "1")]).unwrap().management.is_some());
        assert!(read(&[broker, ("FOZ_MANAGEMENT_URL", "https://h")]).unwrap().management.is_some());
    }

    #[test]
    fn the_local_cloud_may_show_what_markers_are_for() {
        let read = read(&[("FOZ_AMQP_URL", "amqp://u:p@h"), ("FOZ_SWITCH_MARKERS", "off"), ("FOZ_LOCAL", "1")]);
        #[cfg(debug_assertions)]
        assert!(!read.unwrap().rules.keeps(foz_domain::bridge::Rule::Markers));
        #[cfg(not(debug_assertions))]
        assert!(read.unwrap_err().to_string().contains("a released bridge keeps every rule"));
    }
}
