//! Format version 1 as the first release wrote it: the files of `testdata/v1`. Today's code writes the same and reads them.
//!
//! A file that is there is never cut anew: lakes hold such bytes. If one is missing, the test leaves what today's code
//! would write in cargo's temporary directory and names it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail by panicking, as tests do")]

#[allow(dead_code, reason = "only the client is needed here")]
mod aws;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use foz_domain::keys::{self, DefinitionKey, ManifestKey, RawKey};
use foz_domain::{AttemptId, Digest, Epoch, GroupName, Ordinal, Range, Sequence, StreamName, Timestamp};
use foz_lake::frame::{self, FrameWriter, MAX_RAW};
use foz_lake::message::{Body, Header, Properties};
use foz_lake::raw::RawBatch;
use foz_lake::{
    AttemptManifest, EntityRule, Files, Message, Partition, Store, Table, TableCommit, TableSpec, Tables, raw,
};
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// 2027-01-15T08:00:00.123Z.
const OPENED_AT: Timestamp = Timestamp(1_800_000_000_123);

const BODY_OF_ITS_OWN: &[u8] = br#"{"order_id":4,"note":"a body that did not fit into an invoke"}"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The golden file of that name, its version first; `today` is what today's code writes.
fn golden(name: &str, today: &[u8]) -> Vec<u8> {
    let path = root().join("testdata").join(name);
    std::fs::read(&path).unwrap_or_else(|_| {
        let cut = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace('/', "-"));
        std::fs::write(&cut, today).unwrap();
        panic!("no {}; today's code writes {}", path.display(), cut.display())
    })
}

/// JSON is compared as values: neither spaces nor the order of names are part of a format.
fn check_json(name: &str, today: &Value) {
    let golden = golden(name, serde_json::to_string_pretty(today).unwrap().as_bytes());
    assert_eq!(&serde_json::from_slice::<Value>(&golden).unwrap(), today, "{name}");
}

fn stream() -> StreamName {
    "orders".parse().unwrap()
}

fn group() -> GroupName {
    "orders".parse().unwrap()
}

fn oversize() -> (String, Digest) {
    let digest = Digest(*blake3::hash(BODY_OF_ITS_OWN).as_bytes());
    (keys::oversize(&stream(), &digest), digest)
}

fn messages() -> Vec<Message> {
    let header =
        |name: &str, kind: &str, text: &str| Header { name: name.into(), kind: kind.into(), text: text.into() };
    let text = |text: &str| Some(text.to_owned());
    let (key, digest) = oversize();
    let plain = Message {
        body: Body::Inline(r#"{"order_id":1,"total":"12.50"}"#.into()),
        exchange: String::new(),
        routing_key: "orders.state".into(),
        properties: Properties::default(),
        headers: vec![],
    };
    let full = Message {
        body: Body::Inline(Bytes::from_static(b"\x00\xffno JSON, no UTF-8")),
        exchange: "orders".into(),
        routing_key: "state.changed".into(),
        properties: Properties {
            content_type: text("application/json"),
            content_encoding: text("identity"),
            delivery_mode: Some(2),
            priority: Some(9),
            correlation_id: text("c-1"),
            reply_to: text("answers"),
            expiration: text("60000"),
            message_id: text("m-2"),
            timestamp: Some(1_799_999_999),
            kind: text("order"),
            user_id: text("shop"),
            app_id: text("orders 1.0"),
            cluster_id: text("rabbit@one"),
        },
        headers: vec![
            header("retries", "long", "3"),
            header("blob", "byte-array", "00ff"),
            // Brokers add these at delivery: they are in no frame.
            header("x-delivery-count", "long", "7"),
        ],
    };
    let timeless = Message {
        body: Body::Inline(Bytes::new()),
        properties: Properties { timestamp: Some(u64::MAX), message_id: Some(String::new()), ..Properties::default() },
        ..plain.clone()
    };
    let large = Message { body: Body::Oversize { key, length: BODY_OF_ITS_OWN.len() as u64, digest }, ..plain.clone() };
    vec![plain, full, timeless, large]
}

/// As they are read back.
fn without_broker_headers(mut messages: Vec<Message>) -> Vec<Message> {
    for message in &mut messages {
        message.headers.retain(|header| header.name != "x-delivery-count");
    }
    messages
}

fn written_frame() -> frame::Frame {
    let mut writer = FrameWriter::new(&stream(), OPENED_AT);
    messages().iter().for_each(|message| {
        writer.push(message);
    });
    writer.finish()
}

fn golden_frame() -> RawBatch {
    frame::decode(&golden("v1/frame.zst", &written_frame().zstd), MAX_RAW).unwrap()
}

#[test]
fn frames() {
    let written = written_frame();
    let stored = golden("v1/frame.zst", &written.zstd);
    // How well zstd compresses is its own business; what it holds is the format.
    let uncompressed = |zstd: &[u8]| zstd::decode_all(zstd).unwrap();
    assert_eq!(uncompressed(&written.zstd), uncompressed(&stored));
    let decoded = frame::decode(&stored, MAX_RAW).unwrap();
    assert_eq!((&decoded.stream, decoded.opened_at, decoded.digest), (&stream(), OPENED_AT, written.digest));
    let sent = without_broker_headers(messages());
    assert_eq!(decoded.messages, sent.iter().map(|message| (message.digest(), message.clone())).collect::<Vec<_>>());
}

fn rows_of(object: Vec<u8>) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(object)).unwrap();
    let schema = reader.schema().clone();
    concat_batches(&schema, &reader.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap()).unwrap()
}

