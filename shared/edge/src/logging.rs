//! Structured logs: one JSON object a line on standard output, where Lambda and the local cloud collect them.
//!
//! Logs carry identities, counts and reasons; never a message's body, properties or headers.

use foz_wire::env;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged unless `FOZ_LOG` says otherwise.
const DEFAULT: &str = "info";

/// lapin says nothing unless it is named: it calls every refused lock an error, once a second on a bridge that stands by;
/// the bridge reports each failure itself.
const QUIET: &str = "lapin=off";

/// The most that `FOZ_LOG` can ask for. At `trace` libraries show what they send and receive, and with it people's messages:
/// Lambda's runtime the whole event.
const MOST: LevelFilter = LevelFilter::DEBUG;

/// Starts logging. `FOZ_LOG` chooses what is shown (`info`, `debug`, `foz_catalog=debug,info`, …).
///
/// Safe to call twice: the first call wins. A filter that does not parse falls back to the default, since a process
/// that cannot log its own settings error helps nobody.
pub fn init() {
    #[expect(clippy::disallowed_methods, reason = "logging begins before settings are read")]
    let asked = std::env::var(env::LOG.name);
    let filter = filter(asked.as_deref().unwrap_or(DEFAULT));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_target(true);
    let already = tracing_subscriber::registry().with(filter).with(MOST).with(lines).try_init().is_err();
    if already {
        tracing::debug!("logging was started before");
    }
}

/// What passes the filter that was asked for, or the default one if that does not parse.
fn filter(asked: &str) -> EnvFilter {
    let parsed = EnvFilter::builder().parse(format!("{QUIET},{asked}"));
    parsed.unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},{DEFAULT}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lapin_is_quiet_unless_it_is_named() {
        let check = |asked: &str, expected: &[&str]| {
            let filter = filter(asked).to_string();
            let mut directives: Vec<_> = filter.split(',').collect();
            directives.sort_unstable();
            assert_eq!(directives, expected, "{asked}");
        };
        check("info", &["info", "lapin=off"]);
        check("foz_catalog=debug,info", &["foz_catalog=debug", "info", "lapin=off"]);
        check("debug,lapin=warn", &["debug", "lapin=warn"]);
        check("info=loud", &["info", "lapin=off"]);
    }
}
