//! How a stream is operated: latency, engine, retention, door.

use std::time::Duration;

use crate::quantity::{parse_duration, parse_size, show_duration};
use crate::section::{Reader, Section, join};

/// How a stream is operated. Each setting has a default, can be set under `defaults` for all streams, and per stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `max_latency`: from publish to visible in the current table; 60 s.
    pub max_latency: Duration,
    /// `consolidate_every`: least time between two images; a third of `max_latency`, at least 1 s.
    pub consolidate_every: Duration,
    /// `engine`: who transforms and consolidates; `auto`.
    pub engine: Engine,
    /// `embedded_limit`: bytes (uncompressed) above which `auto` takes EMR; 2 GiB.
    pub embedded_limit: u64,
    /// `on_error`: what happens to a message that cannot be typed; `quarantine`.
    pub on_error: OnError,
    /// `buckets`: partitions of the current table, fixed when it is created; 16.
    pub buckets: u32,
    /// `tombstones`: how long deletes are remembered where `version` decides; 30 d.
    pub tombstones: Duration,
    /// `retain`: what stays in standard storage.
    pub retain: Retain,
    /// `door`: who brings the messages to ingest; `bridge`.
    pub door: Door,
}

/// What stays in standard storage; what goes beyond moves to Glacier, nothing is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retain {
    /// Number of images that the current table keeps; 30.
    pub images: u32,
    /// Age at which raw objects that are done move to Glacier; 90 d.
    pub raw_to_glacier_after: Duration,
}

/// Who transforms and consolidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// The embedded engine up to `embedded_limit`, EMR above.
    Auto,
    /// Always DataFusion inside a Lambda.
    Embedded,
    /// Always Spark on EMR.
    Emr,
}

/// What happens to a message that cannot be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnError {
    /// It goes to `<stream>_quarantine`, and the next ones flow.
    Quarantine,
    /// Its group stops and an alarm is raised.
    Halt,
}

/// Who brings a stream's messages to ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// Foz's own bridge: exactly once, in order also across queues.
    Bridge,
    /// Amazon MQ's event source mapping of Lambda: nothing to run; for streams without references.
    Mapping,
}

impl Engine {
    pub(crate) const NAMES: [(&str, Self); 3] =
        [("auto", Self::Auto), ("embedded", Self::Embedded), ("emr", Self::Emr)];

    /// The name in the definition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Embedded => "embedded",
            Self::Emr => "emr",
        }
    }
}

impl OnError {
    pub(crate) const NAMES: [(&str, Self); 2] = [("quarantine", Self::Quarantine), ("halt", Self::Halt)];

    /// The name in the definition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Halt => "halt",
        }
    }
}

impl Door {
    pub(crate) const NAMES: [(&str, Self); 2] = [("bridge", Self::Bridge), ("mapping", Self::Mapping)];

    /// The name in the definition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Mapping => "mapping",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let max_latency = Duration::from_secs(60);
        Self {
            max_latency,
            consolidate_every: third(max_latency),
            engine: Engine::Auto,
            embedded_limit: 2 << 30,
            on_error: OnError::Quarantine,
            buckets: 16,
            tombstones: Duration::from_secs(30 * 86_400),
            retain: Retain { images: 30, raw_to_glacier_after: Duration::from_secs(90 * 86_400) },
            door: Door::Bridge,
        }
    }
}

/// A third in whole seconds, at least one: bridge, transform and consolidation share the latency.
pub(crate) fn third(max_latency: Duration) -> Duration {
    Duration::from_secs((max_latency.as_secs() / 3).max(1))
}

/// Settings as far as they were written, to be inherited.
#[derive(Default)]
pub(crate) struct Inherited {
    pub settings: Settings,
    pub consolidate_every: Option<Duration>,
}

const DURATION: &str = "a duration such as 60s, 5m, 1h or 30d";
const SIZE: &str = "a size such as 500MB or 2GiB";

impl Reader<'_> {
    pub(crate) fn settings(&mut self, section: &mut Section<'_>, base: &Inherited) -> Inherited {
        let Settings { engine, embedded_limit, on_error, buckets, tombstones, door, .. } = base.settings;
        let at_least_1s = |text: &str| parse_duration(text).filter(|duration| duration.as_secs() > 0);
        let own_latency = section.parsed(self, "max_latency", at_least_1s, DURATION);
        let own_every = section.parsed(self, "consolidate_every", at_least_1s, DURATION);
        let max_latency = own_latency.unwrap_or(base.settings.max_latency);
        let written = own_every.or(base.consolidate_every);
        let consolidate_every = written.unwrap_or_else(|| third(max_latency));
        if consolidate_every > max_latency {
            let what = format!(
                "images every {} cannot show a message within {}",
                show_duration(consolidate_every),
                show_duration(max_latency)
            );
            let key = if own_every.is_some() { "consolidate_every" } else { "max_latency" };
            let instead = "let consolidate_every be at most max_latency, or leave it out".to_owned();
            self.wrong_at(&join(&section.path, key), what, Some(instead));
        }
        let engine = section
            .parsed(self, "engine", |text| among(&Engine::NAMES, text), "auto, embedded or emr")
            .unwrap_or(engine);
        let embedded_limit = section.parsed(self, "embedded_limit", parse_size, SIZE).unwrap_or(embedded_limit);
        let on_error = section
            .parsed(self, "on_error", |text| among(&OnError::NAMES, text), "quarantine or halt")
            .unwrap_or(on_error);
        let buckets =
            section.parsed(self, "buckets", |text| count(text, 1024), "a number from 1 to 1024").unwrap_or(buckets);
        let tombstones = section.parsed(self, "tombstones", parse_duration, DURATION).unwrap_or(tombstones);
        let retain = self.retain(section, &base.settings.retain);
        let door = section.parsed(self, "door", |text| among(&Door::NAMES, text), "bridge or mapping").unwrap_or(door);
        let settings = Settings {
            max_latency,
            consolidate_every,
            engine,
            embedded_limit,
            on_error,
            buckets,
            tombstones,
            retain,
            door,
        };
        Inherited { settings, consolidate_every: written }
    }

    fn retain(&mut self, section: &mut Section<'_>, base: &Retain) -> Retain {
        let path = join(&section.path, "retain");
        let Some(mut section) = section.take(self, "retain").and_then(|node| self.section(node, &path)) else {
            return base.clone();
        };
        let images = section.parsed(self, "images", |text| count(text, 10_000), "a number from 1 to 10000");
        let raw = section.parsed(self, "raw_to_glacier_after", parse_duration, DURATION);
        section.finish(self);
        Retain { images: images.unwrap_or(base.images), raw_to_glacier_after: raw.unwrap_or(base.raw_to_glacier_after) }
    }
}

fn among<T: Copy>(names: &[(&str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

fn count(text: &str, most: u32) -> Option<u32> {
    text.parse().ok().filter(|n| (1..=most).contains(n))
}
