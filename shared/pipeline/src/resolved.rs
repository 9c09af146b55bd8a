//! The definition written out: every default filled in, SQL inlined, in one fixed order. This is the text that functions
//! read.

use std::fmt::{self, Write};

use crate::column::Column;
use crate::definition::{Definition, Stream};
use crate::quantity::{show_duration, show_size};
use crate::settings::Settings;

/// A text as a YAML scalar in double quotes: no version of YAML takes it for anything but a text. It is ASCII, because
/// Terraform brings what it handles into Unicode's normal form, which would change the text's digest.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        // Writing to a String does not fail.
        let _ = match (c, u32::from(c)) {
            ('"' | '\\', _) => write!(quoted, "\\{c}"),
            ('\n', _) => quoted.write_str("\\n"),
            ('\t', _) => quoted.write_str("\\t"),
            (' '..='~', _) => quoted.write_char(c),
            (_, code @ ..=0xffff) => write!(quoted, "\\u{code:04x}"),
            (_, code) => write!(quoted, "\\U{code:08x}"),
        };
    }
    quoted.push('"');
    quoted
}

fn quoted_all(texts: &[String]) -> String {
    texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
}

impl Definition {
    /// Canonical YAML that parses to an equal definition. Definitions that mean the same give the same text, which is
    /// ASCII.
    pub fn resolved(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let secret = self.broker.secret.as_deref().map(|secret| format!("secret: {}, ", quoted(secret)));
        writeln!(out, "lake: {}", quoted(self.lake.as_str()))?;
        writeln!(out, "broker: {{ {}vhost: {} }}", secret.unwrap_or_default(), quoted(&self.broker.vhost))?;
        writeln!(out, "streams:")?;
        self.streams.values().try_for_each(|stream| stream.write(out))
    }
}

impl Stream {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "  {}:", quoted(self.name.as_str()))?;
        writeln!(out, "    queue: {}", quoted(&self.queue))?;
        writeln!(out, "    key: [{}]", quoted_all(&self.key))?;
        writeln!(out, "    columns:")?;
        for Column { name, ty, from } in &self.columns {
            let (name, ty, from) = (quoted(name), quoted(&ty.to_string()), quoted(&from.to_string()));
            writeln!(out, "      {name}: {{ type: {ty}, from: {from} }}")?;
        }
        if !self.references.is_empty() {
            writeln!(out, "    references:")?;
        }
        for reference in &self.references {
            let (columns, stream) = (quoted_all(&reference.columns), quoted(reference.stream.as_str()));
            writeln!(out, "      {}: {{ columns: [{columns}], stream: {stream} }}", quoted(&reference.name))?;
        }
        for (key, value) in
            [("version", &self.version), ("delete_when", &self.delete_when), ("transform", &self.transform)]
        {
            if let Some(value) = value {
                writeln!(out, "    {key}: {}", quoted(value))?;
            }
        }
        let Settings {
            max_latency,
            consolidate_every,
            engine,
            embedded_limit,
            on_error,
            buckets,
            tombstones,
            retain,
            door,
        } = &self.settings;
        writeln!(out, "    max_latency: {}", show_duration(*max_latency))?;
        writeln!(out, "    consolidate_every: {}", show_duration(*consolidate_every))?;
        writeln!(out, "    engine: {}", engine.as_str())?;
        writeln!(out, "    embedded_limit: {}", show_size(*embedded_limit))?;
        writeln!(out, "    on_error: {}", on_error.as_str())?;
        writeln!(out, "    buckets: {buckets}")?;
        writeln!(out, "    tombstones: {}", show_duration(*tombstones))?;
        let glacier = show_duration(retain.raw_to_glacier_after);
        writeln!(out, "    retain: {{ images: {}, raw_to_glacier_after: {glacier} }}", retain.images)?;
        writeln!(out, "    door: {}", door.as_str())
    }
}
