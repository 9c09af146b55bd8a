//! Names of the tables that are made of a stream. Nothing else adds a suffix or a prefix to a stream's name.

use std::fmt;

use crate::ids::StreamName;

const CHANGES: &str = "_changes";
const QUARANTINE: &str = "_quarantine";
const TOMBSTONES: &str = "_tombstones";
const RAW: &str = "raw_";

/// The name of a table of a stream, as the register of tables and queries know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName(String);

impl TableName {
    /// The suffixes of the tables beside the current one: no stream's name may end so.
    pub const SUFFIXES: [&str; 3] = [CHANGES, QUARANTINE, TOMBSTONES];

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StreamName {
    /// The current table: the latest state of every entity.
    pub fn current(&self) -> TableName {
        TableName(self.to_string())
    }

    /// The history: every state ever seen.
    pub fn changes(&self) -> TableName {
        TableName(format!("{self}{CHANGES}"))
    }

    /// The messages that could not be typed.
    pub fn quarantine(&self) -> TableName {
        TableName(format!("{self}{QUARANTINE}"))
    }

    /// What is left of deleted entities, if the stream declares a version.
    pub fn tombstones(&self) -> TableName {
        TableName(format!("{self}{TOMBSTONES}"))
    }

    /// The raw objects, as queries see them. No register knows this table.
    pub fn raw(&self) -> TableName {
        TableName(format!("{RAW}{self}"))
    }

    /// The tables that are in the register of tables once something is in them.
    pub fn tables(&self) -> [TableName; 4] {
        [self.current(), self.changes(), self.quarantine(), self.tombstones()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables() {
        let flights: StreamName = "flights".parse().unwrap();
        let names = flights.tables().map(|table| table.to_string());
        assert_eq!(names, ["flights", "flights_changes", "flights_quarantine", "flights_tombstones"]);
        assert_eq!(flights.raw().as_str(), "raw_flights");
        for table in &names[1..] {
            assert!(TableName::SUFFIXES.iter().any(|suffix| table.ends_with(suffix)), "{table}");
        }
    }
}
