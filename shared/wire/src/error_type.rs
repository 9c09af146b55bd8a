//! What failed, by a name that operators, alarms and the runbook share.

use std::fmt;

/// What failed, as a function answers it. Each type has an entry in `docs/runbook.md` under its name, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorType {
    /// Something that the function needs did not answer (it was throttled, timed out or cut off), or its time was up.
    Outage,
    /// The environment or the definition is not as it should be.
    Settings,
    /// The event is not one that this function takes.
    Event,
    /// The object store failed, or holds something else than it should.
    Store,
    /// The catalog could not be read or written.
    Catalog,
    /// The queue of hints could not be read or written.
    Queue,
    /// Another function could not be invoked.
    Invoke,
    /// The broker failed.
    Broker,
    /// The tables or their catalog could not be read or written.
    Tables,
    /// The engine failed on its input.
    Engine,
    /// Something that must never be true is true: everything of that group stops until a person has looked.
    Invariant,
    /// None of the above.
    Unexpected,
}

impl ErrorType {
    /// Every error type.
    pub const ALL: [Self; 12] = [
        Self::Outage,
        Self::Settings,
        Self::Event,
        Self::Store,
        Self::Catalog,
        Self::Queue,
        Self::Invoke,
        Self::Broker,
        Self::Tables,
        Self::Engine,
        Self::Invariant,
        Self::Unexpected,
    ];

    /// The name: what functions answer, and the heading of the runbook's entry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Settings => "settings",
            Self::Event => "event",
            Self::Store => "store",
            Self::Catalog => "catalog",
            Self::Queue => "queue",
            Self::Invoke => "invoke",
            Self::Broker => "broker",
            Self::Tables => "tables",
            Self::Engine => "engine",
            Self::Invariant => "invariant",
            Self::Unexpected => "unexpected",
        }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_an_entry_in_the_runbook() {
        let runbook = include_str!("../../../docs/runbook.md");
        let names = BTreeSet::from(ErrorType::ALL.map(ErrorType::as_str));
        assert_eq!(names.len(), ErrorType::ALL.len());
        for name in names {
            assert!(runbook.contains(&format!("\n### Error `{name}`\n")), "{name}");
        }
    }
}
