//! What was seen in one place of all messages, and the type that holds it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use foz_pipeline::types::MAX_DEPTH;
use foz_pipeline::{DataType, Field};
use serde_json::value::RawValue;

/// What a value that is not null looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Boolean,
    /// A whole number of 64 bits.
    Long,
    /// A whole number beyond.
    Huge,
    /// Another number.
    Double,
    /// Another number with more digits than a double keeps.
    Precise,
    /// Text like `12.50`.
    Decimal,
    /// Text like `2026-01-31`.
    Date,
    /// Text like `2026-01-31T12:00:00Z`.
    Timestamp,
    /// The same without a zone.
    LocalTimestamp,
    /// Any other text.
    Text,
    List,
    Object,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Long | Self::Huge => "whole number",
            Self::Double | Self::Precise => "number",
            Self::Decimal => "decimal text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::LocalTimestamp => "timestamp without a zone",
            Self::Text => "text",
            Self::List => "list",
            Self::Object => "object",
        }
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::Decimal | Self::Date | Self::Timestamp | Self::LocalTimestamp | Self::Text)
    }
}

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
            [Kind::Long] => DataType::Long,
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
            _ if only(&[Kind::Long, Kind::Huge, Kind::Double, Kind::Precise, Kind::Decimal]) => self.decimal(remarks),
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

/// The digits of a text that writes a decimal number, and nothing but one: no leading zeros, always a point.
fn decimal(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let natural = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    (natural && digits(fraction)).then_some((whole, fraction))
}

