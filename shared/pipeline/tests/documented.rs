//! Each setting stands in `docs/pipeline.md`, in the explanation and in the resolved text.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use foz_pipeline::{Definition, Described, StreamSettings, limits};
use foz_testkit::assert_written;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pipeline.md");
const HEAD: &str =
    "### Settings (per stream, or for all under `defaults`)\n\n| key | default | meaning |\n|---|---|---|\n";

#[test]
fn each_setting_is_a_row_of_the_documentation() {
    let page = fs::read_to_string(PAGE).unwrap();
    let start = page.find(HEAD).unwrap() + HEAD.len();
    let end = start + page[start..].find("\n\n").unwrap() + 1;
    let mut rows = String::new();
    for Described { key, default, meaning, .. } in StreamSettings::described() {
        writeln!(rows, "| `{key}` | {default} | {meaning} |").unwrap();
    }
    assert_written(PAGE, &format!("{}{rows}{}", &page[..start], &page[end..]));
}

/// A definition of one stream, with these lines in it.
fn definition(lines: &str) -> Definition {
    let text = format!(
        "lake: l\nstreams:\n  a:\n    queue: q\n    key: [k]\n    version: k\n    columns: {{ k: long }}\n{lines}"
    );
    Definition::stored(&text).unwrap()
}

#[test]
fn each_setting_changes_explanation_and_resolved_text() {
    let untouched = definition("");
    for Described { key, default, expected, .. } in StreamSettings::described() {
        let value = match expected.as_str() {
            _ if expected.starts_with("a number") => "7".to_owned(),
            _ if expected.starts_with("a duration") => "7s".to_owned(),
            _ if expected.starts_with("a size") => "7MB".to_owned(),
            names => {
                names.replace(" or ", ", ").split(", ").find(|name| format!("`{name}`") != default).unwrap().to_owned()
            }
        };
        let line = match key.split_once('.') {
            Some((group, key)) => format!("    {group}: {{ {key}: {value} }}\n"),
            None => format!("    {key}: {value}\n"),
        };
        let definition = definition(&line);
        assert_ne!(definition.explain(&BTreeMap::new()), untouched.explain(&BTreeMap::new()), "{line}");
        assert_ne!(definition.resolved(), untouched.resolved(), "{line}");
        assert_eq!(Definition::stored(&definition.resolved()).unwrap(), definition, "{line}");
    }
}

const LIMITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");
const LIMITS_HEAD: &str = "## Of a definition\n";

#[test]
fn each_limit_of_a_definition_is_a_row_of_the_documentation() {
    let page = fs::read_to_string(LIMITS).unwrap();
    let section = page.find(LIMITS_HEAD).unwrap();
    let start = section + page[section..].find("|---|---|---|---|\n").unwrap() + "|---|---|---|---|\n".len();
    let end = page[start..].find("\n\n").map_or(page.len(), |end| start + end + 1);
    let mut rows = String::new();
    for limit in limits::ALL {
        let checked = if limit == &limits::TYPE_DEPTH { "every reader of a definition" } else { "`foz check`" };
        writeln!(rows, "| {} | {} | {checked} | refused: {} |", limit.what, limit.most, limit.why).unwrap();
    }
    if std::env::var_os("FOZ_UPDATE").is_some() {
        fs::write(LIMITS, format!("{}{rows}{}", &page[..start], &page[end..])).unwrap();
    } else {
        assert_eq!(&page[start..end], rows);
    }
}
