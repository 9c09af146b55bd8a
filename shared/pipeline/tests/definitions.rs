//! What definitions that are right mean.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use foz_domain::StreamName;
use foz_domain::plan::EngineChoice;
use foz_pipeline::{Broker, DataType, Definition, Door, OnError, Retain, StreamSettings};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

const FLIGHTS: &str = r#"
lake: flights
broker: { secret: foz/broker, vhost: /lake }
defaults: { max_latency: 2m, engine: embedded, retain: { images: 5 } }
streams:
  planes:
    queue: planes.state
    key: [tailnum]
    columns: { year: int, tailnum: string, manufacturer: string, seats: int }
  flights:
    queue: flights.state
    key: [flight_id]
    references:
      tailnum: planes
      previous: { columns: [previous], stream: flights }
    version: updated_at
    delete_when: "status = 'purged'"
    columns:
      updated_at: timestamp
      tailnum: string
      status: string
      previous: string
      flight_id: { type: string, from: $.flightId }
      legs: array<struct<origin:string,`Arr Time`:timestamp_ntz>>
    transform: sql/flights.sql
    max_latency: 10s
    on_error: halt
    retain: { raw_to_glacier_after: 7d }
"#;

fn sql(name: &str) -> io::Result<String> {
    Ok(format!("-- {name}\nSELECT *, \"a\\b\" FROM messages\n"))
}

fn name(text: &str) -> StreamName {
    text.parse().unwrap()
}

#[test]
fn the_sketch_of_the_documentation() {
    let definition = Definition::parse(FLIGHTS, &sql).unwrap();
    assert_eq!(definition.broker.vhost, "/lake");
    let flights = &definition.streams[&name("flights")];
    let columns: Vec<_> =
        flights.columns.iter().map(|column| (column.name.as_str(), column.from.to_string())).collect();
    let top = |name: &'static str| (name, format!("$.{name}"));
    let key = ("flight_id", "$.flightId".to_owned());
    let expected = [top("updated_at"), top("tailnum"), top("status"), top("previous"), key, top("legs")];
    assert_eq!(columns, expected);
    assert_eq!(flights.version.as_deref(), Some("updated_at"));
    assert_eq!(flights.column("updated_at").unwrap().ty, DataType::Timestamp);
    assert_eq!(flights.referenced().into_iter().collect::<Vec<_>>(), [name("planes")]);
    assert!(flights.transform.as_ref().unwrap().starts_with("-- sql/flights.sql"));
    let (own, inherited) = (&flights.settings, &definition.streams[&name("planes")].settings);
    assert_eq!((own.max_latency, own.consolidate_every), (Duration::from_secs(10), Duration::from_secs(3)));
    assert_eq!(
        (inherited.max_latency, inherited.consolidate_every),
        (Duration::from_secs(120), Duration::from_secs(40))
    );
    assert_eq!(
        (own.on_error, inherited.on_error, own.engine),
        (OnError::Halt, OnError::Quarantine, EngineChoice::Embedded)
    );
    assert_eq!((own.retain.images, own.retain.raw_to_glacier_after), (5, Duration::from_secs(7 * 86_400)));
    assert_eq!((own.buckets, own.embedded_limit, own.tombstones), (16, 2 << 30, Duration::from_secs(30 * 86_400)));
    let groups = definition.groups();
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].name.as_str(), &groups[0].streams), ("flights", &vec![name("planes"), name("flights")]));
}

#[test]
fn the_door_is_the_bridge_unless_it_is_said() {
    let text = "lake: l\ndefaults: { door: mapping }\nstreams:\n  a: { queue: a, key: [k], columns: { k: string } }\n  \
                b: { queue: b, key: [k], columns: { k: string }, door: bridge }\n";
    let definition = Definition::stored(text).unwrap();
    let door = |stream| definition.streams[&name(stream)].settings.door;
    assert_eq!((door("a"), door("b")), (Door::Mapping, Door::Bridge));
    assert_eq!(Definition::stored(&definition.resolved()).unwrap(), definition);
    let explained = definition.explain(&BTreeMap::new());
    assert!(explained.contains("from queue   a, by Lambda's event source mapping\n"), "{explained}");
    assert!(explained.contains("from queue   b\n"), "{explained}");
    assert_eq!(StreamSettings::default().door, Door::Bridge);
}

