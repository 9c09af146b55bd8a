//! Column types, spelled as Spark SQL spells them.

use std::fmt;
use std::str::FromStr;

use crate::problem::similar;
use foz_domain::ids::is_name;

/// The type of a column or of a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DataType {
    /// `boolean`
    Boolean,
    /// `int`: 32 bits, signed. `tinyint` and `smallint` are read as this, since Iceberg has neither.
    Int,
    /// `bigint` or `long`: 64 bits, signed.
    Long,
    /// `float`: 32 bits.
    Float,
    /// `double`: 64 bits.
    Double,
    /// `decimal(precision,scale)`: exact.
    Decimal {
        /// Number of digits in all, 1 to 38.
        precision: u8,
        /// Number of digits after the point, 0 to `precision`.
        scale: u8,
    },
    /// `string`: UTF-8.
    String,
    /// `binary`: bytes; in JSON a base64 string.
    Binary,
    /// `date`: a day without time or zone.
    Date,
    /// `timestamp`: an instant, kept in UTC to the microsecond.
    Timestamp,
    /// `timestamp_ntz`: day and time of day without a zone, to the microsecond.
    TimestampNtz,
    /// `array<element>`
    List(Box<DataType>),
    /// `map<key,value>`; the key is a primitive, written as a JSON object's key.
    Map(Box<DataType>, Box<DataType>),
    /// `struct<name:type,…>`
    Struct(Vec<Field>),
}

/// A named part of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name, in the case in which it was written.
    pub name: String,
    pub ty: DataType,
}

impl DataType {
    /// Whether the type has no parts.
    pub const fn is_primitive(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(..) | Self::Struct(_))
    }

    /// Whether values have one canonical JSON text, so that equal keys are equal texts.
    pub const fn can_be_key(&self) -> bool {
        self.is_primitive() && !matches!(self, Self::Float | Self::Double | Self::Binary)
    }

    /// Whether any two values compare the same way in every engine.
    pub const fn can_be_version(&self) -> bool {
        self.can_be_key() && !matches!(self, Self::Boolean)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Int => f.write_str("int"),
            Self::Long => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::String => f.write_str("string"),
            Self::Binary => f.write_str("binary"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampNtz => f.write_str("timestamp_ntz"),
            Self::List(element) => write!(f, "array<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, Field { name, ty }) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    if is_name(name) {
                        write!(f, "{comma}{name}:{ty}")?;
                    } else {
                        write!(f, "{comma}`{}`:{ty}", name.replace('`', "``"))?;
                    }
                }
                f.write_str(">")
            }
        }
    }
}

/// What is wrong with the text of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct TypeError {
    /// What is wrong.
    pub what: String,
    /// What to write instead; `None` if nothing is known.
    pub instead: Option<String>,
}

impl FromStr for DataType {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        let mut reader = Reader { text, rest: text };
        let ty = reader.data_type(0)?;
        if reader.peek().is_some() { Err(reader.wrong("the end")) } else { Ok(ty) }
    }
}