/// A bucket that answers the next reads with these objects, one after another.
async fn answering(objects: Vec<Vec<u8>>) -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for object in objects {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", object.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&object).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    Store::new(aws::s3(&format!("http://{address}")), "lake")
}

#[tokio::test]
async fn raw_objects() {
    let frame = golden_frame();
    let written = raw::encode(&frame).unwrap();
    let stored = golden("v1/raw.parquet", &written);
    let body = golden("v1/oversize-body.json", BODY_OF_ITS_OWN);
    assert_eq!(rows_of(written.to_vec()), rows_of(stored.clone()), "the same rows, the same columns");

    let key = RawKey::new(&stream(), OPENED_AT, Epoch(2), Ordinal(3), &frame.digest);
    let store = answering(vec![stored.clone(), body.clone()]).await;
    let read: Vec<_> = raw::read(&store, &key).await.unwrap().try_collect().await.unwrap();
    let bodies = read.iter().flat_map(|rows| rows["body"].as_binary::<i32>().iter().collect::<Vec<_>>());
    let sent = messages().into_iter().map(|message| match message.body {
        Body::Inline(bytes) => bytes.to_vec(),
        Body::Oversize { .. } => body.clone(),
    });
    assert_eq!(bodies.map(|bytes| bytes.unwrap().to_vec()).collect::<Vec<_>>(), sent.collect::<Vec<_>>());

    let digests = raw::read_digests(&answering(vec![stored]).await, &key).await.unwrap();
    assert_eq!(digests, frame.messages.iter().map(|(digest, _)| *digest).collect::<Vec<_>>());
}

#[test]
fn object_keys() {
    let digest = golden_frame().digest;
    let raw_key = RawKey::new(&stream(), OPENED_AT, Epoch(2), Ordinal(3), &digest);
    let range = Range::new(Sequence(4), Sequence(17)).unwrap();
    let attempt: AttemptId = "019a".parse().unwrap();
    let attempt = keys::attempt(&group(), range, Epoch(1), &attempt);
    let today = json!({
        "raw": raw_key.to_string(),
        "oversize": oversize().0,
        "kept_definition": DefinitionKey::kept("config/0123.yaml").to_string(),
        "attempt": attempt,
        "manifest": ManifestKey::below(&attempt).to_string(),
        "table": keys::table("orders_changes"),
    });
    check_json("v1/keys.json", &today);
    let stored: Value = serde_json::from_slice(&golden("v1/keys.json", b"")).unwrap();
    assert_eq!(stored["raw"].as_str().unwrap().parse::<RawKey>(), Ok(raw_key));
}

fn columns() -> Vec<Field> {
    let required = |name: &str, kind| Field::new(name, kind, false);
    vec![
        Field::new("total", DataType::Decimal128(12, 2), true),
        Field::new("note", DataType::Utf8, true),
        required("_key", DataType::Utf8),
        required("_sequence", DataType::Int64),
    ]
}

/// As the first release declared tables: by a version, and without a key.
fn versioned() -> EntityRule {
    EntityRule { key: None, version: Some("note".into()) }
}

async fn tables(lake: &Tables) -> [Table; 2] {
    let columns = Arc::new(Schema::new(columns()));
    let history = TableSpec::log("orders_changes", columns.clone());
    let current = TableSpec {
        name: "orders".into(),
        columns,
        partition: Partition::Bucket { column: "_key".into(), buckets: 4 },
        snapshots: 7,
        rule: versioned(),
        description: None,
    };
    [lake.ensure(&history).await.unwrap(), lake.ensure(&current).await.unwrap()]
}

fn rows() -> RecordBatch {
    let texts = |texts: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from_iter_values(texts)) };
    let sequences: ArrayRef = Arc::new(Int64Array::from(vec![4, 5, 16]));
    let columns = [("_key", texts(["[1]", "[2]", "[3]"])), ("note", texts(["a", "b", "c"])), ("_sequence", sequences)];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// What every reader of a table relies upon: columns with their field ids, division, properties.
fn described(table: &Table) -> Value {
    let metadata = table.iceberg().metadata();
    let file = serde_json::to_value(metadata).unwrap();
    let kept = ["format-version", "location", "schemas", "partition-specs", "sort-orders", "properties"];
    kept.into_iter().map(|name| (name.to_owned(), file[name].clone())).collect()
}

