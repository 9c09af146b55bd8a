//! The limits that a definition must keep. Each is a row of `docs/limits.md`, which a test compares.
//!
//! A definition that is stored in a lake was right when it was written, so these are not asked of it again; but for the
//! depth of types, which protects every reader.

use crate::types::DataType;

/// How much there may be of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is counted, with its unit.
    pub what: &'static str,
    /// The greatest number that is allowed.
    pub most: usize,
    /// Why there is a limit.
    pub why: &'static str,
}

impl Limit {
    /// What is wrong with so many.
    pub fn exceeded_by(&self, found: usize) -> String {
        let Self { what, most, why } = self;
        format!("{found} {what}, of which {most} are possible: {why}")
    }
}

/// An AMQP short string holds 255 bytes, and the queue for dead letters is named `<queue>.dead-letters`.
pub const QUEUE: Limit = Limit {
    what: "bytes of a queue's name",
    most: 255 - DEAD_LETTERS.len(),
    why: "AMQP's names have 255 bytes at most, and that of the dead letters' queue is `.dead-letters` longer",
};

/// What follows a queue's name in that of its dead letters.
pub(crate) const DEAD_LETTERS: &str = ".dead-letters";

/// A short string as well.
pub const VHOST: Limit =
    Limit { what: "bytes of the virtual host's name", most: 255, why: "AMQP's names have 255 bytes at most" };

/// Each batch's transaction compares the list of the group's streams, and each look reads it. The catalog itself takes more.
pub const GROUP: Limit =
    Limit { what: "streams of a group", most: 90, why: "each batch's transaction compares the list of all of them" };

/// Half of the levels that a body may have.
pub const PATH: Limit = Limit {
    what: "steps of a path in `from`",
    most: 64,
    why: "each step is a level of the body, of which 128 are read",
};

/// Spark and Athena grow slow long before.
pub const TYPE_DEPTH: Limit =
    Limit { what: "levels below a type", most: crate::types::MAX_DEPTH, why: "engines read types by recursion" };

/// Each has its own buffers while a run writes, its own statistics in each manifest, and its part in Glue's text of a type.
pub const COLUMNS: Limit = Limit {
    what: "columns of a stream, fields of structs included",
    most: 2_000,
    why: "each has buffers in a run and statistics in every manifest",
};

/// Glue's limit for the type of a column.
pub const TYPE_TEXT: Limit =
    Limit { what: "bytes of a column's type", most: 131_072, why: "Glue keeps a type as text of that length" };

/// Several times the longest transform that selects [`COLUMNS`] by name.
pub const SQL: Limit = Limit {
    what: "bytes of a `transform` or `delete_when`",
    most: 262_144,
    why: "each start of a function plans it anew",
};

/// Each listed snapshot is part of the metadata that every commit writes: some 850 bytes.
pub const IMAGES: Limit = Limit {
    what: "`retain.images`",
    most: 200,
    why: "every commit writes the list of all snapshots that a table keeps",
};

/// A hundred years.
pub const DAYS: Limit =
    Limit { what: "days of any duration", most: 36_500, why: "instants are kept from the year 1 to 9999" };

/// Glue's limit for the description of a table.
pub const DESCRIPTION: Limit =
    Limit { what: "bytes of a stream's `description`", most: 2_048, why: "Glue keeps no more of a table's" };

/// Glue's limit for the comment of a column, which must stand in one line.
pub const COLUMN_DESCRIPTION: Limit =
    Limit { what: "bytes of a column's `description`", most: 255, why: "Glue keeps no more of a column's" };

/// Number of columns that the type makes in a file, containers included.
pub fn parts(ty: &DataType) -> usize {
    1 + match ty {
        DataType::List(element) => parts(element),
        DataType::Map(key, value) => parts(key) + parts(value),
        DataType::Struct(fields) => fields.iter().map(|field| parts(&field.ty)).sum(),
        _ => 0,
    }
}

/// All of them, in the order of the documentation.
pub const ALL: [&Limit; 12] = [
    &QUEUE,
    &VHOST,
    &GROUP,
    &COLUMNS,
    &PATH,
    &TYPE_DEPTH,
    &TYPE_TEXT,
    &SQL,
    &IMAGES,
    &DAYS,
    &DESCRIPTION,
    &COLUMN_DESCRIPTION,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_listed() {
        let declared = include_str!("limits.rs").matches(": Limit =").count();
        assert_eq!(declared, ALL.len() + 1, "one of the matches is this test's own");
    }
}
