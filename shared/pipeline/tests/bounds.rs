//! Limits and names that a definition must keep, and what is warned of.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fmt::Write;

use foz_pipeline::{Definition, limits};

/// What is wrong with a definition, a line for each; the file's name is left out.
fn problems(text: &str) -> Vec<String> {
    let examined = Definition::examine(text, &|_| Err(std::io::Error::other("no files")));
    examined.problems.iter().map(ToString::to_string).collect()
}

/// A stream whose keys are `with`, in addition to those that it must have.
fn stream(name: &str, queue: &str, with: &str) -> String {
    format!("  {name}: {{ queue: {queue}, key: [id], columns: {{ id: long }}{with} }}\n")
}

/// Asserts that a definition of one stream, with `{}` in `text` replaced, is right with one value and wrong with another.
fn check(text: &str, right: &str, wrong: &str, expected: &str) {
    assert_eq!(problems(&text.replace("{}", right)), [""; 0], "{right}");
    let found = problems(&text.replace("{}", wrong));
    assert!(found.len() == 1 && found[0].contains(expected), "{wrong}: {found:?}");
    // A lake that has it goes on.
    Definition::stored(&text.replace("{}", wrong)).unwrap();
}

fn one(with: &str) -> String {
    format!("lake: l\nstreams:\n{}", stream("a", "q", with))
}

#[test]
fn input_7_8_names_that_the_broker_or_a_url_reads_as_others() {
    let queue = format!("lake: l\nstreams:\n{}", stream("a", "\"{}\"", ""));
    check(&queue, "...", "..", "is a step to another folder");
    check(&queue, "a.b", ".", "is a step to another folder");
    check(&queue, "a b", "a\\nb", "the name \"a\\nb\" holds a control character");
    check(&queue, "a/b", "a\\0", "the name \"a\\0\" holds a control character");
    check(&queue, "ä", "a\\u2028b", "holds a control character or a line end");
    let vhost = format!("broker: {{ vhost: \"{{}}\" }}\n{}", one(""));
    check(&vhost, "/", "..", "broker.vhost: the name \"..\" is a step to another folder");
    check(&vhost, "v", "a\\tb", "holds a control character");
}

#[test]
fn input_16_names_that_terraform_composes() {
    let queue = format!("lake: l\nstreams:\n{}", stream("a", "\"{}\"", ""));
    check(&queue, "caf\u{e9}", "cafe\u{301}", "is not in Unicode's composed form");
    let vhost = format!("broker: {{ vhost: \"{{}}\" }}\n{}", one(""));
    check(&vhost, "\u{c5}", "\u{212b}", "is not in Unicode's composed form");
}

#[test]
fn input_36_the_name_of_the_dead_letters_queue_must_fit() {
    assert_eq!(limits::QUEUE.most, 242);
    let queue = format!("lake: l\nstreams:\n{}", stream("a", "{}", ""));
    check(&queue, &"q".repeat(242), &"q".repeat(243), "243 bytes of a queue's name, of which 242 are possible");
    let both = format!("lake: l\nstreams:\n{}{}", stream("a", "q", ""), stream("b", "{}", ""));
    check(&both, "q.dead", "q.dead-letters", "\"q.dead-letters\" is the queue of a's dead letters");
}

#[test]
fn protocol_8_a_group_has_at_most_ninety_streams() {
    let group = |streams: usize| {
        let mut text = format!("lake: l\nstreams:\n{}", stream("a", "q", ""));
        for n in 1..streams {
            write!(text, "{}", stream(&format!("s{n}"), &format!("q{n}"), ", references: { id: a }")).unwrap();
        }
        problems(&text)
    };
    assert_eq!(group(90), [""; 0]);
    let why = limits::GROUP.why;
    assert_eq!(group(91), [format!("3:3: streams.a: 91 streams of a group, of which 90 are possible: {why}")]);
}

#[test]
fn input_8d_paths_have_a_limit() {
    let path = |steps: usize| format!("${}", ".a".repeat(steps));
    let text = one("").replace("id: long", "id: long, b: { type: string, from: {} }");
    check(&text, &path(64), &path(65), "65 steps of a path in `from`, of which 64 are possible");
}

