//! How the definition wants a group to be planned.

use std::collections::BTreeMap;

use foz_domain::keys::DefinitionKey;
use foz_domain::plan::Policy;
use foz_domain::{GroupName, StreamName};
use foz_pipeline::Definition;

/// The groups of a definition.
#[derive(Debug)]
pub struct Policies {
    definition: Definition,
    key: DefinitionKey,
    takeover_after: u64,
    groups: BTreeMap<GroupName, Vec<StreamName>>,
}

impl Policies {
    /// The policies of the definition that is stored under `key`; a heartbeat may stand still for `takeover_after`
    /// milliseconds.
    pub fn new(definition: Definition, key: DefinitionKey, takeover_after: u64) -> Self {
        let groups = definition.groups().into_iter().map(|group| (group.name, group.streams)).collect();
        Self { definition, key, takeover_after, groups }
    }

    /// The group's streams; `None` if the definition has no such group.
    pub fn members(&self, group: &GroupName) -> Option<&[StreamName]> {
        self.groups.get(group).map(Vec::as_slice)
    }

    /// The policy of a group of these streams.
    pub fn of(&self, members: &[StreamName]) -> Policy {
        self.definition.policy(members, &self.key, self.takeover_after)
    }

    /// The stream's group; `None` if the definition has no such stream.
    pub fn group(&self, stream: &StreamName) -> Option<&GroupName> {
        self.groups.iter().find(|(_, members)| members.contains(stream)).map(|(group, _)| group)
    }
}
