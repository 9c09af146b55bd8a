//! The definition written out: every default filled in, SQL inlined, in one fixed order. This is the text that functions
//! read.

use std::fmt::{self, Write};

use crate::column::Column;
use crate::definition::{Definition, Stream};

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
        if let Some(description) = &self.description {
            writeln!(out, "    description: {}", quoted(description))?;
        }
        writeln!(out, "    queue: {}", quoted(&self.queue))?;
        writeln!(out, "    key: [{}]", quoted_all(&self.key))?;
        writeln!(out, "    columns:")?;
        for Column { name, ty, from, description } in &self.columns {
            let (name, ty, from) = (quoted(name), quoted(&ty.to_string()), quoted(&from.to_string()));
            let description = description.as_ref().map(|text| format!(", description: {}", quoted(text)));
            writeln!(out, "      {name}: {{ type: {ty}, from: {from}{} }}", description.unwrap_or_default())?;
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
        self.settings.shown().into_iter().try_for_each(|(key, value)| writeln!(out, "    {key}: {value}"))
    }
}
