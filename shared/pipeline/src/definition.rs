//! The definition: what `pipeline.yaml` means.

use std::collections::{BTreeMap, BTreeSet};

use foz_domain::StreamName;
use foz_domain::groups::{self, Group, References};

use crate::column::Column;
use crate::names::LakeName;
use crate::places::Places;
use crate::problem::Problem;
use crate::reference::Reference;
use crate::settings::StreamSettings;

/// A valid definition. Two are equal if they mean the same, however they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Names the bucket, the Glue database and the catalog table.
    pub lake: LakeName,
    /// The one broker and virtual host of the lake.
    pub broker: Broker,
    /// The streams; at least one.
    pub streams: BTreeMap<StreamName, Stream>,
    pub(crate) places: Places,
}

/// How the broker is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Name of the Secrets Manager secret that holds the AMQP URL. `None` on the local cloud.
    pub secret: Option<String>,
    /// The virtual host.
    pub vhost: String,
}

/// One queue of one microservice, and the tables that are made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Names the current table; the others add a suffix.
    pub name: StreamName,
    /// What it is about, for people who find its tables; `None` if that is not said.
    pub description: Option<String>,
    /// The queue, in the broker's virtual host.
    pub queue: String,
    /// Columns that identify an entity, in order; at least one.
    pub key: Vec<String>,
    /// What is read from a body, in the order of the file, which is that of the tables.
    pub columns: Vec<Column>,
    /// Columns that name entities of other streams, or of this one; by name.
    pub references: Vec<Reference>,
    /// The column that decides which of two states is newer. `None` if their position in the queue decides.
    pub version: Option<String>,
    /// A SQL condition over the columns; where it is true the message deletes its entity.
    pub delete_when: Option<String>,
    /// `SELECT … FROM messages`. `None` if the columns become rows as they are.
    pub transform: Option<String>,
    /// How all this is operated.
    pub settings: StreamSettings,
}

impl Stream {
    /// The column of this name; `None` if there is none.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The other streams that this one refers to: into their queues go its markers.
    pub fn referenced(&self) -> BTreeSet<StreamName> {
        self.references.iter().map(|reference| reference.stream.clone()).filter(|stream| *stream != self.name).collect()
    }
}

impl Definition {
    /// The groups in the order of their names; in each, referenced streams first.
    pub fn groups(&self) -> Vec<Group> {
        // A definition with a cycle does not parse.
        groups::groups(&references(self.streams.values())).unwrap_or_default()
    }

    /// The stream of this name; `None` if there is none.
    pub fn stream(&self, name: &StreamName) -> Option<&Stream> {
        self.streams.get(name)
    }

    /// A problem that another crate found, such as the SQL's planner. Its place is that of `path` in the file, or of the
    /// nearest key around it if `path` is not in the file because it is a default.
    pub fn problem(&self, path: &str, what: impl Into<String>, instead: Option<String>) -> Problem {
        Problem { place: self.places.of(path), path: path.to_owned(), what: what.into(), instead }
    }
}

pub(crate) fn references<'a>(streams: impl Iterator<Item = &'a Stream>) -> References {
    streams.map(|stream| (stream.name.clone(), stream.referenced())).collect()
}
