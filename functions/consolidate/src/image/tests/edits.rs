//! Edits of a definition that its tables refuse, and what becomes of the rows when they are taken back.

use super::*;

/// A definition that is edited, and taken back: from the first of these, in the words of `replaced`, to the second.
struct Edit {
    version: &'static str,
    replaced: (&'static str, &'static str),
}

const KEY: (&str, &str) = ("key: [id]", "key: [n, id]");
const NO_VERSION: (&str, &str) = ("version: v", "");
const OTHER_VERSION: (&str, &str) = ("version: v", "version: n");

impl Edit {
    fn new(version: &'static str, replaced: (&'static str, &'static str)) -> Self {
        Self { version, replaced }
    }

    fn after(&self) -> Stream {
        let (from, to) = self.replaced;
        let before = definition(self.version);
        assert!(before.contains(from));
        parsed(&before.replace(from, to))
    }

    fn before(&self) -> Stream {
        stream(self.version)
    }

    /// Refused before a file is written: what was published meanwhile is typed as if the edit had never been.
    async fn is_refused_and_taken_back(&self, imaged: bool) {
        let mut world = World::new(self.version);
        world.publish(&[("a", 5, 1, false), ("b", 5, 1, false)]).await;
        if imaged {
            world.image("1").await;
        }
        world.stream = self.after();
        let staged = world.next;
        let error = world.try_publish(&[("a", 4, 9, false)]).await.unwrap_err();
        assert!(matches!(error, LakeError::Incompatible { .. }), "{error}");
        assert!(error.to_string().contains("or declare a new stream"), "{error}");
        assert_eq!(world.next, staged, "no row was made");
        assert_eq!(world.lake.load("s_changes").await.unwrap().through(), Some(Sequence(staged)));
        world.stream = self.before();
        world.publish(&[("a", 4, 9, false), ("b", 6, 2, false)]).await;
        world.image("2").await;
        let last = if self.version.is_empty() { 9 } else { 1 };
        assert_eq!(world.rows().await, rows([("a", last), ("b", 2)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_1_another_version_is_refused_before_anything_is_staged() {
    for imaged in [false, true] {
        Edit::new("version: v", OTHER_VERSION).is_refused_and_taken_back(imaged).await;
        Edit::new("version: v", NO_VERSION).is_refused_and_taken_back(imaged).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_1_another_key_is_refused_before_anything_is_staged() {
    for imaged in [false, true] {
        Edit::new("version: v", KEY).is_refused_and_taken_back(imaged).await;
        Edit::new("", KEY).is_refused_and_taken_back(imaged).await;
    }
}

/// Rows that are in no image yet, made by a definition that is no longer the current one.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_not_made_by_another_rule_than_its_rows() {
    for (version, replaced) in [("version: v", OTHER_VERSION), ("version: v", NO_VERSION), ("", KEY)] {
        let edit = Edit::new(version, replaced);
        let mut world = World::new(version);
        world.publish(&[("a", 5, 1, false)]).await;
        world.stream = edit.after();
        let error = world.maker("1", world.next).image(&world.stream, Timestamp(0)).await.unwrap_err();
        assert!(format!("{error:#}").contains("or declare a new stream"), "{error:#}");
        world.stream = edit.before();
        world.publish(&[("a", 6, 6, false)]).await;
        world.image("2").await;
        assert_eq!(world.rows().await, rows([("a", 6)]));
        let (history, current) = (world.lake.load("s_changes").await.unwrap(), world.lake.load("s").await.unwrap());
        assert_eq!(history.rule(), current.rule());
        assert_eq!(history.rule(), &CompiledStream::new(&world.stream).unwrap().rule());
    }
}

/// Without rows there is nothing that a new state could miss: a first definition may be wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_which_nothing_was_typed_may_change_its_key() {
    let mut world = World::new("version: v");
    world.publish(&[]).await;
    world.image("1").await;
    world.stream = Edit::new("version: n", KEY).after();
    world.publish(&[("a", 9, 1, false), ("a", 8, 1, false)]).await;
    world.image("2").await;
    assert_eq!(world.rows().await, rows([("a", 1)]));
    assert_eq!(world.lake.load("s").await.unwrap().rule(), &CompiledStream::new(&world.stream).unwrap().rule());
}

/// A history that was made before the version was noted.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_never_noted_is_not_dropped() {
    let mut world = World::new("version: v");
    world.older = true;
    world.publish(&[("a", 5, 1, false)]).await;
    world.older = false;
    assert_eq!(world.lake.load("s_changes").await.unwrap().rule(), &EntityRule::default());
    world.stream = stream("");
    let error = world.maker("1", 1).image(&world.stream, Timestamp(0)).await.unwrap_err();
    assert!(format!("{error:#}").contains("or declare a new stream"), "{error:#}");
    world.stream = stream("version: n");
    world.maker("2", 1).image(&world.stream, Timestamp(0)).await.unwrap();
    assert_eq!(world.lake.load("s").await.unwrap().rule().version.as_deref(), Some("n"));
}

/// The history keeps the wider type, and a value that only that holds: the current table follows, whatever is declared.
#[tokio::test(flavor = "multi_thread")]
async fn a_widening_that_is_taken_back_leaves_images_possible() {
    for version in ["", "version: v"] {
        let narrow = |text: String| text.replace("n: long", "n: int");
        let mut world = World::new(version);
        world.stream = parsed(&narrow(definition(version)));
        world.publish(&[("a", 1, 1, false), ("b", 1, 1, false)]).await;
        world.image("1").await;
        world.stream = stream(version);
        world.publish(&[("a", 2, 1 << 40, false)]).await;
        world.stream = parsed(&narrow(definition(version)));
        world.publish(&[("b", 3, 3, false)]).await;
        world.image("2").await;
        assert_eq!(world.rows().await, rows([("a", 1 << 40), ("b", 3)]));
    }
}

/// A field that was declared and taken back stays in the history, and is null where nobody declared it.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_taken_back_leaves_the_others_where_they_were() {
    let mut world = World::new("");
    world.publish(&[("a", 1, 1, false)]).await;
    world.image("1").await;
    let wider = definition("")
        .replace("struct<m:map", "struct<before:string,m:map")
        .replace("bigint>>>", "bigint>,after:map<string,bigint>>>");
    world.stream = parsed(&wider);
    world.publish(&[("a", 1, 2, false), ("b", 1, 2, false)]).await;
    world.stream = stream("");
    world.publish(&[("b", 1, 3, false)]).await;
    world.image("2").await;
    assert_eq!(world.rows().await, rows([("a", 2), ("b", 3)]));
}
