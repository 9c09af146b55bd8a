//! References: columns that name entities of other streams.

use foz_domain::StreamName;

use crate::column::Known;
use crate::problem::did_you_mean;
use crate::section::{Reader, join};
use crate::yaml::{Node, Value};

/// Columns that name an entity of another stream. If any is null, there is no reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The reference's name: in the short form that of its column.
    pub name: String,
    /// Columns of the referring stream, in the order of the referenced stream's key.
    pub columns: Vec<String>,
    /// The referenced stream.
    pub stream: StreamName,
}

impl Reader<'_> {
    pub(crate) fn references(&mut self, node: &Node, path: &str, known: Option<&Known<'_>>) -> Vec<Reference> {
        let Some(section) = self.section(node, path) else { return Vec::new() };
        let mut references = Vec::new();
        for entry in section.named(self, "reference", |_| None) {
            let (name, path) = (entry.key.clone(), join(path, &entry.key));
            let (columns, stream) = match &entry.value.value {
                Value::Map(_) => {
                    let Some(mut section) = self.section(&entry.value, &path) else { continue };
                    let columns = section.require(self, "columns", "[carrier, number]");
                    let columns = columns.and_then(|node| self.texts(node, &join(&path, "columns")));
                    let stream = section.require(self, "stream", "planes");
                    let stream = stream.and_then(|node| self.stream_name(node, &join(&path, "stream")));
                    section.finish(self);
                    (columns, stream)
                }
                _ => (Some(vec![name.clone()]), self.stream_name(&entry.value, &path)),
            };
            let (Some(columns), Some(stream)) = (columns, stream) else { continue };
            if let Some(known) = known {
                for column in columns.iter().filter(|column| !known.contains_key(column.as_str())) {
                    let instead = did_you_mean(column, known.keys().copied());
                    self.wrong_at(&path, format!("there is no column \"{column}\""), instead);
                }
            }
            references.push(Reference { name, columns, stream });
        }
        references.sort_by(|a, b| a.name.cmp(&b.name));
        references
    }

    fn stream_name(&mut self, node: &Node, path: &str) -> Option<StreamName> {
        self.parsed(node, path, |text| text.parse().ok(), "a stream's name")
    }
}
