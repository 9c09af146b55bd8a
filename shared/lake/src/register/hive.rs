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

/// The names of a struct's fields as Hive's grammar can read them: it takes letters, digits, `_` and `.`, and knows no
/// quotes. What it does not take becomes `_`, and names that are equal by that are numbered.
///
/// Athena, Trino, Spark and all others that read the table take the names from Iceberg's metadata, where they are as they
/// were declared. Only who reads Glue's list of columns sees these.
fn names(fields: &[NestedFieldRef]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |field: &NestedFieldRef| {
        let readable = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '.') { c } else { '_' };
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
    use iceberg::spec::{ListType, NestedField, StructType};

    use super::*;

    fn record(names: &[&str]) -> Type {
        let field =
            |(id, name): (i32, &&str)| NestedField::optional(id, *name, Type::Primitive(PrimitiveType::Int)).into();
        Type::Struct(StructType::new((1..).zip(names).map(field).collect()))
    }

    /// The names in a text, by Hive's rule: a token is what stands between two characters of the grammar.
    fn tokens(text: &str) -> Vec<&str> {
        text.split(['<', '>', ':', ',']).filter(|token| !token.is_empty()).collect()
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
        assert_eq!(tokens(&text).len(), 1 + 2 * names.len(), "{text}");
        assert!(tokens(&text).iter().all(|token| token.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))));
    }
}
