//! What is said about definitions that are wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::io;

use foz_pipeline::{Definition, StreamSettings};

/// A definition of one stream, into which `{}` is put at the depth of its keys.
const BASE: &str = "lake: l
streams:
  planes:
    queue: planes.state
    key: [tailnum]
    columns: { tailnum: string, seats: int, weight: double }
";

fn check(text: &str, expected: &[&str]) {
    let sql = |name: &str| match name {
        "sql/ok.sql" => Ok("SELECT * FROM messages".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let shown = match Definition::parse(text, &sql) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            problems.to_string().lines().map(|line| line.strip_prefix("pipeline.yaml:").unwrap().to_owned()).collect()
        }
    };
    assert_eq!(shown, expected, "\n{text}");
}

/// The base with more lines in its stream.
fn check_stream(lines: &str, expected: &[&str]) {
    check(&format!("{BASE}{lines}"), expected);
}

#[test]
fn the_base_is_right() {
    check(BASE, &[]);
}

#[test]
fn files_that_are_no_definitions() {
    check("", &["1:1: the file is empty; begin with lake: and streams:"]);
    check("- a", &["1:1: a mapping should stand here, not a list"]);
    check(
        "lake: l\nlake: m\nstreams: { }",
        &[
            "2:1: the key \"lake\" stands here a second time, after line 1; keep one of them",
            "3:10: streams: there are no streams",
        ],
    );
    check("lake: [", &["2:1: not YAML: while parsing a node, did not find expected node content"]);
    check(&format!("{BASE}---\nlake: m\n"), &["7:1: a second document begins here; keep one per file"]);
    check(
        "{}",
        &[
            "1:1: the key \"lake\" is missing; such as lake: flights",
            "1:1: the key \"streams\" is missing; such as streams: { planes: { queue: planes.state, key: [tailnum], columns: { tailnum: string } } }",
        ],
    );
}

#[test]
fn unknown_keys() {
    check_stream(
        "    referenzes: {}\n",
        &["7:5: streams.planes: unknown key \"referenzes\"; did you mean \"references\"?"],
    );
    check_stream(
        "    retain: { image: 3 }\n",
        &["7:15: streams.planes.retain: unknown key \"image\"; did you mean \"images\"?"],
    );
    check(&format!("{BASE}brokr: {{}}\n"), &["7:1: unknown key \"brokr\"; did you mean \"broker\"?"]);
    check(&format!("{BASE}broker: {{ host: x }}\n"), &["7:11: broker: unknown key \"host\"; did you mean \"vhost\"?"]);
}

#[test]
fn missing_keys() {
    check(
        "lake: l\nstreams:\n  a: {}\n",
        &[
            "3:3: streams.a: the key \"columns\" is missing; such as columns: { id: string }",
            "3:3: streams.a: the key \"key\" is missing; such as key: [id]",
            "3:3: streams.a: the key \"queue\" is missing; such as queue: a.state",
        ],
    );
}

#[test]
fn names() {
    check(
        &BASE.replace("planes:", "Planes:"),
        &["3:3: streams: \"Planes\" cannot name a stream; a-z first, then a-z, 0-9 and _, at most 64 characters"],
    );
    check(
        &BASE.replace("planes:", "ref:"),
        &["3:3: streams: the name \"ref\" is reserved: transforms read referenced entities by it; choose another name"],
    );
    for suffix in ["_changes", "_quarantine", "_tombstones"] {
        let expected = format!(
            "3:3: streams: names that end in \"{suffix}\" are reserved for tables that Foz makes; choose another name"
        );
        check(&BASE.replace("planes:", &format!("planes{suffix}:")), &[&expected]);
    }
    check(
        &BASE.replace("planes:", "planes__image_7:"),
        &["3:3: streams: names with \"__image_\" are reserved for restored images; choose another name"],
    );
    check(
        &BASE.replace("seats", "_seats"),
        &[
            "6:33: streams.planes.columns: the name \"_seats\" is reserved: what Foz adds to a row begins with \"_\"; choose another name",
        ],
    );
    check(
        &BASE.replace("seats", "seatsMax"),
        &[
            "6:33: streams.planes.columns: \"seatsMax\" cannot name a column; a-z first, then a-z, 0-9 and _, at most 64 characters",
        ],
    );
    check(
        &BASE.replace("lake: l", "lake: my-lake"),
        &["1:7: lake: \"my-lake\" is not a lake's name: a-z first, then a-z, 0-9 and _, at most 28 characters"],
    );
    let (longest, longer) = ("l".repeat(28), "l".repeat(29));
    check(&BASE.replace("lake: l", &format!("lake: {longest}")), &[]);
    let expected =
        format!("1:7: lake: \"{longer}\" is not a lake's name: a-z first, then a-z, 0-9 and _, at most 28 characters");
    check(&BASE.replace("lake: l", &format!("lake: {longer}")), &[&expected]);
}