#[test]
fn resolved_means_the_same_and_is_canonical() {
    let definition = Definition::parse(FLIGHTS, &sql).unwrap();
    let stored = Definition::stored(&definition.resolved()).unwrap();
    assert_eq!(stored, definition);
    assert_eq!(stored.resolved(), definition.resolved());
    // Written in another way: the same text.
    let other = FLIGHTS.replace("tailnum: string, manu", "tailnum: { type: string }, manu").replace("2m", "120s");
    assert_ne!(other, FLIGHTS);
    assert_eq!(Definition::parse(&other, &sql).unwrap().resolved(), definition.resolved());
    let moved = FLIGHTS.replace("year: int, tailnum: string", "tailnum: string, year: int");
    assert_ne!(Definition::parse(&moved, &sql).unwrap().resolved(), definition.resolved(), "the order is the table's");
    let changed = FLIGHTS.replace("seats: int", "seats: long");
    assert_ne!(Definition::parse(&changed, &sql).unwrap().resolved(), definition.resolved());
}

/// The first release stored the text as it was written, with the SQL in the place of its file's name. Lakes keep such
/// texts for the runs that began with them.
#[test]
fn what_the_first_release_stored_means_the_same() {
    let stored = Definition::stored(include_str!("../../../testdata/v1/definition.yaml")).unwrap();
    let definition = Definition::parse(FLIGHTS, &sql).unwrap();
    assert_eq!(stored, definition);
    assert_eq!(stored.resolved(), definition.resolved());
}

/// A definition that a program wrote: quoted keys in alphabetical order, nulls, block texts.
#[test]
fn what_yamlencode_writes() {
    let text = r#""defaults": null
"lake": "flights"
"streams":
  "planes":
    "buckets": 4
    "columns":
      "seats": "int"
      "tailnum":
        "from": "$.tailNum"
        "type": "string"
    "key":
    - "tailnum"
    "queue": "planes.state"
    "transform": |
      -- every plane
      SELECT tailnum, seats FROM messages
    "version": null
"#;
    let definition = Definition::stored(text).unwrap();
    let planes = &definition.streams[&name("planes")];
    assert_eq!((planes.settings.buckets, planes.version.as_deref()), (4, None));
    assert_eq!(planes.transform.as_deref(), Some("-- every plane\nSELECT tailnum, seats FROM messages\n"));
    assert_eq!((definition.broker.secret, definition.broker.vhost.as_str()), (None, "/"));
}

#[test]
fn a_stored_definition_names_no_files() {
    let problems = Definition::stored(FLIGHTS).unwrap_err().to_string();
    assert!(problems.contains("a stored definition holds its SQL itself"), "{problems}");
}

#[test]
fn anchors_and_merge_keys() {
    let text = "
lake: l
streams:
  a: &a { queue: a, key: [id], columns: &columns { id: long, at: timestamp }, buckets: 2 }
  b: { queue: b, key: [id], columns: *columns }
  c: { <<: *a, queue: c }
";
    let definition = Definition::stored(text).unwrap();
    let stream = |text: &str| &definition.streams[&name(text)];
    assert_eq!(stream("b").columns, stream("a").columns);
    assert_eq!((stream("c").queue.as_str(), stream("c").settings.buckets, stream("c").key.len()), ("c", 2, 1));
}

#[test]
fn problems_of_others_are_placed() {
    let definition = Definition::parse(FLIGHTS, &sql).unwrap();
    let at = |path: &str| definition.problem(path, "no", None).to_string();
    assert_eq!(at("streams.flights.transform"), "25:16: streams.flights.transform: no");
    assert_eq!(at("streams.flights.buckets"), "10:3: streams.flights.buckets: no");
}