/// How deep types may nest. Deeper nesting is a mistake or an attack; Spark and Athena grow slow long before.
pub const MAX_DEPTH: usize = 32;

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn wrong(&mut self, expected: &str) -> TypeError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(c) => format!("\"{c}\""),
        };
        let cut_off = found == "the end" && self.text.contains(['(', '<']);
        TypeError {
            what: format!("the type \"{}\" has {found} where {expected} should be", self.text),
            instead: cut_off.then(|| "a type with a comma needs quotes inside { }: \"decimal(10,2)\"".to_owned()),
        }
    }

    fn accept(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.rest = &self.rest[c.len_utf8()..];
        }
        found
    }

    fn expect(&mut self, c: char) -> Result<(), TypeError> {
        if self.accept(c) { Ok(()) } else { Err(self.wrong(&format!("\"{c}\""))) }
    }

    fn word(&mut self, expected: &str) -> Result<String, TypeError> {
        self.peek();
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        if end == 0 {
            return Err(self.wrong(expected));
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn number(&mut self) -> Result<u8, TypeError> {
        let word = self.word("a number")?;
        word.parse().map_err(|_| TypeError { what: format!("\"{word}\" is not a number of digits"), instead: None })
    }

    fn name(&mut self) -> Result<String, TypeError> {
        if !self.accept('`') {
            return self.word("a field name");
        }
        let mut name = String::new();
        loop {
            let Some(end) = self.rest.find('`') else { return Err(self.wrong("a closing \"`\"")) };
            name.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            // Two backquotes stand for one; peek() would skip spaces here.
            if !self.rest.starts_with('`') {
                return Ok(name);
            }
            name.push('`');
            self.rest = &self.rest[1..];
        }
    }

    fn data_type(&mut self, depth: usize) -> Result<DataType, TypeError> {
        if depth > MAX_DEPTH {
            return Err(TypeError { what: format!("types nest deeper than {MAX_DEPTH}"), instead: None });
        }
        let word = self.word("a type")?;
        Ok(match word.to_ascii_lowercase().as_str() {
            "boolean" => DataType::Boolean,
            "tinyint" | "byte" | "smallint" | "short" | "int" | "integer" => DataType::Int,
            "bigint" | "long" => DataType::Long,
            "float" | "real" => DataType::Float,
            "double" => DataType::Double,
            "decimal" | "dec" | "numeric" => self.decimal()?,
            "string" => DataType::String,
            "binary" => DataType::Binary,
            "date" => DataType::Date,
            "timestamp" | "timestamp_ltz" => DataType::Timestamp,
            "timestamp_ntz" => DataType::TimestampNtz,
            "array" => {
                self.expect('<')?;
                let element = self.data_type(depth + 1)?;
                self.expect('>')?;
                DataType::List(Box::new(element))
            }
            "map" => self.map(depth)?,
            "struct" => DataType::Struct(self.fields(depth)?),
            other => return Err(unknown(other)),
        })
    }

    fn decimal(&mut self) -> Result<DataType, TypeError> {
        let (mut precision, mut scale) = (10, 0);
        if self.accept('(') {
            precision = self.number()?;
            if self.accept(',') {
                scale = self.number()?;
            }
            self.expect(')')?;
        }
        if !(1..=38).contains(&precision) || scale > precision {
            let what = format!("decimal({precision},{scale}) is not possible");
            let instead = Some("1 to 38 digits, of which at most all stand after the point".to_owned());
            return Err(TypeError { what, instead });
        }
        Ok(DataType::Decimal { precision, scale })
    }

    fn map(&mut self, depth: usize) -> Result<DataType, TypeError> {
        self.expect('<')?;
        let key = self.data_type(depth + 1)?;
        if !key.can_be_key() {
            let what = format!("a map's key cannot be {key}");
            return Err(TypeError { what, instead: Some("string".to_owned()) });
        }
        self.expect(',')?;
        let value = self.data_type(depth + 1)?;
        self.expect('>')?;
        Ok(DataType::Map(Box::new(key), Box::new(value)))
    }

    fn fields(&mut self, depth: usize) -> Result<Vec<Field>, TypeError> {
        self.expect('<')?;
        let mut fields: Vec<Field> = Vec::new();
        loop {
            let name = self.name()?;
            self.expect(':')?;
            let ty = self.data_type(depth + 1)?;
            // Athena and Spark do not tell them apart by case.
            if fields.iter().any(|field| field.name.to_lowercase() == name.to_lowercase()) {
                let what = format!("the struct has two fields named \"{name}\" (case does not count)");
                return Err(TypeError { what, instead: None });
            }
            fields.push(Field { name, ty });
            if !self.accept(',') {
                break;
            }
        }
        self.expect('>')?;
        Ok(fields)
    }
}

const NAMES: [&str; 14] = [
    "boolean",
    "int",
    "long",
    "bigint",
    "float",
    "double",
    "decimal",
    "string",
    "binary",
    "date",
    "timestamp",
    "array",
    "map",
    "struct",
];

fn unknown(word: &str) -> TypeError {
    let instead = match word {
        "text" | "varchar" | "char" | "str" | "uuid" => Some("string"),
        "json" | "object" | "record" => Some("struct<name:type,…>, or string for the JSON text"),
        "list" => Some("array<type>"),
        "bool" => Some("boolean"),
        "number" | "num" => Some("double, or decimal(18,2) where every digit counts"),
        "int64" | "integer64" => Some("long"),
        "datetime" | "timestamptz" => Some("timestamp"),
        "bytes" | "blob" => Some("binary"),
        _ => similar(word, NAMES),
    };
    TypeError { what: format!("unknown type \"{word}\""), instead: instead.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_type() -> impl Strategy<Value = DataType> {
        let leaf = prop_oneof![
            Just(DataType::Boolean),
            Just(DataType::Int),
            Just(DataType::Long),
            Just(DataType::Float),
            Just(DataType::Double),
            (1u8..=38)
                .prop_flat_map(|p| (Just(p), 0..=p))
                .prop_map(|(precision, scale)| DataType::Decimal { precision, scale }),
            Just(DataType::String),
            Just(DataType::Binary),
            Just(DataType::Date),
            Just(DataType::Timestamp),
            Just(DataType::TimestampNtz),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|ty| DataType::List(Box::new(ty))),
                (Just(DataType::String), inner.clone()).prop_map(|(k, v)| DataType::Map(Box::new(k), Box::new(v))),
                prop::collection::btree_map("[a-zäß`:<> ,]{1,6}", inner, 1..4)
                    .prop_filter("names differ beyond their case", |fields| {
                        fields.keys().map(|name| name.to_lowercase()).collect::<std::collections::BTreeSet<_>>().len()
                            == fields.len()
                    })
                    .prop_map(|fields| DataType::Struct(
                        fields.into_iter().map(|(name, ty)| Field { name, ty }).collect()
                    )),
            ]
        })
    }

    proptest! {
        #[test]
        fn types_round_trip(ty in any_type()) {
            prop_assert_eq!(ty.to_string().parse::<DataType>(), Ok(ty));
        }

        #[test]
        fn no_text_is_fatal(text in ".{0,40}") {
            let _ = text.parse::<DataType>();
        }
    }

    #[test]
    fn spellings() {
        let same = |text: &str, canonical: &str| assert_eq!(text.parse::<DataType>().unwrap().to_string(), canonical);
        same("LONG", "bigint");
        same("tinyint", "int");
        same("decimal", "decimal(10,0)");
        same("numeric( 5 )", "decimal(5,0)");
        same("array < struct< a: int, b :decimal(10, 2) > >", "array<struct<a:int,b:decimal(10,2)>>");
        same("struct<`a b`:int,Name:string,`x``y`:date>", "struct<`a b`:int,`Name`:string,`x``y`:date>");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let check = |text: &str, what: &str, instead: Option<&str>| {
            let error = text.parse::<DataType>().unwrap_err();
            assert_eq!((error.what.as_str(), error.instead.as_deref()), (what, instead), "{text}");
        };
        check("strng", "unknown type \"strng\"", Some("string"));
        check("varchar", "unknown type \"varchar\"", Some("string"));
        check("xyzzy", "unknown type \"xyzzy\"", None);
        check("", "the type \"\" has the end where a type should be", None);
        check("int>", "the type \"int>\" has \">\" where the end should be", None);
        check(
            "decimal(10",
            "the type \"decimal(10\" has the end where \")\" should be",
            Some("a type with a comma needs quotes inside { }: \"decimal(10,2)\""),
        );
        check(
            "decimal(39,2)",
            "decimal(39,2) is not possible",
            Some("1 to 38 digits, of which at most all stand after the point"),
        );
        check("map<double,int>", "a map's key cannot be double", Some("string"));
        check("struct<a:int,A:int>", "the struct has two fields named \"A\" (case does not count)", None);
        check(&"array<".repeat(100), "types nest deeper than 32", None);
    }
}
