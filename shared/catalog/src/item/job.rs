//! A job as an item: `R#<lo>` of a run, `C#<through>` of a consolidation, `K#<number>` of a compaction.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use foz_domain::job::{Job, JobId, JobKind};
use foz_domain::{GroupName, Range};

use super::{Attributes, Item, Key, number, numbered, text};
use crate::error::Result;

pub(crate) fn key(id: &JobId) -> Key {
    Key::new(&id.group, numbered(prefix(id.kind), id.at))
}

/// How the sort keys of all jobs of the kind begin.
pub(crate) const fn prefix(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Transform => "R#",
        JobKind::Consolidate => "C#",
        JobKind::Compact => "K#",
    }
}

pub(crate) fn of_item(group: &GroupName, item: &Item) -> Result<Job> {
    let sk: String = item.get("sk")?;
    let kind = JobKind::ALL.into_iter().find(|kind| sk.starts_with(prefix(*kind)));
    let kind = kind.ok_or_else(|| item.damaged("not the key of a job".to_owned()))?;
    let range = Range::new(item.get("lo")?, item.get("hi")?);
    let range = range.ok_or_else(|| item.damaged("lo is not below hi".to_owned()))?;
    let id = JobId::new(group.clone(), kind, range);
    if item.number_after(prefix(kind))? != Some(id.at) {
        return Err(item.damaged(format!("not the key of a {kind} over {range}")));
    }
    Ok(Job {
        id,
        range,
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
        piece: item.optional("piece")?,
    })
}

/// Everything of the job but its key, in the order of the names.
pub(crate) fn fields(job: &Job) -> BTreeMap<&'static str, AttributeValue> {
    let optional: [(&'static str, Option<AttributeValue>); 4] = [
        ("piece", job.piece.map(number)),
        ("manifest", job.manifest.as_ref().map(text)),
        ("ended_at", job.ended_at.map(number)),
        ("error", job.error.as_ref().map(text)),
    ];
    let required = [
        ("lo", number(job.range.lo())),
        ("hi", number(job.range.hi())),
        ("state", text(job.state)),
        ("epoch", number(job.epoch)),
        ("attempt", text(&job.attempt)),
        ("engine", text(job.engine)),
        ("definition", text(&job.definition)),
        ("bytes", number(job.bytes)),
        ("heartbeat", number(job.heartbeat)),
        ("seen_heartbeat", number(job.seen_heartbeat)),
        ("seen_at", number(job.seen_at)),
        ("started_at", number(job.started_at)),
        ("crashes", number(job.crashes)),
    ];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    required.into_iter().chain(optional).collect()
}

pub(crate) fn to_item(job: &Job) -> Attributes {
    key(&job.id).item(fields(job))
}

#[cfg(test)]
mod tests {
    use foz_domain::job::{JobEngine, JobState};
    use foz_domain::{Epoch, Sequence, Timestamp};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(lo in 0u64..1000, more in 1u64..9, kind in prop::sample::select(JobKind::ALL.to_vec()), texts in prop::option::of("[a-z]{1,9}"), n: u64, at: i64) {
            let range = Range::new(Sequence(lo), Sequence(lo + more)).unwrap();
            let group: GroupName = "g".parse().unwrap();
            let job = Job {
                id: JobId::new(group.clone(), kind, range),
                range,
                state: JobState::Committing,
                epoch: Epoch(n),
                attempt: "a".parse().unwrap(),
                engine: JobEngine::Embedded,
                definition: "config/1.yaml".parse().unwrap(),
                bytes: n,
                manifest: texts.as_ref().map(|text| text.parse().unwrap()),
                heartbeat: n,
                seen_heartbeat: n,
                seen_at: Timestamp(at),
                started_at: Timestamp(at),
                ended_at: texts.as_ref().map(|_| Timestamp(at)),
                error: texts,
                crashes: 2,
                piece: (kind == JobKind::Consolidate).then_some(more),
            };
            prop_assert_eq!(of_item(&group, &Item(to_item(&job))).unwrap(), job);
        }
    }
}
