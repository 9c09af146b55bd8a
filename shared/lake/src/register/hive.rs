//! Types of columns as Glue keeps them: in the grammar of Hive.

use std::collections::BTreeSet;

use iceberg::spec::{NestedFieldRef, PrimitiveType, Type};

/// The text by which Hive, and so Glue, knows an Iceberg type.
pub(crate) fn hive(kind: &Type) -> String {
    match kind {
        Type::Primitive(primitive) => match primitive {
            PrimitiveType::Boolean => "boolean".to_owned(),
            PrimitiveType::Int => "int".to_owned(),
            PrimitiveType::Long => "bigint".to_owned(),
            PrimitiveType::Float => "float".to_owned(),
            PrimitiveType::Double => "double".to_owned(),
            PrimitiveType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            PrimitiveType::Date => "date".to_owned(),
            PrimitiveType::Timestamp
            | PrimitiveType::Timestamptz
            | PrimitiveType::TimestampNs
            | PrimitiveType::TimestamptzNs => "timestamp".to_owned(),
            PrimitiveType::Time | PrimitiveType::String | PrimitiveType::Uuid => "string".to_owned(),
            PrimitiveType::Fixed(_) | PrimitiveType::Binary => "binary".to_owned(),
        },
        Type::Struct(fields) => {
            let names = names(fields.fields());
            let fields = fields.fields().iter().zip(names).map(|(f, name)| format!("{name}:{}", hive(&f.field_type)));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        Type::List(list) => format!("array<{}>", hive(&list.element_field.field_type)),
        Type::Map(map) => {
            format!("map<{},{}>", hive(&map.key_field.field_type), hive(&map.value_field.field_type))
        }
    }
}

/// Whether a name in Hive's grammar may hold the character: it takes `_`, `.`, and what Java calls a letter or a digit.
///
/// Java looks at halves of characters beyond the first plane, and takes neither marks nor number signs, which Rust counts
/// among what is alphanumeric. These scripts' letters are letters to every release of it.
fn in_names(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => c.is_ascii_alphanumeric() || matches!(c, '_' | '.'),
        // A combining mark, though a lower case one.
        '\u{345}' => false,
        // Latin, Greek, Cyrillic and others with two cases.
        '\u{80}'..'\u{2000}' if c.is_lowercase() || c.is_uppercase() => true,
        // Hebrew, Arabic, Hiragana, Katakana, Chinese, Hangul.
        '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' => true,
        '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => true,
        _ => false,
    }
}

