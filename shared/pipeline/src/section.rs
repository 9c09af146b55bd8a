//! Reading nodes: what is wrong is collected, and reading goes on.

use std::io;

use crate::places::Places;
use crate::problem::{Place, Problem, did_you_mean};
use crate::yaml::{MapEntry, Node, Value};
use foz_domain::ids::is_name;

/// Collects what is found while a definition is read.
pub struct Reader<'a> {
    pub problems: Vec<Problem>,
    pub places: Places,
    /// Reads the SQL file of this name.
    pub sql: &'a dyn Fn(&str) -> io::Result<String>,
}

/// A mapping whose keys are taken one by one. Those that are left over are unknown.
pub struct Section<'n> {
    pub path: String,
    pub place: Place,
    pub entries: &'n [MapEntry],
    known: Vec<&'static str>,
}

/// The path of a key below another.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Reader<'_> {
    pub fn wrong(&mut self, place: Place, path: &str, what: impl Into<String>, instead: Option<String>) {
        self.problems.push(Problem { place, path: path.to_owned(), what: what.into(), instead });
    }

    /// Reports a problem at the place of a path that was read before.
    pub fn wrong_at(&mut self, path: &str, what: impl Into<String>, instead: Option<String>) {
        self.wrong(self.places.of(path), path, what, instead);
    }

    pub fn section<'n>(&mut self, node: &'n Node, path: &str) -> Option<Section<'n>> {
        match &node.value {
            Value::Map(entries) => {
                Some(Section { path: path.to_owned(), place: node.place, entries, known: Vec::new() })
            }
            _ => {
                self.wrong(node.place, path, format!("a mapping should stand here, not {}", node.kind()), None);
                None
            }
        }
    }

    pub fn text<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        match &node.value {
            Value::Boolean(text) => {
                self.unquoted(node.place, path, text, node.kind());
                None
            }
            _ => self.text_or_word(node, path),
        }
    }

    /// A text for which it does not matter that other readers of YAML take some words for booleans.
    pub fn text_or_word<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar(text) | Value::Boolean(text) => Some(text),
            _ => {
                self.wrong(node.place, path, format!("a text should stand here, not {}", node.kind()), None);
                None
            }
        }
    }

    /// Reports a text that other readers of YAML take for something else.
    fn unquoted(&mut self, place: Place, path: &str, text: &str, kind: &str) {
        let what = format!("\"{text}\" without quotes is {kind} in YAML");
        self.wrong(place, path, what, Some(format!("write \"{text}\" in quotes")));
    }

    pub fn texts(&mut self, node: &Node, path: &str) -> Option<Vec<String>> {
        match &node.value {
            Value::List(items) => {
                let texts: Vec<_> = items.iter().map(|item| self.text_or_word(item, path).map(str::to_owned)).collect();
                texts.into_iter().collect()
            }
            Value::Scalar(text) => {
                self.wrong(node.place, path, "a list should stand here", Some(format!("write [{text}]")));
                None
            }
            _ => {
                self.wrong(node.place, path, format!("a list should stand here, not {}", node.kind()), None);
                None
            }
        }
    }

    /// A text that `parse` understands; `expected` completes "… is not".
    pub fn parsed<T>(
        &mut self,
        node: &Node,
        path: &str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let text = self.text_or_word(node, path)?;
        let value = parse(text);
        if value.is_none() {
            self.wrong(node.place, path, format!("\"{text}\" is not {expected}"), None);
            return None;
        }
        self.text(node, path).and(value)
    }
}

impl<'n> Section<'n> {
    /// The value of a key, if it is there and not null.
    pub fn take(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'n Node> {
        self.know(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        reader.place(&self.path, entry);
        (!matches!(entry.value.value, Value::Null)).then_some(&entry.value)
    }

    /// Makes a key known that is taken later. Unknown keys are told the known ones in the order in which they became so.
    pub fn know(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// The value of a key that must be there.
    pub fn require(&mut self, reader: &mut Reader<'_>, key: &'static str, example: &str) -> Option<&'n Node> {
        let node = self.take(reader, key);
        if node.is_none() {
            reader.wrong_at(
                &self.path,
                format!("the key \"{key}\" is missing"),
                Some(format!("such as {key}: {example}")),
            );
        }
        node
    }

    /// The path of a key and the parsed text of its value.
    pub fn parsed<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let node = self.take(reader, key)?;
        reader.parsed(node, &join(&self.path, key), parse, expected)
    }

    /// The text of a key's value.
    pub fn text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'n str> {
        let node = self.take(reader, key)?;
        reader.text(node, &join(&self.path, key))
    }

    /// The entries of a mapping whose keys are names that the user chose. Those that cannot be names are reported and
    /// left out; those that are reserved, or no texts to others, are only reported.
    pub fn named(
        &self,
        reader: &mut Reader<'_>,
        what: &str,
        reserved: fn(&str) -> Option<String>,
    ) -> impl Iterator<Item = &'n MapEntry> + use<'n> {
        for entry in self.entries {
            let (what, instead) = if let Some(why) = reserved(&entry.key) {
                (why, "choose another name")
            } else if is_name(&entry.key) {
                reader.place(&self.path, entry);
                // A stream is named by other readers of the file too, a column only by Foz.
                if let Some(kind) = entry.unlike_text.filter(|kind| what == "stream" || *kind == "nothing") {
                    reader.unquoted(entry.place, &self.path, &entry.key, kind);
                }
                continue;
            } else {
                let what = format!("\"{}\" cannot name a {what}", entry.key);
                (what, "a-z first, then a-z, 0-9 and _, at most 64 characters")
            };
            reader.wrong(entry.place, &self.path, what, Some(instead.to_owned()));
        }
        self.entries.iter().filter(|entry| is_name(&entry.key))
    }

    /// Reports the keys that were not taken.
    pub fn finish(self, reader: &mut Reader<'_>) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let instead = did_you_mean(&entry.key, self.known.iter().copied())
                .unwrap_or_else(|| format!("known here: {}", self.known.join(", ")));
            reader.wrong(entry.place, &self.path, format!("unknown key \"{}\"", entry.key), Some(instead));
        }
    }
}

impl Reader<'_> {
    /// Remembers where an entry stands: its value if that is on the key's line, else its key.
    fn place(&mut self, path: &str, entry: &MapEntry) {
        let on_line = matches!(entry.value.value, Value::Scalar(_) | Value::Boolean(_) | Value::List(_))
            && entry.value.place.line == entry.place.line;
        let place = if on_line { entry.value.place } else { entry.place };
        self.places.0.insert(join(path, &entry.key), place);
    }
}
