//! What was seen in one place of all messages, and the type that holds it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use foz_pipeline::types::MAX_DEPTH;
use foz_pipeline::{DataType, Field};
use serde_json::value::RawValue;

use super::kind::{EXACT, Kind, decimal, time};

/// Whether the names in objects differ, in those within as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Names {
    Once,
    /// Some object has a name twice.
    Twice,
}

/// What was seen in one place.
#[derive(Debug, Default)]
pub struct Shape {
    /// Values that are not null, by kind.
    kinds: BTreeMap<Kind, u64>,
    /// Most digits before and after the point, of numbers without an exponent and of decimal texts.
    digits: (usize, usize),
    /// Some number has an exponent, so its digits are not counted.
    exponent: bool,
    /// Members of objects, with the order in which they were first seen.
    fields: BTreeMap<String, (usize, Shape)>,
    /// Elements of lists.
    items: Option<Box<Shape>>,
}

impl Shape {
    /// Takes a value in.
    pub fn add(&mut self, value: &RawValue) -> serde_json::Result<Names> {
        let text = value.get();
        let mut names = Names::Once;
        let kind = match text.as_bytes().first() {
            Some(b'n') => return Ok(names),
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'"') => self.kind_of_text(&serde_json::from_str::<Cow<'_, str>>(text)?),
            Some(b'[') => {
                let items = self.items.get_or_insert_default();
                for item in serde_json::from_str::<Vec<&RawValue>>(text)? {
                    names = names.max(items.add(item)?);
                }
                Kind::List
            }
            Some(b'{') => return self.add_object(text),
            _ => self.kind_of_number(text),
        };
        *self.kinds.entry(kind).or_default() += 1;
        Ok(names)
    }

    /// Takes an object in.
    pub fn add_object(&mut self, text: &str) -> serde_json::Result<Names> {
        let Members(members) = serde_json::from_str(text)?;
        let different = members.iter().map(|(name, _)| name).collect::<HashSet<_>>().len();
        let mut names = if different < members.len() { Names::Twice } else { Names::Once };
        for (name, value) in members {
            let next = self.fields.len();
            let (_, field) = self.fields.entry(name).or_insert_with(|| (next, Self::default()));
            names = names.max(field.add(value)?);
        }
        *self.kinds.entry(Kind::Object).or_default() += 1;
        Ok(names)
    }

