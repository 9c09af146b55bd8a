//! The entity rule of a table's rows: which columns name an entity, and which one says which of its states is the latest.
//!
//! A table notes it in its properties, in the commit that brings rows which were made by it, and new rows are held against
//! it before any of them is written. In a table without rows the note says nothing: it is that of the declaration.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use foz_pipeline::types::TypeError;
use foz_pipeline::{DataType, Field};

/// Table property: the columns that name an entity, in order, each with its type; absent if no release noted it yet.
pub const KEY: &str = "foz.key";

/// Table property: the column of the stream by whose value the table keeps the latest state of each entity; absent if the
/// last message wins.
pub const VERSION: &str = "foz.version";

/// The columns that name an entity, in order, each with its type: `tenant:string,id:bigint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityKey(Vec<Field>);

impl EntityKey {
    /// A key of these columns.
    pub fn new(columns: impl IntoIterator<Item = Field>) -> Self {
        Self(columns.into_iter().collect())
    }

    /// Whether equal values of the two give equal texts in `_key`, so that an entity of the one is an entity of the other.
    fn is_same(&self, other: &Self) -> bool {
        let same = |(one, other): (&Field, &Field)| one.name == other.name && one_text(&one.ty, &other.ty);
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }

    fn names(&self) -> String {
        self.0.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Whether `_key` writes equal values of the two types alike.
fn one_text(one: &DataType, other: &DataType) -> bool {
    use DataType::{Decimal, Int, Long};
    match (one, other) {
        (Int | Long, Int | Long) => true,
        (Decimal { scale, .. }, Decimal { scale: others, .. }) => scale == others,
        _ => one == other,
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = DataType::Struct(self.0.clone()).to_string();
        f.write_str(text.strip_prefix("struct<").and_then(|text| text.strip_suffix('>')).unwrap_or(&text))
    }
}

impl FromStr for EntityKey {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        match format!("struct<{text}>").parse()? {
            DataType::Struct(columns) => Ok(Self(columns)),
            other => Err(TypeError { what: format!("{other} is no list of columns"), instead: None }),
        }
    }
}

/// What makes rows states of one entity, and one of them the latest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntityRule {
    /// The columns that name an entity; `None` if that was never noted.
    pub key: Option<EntityKey>,
    /// The column whose value decides which state is the latest; `None` if the last message does.
    pub version: Option<String>,
}

impl EntityRule {
    /// The rule that a table's properties note.
    pub(crate) fn noted<'a>(property: impl Fn(&str) -> Option<&'a String>) -> Result<Self, TypeError> {
        let key = property(KEY).map(|text| text.parse()).transpose()?;
        Ok(Self { key, version: property(VERSION).cloned() })
    }

    /// The rule as properties of a table.
    pub fn properties(&self) -> BTreeMap<String, String> {
        let key = self.key.iter().map(|key| (KEY.to_owned(), key.to_string()));
        key.chain(self.version.iter().map(|column| (VERSION.to_owned(), column.clone()))).collect()
    }

    /// The properties that say more than the rule does.
    pub(crate) fn absent(&self) -> Vec<String> {
        let unversioned = self.key.is_some() && self.version.is_none();
        unversioned.then(|| VERSION.to_owned()).into_iter().collect()
    }

    /// Why rows that are made by `wanted` must not come among rows that were made by this rule; `None` if they may.
    pub(crate) fn clash(&self, wanted: &Self) -> Option<String> {
        if let (Some(found), Some(wanted)) = (&self.key, &wanted.key)
            && !found.is_same(wanted)
        {
            return Some(format!(
                "its entities are named by ({found}); named by ({wanted}), new states would stand beside the old ones, which \
                 nothing would replace or delete: change it back to `key: [{}]`, or declare a new stream",
                found.names()
            ));
        }
        let found = self.version.as_ref().filter(|found| wanted.version.as_ref() != Some(found))?;
        let instead = wanted.version.as_ref().map_or("without a version".to_owned(), |wanted| format!("by `{wanted}`"));
        Some(format!(
            "its states are ordered by `{found}`, and new ones {instead} could lose against them unnoticed: change it back to \
             `version: {found}`, or declare a new stream"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(key: &str, version: Option<&str>) -> EntityRule {
        let key = (!key.is_empty()).then(|| key.parse().unwrap());
        EntityRule { key, version: version.map(str::to_owned) }
    }

    fn check(found: &EntityRule, wanted: &EntityRule, part: Option<&str>) {
        let clash = found.clash(wanted);
        match part {
            Some(part) => assert!(clash.as_ref().is_some_and(|clash| clash.contains(part)), "{clash:?}"),
            None => assert_eq!(clash, None),
        }
    }

    #[test]
    fn a_key_is_its_text() {
        for text in ["id:bigint", "tenant:string,at:timestamp_ntz,total:decimal(12,2)"] {
            assert_eq!(text.parse::<EntityKey>().unwrap().to_string(), text);
        }
        assert!("".parse::<EntityKey>().is_err());
    }

    #[test]
    fn a_rule_survives_being_noted() {
        for rule in [rule("id:string", Some("at")), rule("a:int,b:date", None), rule("", Some("v")), rule("", None)] {
            let properties = rule.properties();
            assert_eq!(EntityRule::noted(|name| properties.get(name)).unwrap(), rule);
        }
    }

    #[test]
    fn protocol_1_another_key_clashes() {
        let found = rule("id:string", None);
        check(&found, &rule("id:string", None), None);
        check(&found, &rule("tenant:string,id:string", None), Some("change it back to `key: [id]`"));
        check(&found, &rule("other:string", None), Some("named by (other:string)"));
        check(&found, &rule("id:bigint", None), Some("named by (id:bigint)"));
        check(&rule("a:int,b:int", None), &rule("b:int,a:int", None), Some("change it back to `key: [a, b]`"));
    }

    #[test]
    fn a_type_that_writes_the_same_text_is_the_same_key() {
        check(&rule("id:int", None), &rule("id:bigint", None), None);
        check(&rule("id:decimal(5,2)", None), &rule("id:decimal(9,2)", None), None);
        check(&rule("id:decimal(5,2)", None), &rule("id:decimal(5,1)", None), Some("declare a new stream"));
    }

    #[test]
    fn protocol_1_another_version_clashes() {
        let found = rule("id:string", Some("updated_at"));
        check(&found, &rule("id:string", Some("created_at")), Some("new ones by `created_at` could lose"));
        check(&found, &rule("id:string", None), Some("change it back to `version: updated_at`"));
        check(&rule("id:string", None), &found, None);
    }

    #[test]
    fn what_was_never_noted_clashes_with_nothing() {
        check(&rule("", None), &rule("id:string", Some("v")), None);
        check(&rule("", Some("v")), &rule("id:string", Some("v")), None);
    }
}
