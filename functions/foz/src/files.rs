//! `foz files`: what the catalog lists.

use anyhow::{Context, bail};
use foz_catalog::Catalog;
use foz_domain::batch::{Batch, Watermarks};
use foz_domain::groups::Group;
use foz_domain::{Range, Sequence, StreamName};
use foz_edge::clock;
use serde_json::json;

use crate::address::LakeAddress;
use crate::arguments::FilesArgs;
use crate::cli_status::CliStatus;
use crate::output::{Heading, Printer};
use crate::progress::Progress;
use crate::units;

/// Batches read at a time; the catalog answers that many in one or two pages.
const PAGE: u64 = 1_000;

pub async fn run(what: &FilesArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let aws = address.aws().await?;
    let catalog = address.catalog(&aws)?;
    let definition = address.definition(&address.store(&aws)?).await?;
    let now = clock::now();
    let mut rows = Vec::new();
    let mut matched = false;
    for group in definition.groups() {
        let stream = match &what.name {
            None => None,
            Some(name) if what.group && group.name.as_str() == name.as_str() => None,
            Some(name) if !what.group && group.streams.contains(name) => Some(name),
            Some(_) => continue,
        };
        matched = true;
        let marks = catalog.out(&group.name).await.context("reading the catalog")?.marks;
        for batch in newest(&catalog, &group, stream, what.limit).await? {
            if output.json {
                output.value(&json_of(&group, &batch, &marks))?;
                continue;
            }
            rows.push(vec![
                batch.sequence.to_string().into(),
                batch.content.stream.to_string().into(),
                units::count(batch.content.messages).into(),
                units::bytes(batch.content.bytes).into(),
                units::duration(now.since(batch.content.ingested_at)).into(),
                marks.state(batch.sequence).to_string().into(),
                batch.content.raw_key.to_string().into(),
            ]);
        }
    }
    if let (false, Some(name)) = (matched, &what.name) {
        let names: Vec<_> = definition.streams.keys().map(StreamName::as_str).collect();
        bail!("there is no stream or group {name}; there are {}", names.join(", "));
    }
    let columns = [
        Heading::Number("SEQUENCE"),
        Heading::Text("STREAM"),
        Heading::Number("MESSAGES"),
        Heading::Number("SIZE"),
        Heading::Number("AGE"),
        Heading::Text("STATE"),
        Heading::Text("OBJECT"),
    ];
    if !output.json {
        output.table(&columns, rows, "nothing is catalogued yet")?;
    }
    Ok(CliStatus::Ok)
}

/// The newest batches of the group, or of one stream of it, oldest first.
async fn newest(
    catalog: &Catalog,
    group: &Group,
    stream: Option<&StreamName>,
    limit: u64,
) -> anyhow::Result<Vec<Batch>> {
    let Some(head) = catalog.group_head(&group.name).await? else { return Ok(Vec::new()) };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut progress = Progress::new(Some(head.next_sequence.0), "reading the catalog");
    let mut found = Vec::new();
    let mut hi = head.next_sequence;
    while found.len() < limit {
        let Some(page) = Range::new(Sequence(hi.0.saturating_sub(PAGE)), hi) else { break };
        let batches = catalog.batches(&group.name, page).await?;
        found.extend(
            batches.into_iter().rev().filter(|batch| stream.is_none_or(|stream| batch.content.stream == *stream)),
        );
        hi = page.lo();
        progress.at(head.next_sequence.0 - hi.0);
    }
    found.truncate(limit);
    found.reverse();
    Ok(found)
}

fn json_of(group: &Group, batch: &Batch, marks: &Watermarks) -> serde_json::Value {
    json!({
        "group": group.name.as_str(),
        "sequence": batch.sequence.0,
        "stream": batch.content.stream.as_str(),
        "epoch": batch.content.epoch.0,
        "ordinal": batch.content.ordinal.0,
        "digest": batch.content.digest.to_string(),
        "messages": batch.content.messages,
        "bytes": batch.content.bytes,
        "object_bytes": batch.content.object_bytes,
        "ingested_at": units::instant(batch.content.ingested_at),
        "state": marks.state(batch.sequence).to_string(),
        "raw_key": batch.content.raw_key.to_string(),
    })
}
