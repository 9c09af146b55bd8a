//! How a stream is operated: latency, engine, retention, door.
//!
//! A setting is one entry here. What stands above it is its row in `docs/pipeline.md`, which a test compares.

use std::time::Duration;

use foz_domain::plan::EngineChoice;

use crate::quantity::show_duration;
use crate::section::{Reader, Section, join};
use crate::setting::{
    Choice, Derived, Described, SettingGroup, at_least_a_second, choices, duration, nested, number, one_of, settings,
    size,
};

settings! {
    /// How a stream is operated. Each setting has a default, can be set under `defaults` for all streams, and per stream.
    pub struct StreamSettings {
        /// publish to visible in the current table; the bridge takes at most a third of it
        max_latency: Duration = Duration::from_secs(60), at_least_a_second();
        /// least time between two images
        consolidate_every: Duration = third(Duration::from_secs(60)), every();
        /// `embedded` (DataFusion in a function), `emr`, or `auto`: embedded as long as there is no EMR engine
        engine: EngineChoice = EngineChoice::Auto, one_of();
        /// uncompressed bytes of one run
        embedded_limit: u64 = 2 << 30, size();
        /// what happens to a message that cannot be typed: `quarantine`, or `halt` its group
        on_error: OnError = OnError::Quarantine, one_of();
        /// partitions of the current table; fixed when the table is created
        buckets: u32 = 16, number(1024);
        /// with `version`: how long deletes are remembered; what arrives later than that may resurrect
        tombstones: Duration = days(30), duration();
        /// what stays in standard storage
        retain: Retain = Retain::default(), nested();
        /// who brings the messages: Foz's `bridge`, or `mapping`, Amazon MQ's event source mapping of Lambda; see [Doors](#doors)
        door: Door = Door::Bridge, one_of();
    }
}

settings! {
    /// What stays in standard storage; what goes beyond moves to Glacier, nothing is deleted.
    pub struct Retain {
        /// images that stay in standard storage
        images: u32 = 30, number(10_000);
        /// age at which processed raw objects move to Glacier
        raw_to_glacier_after: Duration = days(90), duration();
    }
}

choices! {
    /// What happens to a message that cannot be typed.
    pub enum OnError {
        /// It goes to the stream's quarantine, and the next ones flow.
        Quarantine = "quarantine",
        /// Its group stops and an alarm is raised.
        Halt = "halt",
    }
}

choices! {
    /// Who brings a stream's messages to ingest.
    pub enum Door {
        /// Foz's own bridge: exactly once, in order also across queues.
        Bridge = "bridge",
        /// Amazon MQ's event source mapping of Lambda: nothing to run; for streams without references.
        Mapping = "mapping",
    }
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// A third in whole seconds, at least one: bridge, transform and consolidation share the latency.
fn third(max_latency: Duration) -> Duration {
    Duration::from_secs((max_latency.as_secs() / 3).max(1))
}

fn every() -> Derived<Duration> {
    Derived { scalar: at_least_a_second(), default: "a third of `max_latency`, at least `1s`" }
}

impl Choice for EngineChoice {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.as_str()
    }
}

impl StreamSettings {
    /// Each setting as the documentation shows it, in the order in which it does.
    pub fn described() -> Vec<Described> {
        <Self as SettingGroup>::described()
    }

    /// Each key with its value as the definition writes it.
    pub(crate) fn shown(&self) -> Vec<(&'static str, String)> {
        SettingGroup::shown(self)
    }
}

/// Settings as far as they were written, to be inherited.
#[derive(Default)]
pub(crate) struct Inherited {
    pub settings: StreamSettings,
    /// `None` if `consolidate_every` was not written, so that it follows `max_latency`.
    consolidate_every: Option<Duration>,
}

impl Reader<'_> {
    /// What the section says of settings, and what it leaves open from `base`.
    pub(crate) fn settings(&mut self, section: &mut Section<'_>, base: &Inherited) -> Inherited {
        let mut settings = StreamSettings::read(self, section, &base.settings);
        let own = every().scalar.written(self, section, "consolidate_every");
        let written = own.or(base.consolidate_every);
        settings.consolidate_every = written.unwrap_or_else(|| third(settings.max_latency));
        if settings.consolidate_every > settings.max_latency {
            let (every, latency) = (show_duration(settings.consolidate_every), show_duration(settings.max_latency));
            let key = if own.is_some() { "consolidate_every" } else { "max_latency" };
            let instead = "let consolidate_every be at most max_latency, or leave it out".to_owned();
            let what = format!("images every {every} cannot show a message within {latency}");
            self.wrong_at(&join(&section.path, key), what, Some(instead));
        }
        Inherited { settings, consolidate_every: written }
    }
}
