use foz_domain::Sequence;
use proptest::prelude::*;

use super::*;
use crate::Waiting;
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

/// What is logged, thrown or kept in the catalog says where and of which type; only the quarantine repeats a value.
#[test]
fn protocol_16_no_reason_for_a_halt_repeats_the_message() {
    let columns = "columns: { id: string, n: int, at: timestamp, m: \"map<string,int>\", text: string }";
    let sql = "transform: \"SELECT id, CAST(text AS INT) AS number FROM messages WHERE CAST(text AS INT) > 0\"";
    let mut halting = transformer(&format!("key: [id]\n{columns}\n{sql}\non_error: halt"));
    let mut keeping = transformer(&format!("key: [id]\n{columns}\n{sql}"));
    let long = "s3cr3t".repeat(100_000);
    let bodies = [
        r#"{"id":"a","n":"s3cr3t"}"#.to_owned(),
        r#"{"id":"a","at":"s3cr3t"}"#.to_owned(),
        r#"{"id":"a","m":{"s3cr3t":"x"}}"#.to_owned(),
        format!(r#"{{"id":"a","m":{{"{long}":"x"}}}}"#),
        r#"{"id":"a","m":{"s3cr3t":1,"s3cr3t":1}}"#.to_owned(),
        r#"{"s3cr3t":1,"s3cr3t":1}"#.to_owned(),
        r#"{"id":"a","text":"s3cr3t"}"#.to_owned(),
        r#"{"id":"a" s3cr3t}"#.to_owned(),
        r#"s3cr3t"#.to_owned(),
    ];
    let key = raw_key();
    let origin = Origin { sequence: Sequence(7), raw_key: &key };
    for body in &bodies {
        let rows = raw(0, &[body.as_bytes()]);
        let error = halting.transform(&rows, origin).unwrap_err();
        let mut shown = format!("{error:?}");
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = next {
            shown.push_str(&error.to_string());
            next = error.source();
        }
        let (body, whole) = (&body[..body.len().min(60)], "s3cr3t");
        assert!(
            !shown.contains(whole) && !shown.contains("'s'") && shown.contains("sequence 7, index 0"),
            "{body}: {shown}"
        );
        let reasons = texts(&keeping.transform(&rows, origin).unwrap().quarantine, "_reason");
        assert!(reasons[0].chars().count() <= 1_000 && (reasons[0].contains('s') || body.is_empty()), "{reasons:?}");
    }
}

/// The product of two decimals is exact; one that has more digits than its type concerns its row only.
#[test]
fn input_34_products_of_decimals_are_exact_or_quarantined() {
    let lines = "key: [id]\ncolumns: { id: string, price: \"decimal(20,4)\", quantity: \"decimal(20,3)\", n: long }\n\
        transform: \"SELECT id, price * quantity AS total, price * 3 AS triple, price * n AS many FROM messages\"";
    let bodies = [
        r#"{"id":"a","price":"12.3456","quantity":"0.001","n":-2}"#,
        r#"{"id":"b","price":"9999999999999999.9999","quantity":"1200000000000000.000","n":1}"#,
        r#"{"id":"c","price":"0.0001"}"#,
        r#"{"id":"d","price":"1234567890123456.7891","quantity":"98765432109876.543","n":9}"#,
        r#"{"id":"e","price":"1","quantity":"99999999999999999.999","n":1}"#,
        r#"{"id":"f","price":"9999999999999999.9999","quantity":"99999999999999999.999","n":1}"#,
    ];
    let done = transform(lines, &bodies);
    assert_eq!(done.history["total"].data_type().to_string(), "Decimal128(38, 7)");
    assert_eq!(texts(&done.history, "id"), ["a", "c", "d", "e"]);
    // 12345678901234567891 * 98765432109876543 is the third.
    let exact = ["0.0123456", "null", "121932631137021794974363666396.1880813", "99999999999999999.9990000"];
    assert_eq!(texts(&done.history, "total"), exact);
    assert_eq!(texts(&done.history, "triple")[0], "37.0368");
    assert_eq!(texts(&done.history, "many")[0], "-24.6912");
    assert_eq!(texts(&done.quarantine, "_index"), ["1", "5"]);
    // The second has more digits than the processor's widest number.
    for (reason, why) in texts(&done.quarantine, "_reason").iter().zip(["more digits than its type has", "verflow"]) {
        assert!(reason.starts_with("total: ") && reason.contains(why), "{reason}");
    }
}

/// Case 14: the same out of SQL, on any way to a time; and what would wrap is an error.
#[test]
fn input_14_sql_computes_times_of_the_years_1_to_9999() {
    let columns = "columns: { id: string, n: long, m: int, text: string, at: timestamp }";
    for (expr, good, bad) in [
        ("timestamp_millis(n)", r#""n":253402300799999"#, r#""n":253402300800000"#),
        ("timestamp_seconds(n)", r#""n":-62135596800"#, r#""n":-62135596801"#),
        ("make_date(m, 1, 1)", r#""m":9999"#, r#""m":10000"#),
        ("make_date(m, 1, 1)", r#""m":1"#, r#""m":0"#),
        ("CAST(text AS DATE)", r#""text":"0001-01-01""#, r#""text":"0000-12-31""#),
        ("CAST(text AS TIMESTAMP)", r#""text":"9999-12-31T23:59:59Z""#, r#""text":"9999-12-31T23:59:59-02:00""#),
        ("date_trunc('week', at)", r#""at":"9999-12-31T23:59:59Z""#, r#""at":"0000-12-31T23:59:59Z""#),
        ("EXTRACT(YEAR FROM timestamp_millis(n))", r#""n":0"#, r#""n":9223372036854775"#),
        ("-n", r#""n":9223372036854775807"#, r#""n":-9223372036854775808"#),
        ("-m", r#""m":2147483647"#, r#""m":-2147483648"#),
        ("m * m", r#""m":46340"#, r#""m":46341"#),
        ("abs(n)", r#""n":9223372036854775807"#, r#""n":-9223372036854775808"#),
    ] {
        let lines = format!("key: [id]\n{columns}\ntransform: \"SELECT id, {expr} AS x FROM messages\"");
        let body = |id: &str, with: &str| format!("{{\"id\":\"{id}\",{with}}}");
        let done = transform(&lines, &[&body("good", good), &body("bad", bad)]);
        assert_eq!(texts(&done.history, "id"), ["good"], "{expr}");
        assert_eq!(done.quarantine.num_rows(), 1, "{expr}");
    }
    let lines = format!("key: [id]\n{columns}\ntransform: \"SELECT id, TRY_CAST(text AS DATE) AS x FROM messages\"");
    let done = transform(&lines, &[r#"{"id":"a","text":"+12026-01-01"}"#, r#"{"id":"b","text":"2026-01-01"}"#]);
    assert_eq!(texts(&done.history, "x"), ["null", "2026-01-01"]);
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

/// What becomes of the messages, part by part, by their `_index`: in the history, and in quarantine.
fn in_parts(lines: &str, bodies: &[&str]) -> (Vec<Transformed>, Vec<String>, Vec<String>) {
    let bodies: Vec<&[u8]> = bodies.iter().map(|body| body.as_bytes()).collect();
    let key = raw_key();
    let origin = Origin { sequence: Sequence(7), raw_key: &key };
    let (mut transformer, mut waiting) = (transformer(lines), Waiting::new(raw(0, &bodies)));
    let parts: Vec<_> = std::iter::from_fn(|| transformer.next(&mut waiting, origin).unwrap()).collect();
    let history = parts.iter().flat_map(|part| texts(&part.history, "_index")).collect();
    let quarantine = parts.iter().flat_map(|part| texts(&part.quarantine, "_index")).collect();
    (parts, history, quarantine)
}

#[test]
fn input_8a_date_trunc_is_right_in_every_year() {
    let lines = "key: [id]\ncolumns: { id: string, at: timestamp }\n\
        transform: \"SELECT id, date_trunc('day', at) AS day, date_trunc('year', at) AS year FROM messages\"";
    let bodies = ["9999-12-31T23:59:59Z", "2263-01-02T03:04:05Z", "1500-01-02T03:04:05Z", "2026-07-01T12:00:00Z"];
    let bodies = bodies.map(|at| format!(r#"{{"id":"a","at":"{at}"}}"#));
    let done = transform(lines, &bodies.each_ref().map(String::as_str));
    let days = ["9999-12-31T00:00:00Z", "2263-01-02T00:00:00Z", "1500-01-02T00:00:00Z", "2026-07-01T00:00:00Z"];
    assert_eq!(texts(&done.history, "day"), days);
    let years = ["9999-01-01T00:00:00Z", "2263-01-01T00:00:00Z", "1500-01-01T00:00:00Z", "2026-01-01T00:00:00Z"];
    assert_eq!(texts(&done.history, "year"), years);
}

#[test]
fn input_8a_a_row_that_makes_the_engine_panic_is_quarantined_and_the_others_flow() {
    let panicking: fn() -> Result<(), DataFusionError> = || panic!("byte array offset overflow");
    let error = unless_it_panics(panicking).unwrap_err();
    assert!(error.to_string().contains("the engine panicked: byte array offset overflow"), "{error}");

    // One that panics wherever a row has n = 13, whether the engine evaluates it or the decoder does.
    let mut plan = CompiledStream::new(&stream(PLAIN)).unwrap();
    plan.outputs[0].expr = Arc::new(Panicking);
    let key = raw_key();
    let origin = Origin { sequence: Sequence(7), raw_key: &key };
    let bodies: Vec<String> = (0..20).map(|n| format!(r#"{{"id":"{n}","n":{n}}}"#)).collect();
    let bodies: Vec<&[u8]> = bodies.iter().map(|body| body.as_bytes()).collect();
    let mut transformer = Transformer::new(plan, 0).unwrap();
    let done = transformer.next(&mut Waiting::new(raw(0, &bodies)), origin).unwrap().unwrap();
    let expected: Vec<_> = (0..20).filter(|n| *n != 13).map(|n| n.to_string()).collect();
    assert_eq!((texts(&done.history, "_index"), texts(&done.quarantine, "_index")), (expected, vec!["13".to_owned()]));
    assert!(texts(&done.quarantine, "_reason")[0].contains("the engine panicked: thirteen"));
}

/// An expression that passes `id`, and panics where `n` is 13.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Panicking;

impl std::fmt::Display for Panicking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("panicking")
    }
}

impl PhysicalExpr for Panicking {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<datafusion::logical_expr::ColumnarValue, DataFusionError> {
        let numbers = rows["n"].as_primitive::<arrow::datatypes::Int64Type>();
        assert!(!numbers.iter().flatten().any(|n| n == 13), "thirteen");
        Ok(datafusion::logical_expr::ColumnarValue::Array(rows["id"].clone()))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        Vec::new()
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
        Ok(self)
    }

    fn fmt_sql(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("panicking")
    }
}

/// Twelve messages that become 2.4 GB, and others whose SQL makes more of them by every function that can.
#[test]
fn input_8b_a_row_that_would_be_too_large_is_quarantined_and_the_others_flow() {
    for grown in
        ["repeat(s, n)", "rpad(repeat(s, 1), 1, 'x') || repeat(s, n)", "replace(repeat(s, 1000), 'x', repeat(s, n))"]
    {
        let lines = format!(
            "key: [id]\ncolumns: {{ id: string, s: string, n: int }}\ntransform: \"SELECT id, {grown} AS grown FROM messages\""
        );
        let body = |id: usize, n: u32| format!(r#"{{"id":"{id}","s":"xxxxxxxxxx","n":{n}}}"#);
        let bodies: Vec<String> = (0..12).map(|id| body(id, if id % 6 == 1 { 2 } else { 20_000_000 })).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let (parts, history, quarantine) = in_parts(&lines, &bodies);
        assert_eq!(history, ["1", "7"], "{grown}");
        assert_eq!(quarantine.len(), 10);
        let reasons: Vec<_> = parts.iter().flat_map(|part| texts(&part.quarantine, "_reason")).collect();
        assert!(reasons.iter().all(|reason| reason.contains("bytes, more than 67108864")), "{reasons:?}");
    }
}

#[test]
fn input_8b_rows_that_are_too_large_together_are_transformed_in_parts() {
    let lines = "key: [id]\ncolumns: { id: string, s: string }\ntransform: \"SELECT id, repeat(s, 3000000) AS grown FROM messages\"";
    let bodies: Vec<String> = (0..12).map(|id| format!(r#"{{"id":"{id}","s":"xxxxxxxxxx"}}"#)).collect();
    let (parts, history, quarantine) = in_parts(lines, &bodies.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(parts.len() > 1 && quarantine.is_empty());
    assert_eq!(history, (0..12).map(|id| id.to_string()).collect::<Vec<_>>(), "in their order");
}
