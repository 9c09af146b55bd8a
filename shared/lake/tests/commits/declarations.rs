//! Declarations: what a table becomes by them, and what it refuses to become.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::datatypes::{DataType, Field, Schema};
use foz_lake::{DOC, EntityRule, Files, LakeError, Partition, TableCommit, TableSpec};

use crate::world::{NOW, World, change};

#[tokio::test]
async fn parallel_creators_make_one_table() {
    for world in World::all().await {
        let tables = futures::future::join_all((0..4).map(|_| world.history())).await;
        let mut ids: Vec<_> = tables.iter().map(|t| t.iceberg().metadata().uuid()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(world.register.swaps.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_is_refused() {
    for world in World::all().await {
        let table = world.current().await;
        let name = table.name();
        let fewer = world.spec("orders", Partition::Bucket { column: "_key".into(), buckets: 2 });
        assert_eq!(fewer.name, name);
        assert!(matches!(world.lake.ensure(&fewer).await, Err(LakeError::Incompatible { .. })));
        let mut other = world.spec("orders", Partition::Bucket { column: "_key".into(), buckets: 4 });
        other.columns = Arc::new(Schema::new(vec![Field::new("value", DataType::Int64, true)]));
        assert!(matches!(world.lake.ensure(&other).await, Err(LakeError::Incompatible { .. })));
    }
}

/// What people find in a table's description and its columns' comments.
async fn said(world: &World, name: &str) -> (Option<String>, Option<String>) {
    let table = world.lake.load(name).await.unwrap();
    let metadata = table.iceberg().metadata();
    let column = metadata.current_schema().field_by_name("value").unwrap();
    (metadata.properties().get("comment").cloned(), column.doc.clone())
}

#[tokio::test]
async fn input_20_what_a_definition_says_of_tables_and_columns_is_in_their_metadata() {
    for world in World::all().await {
        let plain = world.spec("orders", Partition::None);
        let speaking = |table: &str, column: &str| {
            let field = |field: &Arc<Field>| match field.name().as_str() {
                "value" => Arc::new(field.as_ref().clone().with_metadata([(DOC.to_owned(), column.to_owned())].into())),
                _ => field.clone(),
            };
            let columns = Arc::new(Schema::new(plain.columns.fields().iter().map(field).collect::<Vec<_>>()));
            TableSpec { description: Some(table.to_owned()), columns, ..plain.clone() }
        };
        world.lake.ensure(&plain).await.unwrap();
        assert_eq!(said(&world, &plain.name).await, (None, None));
        for (table, column) in [("orders", "what it is worth"), ("all orders", "what it costs")] {
            world.lake.ensure(&speaking(table, column)).await.unwrap();
            assert_eq!(said(&world, &plain.name).await, (Some(table.to_owned()), Some(column.to_owned())));
        }
        // A definition that says nothing takes nothing back.
        world.lake.ensure(&plain).await.unwrap();
        let swaps = world.register.swaps.load(Ordering::SeqCst);
        let table = world.lake.ensure(&speaking("all orders", "what it costs")).await.unwrap();
        world.append(&table, "r", 0, 1).await.unwrap();
        assert_eq!(world.register.swaps.load(Ordering::SeqCst), swaps + 1, "only the commit");
        let expected = (Some("all orders".to_owned()), Some("what it costs".to_owned()));
        assert_eq!(said(&world, &plain.name).await, expected);
    }
}

/// A rule as tables note it.
fn rule(key: Option<&str>, version: Option<&str>) -> EntityRule {
    EntityRule { key: key.map(|key| key.parse().unwrap()), version: version.map(str::to_owned) }
}

fn spec(world: &World, rule: &EntityRule) -> TableSpec {
    let partition = Partition::Bucket { column: "_key".into(), buckets: 4 };
    TableSpec { rule: rule.clone(), ..world.spec("orders", partition) }
}

/// Commits a row that was made by the rule of the declaration.
async fn write(world: &World, spec: &TableSpec, lo: u64) {
    let table = world.lake.ensure(spec).await.unwrap();
    let files = world.stage(&table, &[("k", "v", 0)]).await;
    let change =
        TableCommit { rule: table.declared().clone(), ..change(&format!("r{lo}"), lo, lo + 1, Files::Append(files)) };
    world.lake.commit(table.name(), &change, NOW).await.unwrap();
}

async fn refused(world: &World, spec: &TableSpec, what: &str) {
    for answer in [world.lake.ensure(spec).await.map(drop), world.lake.compare(spec).await] {
        let error = answer.unwrap_err();
        assert!(matches!(error, LakeError::Incompatible { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn protocol_1_the_rule_by_which_rows_were_made_stays() {
    for world in World::all().await {
        let first = rule(Some("id:string"), Some("updated_at"));
        let of = |key: &str, version| spec(&world, &rule(Some(key), version));
        write(&world, &spec(&world, &first), 0).await;
        refused(&world, &of("id:string", Some("revision")), "change it back to `version: updated_at`").await;
        refused(&world, &of("id:string", None), "change it back to `version: updated_at`").await;
        refused(&world, &of("tenant:string,id:string", Some("updated_at")), "change it back to `key: [id]`").await;
        // Taken back, it goes on, and still knows.
        write(&world, &spec(&world, &first), 1).await;
        assert_eq!(world.lake.load(&spec(&world, &first).name).await.unwrap().rule(), &first);
        refused(&world, &of("id:string", None), "or declare a new stream").await;
    }
}

#[tokio::test]
async fn a_table_without_rows_takes_any_rule() {
    for world in World::all().await {
        let (first, second) = (rule(Some("id:string"), Some("v")), rule(Some("other:int"), None));
        world.lake.ensure(&spec(&world, &first)).await.unwrap();
        // All of the range was quarantined: the table notes it, and has no row.
        let empty = TableCommit { rule: first.clone(), ..change("r0", 0, 1, Files::Append(vec![])) };
        world.lake.commit(&spec(&world, &first).name, &empty, NOW).await.unwrap();
        write(&world, &spec(&world, &second), 1).await;
        assert_eq!(world.lake.load(&spec(&world, &first).name).await.unwrap().rule(), &second);
        refused(&world, &spec(&world, &first), "change it back to `key: [other]`").await;
    }
}

#[tokio::test]
async fn a_version_can_be_declared_later_and_then_stays() {
    for world in World::all().await {
        let (without, with) = (rule(Some("id:string"), None), rule(Some("id:string"), Some("v")));
        write(&world, &spec(&world, &without), 0).await;
        // Declared and taken back before any row was made by it: all of a range was quarantined, and an image had no change.
        let table = world.lake.ensure(&spec(&world, &with)).await.unwrap();
        let base = table.iceberg().metadata().current_snapshot_id();
        let files = [Files::Append(vec![]), Files::Overwrite { base, removed: vec![], added: vec![], deletes: vec![] }];
        for (lo, files) in (1..).zip(files) {
            let nothing = TableCommit { rule: with.clone(), ..change(&format!("n{lo}"), lo, lo + 1, files) };
            assert!(!world.lake.commit(table.name(), &nothing, NOW).await.unwrap().repeated);
        }
        write(&world, &spec(&world, &without), 3).await;
        write(&world, &spec(&world, &with), 4).await;
        refused(&world, &spec(&world, &without), "change it back to `version: v`").await;
    }
}

/// Older releases noted the version of current tables, and no key.
#[tokio::test]
async fn a_table_of_an_older_release_takes_the_rule_of_its_next_rows() {
    for world in World::all().await {
        let (old, new) = (rule(None, Some("v")), rule(Some("id:string"), Some("v")));
        write(&world, &spec(&world, &old), 0).await;
        refused(&world, &spec(&world, &rule(Some("id:string"), Some("w"))), "change it back to `version: v`").await;
        world.lake.ensure(&spec(&world, &new)).await.unwrap();
        assert_eq!(world.lake.load(&spec(&world, &old).name).await.unwrap().rule(), &old);
        write(&world, &spec(&world, &new), 1).await;
        assert_eq!(world.lake.load(&spec(&world, &old).name).await.unwrap().rule(), &new);
    }
}