#[test]
fn types_have_limits() {
    let text = one("").replace("id: long", "id: long, b: \"{}\"");
    let fields = |n: usize| format!("struct<{}>", (0..n).map(|n| format!("f{n}:int")).collect::<Vec<_>>().join(","));
    check(&text, &fields(1_998), &fields(1_999), "2001 columns of a stream, fields of structs included");
    let long = |n: usize| format!("struct<{}:int>", "f".repeat(n));
    check(&text, &long(131_000), &long(131_072), "bytes of a column's type, of which 131072 are possible");
    check(&text, "struct<a:int>", "struct<``:int>", "no struct can have a field named \"\"");
    check(&text, "map<string,array<struct<`a b`:int>>>", "map<string,array<struct<`a\\tb`:int>>>", "named \"a\\tb\"");
}

/// Every other limit is asked of people only (`check`); this one protects each reader.
#[test]
fn the_depth_of_a_type_is_asked_of_a_stored_definition_too() {
    let text = |levels: usize| {
        let ty = format!("{}int{}", "array<".repeat(levels), ">".repeat(levels));
        one("").replace("id: long", &format!("id: long, b: \"{ty}\""))
    };
    let most = limits::TYPE_DEPTH.most;
    assert_eq!(problems(&text(most)), [""; 0]);
    Definition::stored(&text(most)).unwrap();
    let found = problems(&text(most + 1));
    assert!(found.len() == 1 && found[0].contains("types nest deeper than 32"), "{found:?}");
    assert!(Definition::stored(&text(most + 1)).is_err());
}

#[test]
fn a_file_that_nests_too_deep_or_is_too_large_is_refused_whole() {
    let nested = format!("lake: {}l{}", "[".repeat(40), "]".repeat(40));
    // Twelve lines of ten aliases each would be a million million nodes.
    let line = |n: usize| format!("x{n}: &x{n} [{}]\n", vec![format!("*x{}", n - 1); 10].join(", "));
    let bomb = format!("x0: &x0 [l]\n{}lake: l\n", (1..=12).map(line).collect::<String>());
    for text in [nested, bomb] {
        let found = problems(&text);
        assert!(found.iter().any(|found| found.contains("the file nests too deep or is too large")), "{found:?}");
    }
}

#[test]
fn settings_have_limits() {
    check(&one(", retain: { images: {} }"), "200", "201", "201 `retain.images`, of which 200 are possible");
    check(&one(", tombstones: {}"), "36500d", "36501d", "36501d is too long: days of any duration are 36500 at most");
    check(&one(", max_latency: {}"), "1d", "9999999d", "is too long");
    let sql = |bytes: usize| format!("\"id = 1{}\"", " ".repeat(bytes - 6));
    check(&one(", delete_when: {}"), &sql(262_144), &sql(262_145), "bytes of a `transform` or `delete_when`");
}

fn warnings(text: &str) -> Vec<String> {
    let examined = Definition::examine(text, &|_| Err(std::io::Error::other("no files")));
    examined.definition("f").unwrap().warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn input_17_text_as_a_version_is_warned_of() {
    let text = |ty: &str| one(", version: rev").replace("id: long", &format!("id: long, rev: {ty}"));
    assert_eq!(warnings(&text("long")), [""; 0]);
    let expected = "3:74: streams.a.version: \"rev\" is text, which is compared letter by letter: \"9\" is newer than \"10\"; declare it as bigint, decimal or timestamp if it counts or tells time";
    assert_eq!(warnings(&text("string")), [expected]);
}

#[test]
fn what_is_beside_the_body_is_not_in_it() {
    let text = |from: &str| one("").replace("id: long", &format!("id: long, k: {{ type: string, from: {from} }}"));
    let found = warnings(&text("$.headers.kind"));
    assert!(
        found[0].contains("this reads a field of the body named \"headers\", not the message's headers"),
        "{found:?}"
    );
    assert_eq!(warnings(&text("$.meta.headers")), [""; 0]);
    for from in ["$routing_key", "\"$headers['a']\"", "$properties.type"] {
        let found = problems(&text(from));
        assert!(found.len() == 1 && found[0].contains("is beside the body"), "{found:?}");
        assert!(found[0].contains("let the publisher write it into the body"), "{found:?}");
    }
}

#[test]
fn input_20_descriptions_are_as_long_as_glue_keeps_them() {
    let of_stream = one(", description: \"{}\"");
    check(&of_stream, &"x".repeat(2_048), &"x".repeat(2_049), "2049 bytes of a stream's `description`");
    let column =
        "lake: l\nstreams:\n  a: { queue: q, key: [id], columns: { id: { type: long, description: \"{}\" } } }\n";
    check(column, &"x".repeat(255), &"x".repeat(256), "256 bytes of a column's `description`");
    check(column, "one line", "two\\nlines", "a column's description stands in one line");
}