    /// Number of values that are not null.
    pub fn values(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// The members of the objects, in the order in which they were first seen.
    pub fn fields(&self) -> Vec<(&str, &Self)> {
        let mut fields: Vec<_> =
            self.fields.iter().map(|(name, (order, shape))| (*order, name.as_str(), shape)).collect();
        fields.sort_unstable_by_key(|(order, ..)| *order);
        fields.into_iter().map(|(_, name, shape)| (name, shape)).collect()
    }

    fn kind_of_number(&mut self, text: &str) -> Kind {
        let digits = text.trim_start_matches('-');
        if digits.contains(['e', 'E']) {
            self.exponent = true;
            return Kind::Double;
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        self.count_digits(whole, fraction);
        match (fraction.is_empty(), text.parse::<i64>()) {
            (true, Ok(number)) if number.unsigned_abs() > EXACT => Kind::Wide,
            (true, Ok(_)) => Kind::Long,
            (true, Err(_)) => Kind::Huge,
            // A double keeps any 15 digits.
            _ if whole.trim_start_matches('0').len() + fraction.len() > 15 => Kind::Precise,
            _ => Kind::Double,
        }
    }

    fn kind_of_text(&mut self, text: &str) -> Kind {
        if let Some((whole, fraction)) = decimal(text) {
            self.count_digits(whole, fraction);
            return Kind::Decimal;
        }
        time(text).unwrap_or(Kind::Text)
    }

    fn count_digits(&mut self, whole: &str, fraction: &str) {
        self.digits = (self.digits.0.max(whole.len()), self.digits.1.max(fraction.len()));
    }

    /// The type that holds all values, and remarks on it, each with the path from here.
    pub fn data_type(&self, remarks: &mut Vec<String>) -> DataType {
        self.type_at(0, remarks)
    }

    /// The same inside of `depth` other types.
    fn type_at(&self, depth: usize, remarks: &mut Vec<String>) -> DataType {
        let kinds: Vec<Kind> = self.kinds.keys().copied().collect();
        let only = |allowed: &[Kind]| kinds.iter().all(|kind| allowed.contains(kind));
        match kinds.as_slice() {
            [] => {
                remarks.push("always null".to_owned());
                DataType::String
            }
            [Kind::Boolean] => DataType::Boolean,
            [Kind::Long | Kind::Wide] | [Kind::Long, Kind::Wide] => DataType::Long,
            [Kind::Date] => DataType::Date,
            [Kind::Timestamp] => DataType::Timestamp,
            [Kind::LocalTimestamp] => DataType::TimestampNtz,
            [Kind::List | Kind::Object] if depth >= MAX_DEPTH => {
                remarks.push("nested deeper than types can be; kept as JSON".to_owned());
                DataType::String
            }
            [Kind::List] => self.list(depth, remarks),
            [Kind::Object] => self.object(depth, remarks),
            _ if only(&[Kind::Long, Kind::Double]) => DataType::Double,
            _ if only(&[Kind::Long, Kind::Wide, Kind::Huge, Kind::Double, Kind::Precise, Kind::Decimal]) => {
                self.decimal(remarks)
            }
            _ if only(&[Kind::Timestamp, Kind::LocalTimestamp]) => {
                remarks.push("some without a zone, which are taken as UTC".to_owned());
                DataType::Timestamp
            }
            _ if kinds.contains(&Kind::Text) && kinds.iter().all(|kind| kind.is_text()) => DataType::String,
            _ => {
                let mix: Vec<_> = self.kinds.iter().map(|(kind, n)| format!("{n} × {}", kind.name())).collect();
                remarks.push(format!("mixed: {}; kept as text", mix.join(", ")));
                DataType::String
            }
        }
    }

    fn decimal(&self, remarks: &mut Vec<String>) -> DataType {
        let (whole, scale) = self.digits;
        // Room to grow, within the 18 digits that engines hold in one word.
        let precision = (whole + scale).max(18);
        if self.exponent || precision > 38 {
            remarks.push("numbers that no decimal holds; kept as text".to_owned());
            return DataType::String;
        }
        if self.kinds.contains_key(&Kind::Decimal) {
            remarks.push("text that looks like numbers; write string if it is none".to_owned());
        }
        // Both are at most 38.
        DataType::Decimal { precision: precision as u8, scale: scale as u8 }
    }

    fn list(&self, depth: usize, remarks: &mut Vec<String>) -> DataType {
        let mut within = Vec::new();
        let element = self.items.as_ref().map_or(DataType::String, |items| items.type_at(depth + 1, &mut within));
        if self.items.as_ref().is_none_or(|items| items.values() == 0) {
            within = vec!["always empty".to_owned()];
        } else {
            within.iter_mut().for_each(|remark| *remark = format!("elements: {remark}"));
        }
        remarks.append(&mut within);
        DataType::List(Box::new(element))
    }

    fn object(&self, depth: usize, remarks: &mut Vec<String>) -> DataType {
        let mut within = Vec::new();
        let typed = self.fields().into_iter().map(|(name, shape)| {
            let mut remarks = Vec::new();
            let ty = shape.type_at(depth + 1, &mut remarks);
            within.extend(remarks.into_iter().map(|remark| format!("{name}: {remark}")));
            (Field { name: name.to_owned(), ty }, shape.values() > 0)
        });
        let typed: Vec<(Field, bool)> = typed.collect();
        if let Some(value) = self.map_value(&typed) {
            remarks.push("names that vary: a map".to_owned());
            return DataType::Map(Box::new(DataType::String), Box::new(value));
        }
        // Case does not count in a struct.
        let mut names = HashSet::new();
        let impossible = |(field, _): &(Field, bool)| field.name.is_empty() || !names.insert(field.name.to_lowercase());
        let instead = if typed.is_empty() {
            "always {}; kept as JSON"
        } else if typed.iter().any(impossible) {
            "names that no struct can have; kept as JSON"
        } else {
            remarks.append(&mut within);
            return DataType::Struct(typed.into_iter().map(|(field, _)| field).collect());
        };
        remarks.push(instead.to_owned());
        DataType::String
    }

    /// The type of the values, if the objects are maps: many names, each in few of the objects, all of one type. Of each
    /// field it is told whether it ever has a value.
    fn map_value(&self, typed: &[(Field, bool)]) -> Option<DataType> {
        let objects = self.kinds.get(&Kind::Object).copied().unwrap_or(0);
        let names = self.fields.len() as u64;
        let members: u64 = self.fields.values().map(|(_, shape)| shape.values()).sum();
        if names < 20 || members * 2 > names * objects {
            return None;
        }
        let mut types = typed.iter().filter(|(_, has_values)| *has_values).map(|(field, _)| &field.ty);
        let first = types.next()?;
        types.all(|ty| ty == first).then(|| first.clone())
    }
}

/// The members of an object, in its order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests;