/// The names of a struct's fields as Hive's grammar can read them, which knows no quotes. What it does not take becomes `_`,
/// and names that are equal by that are numbered.
///
/// Athena, Trino, Spark and all others that read the table take the names from Iceberg's metadata, where they are as they
/// were declared. Only who reads Glue's list of columns sees these.
fn names(fields: &[NestedFieldRef]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |field: &NestedFieldRef| {
        let readable = |c: char| if in_names(c) { c } else { '_' };
        let base: String = field.name.chars().map(readable).collect();
        let base = if base.is_empty() { "_".to_owned() } else { base };
        let numbered = (1_u32..).map(|n| if n == 1 { base.clone() } else { format!("{base}_{n}") });
        // Glue does not tell upper from lower case. There are fewer fields than numbers.
        let name = numbered.into_iter().find(|name| taken.insert(name.to_lowercase()));
        name.unwrap_or(base)
    };
    fields.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use iceberg::spec::{ListType, MapType, NestedField, StructType};
    use proptest::prelude::*;

    use super::*;

    fn record(names: &[&str]) -> Type {
        let field =
            |(id, name): (i32, &&str)| NestedField::optional(id, *name, Type::Primitive(PrimitiveType::Int)).into();
        Type::Struct(StructType::new((1..).zip(names).map(field).collect()))
    }

    /// Reads a text as Hive's `TypeInfoParser` does, and returns it with each name that a person chose as `?`; `None` if it
    /// cannot be read.
    fn parsed(text: &str) -> Option<String> {
        let mut tokens = Vec::new();
        for c in text.chars() {
            let named = c == '_' || c == '.' || JAVA_LETTERS.iter().any(|letters| letters.contains(&c));
            match tokens.last_mut() {
                Some((true, token)) if named => String::push(token, c),
                _ => tokens.push((named, c.to_string())),
            }
        }
        let mut tokens = tokens.into_iter().map(|(_, token)| token).peekable();
        let parsed = kind(&mut tokens)?;
        tokens.next().is_none().then_some(parsed)
    }

    /// What is certainly a letter or a digit to Java, as far as the names here have any.
    const JAVA_LETTERS: [std::ops::RangeInclusive<char>; 7] =
        ['0'..='9', 'A'..='Z', 'a'..='z', 'ß'..='ö', 'А'..='я', 'א'..='ת', '一'..='龥'];

    fn kind(tokens: &mut std::iter::Peekable<impl Iterator<Item = String>>) -> Option<String> {
        let expect = |tokens: &mut std::iter::Peekable<_>, c: &str| (Iterator::next(tokens)? == c).then_some(());
        let word = tokens.next()?;
        Some(match word.as_str() {
            "struct" => {
                expect(tokens, "<")?;
                let (mut names, mut fields) = (BTreeSet::new(), Vec::new());
                loop {
                    let name =
                        tokens.next().filter(|name| name.chars().all(|c| c.is_alphanumeric() || "_.".contains(c)))?;
                    names.insert(name.to_lowercase()).then_some(())?;
                    expect(tokens, ":")?;
                    fields.push(format!("?:{}", kind(tokens)?));
                    if tokens.peek()? != "," {
                        break;
                    }
                    expect(tokens, ",")?;
                }
                expect(tokens, ">")?;
                format!("struct<{}>", fields.join(","))
            }
            "array" => {
                expect(tokens, "<")?;
                let element = kind(tokens)?;
                expect(tokens, ">")?;
                format!("array<{element}>")
            }
            "map" => {
                expect(tokens, "<")?;
                let key = kind(tokens)?;
                expect(tokens, ",")?;
                let value = kind(tokens)?;
                expect(tokens, ">")?;
                format!("map<{key},{value}>")
            }
            "decimal" => {
                expect(tokens, "(")?;
                let precision: u8 = tokens.next()?.parse().ok()?;
                expect(tokens, ",")?;
                let scale: u8 = tokens.next()?.parse().ok()?;
                expect(tokens, ")")?;
                (scale <= precision && precision <= 38).then(|| format!("decimal({precision},{scale})"))?
            }
            "boolean" | "int" | "bigint" | "float" | "double" | "date" | "timestamp" | "string" | "binary" => word,
            _ => return None,
        })
    }

    /// The type in Hive's words, whatever its fields are called.
    fn shape(kind: &Type) -> String {
        match kind {
            Type::Struct(fields) => {
                let fields: Vec<_> =
                    fields.fields().iter().map(|field| format!("?:{}", shape(&field.field_type))).collect();
                format!("struct<{}>", fields.join(","))
            }
            Type::List(list) => format!("array<{}>", shape(&list.element_field.field_type)),
            Type::Map(map) => {
                format!("map<{},{}>", shape(&map.key_field.field_type), shape(&map.value_field.field_type))
            }
            Type::Primitive(_) => hive(kind),
        }
    }

    fn any_kind() -> impl Strategy<Value = Type> {
        use PrimitiveType::{Binary, Boolean, Date, Decimal, Double, Float, Int, Long, Timestamp, Timestamptz};
        let text = PrimitiveType::String;
        let plain = [Binary, Boolean, Date, Double, Float, Int, Long, text, Timestamp, Timestamptz];
        let decimals = (1u32..=38).prop_flat_map(|p| (Just(p), 0..=p));
        let leaf = prop_oneof![
            prop::sample::select(plain.to_vec()),
            decimals.prop_map(|(precision, scale)| Decimal { precision, scale }),
        ];
        let field = |(id, (name, kind)): (i32, (String, Type))| NestedField::optional(id, name, kind).into();
        leaf.prop_map(Type::Primitive).prop_recursive(32, 64, 4, move |inner| {
            let key = || NestedField::map_key_element(7, Type::Primitive(PrimitiveType::String)).into();
            // Letters, marks, signs, a letter beyond the first plane, and what the grammar itself consists of.
            let name = "[a-cA-Cßöжא漢0-9½²\u{345}\u{93f}\u{1d538} _.$`:,<>()\\\\-]{0,6}";
            prop_oneof![
                inner
                    .clone()
                    .prop_map(|kind| Type::List(ListType::new(NestedField::list_element(9, kind, false).into()))),
                inner.clone().prop_map(move |kind| {
                    Type::Map(MapType::new(key(), NestedField::map_value_element(8, kind, false).into()))
                }),
                prop::collection::btree_map(name, inner, 1..5)
                    .prop_map(move |fields| { Type::Struct(StructType::new((1..).zip(fields).map(field).collect())) }),
            ]
        })
    }

    proptest! {
        #[test]
        fn input_21_hive_can_read_every_type(kind in any_kind()) {
            let text = hive(&kind);
            prop_assert_eq!(parsed(&text), Some(shape(&kind)), "{}", text);
        }
    }

    #[test]
    fn input_21_struct_fields_are_named_so_that_hive_can_read_them() {
        let check = |names: &[&str], expected: &str| assert_eq!(hive(&record(names)), expected);
        check(&["plain", "a.b"], "struct<plain:int,a.b:int>");
        check(&["a-b", "a b", "a_b", "A`b"], "struct<a_b:int,a_b_2:int,a_b_3:int,A_b_4:int>");
        check(&["x<y>:z,w"], "struct<x_y__z_w:int>");
        check(&["größe"], "struct<größe:int>");
        let list = Type::List(ListType::new(NestedField::list_element(9, record(&["a-b"]), false).into()));
        assert_eq!(hive(&list), "array<struct<a_b:int>>");
    }

    #[test]
    fn what_is_read_back_has_as_many_names_as_there_are_fields() {
        let names = ["a-b", "a:b", "", " ", "<", ">", "`", "a,b", "-", "\u{1f6ab}"];
        let text = hive(&record(&names));
        assert_eq!(parsed(&text), Some(shape(&record(&names))), "{text}");
        // A mark and a number sign are no letters to Java, and two halves of a letter are none either.
        let odd = hive(&record(&["\u{939}\u{93f}", "m²", "\u{1d538}"]));
        assert_eq!(odd, "struct<__:int,m_:int,_:int>");
    }
}
