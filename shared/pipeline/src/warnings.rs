//! What is possible in a definition, but hardly meant.

use crate::definition::{Definition, Stream};
use crate::problem::Problem;
use crate::types::DataType;

/// What a message has beside its body, by the names that brokers and other tools use.
const BESIDE_THE_BODY: [&str; 4] = ["exchange", "headers", "properties", "routing_key"];

impl Definition {
    /// What the definition says that its author may not have meant, in the order of the file. Nothing of it is wrong.
    pub fn warnings(&self) -> Vec<Problem> {
        let mut warnings: Vec<Problem> = self.streams.values().flat_map(|stream| self.warnings_of(stream)).collect();
        warnings.sort();
        warnings
    }

    fn warnings_of(&self, stream: &Stream) -> Vec<Problem> {
        let at = |key: &str| format!("streams.{}.{key}", stream.name);
        let mut warnings = Vec::new();
        let version = stream.version.as_ref().and_then(|name| stream.column(name));
        if let Some(column) = version.filter(|column| column.ty == DataType::String) {
            let what =
                format!("\"{}\" is text, which is compared letter by letter: \"9\" is newer than \"10\"", column.name);
            let instead = "declare it as bigint, decimal or timestamp if it counts or tells time".to_owned();
            warnings.push(self.problem(&at("version"), what, Some(instead)));
        }
        for column in stream.columns.iter().filter(|column| !column.from.is_top(&column.name)) {
            let first = column.from.steps().first().map_or("", String::as_str);
            if BESIDE_THE_BODY.contains(&first) {
                let what = format!(
                    "this reads a field of the body named \"{first}\", not the message's {}",
                    first.replace('_', " ")
                );
                let instead = "what a message has beside its body cannot be a column".to_owned();
                warnings.push(self.problem(&at(&format!("columns.{}.from", column.name)), what, Some(instead)));
            }
        }
        warnings
    }
}