/// Each would be another name, or none, to other readers of YAML.
#[test]
fn names_that_other_readers_take_for_something_else() {
    for word in ["on", "off", "yes", "no", "true", "false", "y", "n"] {
        let wrong =
            |at: &str| format!("{at}: \"{word}\" without quotes is a boolean in YAML; write \"{word}\" in quotes");
        check(&BASE.replace("lake: l", &format!("lake: {word}")), &[&wrong("1:7: lake")]);
        check(&BASE.replace("planes.state", word), &[&wrong("4:12: streams.planes.queue")]);
        check(&BASE.replace("planes:", &format!("{word}:")), &[&wrong("3:3: streams")]);
        check(&BASE.replace("planes:", &format!("'{word}':")), &[]);
        check(&BASE.replace("lake: l", &format!("lake: \"{word}\"")), &[]);
        // Columns may be called so: only Foz reads their names in the file.
        let column = BASE.replace("weight: double", &format!("{word}: string"));
        check(&column.replace("[tailnum]", &format!("[{word}]")), &[]);
        check(&format!("{column}    version: {word}\n"), &[]);
    }
    let capital = "4:12: streams.planes.queue: \"On\" without quotes is a boolean in YAML; write \"On\" in quotes";
    check(&BASE.replace("planes.state", "On"), &[capital]);
    check(&BASE.replace("planes.state", "oN"), &[]);
    for word in ["null", "~"] {
        let missing = "1:1: the key \"lake\" is missing; such as lake: flights";
        check(&BASE.replace("lake: l", &format!("lake: {word}")), &[missing]);
        let nothing = "5:11: streams.planes.key: a text should stand here, not nothing";
        check(&BASE.replace("[tailnum]", &format!("[{word}]")), &[nothing]);
    }
    let null = "3:3: streams: \"null\" without quotes is nothing in YAML; write \"null\" in quotes";
    check(&BASE.replace("planes:", "null:"), &[null]);
    check(&BASE.replace("planes:", "\"null\":"), &[]);
    check_stream("    delete_when: true\n", &[]);
}

#[test]
fn keys_versions_and_types() {
    check(
        &BASE.replace("[tailnum]", "[tailnumm]"),
        &["5:10: streams.planes.key: there is no column \"tailnumm\"; did you mean \"tailnum\"?"],
    );
    check(
        &BASE.replace("[tailnum]", "tailnum"),
        &["5:10: streams.planes.key: a list should stand here; write [tailnum]"],
    );
    check(&BASE.replace("[tailnum]", "[]"), &["5:10: streams.planes.key: the key has no columns"]);
    check(
        &BASE.replace("[tailnum]", "[tailnum, tailnum]"),
        &["5:10: streams.planes.key: the key names \"tailnum\" twice"],
    );
    check(
        &BASE.replace("[tailnum]", "[weight]"),
        &[
            "5:10: streams.planes.key: the column \"weight\" is double, which cannot identify an entity; decimal(18,6) is exact",
        ],
    );
    check_stream(
        "    version: seat\n",
        &["7:14: streams.planes.version: there is no column \"seat\"; did you mean \"seats\"?"],
    );
    check_stream(
        "    version: weight\n",
        &[
            "7:14: streams.planes.version: the column \"weight\" is double, which cannot decide which state is newer; decimal(18,6) is exact",
        ],
    );
    check(&BASE.replace("int", "intt"), &["6:40: streams.planes.columns.seats: unknown type \"intt\"; write int"]);
    check(
        &BASE.replace("seats: int", "seats: { type: int, from: seats }"),
        &["6:59: streams.planes.columns.seats.from: \"seats\" is not a path into the body, such as $.plane.seats"],
    );
    check(
        &BASE.replace("seats: int", "seats: { from: $.seats }"),
        &["6:33: streams.planes.columns.seats: the key \"type\" is missing; such as type: string"],
    );
}

