//! What ingest needs to know of the definition: the group of each stream, and which streams come by a mapping.

use std::collections::BTreeMap;

use foz_domain::StreamName;
use foz_domain::groups::Group;
use foz_pipeline::{Definition, Door};

/// The streams of a definition.
#[derive(Debug)]
pub(crate) struct Streams {
    groups: BTreeMap<StreamName, Group>,
    /// How an event names a queue → the stream that comes by a mapping.
    by_mapping: BTreeMap<String, StreamName>,
}

impl Streams {
    pub(crate) fn new(definition: &Definition) -> Self {
        let of_group = |group: Group| group.streams.clone().into_iter().map(move |stream| (stream, group.clone()));
        let groups = definition.groups().into_iter().flat_map(of_group).collect();
        let vhost = &definition.broker.vhost;
        let mapped = definition.streams.values().filter(|stream| stream.settings.door == Door::Mapping);
        let by_mapping = mapped.map(|stream| (format!("{}::{vhost}", stream.queue), stream.name.clone())).collect();
        Self { groups, by_mapping }
    }

    /// The stream's group, or `None` if the definition has no such stream.
    pub(crate) fn group(&self, stream: &StreamName) -> Option<&Group> {
        self.groups.get(stream)
    }

    /// The stream that comes by a mapping from the queue, as an event names it.
    pub(crate) fn of_mapped_queue(&self, queue: &str) -> Option<&StreamName> {
        self.by_mapping.get(queue)
    }

    pub(crate) fn is_mapped(&self, stream: &StreamName) -> bool {
        self.by_mapping.values().any(|mapped| mapped == stream)
    }
}
