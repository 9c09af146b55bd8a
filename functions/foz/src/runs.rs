//! `foz runs`: what was done with batches, and by whom.

use anyhow::{Context, bail};
use foz_catalog::{Catalog, Swap};
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobKind, JobState};
use foz_domain::keys::ManifestKey;
use foz_domain::{AttemptId, GroupName, Timestamp};
use foz_edge::clock;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::address::LakeAddress;
use crate::arguments::RunsArgs;
use crate::cli_status::CliStatus;
use crate::output::{CellText, Heading, Printer};
use crate::units;

pub async fn run(what: &RunsArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let aws = address.aws().await?;
    let catalog = address.catalog(&aws)?;
    let definition = address.definition(&address.store(&aws)?).await?;
    let groups = definition.groups();
    if let Some(name) = what.group.as_ref().filter(|name| groups.iter().all(|group| group.name != **name)) {
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        bail!("there is no group {name}; there are {}", names.join(", "));
    }
    if let (true, Some(group)) = (what.resume, &what.group) {
        return resume(&catalog, group, output).await;
    }
    let now = clock::now();
    let mut rows = Vec::new();
    for group in groups.iter().filter(|group| what.group.as_ref().is_none_or(|name| group.name == *name)) {
        let mut jobs = Vec::new();
        for kind in JobKind::ALL {
            let newest = catalog.jobs(&group.name, kind, what.limit).await;
            jobs.extend(newest.context("reading the catalog")?);
        }
        jobs.sort_by_key(|job| job.started_at);
        for job in jobs {
            if output.json {
                output.value(&json_of(&job))?;
            } else {
                rows.push(row(&job, now));
            }
        }
    }
    let columns = [
        Heading::Text("GROUP"),
        Heading::Text("KIND"),
        Heading::Text("BATCHES"),
        Heading::Text("STATE"),
        Heading::Text("ENGINE"),
        Heading::Number("SIZE"),
        Heading::Number("ATTEMPTS"),
        Heading::Number("STARTED"),
        Heading::Number("TOOK"),
        Heading::Text("ERROR"),
    ];
    if !output.json {
        output.table(&columns, rows, "nothing ran yet")?;
    }
    Ok(CliStatus::Ok)
}

/// Lets the group's failed jobs go on; dispatch starts their next attempts when it looks next.
async fn resume(catalog: &Catalog, group: &GroupName, output: Printer) -> anyhow::Result<CliStatus> {
    let view = catalog.group_view(group, u64::MAX).await.context("reading the catalog")?;
    let active = view.into_iter().flat_map(|view| [view.run, view.consolidation, view.compaction]).flatten();
    let mut rows = Vec::new();
    for job in active.filter(|job| job.state == JobState::Failed) {
        let kind = job.id.kind;
        let resumed = job.resumed(&AttemptId::from_uuid(Uuid::now_v7().as_u128()));
        let swap = catalog.swap(Some(&job), &resumed, Guard::Held).await.context("writing the catalog")?;
        if let Swap::Lost(_) = swap {
            bail!("{} of {group} has moved on meanwhile: look again", job.title());
        }
        if output.json {
            let (number, [lo, hi]) = (number(&job), batches(&job));
            let kind = kind.to_string();
            output.value(&json!({ "group": group.as_str(), "kind": kind, "number": number, "lo": lo, "hi": hi }))?;
        }
        rows.push(vec![kind.to_string().into(), held(&job).into(), "starts again within a minute".into()]);
    }
    if rows.is_empty() {
        bail!("nothing of {group} has failed");
    }
    if !output.json {
        output.table(&[Heading::Text("KIND"), Heading::Text("BATCHES"), Heading::Text("STATE")], rows, "")?;
    }
    Ok(CliStatus::Ok)
}

/// The number of a compaction; `None` if the job is another one.
fn number(job: &Job) -> Option<u64> {
    (job.id.kind == JobKind::Compact).then_some(job.id.at.0)
}

/// The first sequence of its batches, and the first after them; `None` if the job is a compaction.
fn batches(job: &Job) -> [Option<u64>; 2] {
    let holds = number(job).is_none();
    [job.range.lo(), job.range.hi()].map(|sequence| holds.then_some(sequence.0))
}

/// What it holds: batches, or, of a compaction, its number.
fn held(job: &Job) -> String {
    number(job).map_or_else(|| job.range.to_string(), |number| format!("no. {number}"))
}

fn row(job: &Job, now: Timestamp) -> Vec<CellText> {
    let failed = job.state == JobState::Failed;
    let state = job.state.to_string();
    let took = job.ended_at.unwrap_or(now).since(job.started_at);
    vec![
        job.id.group.to_string().into(),
        job.id.kind.to_string().into(),
        held(job).into(),
        if failed { CellText::loud(state) } else { state.into() },
        job.engine.to_string().into(),
        if job.id.kind == JobKind::Transform { units::bytes(job.bytes).into() } else { "".into() },
        job.epoch.to_string().into(),
        format!("{} ago", units::duration(now.since(job.started_at))).into(),
        if took < 10_000 { format!("{:.1} s", took as f64 / 1000.0) } else { units::duration(took) }.into(),
        job.error.clone().unwrap_or_default().into(),
    ]
}

fn json_of(job: &Job) -> Value {
    let [lo, hi] = batches(job);
    json!({
        "group": job.id.group.as_str(),
        "kind": job.id.kind.to_string(),
        "number": number(job),
        "lo": lo,
        "hi": hi,
        "state": job.state.to_string(),
        "engine": job.engine.to_string(),
        "bytes": job.bytes,
        "epoch": job.epoch.0,
        "attempt": job.attempt.as_str(),
        "definition": job.definition.as_str(),
        "manifest": job.manifest.as_ref().map(ManifestKey::as_str),
        "started_at": units::instant(job.started_at),
        "ended_at": job.ended_at.map(units::instant),
        "error": job.error,
    })
}
