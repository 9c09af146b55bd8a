//! What a definition means, in words.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use foz_domain::StreamName;
use foz_domain::plan::EngineChoice;

use crate::definition::{Definition, Stream};
use crate::quantity::{show_duration, show_size};
use crate::settings::{Door, OnError, StreamSettings};
use crate::types::Field;

/// Keys of the settings of which the explanation makes sentences. Another one is listed if it is not its default.
const IN_SENTENCES: [&str; 9] = [
    "max_latency",
    "consolidate_every",
    "engine",
    "embedded_limit",
    "on_error",
    "buckets",
    "tombstones",
    "retain",
    "door",
];

impl Definition {
    /// Plain text that says what the definition means: groups and their order, streams, tables, latencies.
    ///
    /// `planned` holds, for the streams whose SQL was planned, the columns that it yields.
    pub fn explain(&self, planned: &BTreeMap<StreamName, Vec<Field>>) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write_explanation(&mut text, planned);
        text
    }

    fn write_explanation(&self, out: &mut String, planned: &BTreeMap<StreamName, Vec<Field>>) -> fmt::Result {
        let broker = self.broker.secret.as_deref().map(|secret| format!(", broker from secret {secret}"));
        writeln!(out, "lake {}{}, virtual host {}", self.lake, broker.unwrap_or_default(), self.broker.vhost)?;
        for group in self.groups() {
            let order: Vec<_> = group.streams.iter().map(StreamName::as_str).collect();
            let order = if order.len() > 1 { format!(": {}, in this order", order.join(", ")) } else { String::new() };
            writeln!(out, "\ngroup {}{order}", group.name)?;
            for stream in group.streams.iter().filter_map(|name| self.streams.get(name)) {
                stream.write_explanation(out, planned.get(&stream.name))?;
            }
        }
        Ok(())
    }
}

impl Stream {
    fn write_explanation(&self, out: &mut String, planned: Option<&Vec<Field>>) -> fmt::Result {
        let settings = &self.settings;
        writeln!(out, "\n  stream {}", self.name)?;
        let mut line = |what: &str, text: String| writeln!(out, "    {what:<12} {text}");
        if let Some(description) = &self.description {
            line("is about", description.clone())?;
        }
        let by = match settings.door {
            Door::Bridge => "",
            Door::Mapping => ", by Lambda's event source mapping",
        };
        line("from queue", format!("{}{by}", self.queue))?;
        line("identity", self.key.join(", "))?;
        for reference in &self.references {
            line("refers to", format!("{} by {}", reference.stream, reference.columns.join(", ")))?;
        }
        line(
            "newest by",
            self.version.clone().map_or_else(|| "position".to_owned(), |version| format!("{version}, then position")),
        )?;
        if let Some(condition) = &self.delete_when {
            line("deleted when", condition.clone())?;
        }
        line(
            "visible",
            format!(
                "within {}, an image every {}",
                show_duration(settings.max_latency),
                show_duration(settings.consolidate_every)
            ),
        )?;
        line(
            "engine",
            match settings.engine {
                EngineChoice::Auto => format!("auto: embedded, at most {} at once", show_size(settings.embedded_limit)),
                EngineChoice::Embedded => format!("embedded, at most {} at once", show_size(settings.embedded_limit)),
                EngineChoice::Emr => "EMR, which is not available yet".to_owned(),
            },
        )?;
        line(
            "errors",
            match settings.on_error {
                OnError::Quarantine => format!("to {}", self.name.quarantine()),
                OnError::Halt => "halt the group".to_owned(),
            },
        )?;
        line(
            "keeps",
            format!(
                "{} images; raw objects move to Glacier after {}",
                settings.retain.images,
                show_duration(settings.retain.raw_to_glacier_after)
            ),
        )?;
        for ((key, value), (_, default)) in settings.shown().into_iter().zip(StreamSettings::default().shown()) {
            if value != default && !IN_SENTENCES.contains(&key) {
                line(key, value)?;
            }
        }
        line(
            "tables",
            format!(
                "{} (latest states, {} buckets), {} (every state)",
                self.name.current(),
                settings.buckets,
                self.name.changes()
            ),
        )?;
        if self.version.is_some() {
            line(
                "",
                format!("{} (deletes of the last {})", self.name.tombstones(), show_duration(settings.tombstones)),
            )?;
        }
        let columns: Vec<(&str, String)> = match planned {
            Some(fields) => fields.iter().map(|field| (field.name.as_str(), field.ty.to_string())).collect(),
            None if self.transform.is_some() => {
                return line("columns", "those that the SQL yields".to_owned());
            }
            None => self.columns.iter().map(|column| (column.name.as_str(), column.ty.to_string())).collect(),
        };
        let width = columns.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (i, (name, ty)) in columns.iter().enumerate() {
            line(if i == 0 { "columns" } else { "" }, format!("{name:<width$}  {ty}"))?;
        }
        Ok(())
    }
}
