//! Whatever a check accepts can be made: tables, and files that hold what was sent. Whatever cannot is refused with a sentence.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use foz_domain::keys::RawKey;
use foz_domain::{Digest, Epoch, Ordinal, Range, Sequence, Timestamp};
use foz_engine::{Origin, Transformer};
use foz_lake::{Files, TableCommit, Tables};
use foz_pipeline::DataType;
use futures::TryStreamExt;
use proptest::prelude::*;

use super::*;

/// A type of a few dozen parts, nested up to one level more than is possible, some of whose fields have names that nobody
/// would think of.
fn any_type() -> impl Strategy<Value = DataType> {
    let plain =
        ["boolean", "int", "bigint", "float", "double", "string", "binary", "date", "timestamp", "timestamp_ntz"];
    let plain = plain.map(|text| text.parse::<DataType>().unwrap()).to_vec();
    let decimal = || {
        let digits = (1u8..=38).prop_flat_map(|precision| (Just(precision), 0..=precision));
        digits.prop_map(|(precision, scale)| DataType::Decimal { precision, scale })
    };
    let keys: Vec<DataType> = plain.iter().filter(|ty| ty.can_be_key()).cloned().collect();
    let key = move || prop_oneof![prop::sample::select(keys.clone()), decimal()];
    // Names that are equal but for their case or a dot, names that are none, and names of a type's own parts.
    let name = prop_oneof![
        4 => "[a-c]{1,2}",
        4 => prop::sample::select(vec!["a", "b", "a.b", "b.a", "a.b.a"]).prop_map(str::to_owned),
        2 => "[a-cA-C.`<>:, \"\\\\äß漢\u{301}\u{1f6ab}-]{1,6}",
        1 => prop::sample::select(vec!["", "element", "key", "value", "a.b", "key_value", "\t", "_key"]).prop_map(str::to_owned),
        1 => "x{200,300}",
    ];
    prop_oneof![prop::sample::select(plain), decimal()].prop_recursive(33, 48, 4, move |inner| {
        let name = name.clone().boxed();
        prop_oneof![
            inner.clone().prop_map(|ty| DataType::List(Box::new(ty))),
            (key(), inner.clone()).prop_map(|(key, value)| DataType::Map(Box::new(key), Box::new(value))),
            prop::collection::vec((name, inner), 1..5).prop_map(|fields| {
                DataType::Struct(fields.into_iter().map(|(name, ty)| Field { name, ty }).collect())
            }),
        ]
    })
}

