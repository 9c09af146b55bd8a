//! `foz status`: how far each group and stream is, and what waits.
//!
//! - [`mod@facts`]: what it is judged by
//! - [`mod@group_status`]: what catalog and broker say
//! - [`mod@shown`]: how it looks
//! - [`mod@sight`]: what can be seen at the broker
//! - [`mod@verdict`]: what it amounts to

mod facts;
mod group_status;
mod shown;
mod sight;
#[cfg(test)]
mod tests;
mod verdict;

use anyhow::{Context, bail};
use foz_catalog::{Catalog, CatalogError};
use foz_domain::groups::Group;
use foz_domain::{GroupName, StreamName, Timestamp};
use foz_edge::clock;
use foz_pipeline::{Definition, Door};
use foz_rabbit::inspect::management::STATISTICS_AGE;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::time::sleep;

use self::facts::{Carrier, GroupFacts};
use self::group_status::{GroupStatus, StreamStatus, policy};
use self::sight::BrokerSight;
use self::verdict::{Verdict, verdict};
use crate::address::LakeAddress;
use crate::arguments::StatusArgs;
use crate::cli_status::CliStatus;
use crate::output::{self, Printer};

/// Groups that are looked at together: a broker that does not answer is waited for once for all of these, and their
/// queues, not once for each.
const TOGETHER: usize = 16;

pub async fn run(what: &StatusArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let aws = address.aws().await?;
    let catalog = address.catalog(&aws)?;
    let definition = address.definition(&address.store(&aws)?).await?;
    let mut groups = definition.groups();
    groups.extend(left_behind(&catalog, &groups).await.context("reading the catalog")?);
    if let Some(name) = &what.name {
        groups.retain(|group| group.streams.contains(name));
        if groups.is_empty() {
            let names: Vec<_> = definition.streams.keys().map(StreamName::as_str).collect();
            bail!("there is no stream or group {name}; there are {}", names.join(", "));
        }
    }
    let sight = BrokerSight::open(address).await;
    let look = || look_at_all(&catalog, &definition, &groups, &sight);
    let mut judged = look().await?;
    // A message that was fetched since the broker counted, and is in no batch yet, is nowhere to be seen. Whatever was in
    // a queue at the first look is, at the second one, counted there, or it is in the catalog.
    if sight.lags() && judged.iter().all(JudgedGroup::up_to_date) {
        let age = STATISTICS_AGE.as_secs();
        output::explain_wait(&format!(
            "nothing waits; looking once more in {age} s, once the broker has counted again"
        ));
        sleep(STATISTICS_AGE).await;
        judged = look().await?;
    }
    if output.json {
        let groups: Vec<_> = judged.iter().map(|group| group.status.json(&group.facts, &group.verdict)).collect();
        output.value(&json!({ "lake": definition.lake.as_str(), "groups": groups }))?;
    } else {
        let rows = judged.iter().flat_map(|group| group.status.rows(&group.facts, &group.verdict)).collect();
        output.table(&shown::COLUMNS, rows, "there are no streams")?;
        output.text(&judged.iter().map(|group| told(&group.facts.name, &group.verdict)).collect::<String>())?;
    }
    let all_is_well = judged.iter().all(|group| group.verdict.all().next().is_none());
    Ok(if all_is_well { CliStatus::Ok } else { CliStatus::Attention })
}

/// A group with what its status amounts to.
struct JudgedGroup {
    status: GroupStatus,
    facts: GroupFacts,
    verdict: Verdict,
}

impl JudgedGroup {
    fn up_to_date(&self) -> bool {
        self.verdict.up_to_date()
    }
}

async fn look_at_all(
    catalog: &Catalog,
    definition: &Definition,
    groups: &[Group],
    sight: &BrokerSight,
) -> anyhow::Result<Vec<JudgedGroup>> {
    let looks = stream::iter(groups.to_vec()).map(|group| look(catalog, definition, group, sight));
    let found: Vec<_> = looks.buffered(TOGETHER).try_collect().await?;
    let now = clock::now();
    let judge = |status: GroupStatus| {
        let facts = status.facts(definition, now);
        JudgedGroup { verdict: verdict(&facts), facts, status }
    };
    Ok(found.into_iter().map(judge).collect())
}

/// What waits in the group, a line each, and the next step; nothing if it is up to date.
fn told(group: &GroupName, verdict: &Verdict) -> String {
    let mut text = String::new();
    for finding in verdict.all() {
        text += &format!("\n{group}: {}", finding.text);
    }
    if let Some(next) = verdict.next() {
        text += &format!("\n  → {next}\n");
    }
    text
}

/// Groups that the definition has no more, while batches of theirs are in no image.
async fn left_behind(catalog: &Catalog, known: &[Group]) -> anyhow::Result<Vec<Group>> {
    let mut groups = Vec::new();
    for name in catalog.pending_groups().await?.into_iter().map(|pending| pending.group) {
        if known.iter().all(|group| group.name != name) {
            let streams = catalog.group_head(&name).await?.map(|head| head.members).unwrap_or_default();
            groups.push(Group { name, streams });
        }
    }
    Ok(groups)
}

async fn look(
    catalog: &Catalog,
    definition: &Definition,
    group: Group,
    sight: &BrokerSight,
) -> anyhow::Result<GroupStatus> {
    const READING: &str = "reading the catalog";
    let limit = policy(definition, &group, None).embedded_limit;
    // The queues first: what leaves them meanwhile is then seen in the catalog, perhaps twice, but never nowhere.
    let streams = group.streams.iter().filter_map(|name| definition.stream(name));
    let sights = join_all(streams.map(async |stream| (stream, sight.queue(&stream.queue).await))).await;
    let holds = sight.holds(definition.lake.as_str(), &group.name).await;
    let mapped = sights.iter().any(|(stream, _)| stream.settings.door == Door::Mapping);
    let carrier = match holds {
        _ if mapped => Carrier::Mapping,
        None => Carrier::Unknown,
        Some(true) => Carrier::Bridge,
        Some(false) => Carrier::NoBridge,
    };
    let view = catalog.group_view(&group.name, limit).await.context(READING)?;
    let (out, head) = tokio::try_join!(catalog.out(&group.name), catalog.group_head(&group.name)).context(READING)?;
    let mut streams = Vec::new();
    for (stream, sight) in sights {
        let (head, mut images) = tokio::try_join!(
            catalog.stream_head(&group.name, &stream.name),
            catalog.images(&group.name, &stream.name, 1)
        )
        .context(READING)?;
        let last_batch_at = last_batch_at(catalog, &group.name, &stream.name).await.context(READING)?;
        let (name, queue) = (stream.name.clone(), stream.queue.clone());
        streams.push(StreamStatus { name, queue, head, image: images.pop(), sight, last_batch_at });
    }
    Ok(GroupStatus { group, head, out, view, carrier, streams })
}

/// When the stream's last batch was taken in, in whichever group it was then; `None` if none ever was.
async fn last_batch_at(
    catalog: &Catalog,
    group: &GroupName,
    stream: &StreamName,
) -> Result<Option<Timestamp>, CatalogError> {
    // A batch has at least one message.
    Ok(catalog.tail(group, stream, 1).await?.last().map(|batch| batch.content.ingested_at))
}