#[test]
fn explanation() {
    let definition = Definition::parse(FLIGHTS, &sql).unwrap();
    let expected = include_str!("explanation.txt");
    assert_eq!(definition.explain(&Default::default()), expected);
}

#[test]
fn input_20_descriptions_are_part_of_what_is_resolved() {
    let plain = "lake: l\nstreams:\n  a:\n    queue: q\n    key: [k]\n    columns: { k: string, n: { type: long } }\n";
    let text = plain.replace("queue: q", "description: Things, on their way\n    queue: q");
    let text = text.replace("{ type: long }", "{ type: long, description: \"how many, é\" }");
    let definition = Definition::stored(&text).unwrap();
    let stream = &definition.streams[&name("a")];
    assert_eq!(stream.description.as_deref(), Some("Things, on their way"));
    assert_eq!(stream.column("n").unwrap().description.as_deref(), Some("how many, é"));
    assert_eq!(Definition::stored(&definition.resolved()).unwrap(), definition);
    assert!(definition.explain(&BTreeMap::new()).contains("is about     Things, on their way\n"));
    assert!(!Definition::stored(plain).unwrap().resolved().contains("description"));
}

/// Texts of any characters, controls and such that other normal forms have included.
fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 1..20).prop_map(String::from_iter)
}

/// The resolved text is ASCII, means the definition, and resolves to itself.
fn resolves(definition: &Definition) -> Result<(), TestCaseError> {
    let text = definition.resolved();
    prop_assert!(text.is_ascii(), "{text}");
    let read = Definition::stored(&text).map_err(|problems| TestCaseError::fail(problems.to_string()))?;
    prop_assert_eq!(&read, definition);
    prop_assert_eq!(read.resolved(), text);
    Ok(())
}

proptest! {
    #[test]
    fn any_texts_survive_being_resolved(secret in any_text(), vhost in any_text(), sql in any_text(), delete_when in any_text()) {
        let mut definition = Definition::parse(FLIGHTS, &|_| Ok(format!("SELECT {sql}"))).unwrap();
        definition.broker = Broker { secret: Some(secret), vhost };
        definition.streams.get_mut(&name("flights")).unwrap().delete_when = Some(delete_when);
        resolves(&definition)?;
    }

    #[test]
    fn any_settings_survive_being_resolved(
        seconds in (1_u64..=100_000, 0_u64..=100_000),
        (engine, on_error, door) in (0..3_usize, 0..2_usize, 0..2_usize),
        (embedded_limit, buckets, tombstones) in (any::<u64>(), 1_u32..=1024, any::<u64>()),
        (images, raw_to_glacier_after) in (1_u32..=10_000, any::<u64>()),
    ) {
        let mut definition = Definition::parse(FLIGHTS, &sql).unwrap();
        definition.streams.retain(|stream, _| stream.as_str() == "planes");
        let settings = &mut definition.streams.get_mut(&name("planes")).unwrap().settings;
        settings.max_latency = Duration::from_secs(seconds.0.max(seconds.1));
        settings.consolidate_every = Duration::from_secs(seconds.0);
        settings.engine = EngineChoice::ALL[engine];
        settings.embedded_limit = embedded_limit;
        settings.on_error = [OnError::Quarantine, OnError::Halt][on_error];
        settings.buckets = buckets;
        settings.tombstones = Duration::from_secs(tombstones);
        settings.retain = Retain { images, raw_to_glacier_after: Duration::from_secs(raw_to_glacier_after) };
        settings.door = [Door::Bridge, Door::Mapping][door];
        resolves(&definition)?;
    }

    #[test]
    fn no_text_is_fatal(text in "[a-z:{}\\[\\],&*\"'|<\\- \n]{0,60}") {
        let _ = Definition::stored(&text);
    }
}
