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
    let columns = "id: string, n: int, tags: \"map<string,int>\"";
    run(&lake, columns, 0, &[r#"{"id":"a","n":1,"tags":{"x":2}}"#, r#"{"id":"b","n":5}"#]).await;
    open(&lake)
}

/// Brings the messages into the history, which is declared with these columns.
async fn run(lake: &Tables, columns: &str, sequence: u64, bodies: &[&str]) {
    let plan = CompiledStream::new(&stream(&format!("key: [id]\ncolumns: {{ {columns} }}"))).unwrap();
    let table = lake.ensure(&TableSpec::log("s_changes", plan.history_schema())).await.unwrap();
    let bodies: Vec<&[u8]> = bodies.iter().map(|body| body.as_bytes()).collect();
    let key = raw_key();
    let origin = Origin { sequence: Sequence(sequence), raw_key: &key };
    let rows = Transformer::new(plan, 0).unwrap().transform(&raw_rows(0, &bodies), origin).unwrap().history;
    let mut writer = lake.writer(&table, "staged/").await.unwrap();
    writer.write(&rows).await.unwrap();
    let files = Files::Append(writer.close().await.unwrap());
    let range = Range::new(Sequence(sequence), Sequence(sequence + 1)).unwrap();
    let change = TableCommit { run: sequence.to_string(), range: Some(range), files, rule: EntityRule::default() };
    lake.commit("s_changes", &change, Timestamp(0)).await.unwrap();
}

fn open(lake: &Tables) -> Session {
    let text = "lake: test\nbroker: { vhost: / }\nstreams:\n  s: { queue: s, key: [id], columns: { id: string } }\n";
    let definition = Definition::stored(text).unwrap();
    Session::open(lake, &store(), &definition, &Limits { memory: 64 << 20, spill_to: None }).unwrap()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_struct_that_got_a_field_is_read_in_all_its_files() {
    let lake = Tables::in_memory();
    let columns = |size: &str| format!("id: string, n: int, size: \"struct<{size}>\", all: \"array<struct<{size}>>\"");
    let body = |id: &str, size: &str| format!(r#"{{"id":"{id}","n":1,"size":{size},"all":[{size}]}}"#);
    run(&lake, &columns("w:int"), 0, &[&body("old", r#"{"w":1}"#), &body("none", "null")]).await;
    run(&lake, &columns("h:int,w:bigint"), 1, &[&body("new", r#"{"h":3,"w":4}"#)]).await;
    run(&lake, &format!("{}, more: int", columns("w:bigint,h:int")), 2, &[&body("last", r#"{"w":5,"h":6}"#)]).await;
    let session = open(&lake);
    let check = async |what: &str, expected: &[&str]| {
        let found =
            ask(&session, &format!("SELECT CAST({what} AS STRING) AS x FROM s_changes ORDER BY _sequence, _index"))
                .await;
        let found: Vec<_> = found.unwrap().iter().flat_map(|batch| texts(batch, "x")).collect();
        assert_eq!(found, expected, "{what}");
    };
    check("size['w']", &["1", "null", "4", "5"]).await;
    check("size['h']", &["null", "null", "3", "6"]).await;
    check("all[1]['w']", &["1", "null", "4", "5"]).await;
    check("all[1]['h']", &["null", "null", "3", "6"]).await;
    check("size IS NULL", &["false", "true", "false", "false"]).await;
    check("id", &["old", "none", "new", "last"]).await;
    check("more", &["null"; 4]).await;
    let count = ask(&session, "SELECT count(*) AS x FROM s_changes WHERE size['h'] > 2").await.unwrap();
    assert_eq!(texts(&count[0], "x"), ["2"]);
    let count = ask(&session, "SELECT count(*) AS x FROM s_changes").await.unwrap();
    assert_eq!(texts(&count[0], "x"), ["4"]);
}
