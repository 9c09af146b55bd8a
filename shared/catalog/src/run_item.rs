//! Runs and consolidations as items.

use aws_sdk_dynamodb::types::AttributeValue;
use foz_domain::run::{Kind, Run};
use foz_domain::{GroupName, Range};

use crate::error::Result;
use crate::item::{Attributes, Item, Key, number, text};

pub(crate) fn key(group: &GroupName, kind: Kind, range: Range) -> Key {
    match kind {
        Kind::Transform => Key::run(group, range.lo()),
        Kind::Consolidation => Key::consolidation(group, range.hi()),
    }
}

pub(crate) fn of_item(item: &Item) -> Result<Run> {
    let sk: String = item.get("sk")?;
    let kind = if sk.starts_with("C#") { Kind::Consolidation } else { Kind::Transform };
    let range = Range::new(item.get("lo")?, item.get("hi")?);
    Ok(Run {
        kind,
        range: range.ok_or_else(|| item.damaged("lo is not below hi".to_owned()))?,
        state: item.get("state")?,
        epoch: item.get("epoch")?,
        attempt: item.get("attempt")?,
        engine: item.get("engine")?,
        definition: item.get("definition")?,
        bytes: item.or_zero("bytes")?,
        manifest: item.optional("manifest")?,
        heartbeat: item.or_zero("heartbeat")?,
        seen_heartbeat: item.or_zero("seen_heartbeat")?,
        seen_at: item.or_zero("seen_at")?,
        started_at: item.get("started_at")?,
        ended_at: item.optional("ended_at")?,
        error: item.optional("error")?,
        crashes: item.or_zero("crashes")?,
    })
}

pub(crate) fn to_item(group: &GroupName, run: &Run) -> Attributes {
    let optional: [(&str, Option<AttributeValue>); 3] = [
        ("manifest", run.manifest.as_ref().map(text)),
        ("ended_at", run.ended_at.map(number)),
        ("error", run.error.as_ref().map(text)),
    ];
    let required = [
        ("lo", number(run.range.lo())),
        ("hi", number(run.range.hi())),
        ("state", text(run.state)),
        ("epoch", number(run.epoch)),
        ("attempt", text(&run.attempt)),
        ("engine", text(run.engine)),
        ("definition", text(&run.definition)),
        ("bytes", number(run.bytes)),
        ("heartbeat", number(run.heartbeat)),
        ("seen_heartbeat", number(run.seen_heartbeat)),
        ("seen_at", number(run.seen_at)),
        ("started_at", number(run.started_at)),
        ("crashes", number(run.crashes)),
    ];
    let mut item = key(group, run.kind, run.range).attributes();
    item.extend(required.map(|(name, value)| (name.to_owned(), value)));
    item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    item
}

#[cfg(test)]
mod tests {
    use foz_domain::run::{Engine, RunState};
    use foz_domain::{Epoch, Sequence};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(lo in 0u64..1000, more in 1u64..9, consolidation: bool, texts in prop::option::of("[a-z]{1,9}"), n: u64, at: i64) {
            let run = Run {
                kind: if consolidation { Kind::Consolidation } else { Kind::Transform },
                range: Range::new(Sequence(lo), Sequence(lo + more)).unwrap(),
                state: RunState::Committing,
                epoch: Epoch(n),
                attempt: "a".into(),
                engine: Engine::Embedded,
                definition: "config/1.yaml".into(),
                bytes: n,
                manifest: texts.clone(),
                heartbeat: n,
                seen_heartbeat: n,
                seen_at: at,
                started_at: at,
                ended_at: texts.as_ref().map(|_| at),
                error: texts,
                crashes: 2,
            };
            prop_assert_eq!(of_item(&Item(to_item(&"g".parse().unwrap(), &run))).unwrap(), run);
        }
    }
}