/// A value of the type as a message has it.
fn json(ty: &DataType) -> String {
    let text = |text: &str| format!("\"{text}\"");
    match ty {
        DataType::Boolean => "true".to_owned(),
        DataType::Int | DataType::Long => "7".to_owned(),
        DataType::Float | DataType::Double => "0.5".to_owned(),
        DataType::Decimal { precision, scale } => {
            let whole = usize::from(precision - scale);
            let number = format!("{}.{}", "9".repeat(whole), "1".repeat(usize::from(*scale)));
            format!("{}{}", if whole == 0 { "0" } else { "" }, number.trim_end_matches('.'))
        }
        DataType::String => text("text"),
        DataType::Binary => text("AAE="),
        DataType::Date => text("2026-07-01"),
        DataType::Timestamp => text("2026-07-01T12:00:00Z"),
        DataType::TimestampNtz => text("2026-07-01T12:00:00"),
        DataType::List(element) => format!("[{}, null]", json(element)),
        DataType::Map(key, value) => {
            let key = json(key);
            let key = if key.starts_with('"') { key } else { text(&key) };
            format!("{{{key}: {}}}", json(value))
        }
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| format!("{}: {}", json!(field.name), json(&field.ty)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// What a check says of a stream whose column `x` has the type.
fn check(ty: &DataType) -> Result<Definition, Vec<Problem>> {
    // JSON's texts are YAML's too.
    let text = format!(
        "lake: l\nstreams:\n  boxes:\n    queue: b\n    key: [id]\n    version: id\n    columns:\n      id: long\n      x: {}\n",
        json!(ty.to_string())
    );
    let Examined { mut problems, sound } = Definition::examine(&text, &|_| Err(std::io::Error::other("no files")));
    let sound = sound.inspect(|definition| drop(plan(definition, &mut problems)));
    if problems.is_empty() { Ok(sound.unwrap()) } else { Err(problems) }
}

fn raw(bodies: &[&[u8]]) -> RecordBatch {
    let rows = bodies.len();
    let instant = || Arc::new(TimestampMicrosecondArray::from_value(0, rows).with_timezone("UTC")) as ArrayRef;
    let digests = bodies.iter().map(|_| Some([0; 32]));
    let columns: [(&str, ArrayRef); 6] = [
        ("index", Arc::new((0..).take(rows).collect::<Int32Array>())),
        ("body", Arc::new(BinaryArray::from_iter_values(bodies))),
        ("digest", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(digests, 32).unwrap())),
        ("published_at", instant()),
        ("ingested_at", instant()),
        ("message_id", Arc::new(StringArray::from(vec!["m"; rows]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Makes the tables of the stream, and files of a message with such a value, one without, and one of the empty object.
async fn make(definition: &Definition, ty: &DataType) {
    let plan = CompiledStream::new(definition.streams.values().next().unwrap()).unwrap();
    let lake = Tables::in_memory();
    for table in
        [Some(plan.current_table()), plan.tombstones_table(), Some(plan.quarantine_table())].into_iter().flatten()
    {
        lake.ensure(&table).await.unwrap();
    }
    let declared = plan.changes_table();
    let table = lake.ensure(&declared).await.unwrap();
    assert!(lake.ensure(&declared).await.unwrap().metadata_location() == table.metadata_location(), "nothing changes");

    let mut bodies = vec![format!("{{\"id\": 1, \"x\": {}}}", json(ty)), "{\"id\": 2}".to_owned()];
    if matches!(ty, DataType::Struct(_) | DataType::Map(..)) {
        bodies.push("{\"id\": 3, \"x\": {}}".to_owned());
    }
    let key = RawKey::new(plan.stream(), Timestamp(0), Epoch(1), Ordinal(1), &Digest([0; 32]));
    let origin = Origin { sequence: Sequence(0), raw_key: &key };
    let bytes: Vec<&[u8]> = bodies.iter().map(|body| body.as_bytes()).collect();
    let done = Transformer::new(plan, 0).unwrap().transform(&raw(&bytes), origin).unwrap();
    assert_eq!((done.history.num_rows(), done.quarantine.num_rows()), (bodies.len(), 0), "{bodies:?}: {done:?}");

    let mut writer = lake.writer(&table, "staged/").await.unwrap();
    writer.write(&done.history).await.unwrap();
    let files = Files::Append(writer.close().await.unwrap());
    let range = Range::new(Sequence(0), Sequence(1)).unwrap();
    let change = TableCommit { run: "r".to_owned(), range: Some(range), files, rule: table.declared().clone() };
    lake.commit(table.name(), &change, Timestamp(0)).await.unwrap();
    let table = lake.load(table.name()).await.unwrap();
    let files = table.files().await.unwrap();
    let read: Vec<RecordBatch> = table.read(&files).unwrap().try_collect().await.unwrap();
    assert_eq!(shown(&read[0]["x"]), shown(&done.history["x"]));
    assert_eq!(read[0]["x"].null_count(), 1);
}

fn shown(column: &ArrayRef) -> Vec<String> {
    let options = arrow::util::display::FormatOptions::default().with_null("null");
    let formatter = arrow::util::display::ArrayFormatter::try_new(column, &options).unwrap();
    (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn input_3_what_a_check_accepts_can_be_made(ty in any_type()) {
        match check(&ty) {
            Ok(definition) => {
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(make(&definition, &ty));
            }
            Err(problems) => for problem in problems {
                prop_assert!(problem.path.starts_with("streams.boxes.columns"), "{:?}", problem);
                prop_assert!(problem.what.contains(' '), "{:?}", problem);
            },
        }
    }
}

#[test]
fn types_are_accepted_up_to_the_limits() {
    let nested = |levels: usize| {
        let mut text = String::new();
        for level in 0..levels {
            text.push_str(["array<", "struct<a:", "map<string,"][level % 3]);
        }
        write!(text, "int{}", ">".repeat(levels)).unwrap();
        text
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for text in
        [nested(32), format!("struct<{}>", (0..1_000).map(|n| format!("f{n}:int")).collect::<Vec<_>>().join(","))]
    {
        let ty = text.parse().unwrap();
        runtime.block_on(make(&check(&ty).unwrap(), &ty));
    }
}
