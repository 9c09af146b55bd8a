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
    // Case 13: two identifiers would fall together in a double.
    check("9007199254740992, 2.5", "double", &[]);
    check("9007199254740993, 2.5", "decimal(18,1)", &[]);
    check("9007199254740993", "bigint", &[]);
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
    let nested = (0..MAX_DEPTH - 1).fold("1".to_owned(), |inner, _| format!("{{\"a\":{inner},\"b\":true{others}}}"));
    shape.add_object(&nested).unwrap();
    let deepest = std::iter::successors(Some(shape.data_type(&mut Vec::new())), |ty| match ty {
        DataType::Struct(fields) => Some(fields[0].ty.clone()),
        _ => None,
    });
    assert_eq!(deepest.last(), Some(DataType::Long));
}
