use crate::fixture::stream;
use crate::plan::{CompiledStream, Part};

const COLUMNS: &str = "columns: { id: string, n: int, amount: \"decimal(10,2)\", ratio: double, at: timestamp, day: date, \
    one: \"struct<sku:string,Qty:int>\", items: \"array<string>\", ok: boolean }";

fn plan(sql: &str) -> Result<String, Vec<String>> {
    let lines = format!("key: [id]\n{COLUMNS}\ntransform: {}", serde_json::Value::from(sql));
    match CompiledStream::new(&stream(&lines)) {
        Ok(plan) => Ok(plan
            .user_columns()
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect::<Vec<_>>()
            .join(", ")),
        Err(problems) => {
            assert!(problems.iter().all(|problem| problem.part == Part::Transform));
            Err(problems.iter().map(ToString::to_string).collect())
        }
    }
}

/// What the transform gives beside the key.
fn gives(expr: &str) -> Result<String, Vec<String>> {
    plan(&format!("SELECT id, {expr} AS x FROM messages"))
        .map(|columns| columns.trim_start_matches("id Utf8, x ").to_owned())
}

#[test]
fn the_planned_schema_is_the_output_of_the_sql() {
    assert_eq!(
        plan("SELECT id, one.sku, n + 1 AS m, at AS `seen_at` FROM messages WHERE n > 0;").unwrap(),
        "id Utf8, sku Utf8, m Int64, seen_at Timestamp(µs, \"+00:00\")"
    );
    assert!(plan("select * from messages").unwrap().starts_with("id Utf8, n Int32, amount Decimal128(10, 2), ratio Float64, at Timestamp(µs, \"+00:00\"), day Date32, one Struct("));
    assert_eq!(gives("CASE WHEN ok THEN upper(id) ELSE one.`Qty` || '' END").map_err(|e| e.len()), Err(1));
    for (expr, data_type) in [
        ("n / 2", "Float64"),
        ("amount * amount", "Decimal128(21, 4)"),
        ("amount * n", "Decimal128(21, 2)"),
        ("amount * 2", "Decimal128(12, 2)"),
        ("100 * amount", "Decimal128(14, 2)"),
        ("CAST(amount AS DECIMAL(30,2)) * amount", "Decimal128(38, 4)"),
        ("amount * NULL", "Decimal128(21, 4)"),
        ("-n", "Int32"),
        ("n % 2", "Int64"),
        ("CAST(id AS TIMESTAMP)", "Timestamp(µs, \"+00:00\")"),
        ("CAST(at AS DATE)", "Date32"),
        ("TRY_CAST(id AS DECIMAL(8,3))", "Decimal128(8, 3)"),
        ("CAST(n AS STRING)", "Utf8"),
        ("coalesce(one.sku, id, '-')", "Utf8"),
        ("one.`Qty`", "Int32"),
        ("at > TIMESTAMP '2026-01-01 00:00:00'", "Boolean"),
        ("day BETWEEN DATE '2026-01-01' AND DATE '2026-12-31'", "Boolean"),
        ("EXTRACT(YEAR FROM at)", "Int32"),
        ("date_trunc('day', at)", "Timestamp(µs, \"+00:00\")"),
        ("timestamp_millis(n)", "Timestamp(µs, \"+00:00\")"),
        ("substring(id, 1, 3)", "Utf8"),
        ("split_part(id, '-', 2)", "Utf8"),
        ("trim(id) || lower(one.sku)", "Utf8"),
        ("id LIKE 'a%' AND n IN (1, 2) AND ok IS NOT TRUE", "Boolean"),
        ("length(id)", "Int32"),
        ("md5(id)", "Utf8"),
        ("_message_id", "Utf8"),
    ] {
        assert_eq!(gives(expr).as_deref(), Ok(data_type), "{expr}");
    }
}

