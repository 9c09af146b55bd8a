//! From shapes to a stream of `pipeline.yaml`.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

use arrow::datatypes::{Field as ArrowField, Schema};
use foz_pipeline::names::needs_quotes;
use foz_pipeline::{DataType, Path, limits};

use super::shape::Shape;

/// A proposed column.
#[derive(Debug)]
pub struct Proposed {
    pub name: String,
    pub ty: DataType,
    pub from: Path,
    /// Messages in which it is missing or null.
    pub without: u64,
    /// Different values, as far as they were counted.
    pub distinct: usize,
    pub remarks: Vec<String>,
}

/// A proposed stream.
#[derive(Debug)]
pub struct Proposal {
    pub name: String,
    pub messages: u64,
    pub columns: Vec<Proposed>,
    /// Columns that may identify an entity, the likeliest first.
    pub keys: Vec<String>,
    /// Columns that may say which state is newer.
    pub versions: Vec<String>,
}

/// Makes a name that columns and streams may have.
pub fn name_of(text: &str) -> String {
    let mut name = String::new();
    let mut previous = ' ';
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            let new_word = c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit());
            if new_word && !name.ends_with('_') {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        previous = c;
    }
    let mut name = name.trim_matches('_').to_owned();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name = format!("c_{name}").trim_end_matches('_').to_owned();
    }
    if name == "ref" {
        name = "ref_".to_owned();
    }
    name.truncate(60);
    name
}

impl Proposal {
    /// What to write about messages of that shape; `distinct` holds hashes of each member's values.
    pub fn of(name: &str, messages: u64, shape: &Shape, distinct: impl Fn(&str) -> Option<usize>) -> Self {
        let mut taken = BTreeSet::new();
        let mut columns = Vec::new();
        for (member, shape) in shape.fields() {
            let base = name_of(member);
            let name = (1..)
                .map(|n| if n == 1 { base.clone() } else { format!("{base}_{n}") })
                .find(|name| !taken.contains(name));
            let Some(name) = name else { continue };
            taken.insert(name.clone());
            let mut remarks = Vec::new();
            let ty = possible(shape.data_type(&mut remarks), &mut remarks);
            let without = messages.saturating_sub(shape.values());
            columns.push(Proposed {
                name,
                ty,
                from: Path::top(member),
                without,
                distinct: distinct(member).unwrap_or(0),
                remarks,
            });
        }
        let keys = keys(&columns, messages);
        let newer = |column: &&Proposed| {
            let named =
                ["updated", "modified", "changed", "version", "revision"].iter().any(|word| column.name.contains(word));
            named && column.ty.can_be_version() && column.ty != DataType::String
        };
        let versions = columns.iter().filter(newer).map(|column| column.name.clone()).collect();
        Self { name: name_of(name), messages, columns, keys, versions }
    }

    /// YAML to stand under `streams:`.
    pub fn yaml(&self) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let name = |name: &str| if needs_quotes(name) { format!("\"{name}\"") } else { name.to_owned() };
        let keys: Vec<_> = self.keys.iter().map(|key| name(key)).collect();
        writeln!(out, "  {}:", name(&self.name))?;
        writeln!(out, "    queue: {}.state", self.name)?;
        match keys.split_first() {
            None => writeln!(out, "    key: []  # no column is in every message: which ones identify an entity?")?,
            Some((key, [])) => writeln!(out, "    key: [{key}]")?,
            Some((key, others)) => writeln!(out, "    key: [{key}]  # or {}", others.join(", "))?,
        }
        if let Some(version) = self.versions.first() {
            writeln!(
                out,
                "    # version: {}  # if it, not the order of arrival, says which state is newer",
                name(version)
            )?;
        }
        writeln!(out, "    columns:")?;
        for column in &self.columns {
            let ty = column.ty.to_string().replace("bigint", "long");
            let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_$.()".contains(c));
            let quoted =
                |text: &str| if plain(text) { text.to_owned() } else { serde_json::Value::from(text).to_string() };
            let value = if column.from.is_top(&column.name) {
                quoted(&ty)
            } else {
                format!("{{ type: {}, from: {} }}", quoted(&ty), quoted(&column.from.to_string()))
            };
            let mut remarks = column.remarks.clone();
            if column.without > 0 && column.without < self.messages {
                remarks.insert(0, format!("null or missing in {} of {}", column.without, self.messages));
            }
            let remarks = if remarks.is_empty() { String::new() } else { format!("  # {}", remarks.join("; ")) };
            // A remark may repeat a member's name, which may hold anything.
            let remarks: String = remarks.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            writeln!(out, "      {}: {value}{remarks}", name(&column.name))?;
        }
        Ok(())
    }
}

