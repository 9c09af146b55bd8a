//! `docs/limits.md` says what the code does: a limit that changes in one of them fails here.
//!
//! Limits of a definition are compared by a test of `pipeline`. The others are constants of many crates, most of them their
//! own business; so a row is held together with the line that declares its number.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::path::Path;

/// How a row begins, the file that declares its limit, and how.
const ROWS: [(&str, &str, &str); 42] = [
    ("characters of a lake's name | 28 |", "shared/pipeline/src/names.rs", "MAX_LAKE: usize = 28;"),
    (
        "characters of a stream's, column's or reference's name | 64 |",
        "shared/domain/src/ids.rs",
        "MAX_NAME: usize = 64;",
    ),
    (
        "`x-delivery-limit`, policy `delivery-limit` | at least 1,000,",
        "shared/rabbit/src/queue.rs",
        "ENOUGH_DELIVERIES: i64 = 1_000;",
    ),
    ("levels of a JSON body | 128 |", "shared/engine/src/decode/scan.rs", "MAX_DEPTH: usize = 128;"),
    ("nesting of a header's arrays and tables | 64 |", "shared/rabbit/src/field.rs", "MAX_DEPTH: usize = 64;"),
    ("bytes of a body in a batch | 4,000,000 |", "functions/bridge/src/parcel.rs", "MAX_INLINE: usize = 4_000_000;"),
    ("messages of a batch | 262,144 |", "shared/lake/src/frame.rs", "MAX_MESSAGES: usize = 1 << 18;"),
    (
        "bytes of a batch's messages together | 64 MiB |",
        "shared/lake/src/frame.rs",
        "MAX_RAW: usize = 64 * 1024 * 1024;",
    ),
    ("messages of a mapping's event | 10,000 |", "shared/domain/src/mapping.rs", "MAX_EVENT: u64 = 10_000;"),
    (
        "messages back to which ingest looks for redelivered ones | 10,000 |",
        "shared/domain/src/mapping.rs",
        "MAX_EVENT: u64 = 10_000;",
    ),
    (
        "time of that search | two thirds of ingest's `timeout`, 20 s |",
        "functions/ingest/src/ingest.rs",
        "timeout * 2 / 3",
    ),
    (
        "headers of a batch's messages together | 524,288 |",
        "shared/lake/src/message.rs",
        "MAX_HEADERS: usize = 1 << 19;",
    ),
    (
        "text that one function of a transform makes of a message | 64 MiB |",
        "shared/engine/src/sql/guarded.rs",
        "MAX_TEXT: usize = 64 << 20;",
    ),
    ("rows that a run holds at once | 256 MiB |", "shared/engine/src/transform.rs", "MAX_ROWS: usize = 4 * MAX_ROW;"),
    ("columns of a row, of one message | 64 MiB |", "shared/engine/src/transform.rs", "MAX_ROW: usize = MAX_TEXT;"),
    ("characters of a reason in quarantine | 1,000 |", "shared/engine/src/rejection.rs", "MAX_REASON: usize = 1_000;"),
    (
        "characters of a value or a key that a reason repeats | 60 |",
        "shared/engine/src/decode/problem.rs",
        "SHOWN: usize = 60;",
    ),
    ("batches of a run | 1,000 |", "shared/domain/src/plan.rs", "MAX_RUN_BATCHES: usize = 1000;"),
    (
        "bytes of a bucket that is written anew beside others | 32 MiB |",
        "functions/consolidate/src/image.rs",
        "TOGETHER: u64 = 32 << 20;",
    ),
    (
        "bytes of a bucket that every image writes anew | 2 MiB |",
        "shared/domain/src/maintenance.rs",
        "small: 2 << 20, files: 16, rows_per_deleted: 5",
    ),
    (
        "files of a bucket with rows, and with deleted ones | 16 each |",
        "shared/domain/src/maintenance.rs",
        "small: 2 << 20, files: 16, rows_per_deleted: 5",
    ),
    (
        "rows of a bucket that are deleted in place | one of 5 |",
        "shared/domain/src/maintenance.rs",
        "small: 2 << 20, files: 16, rows_per_deleted: 5",
    ),
    ("faults over one range | 3 |", "shared/domain/src/job/care.rs", "MOST_CRASHES: u32 = 3;"),
    ("ends by an outage that are taken over at once | 2 |", "shared/domain/src/job/care.rs", "HASTY_EPOCHS: u64 = 3;"),
    (
        "snapshots, and metadata files in the log, of a history or quarantine table | 100 |",
        "shared/lake/src/spec.rs",
        "LOG_SNAPSHOTS: u32 = 100;",
    ),
    (
        "snapshots, and metadata files in the log, of a history or quarantine table | 100 |",
        "shared/lake/src/spec.rs",
        "METADATA_LOG: &str = \"100\";",
    ),
    (
        "one attempt at a request to AWS | 10 s;",
        "shared/edge/src/aws.rs",
        "ATTEMPT: Duration = Duration::from_secs(10);",
    ),
    (
        "one attempt at a request to AWS | 10 s; a transfer 60 s,",
        "shared/edge/src/aws.rs",
        "TRANSFER: Duration = Duration::from_secs(60);",
    ),
    (
        "bytes that wait in the memory of a bridge | 48 MiB compressed,",
        "functions/bridge/src/main.rs",
        "SPOOL: usize = 48 << 20;",
    ),
    (
        "bytes that wait in the memory of a bridge | 48 MiB compressed, 64 MiB unacknowledged |",
        "functions/bridge/src/main.rs",
        "WINDOWS: u64 = 64 << 20;",
    ),
    (
        "a `--drain` that commits nothing | 10 minutes |",
        "functions/bridge/src/group.rs",
        "STALL: Duration = Duration::from_secs(600);",
    ),
    ("logins that the broker refuses in a row | 5 |", "functions/bridge/src/pace.rs", "REFUSED_LOGINS: u32 = 5;"),
    ("rows of a table that `foz query` prints | 1,000 |", "functions/foz/src/query.rs", "MOST_ROWS: usize = 1_000;"),
    ("memory of `foz query` | 1 GiB |", "functions/foz/src/query.rs", "MEMORY: usize = 1 << 30;"),
    (
        "different values that `foz infer` counts of a column | 100,000 |",
        "functions/foz/src/infer/proposal.rs",
        "MOST: usize = 100_000;",
    ),
    ("what `FOZ_LOG` shows | `debug` |", "shared/edge/src/logging.rs", "MOST: LevelFilter = LevelFilter::DEBUG;"),
    (
        "policy `expires` on a group's lock, `foz.<lake>.<group>.lock` | 10 s at least | the bridge, every 5 s",
        "functions/bridge/src/lock.rs",
        "LOOK: Duration = Duration::from_secs(5);",
    ),
    (
        "looks at a dead letter | 1,000,000 |",
        "shared/rabbit/src/queue.rs",
        "DELIVERIES_OF_DEAD_LETTERS: i64 = 1_000_000;",
    ),
    ("error of a job | 2,000 characters |", "shared/domain/src/job.rs", "MAX_ERROR: usize = 2_000;"),
    (
        "message of a failed invocation | 4,000 characters |",
        "shared/edge/src/failure.rs",
        "MAX_MESSAGE: usize = 4_000;",
    ),
    ("wait for the queue of hints | 2 s |", "shared/edge/src/hints.rs", "PATIENCE: Duration = Duration::from_secs(2);"),
    ("short reigns in a row that had deliveries | 100 |", "functions/bridge/src/pace.rs", "SHORT_REIGNS: u32 = 100;"),
];

#[test]
fn each_limit_is_a_row_with_the_number_that_the_code_declares() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let page = read("docs/limits.md");
    for (row, file, declared) in ROWS {
        assert!(page.lines().any(|line| line.starts_with(&format!("| {row}"))), "docs/limits.md has no row: {row}");
        assert!(read(file).contains(declared), "{file} does not declare {declared} (docs/limits.md: {row})");
    }
    for (sentence, file, declared) in [
        ("32 levels of YAML, and 1,000,000 nodes", "shared/pipeline/src/yaml.rs", "MAX_DEPTH: usize = 32;"),
        ("32 levels of YAML, and 1,000,000 nodes", "shared/pipeline/src/yaml.rs", "MAX_NODES: usize = 1_000_000;"),
        ("An expression of SQL has 200 levels", "shared/engine/src/sql/depth.rs", "MAX_LEVELS: usize = 200;"),
        ("has 131,072 bytes at most as Glue keeps it", "shared/lake/src/schema.rs", "GLUE_TYPE: usize = 131_072;"),
    ] {
        assert!(page.contains(sentence) && read(file).contains(declared), "{sentence}");
    }
}
