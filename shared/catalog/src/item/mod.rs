//! Items: keys, and attributes as typed values. The only place that formats or parses either.

pub(crate) mod batch;
pub(crate) mod group;
pub(crate) mod home;
pub(crate) mod image;
pub(crate) mod job;
pub(crate) mod stream;

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use foz_domain::{GroupName, Sequence, StreamName};

use crate::error::{CatalogError, Result};

pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// A number attribute.
pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A text attribute.
pub(crate) fn text(value: impl Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn new(group: &GroupName, sk: String) -> Self {
        Self { pk: group_pk(group), sk }
    }

    /// The key of a group's head, which ingest and bridge move.
    pub(crate) fn inward(group: &GroupName) -> Self {
        Self::new(group, "IN".to_owned())
    }

    /// The key of what dispatch and the functions that it starts move of a group.
    pub(crate) fn outward(group: &GroupName) -> Self {
        Self::new(group, "OUT".to_owned())
    }

    /// The key of a stream's head in its group.
    pub(crate) fn stream(group: &GroupName, stream: &StreamName) -> Self {
        Self::new(group, format!("S#{stream}"))
    }

    /// The key of the item that says to which group a stream belongs.
    pub(crate) fn home(stream: &StreamName) -> Self {
        Self { pk: format!("STREAM#{stream}"), sk: "HOME".to_owned() }
    }

    /// The key as attributes.
    pub(crate) fn attributes(&self) -> Attributes {
        [("pk", &self.pk), ("sk", &self.sk)].into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
    }

    /// The item of this key, with its fields.
    pub(crate) fn item(&self, fields: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> Attributes {
        let mut item = self.attributes();
        item.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        item
    }
}

/// A sort key that ends with a sequence; twenty digits hold every `u64`, so that text order is number order.
fn numbered(prefix: &str, sequence: Sequence) -> String {
    format!("{prefix}{:020}", sequence.0)
}

/// The partition of a group.
pub(crate) fn group_pk(group: &GroupName) -> String {
    format!("G#{group}")
}

/// An item as read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item(pub(crate) Attributes);

impl Item {
    /// The attribute's text, be it stored as text or as a number; `None` if it is absent.
    fn raw(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            AttributeValue::S(value) | AttributeValue::N(value) => Some(value),
            _ => None,
        }
    }

    /// The value of the attribute; `None` if it is absent.
    pub(crate) fn optional<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        raw.parse().map(Some).map_err(|why| self.damaged(format!("{name}: {why}")))
    }

    /// The value of an attribute that must be there.
    pub(crate) fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T> {
        self.optional(name)?.ok_or_else(|| self.damaged(format!("{name} is missing")))
    }

    /// The value of the attribute; 0, or an empty text, if it is absent.
    pub(crate) fn or_zero<T: FromStr<Err: Display> + Default>(&self, name: &str) -> Result<T> {
        Ok(self.optional(name)?.unwrap_or_default())
    }

    /// Names of an attribute that lists them with commas; none if it is absent or empty.
    fn names<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Vec<T>> {
        let list: String = self.or_zero(name)?;
        let names = list.split(',').filter(|each| !each.is_empty()).map(str::parse);
        names.collect::<std::result::Result<_, _>>().map_err(|why| self.damaged(format!("{name}: {why}")))
    }

    /// The group whose partition the item is in.
    pub(crate) fn group(&self) -> Result<GroupName> {
        let pk: String = self.get("pk")?;
        let group = pk.strip_prefix("G#").and_then(|name| name.parse().ok());
        group.ok_or_else(|| self.damaged("not the key of a group".to_owned()))
    }

    /// The sequence with which the sort key ends; `None` if it does not begin with `prefix`, or goes on with anything else.
    fn number_after(&self, prefix: &str) -> Result<Option<Sequence>> {
        let sk: String = self.get("sk")?;
        Ok(sk.strip_prefix(prefix).and_then(|digits| digits.parse().ok()).map(Sequence))
    }

    /// The error that this item is damaged.
    pub(crate) fn damaged(&self, why: String) -> CatalogError {
        let part = |name| self.raw(name).unwrap_or("?");
        CatalogError::Damaged { item: format!("{}/{}", part("pk"), part("sk")), why }
    }
}

#[cfg(test)]
mod tests {
    use foz_domain::job::{JobId, JobKind};

    use super::*;

    #[test]
    fn keys_are_as_agreed() {
        let group: GroupName = "airlines".parse().unwrap();
        let stream: StreamName = "flights".parse().unwrap();
        let sk = |key: Key| {
            assert_eq!(key.pk, "G#airlines");
            key.sk
        };
        assert_eq!(sk(Key::inward(&group)), "IN");
        assert_eq!(sk(Key::outward(&group)), "OUT");
        assert_eq!(sk(Key::stream(&group, &stream)), "S#flights");
        assert_eq!(sk(batch::key(&group, Sequence(7))), "B#00000000000000000007");
        let job = |kind, at| job::key(&JobId { group: group.clone(), kind, at: Sequence(at) });
        assert_eq!(sk(job(JobKind::Transform, u64::MAX)), "R#18446744073709551615");
        assert_eq!(sk(job(JobKind::Consolidate, 7)), "C#00000000000000000007");
        assert_eq!(sk(job(JobKind::Compact, 7)), "K#00000000000000000007");
        assert_eq!(sk(image::key(&group, &stream, Sequence(7))), "I#flights#00000000000000000007");
    }

    #[test]
    fn damage_names_the_item_and_the_attribute() {
        let item = Item([("pk", "G#a"), ("sk", "IN"), ("epoch", "x")].map(|(k, v)| (k.to_owned(), text(v))).into());
        let error = item.get::<foz_domain::Epoch>("epoch").unwrap_err().to_string();
        assert!(error.starts_with("item G#a/IN of the catalog is damaged: epoch:"), "{error}");
        assert!(item.get::<u64>("nothing").is_err());
        assert_eq!(item.or_zero::<u64>("nothing").unwrap(), 0);
    }
}
