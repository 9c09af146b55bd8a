//! How a definition wants a group to be planned.

use foz_domain::StreamName;
use foz_domain::keys::DefinitionKey;
use foz_domain::plan::{EngineChoice, Halt, Policy};

use crate::Definition;
use crate::settings::StreamSettings;

impl Definition {
    /// The policy for a group of these streams: it runs as one, so by the most cautious of their limits and the most eager
    /// of their latencies. `key` names this definition; a heartbeat may stand still for `takeover_after` milliseconds.
    /// Streams that the definition does not have are not asked.
    pub fn policy(&self, members: &[StreamName], key: &DefinitionKey, takeover_after: u64) -> Policy {
        let of_members: Vec<&StreamSettings> =
            members.iter().filter_map(|name| self.stream(name)).map(|stream| &stream.settings).collect();
        policy(&of_members, key, takeover_after)
    }
}

/// What keeps a group, or a part of its work, from going on, and what can be done about it in its definition.
pub fn explained(halt: &Halt) -> String {
    match halt {
        Halt::NeedsEmr => format!("{halt}; `engine: auto` processes them with the embedded engine, in pieces"),
        Halt::Uncompacted { .. } => format!("{halt}; nothing else waits for that, but tables get slower to read"),
        Halt::Failed { .. } | Halt::Inconsistent(_) => halt.to_string(),
    }
}

fn policy(settings: &[&StreamSettings], key: &DefinitionKey, takeover_after: u64) -> Policy {
    let mut engines = settings.iter().map(|settings| settings.engine);
    let engine = if engines.clone().any(|engine| engine == EngineChoice::Emr) {
        EngineChoice::Emr
    } else if engines.all(|engine| engine == EngineChoice::Embedded) {
        EngineChoice::Embedded
    } else {
        EngineChoice::Auto
    };
    let limit = settings.iter().map(|settings| settings.embedded_limit).min().unwrap_or(u64::MAX);
    let every = settings.iter().map(|settings| settings.consolidate_every).min().unwrap_or_default();
    Policy {
        definition: key.clone(),
        engine,
        embedded_limit: limit,
        consolidate_every: u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
        takeover_after,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_most_cautious_limit_and_the_most_eager_latency() {
        let of = |engines: [EngineChoice; 2]| {
            let settings = engines.into_iter().zip([(5, 9), (7, 3)]).map(|(engine, (limit, seconds))| StreamSettings {
                engine,
                embedded_limit: limit,
                consolidate_every: Duration::from_secs(seconds),
                ..StreamSettings::default()
            });
            policy(&settings.collect::<Vec<_>>().iter().collect::<Vec<_>>(), &"k".parse().unwrap(), 60)
        };
        let embedded = of([EngineChoice::Embedded, EngineChoice::Embedded]);
        let expected = Policy {
            definition: "k".parse().unwrap(),
            engine: EngineChoice::Embedded,
            embedded_limit: 5,
            consolidate_every: 3000,
            takeover_after: 60,
        };
        assert_eq!(embedded, expected);
        let auto = Policy { engine: EngineChoice::Auto, ..expected };
        assert_eq!(of([EngineChoice::Embedded, EngineChoice::Auto]), auto);
        assert_eq!(of([EngineChoice::Embedded, EngineChoice::Emr]), Policy { engine: EngineChoice::Emr, ..auto });
    }
}
