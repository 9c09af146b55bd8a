use foz_domain::{Range, Sequence, Timestamp};
use foz_lake::{EntityRule, Files, TableCommit, TableSpec};

use super::*;
use crate::fixture::{raw as raw_rows, raw_key, stream, texts};
use crate::{CompiledStream, Origin, Transformer};

/// A bucket that nothing here asks anything.
fn store() -> Store {
    let config = aws_sdk_s3::Config::builder().behavior_version(aws_sdk_s3::config::BehaviorVersion::latest());
    Store::new(aws_sdk_s3::Client::from_conf(config.build()), "lake")
}

async fn session() -> Session {
    let lake = Tables::in_memory();
    let stream = stream("key: [id]\ncolumns: { id: string, n: int, tags: \"map<string,int>\" }");
    let plan = CompiledStream::new(&stream).unwrap();
    let spec = TableSpec::log("s_changes", plan.history_schema());
    let table = lake.ensure(&spec).await.unwrap();
    let bodies: [&[u8]; 2] = [br#"{"id":"a","n":1,"tags":{"x":2}}"#, br#"{"id":"b","n":5}"#];
    let key = raw_key();
    let origin = Origin { sequence: Sequence(0), raw_key: &key };
    let rows = Transformer::new(plan, 0).unwrap().transform(&raw_rows(0, &bodies), origin).unwrap().history;
    let mut writer = lake.writer(&table, "staged/").await.unwrap();
    writer.write(&rows).await.unwrap();
    let files = Files::Append(writer.close().await.unwrap());
    let range = Range::new(Sequence(0), Sequence(1)).unwrap();
    lake.commit("s_changes", &TableCommit { run: "1".into(), range, files, rule: EntityRule::default() }, Timestamp(0))
        .await
        .unwrap();
    let text = "lake: test\nbroker: { vhost: / }\nstreams:\n  s: { queue: s, key: [id], columns: { id: string } }\n";
    let definition = Definition::stored(text).unwrap();
    Session::open(&lake, &store(), &definition, &Limits { memory: 64 << 20, spill_to: None }).unwrap()
}

async fn ask(session: &Session, sql: &str) -> Result<Vec<RecordBatch>, QueryError> {
    session.sql(sql).await?.rows.try_collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_opened_when_they_are_named() {
    let session = session().await;
    let found = ask(&session, "SELECT id, n + 1 AS m, _key FROM s_changes WHERE n > 1").await.unwrap();
    let found: Vec<_> =
        found.iter().flat_map(|batch| texts(batch, "m").into_iter().zip(texts(batch, "_key"))).collect();
    assert_eq!(found, [("6".to_owned(), "[\"b\"]".to_owned())]);
    let missing = ask(&session, "SELECT * FROM s").await.unwrap_err().to_string();
    assert!(missing.contains("not found"), "{missing}");
}

#[tokio::test]
async fn nothing_can_be_changed() {
    let session = session().await;
    for sql in [
        "CREATE TABLE t AS SELECT 1",
        "DROP TABLE s_changes",
        "INSERT INTO s_changes SELECT * FROM s_changes",
        "SET a.b = 1",
    ] {
        assert!(ask(&session, sql).await.is_err(), "{sql}");
    }
}