#[test]
fn a_comma_in_a_type_inside_braces() {
    check(
        &BASE.replace("int", "decimal(10,2)"),
        &[
            "6:40: streams.planes.columns.seats: the type \"decimal(10\" has the end where \")\" should be; a type with a comma needs quotes inside { }: \"decimal(10,2)\"",
            "6:51: streams.planes.columns: \"2)\" cannot name a column; a-z first, then a-z, 0-9 and _, at most 64 characters",
        ],
    );
}

#[test]
fn settings() {
    check_stream(
        "    max_latency: 60\n",
        &["7:18: streams.planes.max_latency: \"60\" is not a duration such as 60s, 5m, 1h or 30d"],
    );
    check_stream(
        "    max_latency: 0s\n",
        &["7:18: streams.planes.max_latency: \"0s\" is not a duration such as 60s, 5m, 1h or 30d"],
    );
    check_stream(
        "    embedded_limit: 2G\n",
        &["7:21: streams.planes.embedded_limit: \"2G\" is not a size such as 500MB or 2GiB"],
    );
    check_stream("    engine: spark\n", &["7:13: streams.planes.engine: \"spark\" is not auto, embedded or emr"]);
    check_stream("    on_error: skip\n", &["7:15: streams.planes.on_error: \"skip\" is not quarantine or halt"]);
    check_stream("    buckets: 0\n", &["7:14: streams.planes.buckets: \"0\" is not a number from 1 to 1024"]);
    check_stream(
        "    consolidate_every: 5m\n",
        &[
            "7:24: streams.planes.consolidate_every: images every 5m cannot show a message within 1m; let consolidate_every be at most max_latency, or leave it out",
        ],
    );
    let described = StreamSettings::described();
    let mut keys: Vec<_> = described.iter().filter_map(|setting| setting.key.split('.').next()).collect();
    keys.dedup();
    assert!(keys.starts_with(&["max_latency", "consolidate_every", "engine"]));
    check(
        &format!("{BASE}defaults: {{ queue: x }}\n"),
        &[&format!("7:13: defaults: unknown key \"queue\"; known here: {}", keys.join(", "))],
    );
}

#[test]
fn transforms() {
    check_stream("    transform: sql/ok.sql\n", &[]);
    check_stream("    transform: |\n      -- seats only\n      SELECT tailnum, seats FROM messages\n", &[]);
    check_stream(
        "    transform: sql/no.sql\n",
        &[
            "7:16: streams.planes.transform: cannot read \"sql/no.sql\": entity not found; the name is relative to the folder of the definition",
        ],
    );
    check_stream(
        "    transform: planes\n",
        &[
            "7:16: streams.planes.transform: the transform is neither SQL nor the name of an SQL file; begin with SELECT, or name a file that ends in .sql",
        ],
    );
}

/// The base and a stream that refers to it.
fn check_reference(references: &str, expected: &[&str]) {
    let flights =
        "  flights:\n    queue: flights.state\n    key: [id]\n    columns: { id: long, tailnum: string, seats: int }\n";
    check(&format!("{BASE}{flights}    references: {references}\n"), expected);
}

#[test]
fn references() {
    check_reference("{ tailnum: planes }", &[]);
    check_reference("{ plane: { columns: [tailnum], stream: planes } }", &[]);
    check_reference(
        "{ tailnum: plane }",
        &["11:28: streams.flights.references.tailnum: there is no stream \"plane\"; did you mean \"planes\"?"],
    );
    check_reference(
        "{ tailnumber: planes }",
        &["11:31: streams.flights.references.tailnumber: there is no column \"tailnumber\"; did you mean \"tailnum\"?"],
    );
    check_reference(
        "{ plane: { columns: [tailnumber], stream: planes } }",
        &["11:19: streams.flights.references.plane: there is no column \"tailnumber\"; did you mean \"tailnum\"?"],
    );
    check_reference(
        "{ seats: planes }",
        &[
            "11:26: streams.flights.references.seats: seats is int, but planes.tailnum is string; give both the same type",
        ],
    );
    check_reference(
        "{ plane: { columns: [tailnum, seats], stream: planes } }",
        &[
            "11:19: streams.flights.references.plane: planes is identified by (tailnum), but the reference has (tailnum, seats); write { columns: [one per column of the key], stream: planes }",
        ],
    );
}

