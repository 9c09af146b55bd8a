//! `foz runs`: what was done with batches, and by whom.

use anyhow::{Context, bail};
use foz_catalog::{Catalog, Finish};
use foz_domain::GroupName;
use foz_domain::groups::Group;
use foz_domain::run::{Kind, Run, RunState};
use foz_edge::clock;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::CliStatus;
use crate::address::LakeAddress;
use crate::arguments::RunsArgs;
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
        let mut runs = Vec::new();
        for kind in [Kind::Transform, Kind::Consolidation] {
            let newest = catalog.runs(&group.name, kind, what.limit).await;
            runs.extend(newest.context("reading the catalog")?);
        }
        runs.sort_by_key(|run| run.started_at);
        for run in runs {
            if output.json {
                output.value(&json_of(group, &run))?;
            } else {
                rows.push(row(group, &run, now));
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

/// Lets the group's failed run and consolidation go on; dispatch starts their next attempts when it looks next.
async fn resume(catalog: &Catalog, group: &GroupName, output: Printer) -> anyhow::Result<CliStatus> {
    let view = catalog.group_view(group, u64::MAX).await.context("reading the catalog")?;
    let active = view.into_iter().flat_map(|view| view.run.into_iter().chain(view.consolidation));
    let mut rows = Vec::new();
    for run in active.filter(|run| run.state == RunState::Failed) {
        let finish = catalog.resume(group, &run, &Uuid::now_v7().to_string()).await.context("writing the catalog")?;
        if finish == Finish::Lost {
            bail!("{} {} of {group} has moved on meanwhile: look again", run.kind, run.range);
        }
        if output.json {
            output.value(&json!({ "group": group.as_str(), "kind": run.kind.to_string(), "lo": run.range.lo().0, "hi": run.range.hi().0 }))?;
        }
        rows.push(vec![
            run.kind.to_string().into(),
            run.range.to_string().into(),
            "starts again within a minute".into(),
        ]);
    }
    if rows.is_empty() {
        bail!("nothing of {group} has failed");
    }
    if !output.json {
        output.table(&[Heading::Text("KIND"), Heading::Text("BATCHES"), Heading::Text("STATE")], rows, "")?;
    }
    Ok(CliStatus::Ok)
}

fn row(group: &Group, run: &Run, now: i64) -> Vec<CellText> {
    let failed = run.state == RunState::Failed;
    let state = run.state.to_string();
    let took = run.ended_at.unwrap_or(now) - run.started_at;
    vec![
        group.name.to_string().into(),
        run.kind.to_string().into(),
        run.range.to_string().into(),
        if failed { CellText::loud(state) } else { state.into() },
        run.engine.to_string().into(),
        if run.kind == Kind::Transform { units::bytes(run.bytes).into() } else { "".into() },
        run.epoch.to_string().into(),
        format!("{} ago", units::duration(now - run.started_at)).into(),
        if took < 10_000 { format!("{:.1} s", took as f64 / 1000.0) } else { units::duration(took) }.into(),
        run.error.clone().unwrap_or_default().into(),
    ]
}

fn json_of(group: &Group, run: &Run) -> Value {
    json!({
        "group": group.name.as_str(),
        "kind": run.kind.to_string(),
        "lo": run.range.lo().0,
        "hi": run.range.hi().0,
        "state": run.state.to_string(),
        "engine": run.engine.to_string(),
        "bytes": run.bytes,
        "epoch": run.epoch.0,
        "attempt": run.attempt,
        "definition": run.definition,
        "manifest": run.manifest,
        "started_at": units::instant(run.started_at),
        "ended_at": run.ended_at.map(units::instant),
        "error": run.error,
    })
}
