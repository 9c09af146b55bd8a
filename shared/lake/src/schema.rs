//! Schemas: what is declared becomes a table's schema, and later declarations evolve it. Pure.

use std::sync::Arc;

use arrow::datatypes::{Field as ArrowField, Fields, Schema as ArrowSchema};
use iceberg::arrow::arrow_schema_to_schema_auto_assign_ids;
use iceberg::spec::{
    ListType, MapType, NestedField, NestedFieldRef, PrimitiveType, Schema, SchemaRef, StructType, Type,
};

use crate::register::hive;

/// Metadata of an Arrow field: what is said of the column. Iceberg knows it by this name.
pub const DOC: &str = "doc";

/// Bytes of a column's type, as Glue keeps it.
const GLUE_TYPE: usize = 131_072;

/// Why no table can have these columns; `None` if one can.
pub fn impossible(columns: &ArrowSchema) -> Option<String> {
    let schema = match declared(columns) {
        Ok(schema) => schema,
        // In Iceberg's words.
        Err(error) => return Some(error.message().to_owned()),
    };
    schema.as_struct().fields().iter().find_map(|field| {
        let bytes = hive(&field.field_type).len();
        let too_long =
            || format!("the type of {} has {bytes} bytes in Glue, of which {GLUE_TYPE} are possible", field.name);
        (bytes > GLUE_TYPE).then(too_long)
    })
}

/// An Iceberg schema with the declared columns. Its field ids are provisional: a new table's are assigned when it is created.
pub(crate) fn declared(columns: &ArrowSchema) -> Result<Schema, iceberg::Error> {
    // Iceberg's binary has no length limit; field metadata of other origin must not be taken for ids.
    let bare = |field: &Arc<ArrowField>| {
        let doc = field.metadata().get_key_value(DOC).map(|(name, text)| (name.clone(), text.clone()));
        field.as_ref().clone().with_metadata(doc.into_iter().collect())
    };
    arrow_schema_to_schema_auto_assign_ids(&ArrowSchema::new(columns.fields().iter().map(bare).collect::<Fields>()))
}

/// The table's schema after the declaration: new columns are added as optional ones, types are widened; columns that are no
/// longer declared stay. `None` if nothing changes; the error says which column cannot become what is declared.
pub(crate) fn evolve(current: &SchemaRef, declared: &Schema, last_id: i32) -> Result<Option<Schema>, String> {
    let mut ids = last_id;
    let fields = evolve_fields(current.as_struct(), declared.as_struct(), "", &mut ids)?;
    if fields == current.as_struct().fields() {
        return Ok(None);
    }
    let schema = Schema::builder().with_fields(fields).with_identifier_field_ids(current.identifier_field_ids());
    schema.build().map(Some).map_err(|e| e.to_string())
}

fn evolve_fields(
    current: &StructType,
    declared: &StructType,
    path: &str,
    ids: &mut i32,
) -> Result<Vec<NestedFieldRef>, String> {
    let mut fields = Vec::new();
    for field in current.fields() {
        let kind = match declared.field_by_name(&field.name) {
            Some(wanted) => evolve_type(&field.field_type, &wanted.field_type, &format!("{path}{}", field.name), ids)?,
            None => *field.field_type.clone(),
        };
        let said = declared.field_by_name(&field.name).and_then(|wanted| wanted.doc.clone());
        fields.push(with_type(&with_doc(field, said), kind));
    }
    for field in declared.fields().iter().filter(|f| current.field_by_name(&f.name).is_none()) {
        let id = next(ids);
        let added = NestedField::optional(id, &field.name, fresh(&field.field_type, ids));
        fields.push(with_doc(&added.into(), field.doc.clone()));
    }
    Ok(fields)
}

fn evolve_type(current: &Type, declared: &Type, path: &str, ids: &mut i32) -> Result<Type, String> {
    use PrimitiveType::{Decimal, Double, Float, Int, Long};
    Ok(match (current, declared) {
        (Type::Primitive(from), Type::Primitive(to)) => match (from, to) {
            _ if from == to => current.clone(),
            (Int, Long) | (Float, Double) => declared.clone(),
            // Values of the narrower type are written into the wider column as they are.
            (Long, Int) | (Double, Float) => current.clone(),
            (Decimal { precision: p, scale: s }, Decimal { precision: q, scale: t }) if s == t => {
                if p < q {
                    declared.clone()
                } else {
                    current.clone()
                }
            }
            _ => return Err(format!("column {path} is {from} and cannot become {to}: declare it under a new name")),
        },
        (Type::Struct(from), Type::Struct(to)) => {
            Type::Struct(StructType::new(evolve_fields(from, to, &format!("{path}."), ids)?))
        }
        (Type::List(from), Type::List(to)) => {
            let (from, to) = (&from.element_field, &to.element_field);
            let kind = evolve_type(&from.field_type, &to.field_type, &format!("{path}.element"), ids)?;
            Type::List(ListType::new(with_type(from, kind)))
        }
        (Type::Map(from), Type::Map(to)) => {
            let (key, wanted) = (&from.key_field, &to.key_field.field_type);
            let key = with_type(key, evolve_type(&key.field_type, wanted, &format!("{path}.key"), ids)?);
            let (value, wanted) = (&from.value_field, &to.value_field.field_type);
            let value = with_type(value, evolve_type(&value.field_type, wanted, &format!("{path}.value"), ids)?);
            Type::Map(MapType::new(key, value))
        }
        (from, to) => {
            return Err(format!("column {path} is {from} and cannot become {to}: declare it under a new name"));
        }
    })
}