#[test]
fn a_mapping_cannot_keep_order_across_queues() {
    check_stream("    door: mapping\n", &[]);
    check_stream("    door: mapping\n    references: { tailnum: planes }\n", &[]);
    check_stream("    door: lambda\n", &["7:11: streams.planes.door: \"lambda\" is not bridge or mapping"]);
    let instead = "let the bridge bring it: write door: bridge";
    let why = "a mapping neither waits for another queue nor returns markers, but flights refers to planes";
    let flights =
        "  flights: { queue: f, key: [id], columns: { id: long, tailnum: string }, references: { tailnum: planes }";
    check(
        &format!("{BASE}    door: mapping\n{flights} }}\n"),
        &[&format!("7:11: streams.planes.door: {why}; {instead}")],
    );
    check(
        &format!("{BASE}{flights}, door: mapping }}\n"),
        &[&format!("7:114: streams.flights.door: {why}; {instead}")],
    );
    check(
        &format!("{BASE}{flights} }}\ndefaults: {{ door: mapping }}\n"),
        &[
            &format!("3:3: streams.planes.door: {why}; {instead}"),
            &format!("7:3: streams.flights.door: {why}; {instead}"),
        ],
    );
}

#[test]
fn two_streams_on_one_queue() {
    let second = "  b:\n    queue: planes.state\n    key: [id]\n    columns: { id: long }\n";
    check(
        &format!("{BASE}{second}"),
        &[
            "4:12: streams.planes.queue: the queue \"planes.state\" is already that of the stream b; give each stream a queue of its own: one queue has one ordered consumer",
        ],
    );
}

#[test]
fn a_stream_that_takes_the_name_of_a_raw_layer() {
    let second = "  raw_planes: { queue: b, key: [id], columns: { id: long } }\n";
    let expected = "7:3: streams.raw_planes: queries call the raw layer of planes \"raw_planes\"; choose another name";
    check(&format!("{BASE}{second}"), &[expected]);
}

#[test]
fn references_in_a_cycle() {
    let stream = |name: &str, to: &str| {
        format!("  {name}: {{ queue: {name}, key: [id], columns: {{ id: long }}, references: {{ id: {to} }} }}\n")
    };
    check(
        &format!("lake: l\nstreams:\n{}{}{}", stream("a", "b"), stream("b", "c"), stream("c", "a")),
        &["5:70: streams.c.references.id: references form a cycle: a → b → c → a; drop this one, from c to a"],
    );
    check(&format!("lake: l\nstreams:\n{}", stream("a", "a")), &[]);
}

#[test]
fn everything_at_once_in_the_order_of_the_file() {
    check(
        "lake: 1\nstreams:\n  a:\n    queue: q\n    key: [x]\n    columns: { id: lng }\n    engin: emr\n  b: 3\nbuckets: 4\n",
        &[
            "1:7: lake: \"1\" is not a lake's name: a-z first, then a-z, 0-9 and _, at most 28 characters",
            "6:20: streams.a.columns.id: unknown type \"lng\"; write long",
            "7:5: streams.a: unknown key \"engin\"; did you mean \"engine\"?",
            "8:6: streams.b: a mapping should stand here, not a text",
            "9:1: unknown key \"buckets\"; known here: lake, broker, defaults, streams",
        ],
    );
}

#[test]
fn what_is_right_can_be_looked_at_beside_what_is_wrong() {
    let text = format!("{BASE}  b: {{ queue: q, key: [id], columns: {{ id: lng }} }}\n");
    let examined = Definition::examine(&text, &|_| Err(io::Error::other("none")));
    assert_eq!(examined.problems.len(), 1);
    let names: Vec<_> = examined.sound.unwrap().streams.into_keys().map(|name| name.to_string()).collect();
    assert_eq!(names, ["planes"]);
}
