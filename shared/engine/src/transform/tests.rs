use foz_domain::Sequence;
use proptest::prelude::*;

use super::*;
use crate::fixture::{raw, raw_key, stream, texts};

fn transformer(lines: &str) -> Transformer {
    let plan = CompiledStream::new(&stream(lines)).unwrap_or_else(|problems| panic!("{problems:?}"));
    Transformer::new(plan, 3_000_000).unwrap()
}

fn transform(lines: &str, bodies: &[&str]) -> Transformed {
    let bodies: Vec<&[u8]> = bodies.iter().map(|body| body.as_bytes()).collect();
    let key = raw_key();
    let origin = Origin { sequence: Sequence(7), raw_key: &key };
    transformer(lines).transform(&raw(0, &bodies), origin).unwrap()
}

const PLAIN: &str = "key: [id]\ncolumns: { id: string, n: long, at: timestamp }\nversion: at\ndelete_when: \"n < 0\"";

#[test]
fn without_transform_the_columns_are_the_table() {
    let done = transform(PLAIN, &[r#"{"id":"a","n":1,"at":"2026-01-01T00:00:00Z","x":true}"#, r#"{"id":"b","n":-1}"#]);
    let names: Vec<_> = done.history.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = "id n at _extra _key _sequence _index _published_at _ingested_at _processed_at _message_id _op _version _raw_key";
    assert_eq!(names.join(" "), expected);
    assert_eq!(texts(&done.history, "_extra"), [r#"{"x":true}"#, "null"]);
    assert_eq!(texts(&done.history, "_key"), [r#"["a"]"#, r#"["b"]"#]);
    assert_eq!(texts(&done.history, "_sequence"), ["7", "7"]);
    assert_eq!(texts(&done.history, "_index"), ["0", "1"]);
    assert_eq!(texts(&done.history, "_op"), ["upsert", "delete"]);
    assert_eq!(texts(&done.history, "_version"), ["2026-01-01T00:00:00Z", "null"]);
    assert_eq!(texts(&done.history, "_processed_at"), ["1970-01-01T00:00:03Z"; 2]);
    assert_eq!(texts(&done.history, "_published_at"), ["1970-01-01T00:00:01Z"; 2]);
    assert_eq!(texts(&done.history, "_message_id"), ["m0", "m1"]);
    assert_eq!(done.quarantine.num_rows(), 0);
}

/// Cases 19 and 29: what cannot be typed is quarantined with its reason, and the rest flows.
#[test]
fn poison_is_quarantined_and_the_rest_flows() {
    let bodies = [
        "{",
        r#"{"id":"a","n":1}"#,
        r#"{"id":"b","n":9223372036854775808}"#,
        r#"{"n":1}"#,
        "",
        r#"{"id":"c","n":9223372036854775807}"#,
    ];
    let done = transform(PLAIN, &bodies);
    assert_eq!(texts(&done.history, "id"), ["a", "c"]);
    assert_eq!(texts(&done.history, "n"), ["1", "9223372036854775807"]);
    assert_eq!(texts(&done.history, "_index"), ["1", "5"]);
    assert_eq!(texts(&done.quarantine, "_index"), ["0", "2", "3", "4"]);
    assert_eq!(
        texts(&done.quarantine, "_reason"),
        [
            "not JSON: expected a field's name in quotes, but the text ends",
            "n: expected a whole number within the limits of long, found a number 9223372036854775808",
            "the key column id is null or missing",
            "the body is empty",
        ]
    );
    assert_eq!(texts(&done.quarantine, "_digest")[0], "01".repeat(32));
    assert_eq!(done.quarantine["_body"].as_binary::<i32>().value(2), br#"{"n":1}"#);
}

const SQL: &str = "key: [id]\ncolumns: { id: string, text: string, n: int, status: string }\ndelete_when: \"status = 'gone'\"\n\
    transform: \"SELECT id, CAST(text AS INT) AS number, 100 / n AS share FROM messages WHERE status <> 'draft'\"";

#[test]
fn rows_for_which_the_sql_fails_are_quarantined_alone() {
    let bodies: Vec<String> = (0..100)
        .map(|i| match i {
            13 => r#"{"id":"13","text":"thirteen","n":1,"status":"x"}"#.to_owned(),
            57 => r#"{"id":"57","text":"57","n":0,"status":"x"}"#.to_owned(),
            // Filtered out before anything else is computed.
            60 => r#"{"id":"60","text":"sixty","n":0,"status":"draft"}"#.to_owned(),
            _ => format!(r#"{{"id":"{i}","text":"{i}","n":8,"status":"x"}}"#),
        })
        .collect();
    let done = transform(SQL, &bodies.iter().map(String::as_str).collect::<Vec<_>>());
    let expected: Vec<_> = (0..100).filter(|i| ![13, 57, 60].contains(i)).map(|i| i.to_string()).collect();
    assert_eq!(texts(&done.history, "id"), expected);
    assert_eq!(texts(&done.history, "number"), expected);
    assert_eq!(texts(&done.history, "share")[0], "12.5");
    assert_eq!(texts(&done.quarantine, "_index"), ["13", "57"]);
    let reasons = texts(&done.quarantine, "_reason");
    assert!(reasons[0].contains("thirteen") && reasons[1].contains("division by zero"), "{reasons:?}");
}

#[test]
fn a_delete_always_takes_effect() {
    let lines = SQL.replace("status <> 'draft'", "n > 1");
    let done = transform(
        &lines,
        &[
            r#"{"id":"a","text":"1","n":1,"status":"gone"}"#,
            r#"{"id":"b","text":"?","n":1,"status":"gone"}"#,
            r#"{"id":"c","text":"1","n":1,"status":"x"}"#,
            r#"{"id":"d","status":"gone"}"#,
        ],
    );
    assert_eq!(texts(&done.history, "id"), ["a", "b", "d"]);
    assert_eq!(texts(&done.history, "number"), ["1", "null", "null"]);
    assert_eq!(texts(&done.history, "_op"), ["delete"; 3]);
    assert_eq!(done.quarantine.num_rows(), 0);
}

#[test]
fn halt_names_the_first_message() {
    let mut transformer = transformer("key: [id]\ncolumns: { id: string, n: int }\non_error: halt");
    let key = raw_key();
    let origin = Origin { sequence: Sequence(7), raw_key: &key };
    let bodies: [&[u8]; 3] = [br#"{"id":"a"}"#, br#"{"n":1}"#, b"["];
    let error = transformer.transform(&raw(10, &bodies), origin).unwrap_err();
    assert_eq!(error.to_string(), "stream s halts at sequence 7, index 11: the key column id is null or missing");
    transformer.transform(&raw(10, &bodies[..1]), origin).unwrap();
}

#[test]
fn overflow_is_an_error_not_a_wrap() {
    let lines = "key: [id]\ncolumns: { id: long }\ntransform: \"SELECT id, id + 1 AS next FROM messages\"";
    let done = transform(lines, &[r#"{"id":9223372036854775807}"#, r#"{"id":1}"#]);
    assert_eq!(texts(&done.history, "next"), ["2"]);
    assert_eq!(done.quarantine.num_rows(), 1);
}

proptest! {
    /// However a stream of messages is cut, the same rows come out.
    #[test]
    fn cuts_do_not_matter(kinds in prop::collection::vec(0u8..5, 1..30), cut in any::<prop::sample::Index>()) {
        let bodies: Vec<String> = kinds.iter().enumerate().map(|(i, kind)| match kind {
            0 => format!(r#"{{"id":"{i}","text":"x","n":1,"status":"x"}}"#),
            1 => "{".to_owned(),
            2 => format!(r#"{{"id":"{i}","text":"1","n":1,"status":"draft"}}"#),
            3 => format!(r#"{{"id":"{i}","text":"1","n":0,"status":"gone"}}"#),
            _ => format!(r#"{{"id":"{i}","text":"{i}","n":2,"status":"x"}}"#),
        }).collect();
        let bodies: Vec<&[u8]> = bodies.iter().map(|body| body.as_bytes()).collect();
        let mut transformer = transformer(SQL);
        let key = raw_key();
        let origin = Origin { sequence: Sequence(0), raw_key: &key };
        let whole = transformer.transform(&raw(0, &bodies), origin).unwrap();
        let cut = cut.index(bodies.len());
        let parts = [
            transformer.transform(&raw(0, &bodies[..cut]), origin).unwrap(),
            transformer.transform(&raw(cut as i32, &bodies[cut..]), origin).unwrap(),
        ];
        let joined = |of: fn(&Transformed) -> &RecordBatch, column: &str| parts.iter().flat_map(|part| texts(of(part), column)).collect::<Vec<_>>();
        for column in ["id", "_index", "_op", "number"] {
            prop_assert_eq!(texts(&whole.history, column), joined(|part| &part.history, column));
        }
        for column in ["_index", "_reason"] {
            prop_assert_eq!(texts(&whole.quarantine, column), joined(|part| &part.quarantine, column));
        }
    }
}