#[tokio::test]
async fn table_properties() {
    let lake = Tables::in_memory();
    let mut today = BTreeMap::new();
    for table in tables(&lake).await {
        today.insert(format!("{}, created", table.name()), described(&table));
        let range = Range::new(Sequence(4), Sequence(17)).unwrap();
        let mut writer = lake.writer(&table, "staged/").await.unwrap();
        writer.write(&rows()).await.unwrap();
        let added = writer.close().await.unwrap();
        let files = match table.partition() {
            Some(Partition::None) => Files::Append(added),
            _ => Files::Overwrite { base: None, removed: vec![], added, deletes: vec![] },
        };
        let change = TableCommit { run: "m".into(), range: Some(range), files, rule: table.declared().clone() };
        lake.commit(table.name(), &change, OPENED_AT).await.unwrap();
        let table = lake.load(table.name()).await.unwrap();
        let mut after = described(&table);
        let summary = serde_json::to_value(table.iceberg().metadata().current_snapshot().unwrap().summary()).unwrap();
        let ours =
            summary.as_object().unwrap().iter().filter(|(name, _)| name.starts_with("foz.") || *name == "operation");
        after["summary"] = ours.map(|(name, value)| (name.clone(), value.clone())).collect();
        today.insert(format!("{}, after a commit", table.name()), after);
    }
    check_json("v1/tables.json", &serde_json::to_value(today).unwrap());
}

/// Iceberg writes maps as lists of pairs, in no order.
fn in_order(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(in_order);
            if list.iter().all(|entry| entry.get("key").is_some()) {
                list.sort_by_key(|entry| entry["key"].as_i64());
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(in_order),
        _ => {}
    }
}

fn manifest_json(manifest: &AttemptManifest) -> Value {
    let mut json = serde_json::to_value(manifest).unwrap();
    in_order(&mut json);
    json
}

/// A manifest names files, whose names are new each time: so what was read is written again.
#[tokio::test]
async fn manifests() {
    let lake = Tables::in_memory();
    let mut written = AttemptManifest::default();
    let tables = tables(&lake).await;
    for table in &tables {
        let mut writer = lake.writer(table, "staged/orders/4-17/e1/019a/").await.unwrap();
        writer.write(&rows()).await.unwrap();
        written.push(table, writer.close().await.unwrap()).unwrap();
    }
    written.push(&tables[0], vec![]).unwrap();
    let stored = golden("v1/manifest.json", &serde_json::to_vec_pretty(&written).unwrap());

    let key = ManifestKey::below("staged/orders/4-17/e1/019a/");
    lake.write_manifest(&key, &serde_json::from_slice(&stored).unwrap()).await.unwrap();
    let read = lake.read_manifest(&key).await.unwrap();
    let mut again = AttemptManifest::default();
    for staged in read.tables() {
        assert_eq!(staged.rule().unwrap(), EntityRule::default(), "the first release said none");
        let table = lake.load(&staged.table).await.unwrap();
        again.push(&table, staged.files(&table).unwrap()).unwrap();
    }
    let mut golden: Value = serde_json::from_slice(&stored).unwrap();
    in_order(&mut golden);
    assert_eq!(manifest_json(&again), golden);
    let names = |value: &Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    let file = |json: &Value| json["tables"][1]["files"][0].clone();
    assert_eq!(names(&file(&manifest_json(&written))), names(&file(&golden)), "what is said of a file");
}

/// What makes a table's rows states of one entity: in the properties of the table, and beside staged files.
#[tokio::test]
async fn entity_rules() {
    let lake = Tables::in_memory();
    let rule = EntityRule { key: "tenant:string,number:decimal(12,2)".parse().ok(), version: Some("note".into()) };
    let spec = TableSpec { rule: rule.clone(), ..TableSpec::log("orders_changes", Arc::new(Schema::new(columns()))) };
    let table = lake.ensure(&spec).await.unwrap();
    let mut manifest = AttemptManifest::default();
    manifest.push(&table, vec![]).unwrap();
    let mut today = json!({ "manifest": manifest, "properties": described(&table)["properties"] });
    today["properties"].as_object_mut().unwrap().retain(|name, _| name.starts_with("foz."));
    check_json("v2/rules.json", &today);

    let stored: Value = serde_json::from_slice(&golden("v2/rules.json", b"")).unwrap();
    let key = ManifestKey::below("staged/orders/4-17/e1/019b/");
    lake.write_manifest(&key, &serde_json::from_value(stored["manifest"].clone()).unwrap()).await.unwrap();
    assert_eq!(lake.read_manifest(&key).await.unwrap().tables()[0].rule().unwrap(), rule);
}

#[test]
fn every_golden_file_is_listed_and_every_listed_one_is_there() {
    let format = std::fs::read_to_string(root().join("docs/format.md")).unwrap();
    for version in ["v1", "v2"] {
        let folder = format!("testdata/{version}");
        let begins = format!("`{folder}/");
        let listed = format.split(&begins).skip(1).filter_map(|rest| rest.split_once('`'));
        let listed: BTreeSet<_> = listed.map(|(name, _)| name.to_owned()).collect();
        let there = std::fs::read_dir(root().join(&folder)).unwrap();
        let there: BTreeSet<_> = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(there, listed, "{folder} (left) and what docs/format.md lists of it (right)");
    }
}