/// The type, or text where no table can have such a column.
fn possible(ty: DataType, remarks: &mut Vec<String>) -> DataType {
    let column = ArrowField::new("c", foz_engine::types::arrow(&ty), true);
    let text = ty.to_string();
    let long = text.len() > limits::TYPE_TEXT.most;
    if !long && foz_lake::impossible(&Schema::new(vec![column])).is_none() {
        return ty;
    }
    *remarks = vec!["fields that no table can have; kept as JSON".to_owned()];
    DataType::String
}

/// Columns that are in every message and can be keys, the likeliest first, three at most.
fn keys(columns: &[Proposed], messages: u64) -> Vec<String> {
    let time = |ty: &DataType| {
        matches!(ty, DataType::Timestamp | DataType::TimestampNtz | DataType::Boolean | DataType::Decimal { .. })
    };
    let usable = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.without == 0 && column.ty.can_be_key() && !time(&column.ty));
    let scored = usable.map(|(i, column)| (score(i, column, messages), column.name.as_str()));
    let mut scored: Vec<((u8, f64), &str)> = scored.collect();
    scored.sort_by(|(a, _), (b, _)| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
    // Beside a name that says so, names that do not are no choice.
    let best = scored.first().map_or(0, |((named, _), _)| *named);
    let likely = scored.iter().filter(|((named, _), _)| *named > 0 || best == 0);
    likely.take(3).map(|(_, name)| (*name).to_owned()).collect()
}

/// How much the name, then place and variety speak for a key. States repeat their key, so values need not be unique.
fn score(place: usize, column: &Proposed, messages: u64) -> (u8, f64) {
    let name = column.name.as_str();
    let named = match name {
        "id" | "key" | "uuid" => 3,
        _ if ["_id", "_key", "_uuid"].iter().any(|end| name.ends_with(end)) => 2,
        _ if ["_no", "code", "number"].iter().any(|end| name.ends_with(end)) => 1,
        _ => 0,
    };
    (named, 1.0 / (place as f64 + 1.0) + column.distinct as f64 / messages.max(1) as f64)
}

/// Counts different values up to a limit, so that memory is bounded.
#[derive(Debug, Default)]
pub struct Distinct(HashSet<u64>);

impl Distinct {
    const MOST: usize = 100_000;

    pub fn add(&mut self, value: &str) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        if self.0.len() < Self::MOST {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            self.0.insert(hasher.finish());
        }
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_3_only_what_a_table_can_have_is_proposed() {
        let check = |text: &str, proposed: &str| {
            let mut remarks = Vec::new();
            assert_eq!(possible(text.parse().unwrap(), &mut remarks).to_string(), proposed);
            assert_eq!(remarks.is_empty(), text == proposed);
        };
        check("struct<`a.b`:int,c:int>", "struct<`a.b`:int,c:int>");
        check("struct<`a.b`:int,a:struct<b:int>>", "string");
        check("array<struct<`a.b`:int,a:struct<b:int>>>", "string");
    }

    #[test]
    fn names() {
        let cases = [
            ("flightId", "flight_id"),
            ("Tail Number", "tail_number"),
            ("URL", "url"),
            ("_x-y_", "x_y"),
            ("2nd", "c_2nd"),
            ("ref", "ref_"),
            ("é", "c"),
            ("a1B", "a1_b"),
        ];
        for (text, name) in cases {
            assert_eq!(name_of(text), name);
            assert!(foz_domain::ids::is_name(&name_of(text)), "{text}");
        }
    }
}
