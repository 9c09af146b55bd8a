//! How the definition wants a group to be planned.

use std::collections::BTreeMap;

use foz_domain::plan::{EngineChoice, Policy};
use foz_domain::{GroupName, StreamName};
use foz_pipeline::{Definition, Engine, Settings};

/// The groups of a definition.
#[derive(Debug)]
pub struct Policies {
    groups: BTreeMap<GroupName, Policy>,
    of_stream: BTreeMap<StreamName, GroupName>,
}

impl Policies {
    /// The policies of all groups; a heartbeat may stand still for `takeover_after` milliseconds.
    pub fn new(definition: &Definition, takeover_after: u64) -> Self {
        let (mut groups, mut of_stream) = (BTreeMap::new(), BTreeMap::new());
        for group in definition.groups() {
            let settings =
                || group.streams.iter().filter_map(|name| definition.stream(name)).map(|stream| &stream.settings);
            of_stream.extend(group.streams.iter().map(|stream| (stream.clone(), group.name.clone())));
            groups.insert(group.name.clone(), policy(settings, takeover_after));
        }
        Self { groups, of_stream }
    }

    /// The group's policy; none if the definition has no such group.
    pub fn of(&self, group: &GroupName) -> Option<&Policy> {
        self.groups.get(group)
    }

    /// The stream's group; none if the definition has no such stream.
    pub fn group(&self, stream: &StreamName) -> Option<&GroupName> {
        self.of_stream.get(stream)
    }
}

/// A group runs as one: the most cautious of its streams' limits, the most eager of their latencies.
fn policy<'a, I: Iterator<Item = &'a Settings>>(settings: impl Fn() -> I, takeover_after: u64) -> Policy {
    let engines = || settings().map(|settings| settings.engine);
    let embedded_limit = settings().map(|settings| settings.embedded_limit).min().unwrap_or(u64::MAX);
    let every = settings().map(|settings| settings.consolidate_every).min().unwrap_or_default();
    Policy {
        engine: if engines().all(|engine| engine == Engine::Embedded) {
            EngineChoice::Embedded
        } else {
            EngineChoice::Auto
        },
        // Always EMR: nothing is small enough for the embedded engine.
        embedded_limit: if engines().any(|engine| engine == Engine::Emr) { 0 } else { embedded_limit },
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
        let of = |engines: [Engine; 2]| {
            let settings: Vec<Settings> = engines
                .into_iter()
                .zip([(5, 9), (7, 3)])
                .map(|(engine, (limit, seconds))| Settings {
                    engine,
                    embedded_limit: limit,
                    consolidate_every: Duration::from_secs(seconds),
                    ..Settings::default()
                })
                .collect();
            policy(|| settings.iter(), 60)
        };
        let embedded = of([Engine::Embedded, Engine::Embedded]);
        let expected =
            Policy { engine: EngineChoice::Embedded, embedded_limit: 5, consolidate_every: 3000, takeover_after: 60 };
        assert_eq!(embedded, expected);
        assert_eq!(of([Engine::Embedded, Engine::Auto]), Policy { engine: EngineChoice::Auto, ..expected });
        let emr = Policy { engine: EngineChoice::Auto, embedded_limit: 0, ..expected };
        assert_eq!(of([Engine::Embedded, Engine::Emr]), emr);
    }
}