/// The kind of a text that writes a day or an instant.
fn time(text: &str) -> Option<Kind> {
    let number = |range: std::ops::Range<usize>, low: u32, high: u32| {
        let digits = text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok().filter(|n| (low..=high).contains(n))
    };
    let is = |at: usize, among: &[u8]| text.as_bytes().get(at).is_some_and(|byte| among.contains(byte));
    number(0..4, 0, 9999)?;
    number(5..7, 1, 12)?;
    number(8..10, 1, 31)?;
    if !is(4, b"-") || !is(7, b"-") {
        return None;
    }
    if text.len() == 10 {
        return Some(Kind::Date);
    }
    number(11..13, 0, 23)?;
    number(14..16, 0, 59)?;
    number(17..19, 0, 60)?;
    if !is(10, b"T ") || !is(13, b":") || !is(16, b":") {
        return None;
    }
    let rest = text.get(19..)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return None;
            }
            zone
        }
        None => rest,
    };
    let offset = rest.strip_prefix(['+', '-']).is_some_and(|offset| {
        let digits: Vec<u8> = offset.bytes().filter(|byte| *byte != b':').collect();
        matches!(offset.len(), 4 | 5) && digits.len() == 4 && digits.iter().all(u8::is_ascii_digit)
    });
    match rest {
        "" => Some(Kind::LocalTimestamp),
        "Z" => Some(Kind::Timestamp),
        _ if offset => Some(Kind::Timestamp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &str, ty: &str, remarks: &[&str]) {
        let mut shape = Shape::default();
        for value in serde_json::from_str::<Vec<&RawValue>>(&format!("[{values}]")).unwrap() {
            shape.add(value).unwrap();
        }
        let mut found = Vec::new();
        assert_eq!(shape.data_type(&mut found).to_string(), ty, "{values}");
        assert_eq!(found, remarks, "{values}");
    }

    #[test]
    fn primitives() {
        check("null, null", "string", &["always null"]);
        check("true, null, false", "boolean", &[]);
        check("1, -9223372036854775808", "bigint", &[]);
        check("1, 9223372036854775808", "decimal(19,0)", &[]);
        check("1, 2.5, 1e300", "double", &[]);
        check("1.5, 0.1234567890123456", "decimal(18,16)", &[]);
        check("\"12.50\", \"-3.999\"", "decimal(18,3)", &["text that looks like numbers; write string if it is none"]);
        check("\"12.50\", \"n/a\"", "string", &[]);
        check("\"007.5\", \"12\"", "string", &[]);
        check("1, \"a\"", "string", &["mixed: 1 × whole number, 1 × text; kept as text"]);
    }

    #[test]
    fn times() {
        check("\"2026-01-31\"", "date", &[]);
        check("\"2026-13-31\"", "string", &[]);
        check("\"2026-01-31T12:00:00Z\", \"2026-01-31 12:00:00.123456+01:00\"", "timestamp", &[]);
        check("\"2026-01-31T12:00:00\"", "timestamp_ntz", &[]);
        check(
            "\"2026-01-31T12:00:00\", \"2026-01-31T12:00:00+0100\"",
            "timestamp",
            &["some without a zone, which are taken as UTC"],
        );
        check("\"2026-01-31\", \"2026-01-31T12:00:00Z\"", "string", &["mixed: 1 × date, 1 × timestamp; kept as text"]);
        check("\"2026-01-31T12:00:00 CET\"", "string", &[]);
        check("\"2026-01-31é2:00:00\"", "string", &[]);
    }

    #[test]
    fn nested() {
        check("[1, 2], [], [2.5]", "array<double>", &[]);
        check("[]", "array<string>", &["always empty"]);
        check(
            "{\"b\": 1, \"a\": {\"A b\": null}}, {\"c\": [true]}",
            "struct<b:bigint,a:struct<`A b`:string>,c:array<boolean>>",
            &["a: A b: always null"],
        );
        check("{}", "string", &["always {}; kept as JSON"]);
        check("{\"a\": 1, \"A\": 2}", "string", &["names that no struct can have; kept as JSON"]);
        check("{}, 1", "string", &["mixed: 1 × whole number, 1 × object; kept as text"]);
        let objects: Vec<_> = (0..30).map(|n| format!("{{\"k{n}\": {n}}}")).collect();
        check(&objects.join(","), "map<string,bigint>", &["names that vary: a map"]);
    }

    #[test]
    fn types_are_as_deep_as_a_definition_allows() {
        let list = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let ty = |depth: usize, inner: &str| format!("{}{inner}{}", "array<".repeat(depth), ">".repeat(depth));
        check(&list(MAX_DEPTH), &ty(MAX_DEPTH, "bigint"), &[]);
        let remark = format!("{}nested deeper than types can be; kept as JSON", "elements: ".repeat(MAX_DEPTH));
        check(&list(MAX_DEPTH + 1), &ty(MAX_DEPTH, "string"), &[&remark]);
        assert!(ty(MAX_DEPTH, "string").parse::<DataType>().is_ok());
        assert!(ty(MAX_DEPTH + 1, "string").parse::<DataType>().is_err());
    }

    /// Comparing each name with each other one would take hours, as would looking at each part of the nested types twice.
    #[test]
    fn wide_and_deep_objects_are_typed_in_one_pass() {
        let members: Vec<_> = (0..200_000).map(|n| format!("\"m{n}\":1")).collect();
        let mut shape = Shape::default();
        shape.add_object(&format!("{{{}}}", members.join(","))).unwrap();
        let DataType::Struct(fields) = shape.data_type(&mut Vec::new()) else { panic!("no struct") };
        assert_eq!(fields.len(), 200_000);

        // Looks like a map at each depth, until the types are compared.
        let mut shape = Shape::default();
        let others: String = (0..30).map(|n| format!(",\"k{n}\":null")).collect();
        let nested =
            (0..MAX_DEPTH - 1).fold("1".to_owned(), |inner, _| format!("{{\"a\":{inner},\"b\":true{others}}}"));
        shape.add_object(&nested).unwrap();
        let deepest = std::iter::successors(Some(shape.data_type(&mut Vec::new())), |ty| match ty {
            DataType::Struct(fields) => Some(fields[0].ty.clone()),
            _ => None,
        });
        assert_eq!(deepest.last(), Some(DataType::Long));
    }
}