/// The field with what is said of it now; what was said before stays where nothing is.
fn with_doc(field: &NestedFieldRef, said: Option<String>) -> NestedFieldRef {
    let mut field = field.as_ref().clone();
    field.doc = said.or(field.doc);
    field.into()
}

fn with_type(field: &NestedFieldRef, kind: Type) -> NestedFieldRef {
    let mut field = field.as_ref().clone();
    field.field_type = Box::new(kind);
    field.into()
}

fn next(ids: &mut i32) -> i32 {
    *ids += 1;
    *ids
}

/// The type with field ids that the table never used. Iceberg gives all fields of a level theirs before going deeper.
fn fresh(kind: &Type, ids: &mut i32) -> Type {
    let mut renew = |field: &NestedFieldRef| {
        let mut field = field.as_ref().clone();
        field.id = next(ids);
        field
    };
    match kind {
        Type::Primitive(_) => kind.clone(),
        Type::Struct(fields) => {
            let fields: Vec<_> = fields.fields().iter().map(renew).collect();
            Type::Struct(StructType::new(fields.into_iter().map(|f| deepen(f, ids)).collect()))
        }
        Type::List(list) => {
            let element = renew(&list.element_field);
            Type::List(ListType::new(deepen(element, ids)))
        }
        Type::Map(map) => {
            let (key, value) = (renew(&map.key_field), renew(&map.value_field));
            Type::Map(MapType::new(deepen(key, ids), deepen(value, ids)))
        }
    }
}

fn deepen(mut field: NestedField, ids: &mut i32) -> NestedFieldRef {
    field.field_type = Box::new(fresh(&field.field_type, ids));
    field.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;
    use std::collections::HashSet;

    fn schema(fields: Vec<ArrowField>) -> SchemaRef {
        declared(&ArrowSchema::new(fields)).unwrap().into()
    }

    fn column(name: &str, kind: DataType) -> ArrowField {
        ArrowField::new(name, kind, true)
    }

    fn record(fields: Vec<ArrowField>) -> DataType {
        DataType::Struct(fields.into())
    }

    fn check(current: Vec<ArrowField>, wanted: Vec<ArrowField>, expect: Result<Option<&str>, &str>) {
        let current = schema(current);
        let last = current.highest_field_id();
        let evolved = evolve(&current, &schema(wanted), last);
        let got = evolved.map(|e| {
            e.map(|e| {
                e.as_struct()
                    .fields()
                    .iter()
                    .map(|f| format!("{}:{}:{}", f.id, f.name, f.field_type))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        });
        assert_eq!(got.as_ref().map(Option::as_deref).map_err(String::as_str), expect);
    }

    #[test]
    fn a_type_that_glue_cannot_keep_is_impossible() {
        let table = |bytes: usize| {
            let name = "x".repeat(bytes - "struct<:int>".len());
            impossible(&ArrowSchema::new(vec![column("a", record(vec![column(&name, DataType::Int32)]))]))
        };
        assert_eq!(table(GLUE_TYPE), None);
        let why = "the type of a has 131073 bytes in Glue, of which 131072 are possible";
        assert_eq!(table(GLUE_TYPE + 1).as_deref(), Some(why));
    }

    #[test]
    fn the_same_declaration_changes_nothing() {
        let columns = || vec![column("a", DataType::Int32), column("b", record(vec![column("c", DataType::Utf8)]))];
        check(columns(), columns(), Ok(None));
        check(columns(), vec![], Ok(None));
    }

    #[test]
    fn columns_are_added_and_widened_under_their_ids() {
        check(
            vec![column("a", DataType::Int32), column("gone", DataType::Utf8)],
            vec![column("new", DataType::Date32), column("a", DataType::Int64)],
            Ok(Some("1:a:long 2:gone:string 3:new:date")),
        );
        check(vec![column("a", DataType::Int64)], vec![column("a", DataType::Int32)], Ok(None));
    }

    #[test]
    fn other_changes_are_refused() {
        check(
            vec![column("a", record(vec![column("b", DataType::Utf8)]))],
            vec![column("a", record(vec![column("b", DataType::Int32)]))],
            Err("column a.b is string and cannot become int: declare it under a new name"),
        );
    }

    #[test]
    fn nested_additions_never_reuse_an_id() {
        let item = |fields| ArrowField::new("l", DataType::new_list(record(fields), true), true);
        let current = schema(vec![
            column("a", record(vec![column("b", DataType::Utf8)])),
            item(vec![column("x", DataType::Utf8)]),
        ]);
        let wanted = schema(vec![
            column(
                "a",
                record(vec![column("b", DataType::Utf8), column("c", record(vec![column("d", DataType::Utf8)]))]),
            ),
            item(vec![column("x", DataType::Utf8), column("y", DataType::Utf8)]),
        ]);
        let evolved = evolve(&current, &wanted, current.highest_field_id()).unwrap().unwrap();
        let ids: HashSet<_> = evolved.field_id_to_fields().keys().copied().collect();
        assert_eq!(ids.len(), current.field_id_to_fields().len() + 3);
        for (id, field) in current.field_id_to_fields() {
            assert_eq!(evolved.field_by_id(*id).unwrap().name, field.name);
        }
    }
}