/// Case 32: what is not per message, or not the same everywhere, is refused with the reason.
#[test]
fn refusals_say_why() {
    for (sql, reason) in [
        (
            "SELECT id, count(*) AS n FROM messages GROUP BY id",
            "GROUP BY and HAVING are not possible: a transform sees one message at a time",
        ),
        (
            "SELECT id, sum(n) AS n FROM messages",
            "line 1, column 12: sum: an aggregate is not possible: a transform sees one message at a time",
        ),
        (
            "SELECT id, row_number() OVER (ORDER BY n) AS r FROM messages",
            "line 1, column 12: row_number: a window is not possible: a transform sees one message at a time",
        ),
        (
            "SELECT id FROM messages JOIN other ON true",
            "a join is not possible: a transform sees one message at a time",
        ),
        ("SELECT id FROM messages, other", "a transform reads FROM messages, and nothing else"),
        (
            "SELECT id FROM other",
            "only SELECT … FROM messages [WHERE …] is possible: a transform sees one message at a time",
        ),
        (
            "SELECT id FROM messages m",
            "only SELECT … FROM messages [WHERE …] is possible: a transform sees one message at a time",
        ),
        ("SELECT DISTINCT id FROM messages", "DISTINCT is not possible: a transform sees one message at a time"),
        ("SELECT id FROM messages LIMIT 1", "LIMIT is not possible: a transform sees one message at a time"),
        ("SELECT id FROM messages ORDER BY n", "ORDER BY is not possible: a transform sees one message at a time"),
        (
            "SELECT id FROM messages UNION ALL SELECT id FROM messages",
            "UNION is not possible: a transform sees one message at a time",
        ),
        (
            "WITH m AS (SELECT 1) SELECT id FROM messages",
            "WITH is not possible: a transform sees one message at a time",
        ),
        (
            "SELECT id, n + 1 FROM messages",
            "line 1, column 12: the engines name n + 1 differently; give it a name: … AS name",
        ),
        (
            "SELECT id, (SELECT max(n) FROM messages) AS m FROM messages",
            "line 1, column 13: a subquery is not possible: a transform sees one message at a time",
        ),
        ("SELECT id, n AS _n FROM messages", "the name _n is reserved"),
        ("SELECT id, n AS ref FROM messages", "the name ref is reserved"),
        ("SELECT id, n, n FROM messages", "two columns are named n"),
        ("SELECT n FROM messages", "the key column id must be selected as it is; SELECT id, …"),
        ("SELECT upper(id) AS id FROM messages", "the key column id must be selected as it is; SELECT id, …"),
        ("SELECT id, m FROM messages", "line 1, column 12: there is no column m"),
        ("SELECT id, ration FROM messages", "line 1, column 12: there is no column ration; did you mean \"ratio\"?"),
        (
            "SELECT id, NULL AS x FROM messages",
            "line 1, column 12: NULL is of type Null, which tables do not have; CAST",
        ),
        ("SELECT id FROM messages; SELECT id FROM messages", "a transform is one SELECT … FROM messages"),
    ] {
        assert_eq!(plan(sql).unwrap_err().first().map(String::as_str), Some(reason), "{sql}");
    }
    for (expr, reason) in [
        ("now()", "the function now is not on the list"),
        ("random()", "the function random is not on the list"),
        ("concat(id, 'x')", "the function concat is not on the list"),
        ("uper(id)", "did you mean \"upper\"?"),
        ("unnest(items)", "the function unnest is not on the list"),
        ("items[1]", "subscripts differ"),
        ("\"id\"", "Spark reads \"id\" as text"),
        ("1.5", "Spark reads 1.5 as a decimal"),
        ("'it''s'", "quotes and backslashes"),
        ("substring(id, 0)", "the start must be a literal, 1 or more"),
        ("id = 5", "the engines differ on Utf8 = Int64"),
        ("at > '2026-01-01'", "the engines differ on"),
        ("amount / 2", "the engines differ on Decimal128(10, 2) / Int64; CAST both sides to DOUBLE, which rounds"),
        ("amount * ratio", "CAST the decimal to DOUBLE, which rounds, or the other side to DECIMAL(…)"),
        ("CAST(amount AS DECIMAL(38,30)) * amount * CAST(amount AS DECIMAL(10,9))", "a decimal has 38"),
        ("CAST(ratio AS STRING)", "the engines differ on the CAST of Float64 to Utf8"),
        ("CAST(n AS TIMESTAMP)", "timestamp_seconds(…) or timestamp_millis(…)"),
        ("coalesce(n, id)", "the engines differ on coalesce(Int32, Utf8)"),
        ("id ~ 'x'", "the operator ~"),
        ("current_timestamp", "current_timestamp"),
    ] {
        let found = gives(expr).expect_err(expr).join("\n");
        assert!(found.contains(reason), "{expr}: {found}");
    }
}

#[test]
fn delete_conditions_are_conditions() {
    let wrong = |sql: &str| {
        let lines = format!("key: [id]\n{COLUMNS}\ndelete_when: {}", serde_json::Value::from(sql));
        CompiledStream::new(&stream(&lines)).map(|_| ()).map_err(|problems| {
            assert!(problems.iter().all(|problem| problem.part == Part::DeleteWhen));
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
    };
    assert_eq!(wrong("n < 0 OR id IS NULL"), Ok(()));
    assert_eq!(wrong("n"), Err("line 1, column 1: a condition is true or false, but n is of type Int32".to_owned()));
    assert_eq!(wrong("n < 0 x"), Err("expected the condition to end, found x".to_owned()));
    assert_eq!(wrong("m"), Err("line 1, column 1: there is no column m".to_owned()));
}
