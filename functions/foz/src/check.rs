//! `foz check`: everything that is wrong with a definition, or what it means.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use foz_domain::StreamName;
use foz_engine::{CompiledStream, PlanProblem};
use foz_pipeline::{Definition, Examined, Field, Problem, Problems, Stream, limits};
use serde_json::{Value, json};

use crate::arguments::CheckArgs;
use crate::cli_status::CliStatus;
use crate::lock::FilesRead;
use crate::output::{Printer, complain};
use crate::{lock, schema};

/// The columns that each stream's SQL yields.
type Planned = BTreeMap<StreamName, Vec<Field>>;

pub fn run(what: &CheckArgs, output: Printer) -> anyhow::Result<CliStatus> {
    let files = RefCell::default();
    let Examined { mut problems, sound } = examine(&what.pipeline, &files);
    let planned = sound.as_ref().map(|definition| plan(definition, &mut problems)).unwrap_or_default();
    problems.sort();
    match sound {
        Some(definition) if problems.is_empty() => {
            if let Some(lock) = &what.lock {
                let beside = || what.pipeline.with_file_name(lock::NAME);
                let path = lock.clone().unwrap_or_else(beside);
                lock::write(&path, &definition, &files.into_inner())?;
            }
            let warnings = definition.warnings();
            if output.json {
                output.value(&meaning(&definition, &planned, &warnings))?;
            } else {
                for warning in warnings {
                    let warned = Problem { what: format!("warning: {}", warning.what), ..warning };
                    complain(&format!("{}:{warned}", what.pipeline.display()));
                }
                output.text(&definition.explain(&planned))?;
            }
            Ok(CliStatus::Ok)
        }
        _ => {
            if output.json {
                output.value(
                    &json!({ "ok": false, "problems": problems.iter().map(problem_json).collect::<Vec<_>>() }),
                )?;
            } else {
                let n = problems.len();
                complain(&Problems { file: what.pipeline.display().to_string(), list: problems }.to_string());
                complain(&format!("{n} {}", if n == 1 { "problem" } else { "problems" }));
            }
            Ok(CliStatus::Attention)
        }
    }
}

/// Reads the definition, and puts the text of each file that it consists of into `files`.
fn examine(file: &Path, files: &RefCell<FilesRead>) -> Examined {
    let Ok(text) = fs::read_to_string(file) else { return Definition::examine_file(file) };
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let examined = Definition::examine(&text, &|name| {
        let text = fs::read_to_string(folder.join(name))?;
        files.borrow_mut().insert(name.to_owned(), text.clone());
        Ok(text)
    });
    files.borrow_mut().insert(name, text);
    examined
}

/// Plans each stream's SQL; what is wrong with it joins the other problems.
fn plan(definition: &Definition, problems: &mut Vec<Problem>) -> Planned {
    let mut planned = Planned::new();
    for (name, stream) in &definition.streams {
        match CompiledStream::new(stream) {
            Ok(plan) => {
                // History and quarantine have no names that are not in here too, but for those that Foz gives.
                if let Some(why) = foz_lake::impossible(&plan.current_schema()) {
                    let what = format!("no table can have these columns: {why}");
                    let instead = "rename one of the fields that a dot makes the same, or declare the struct as string"
                        .to_owned();
                    problems.push(definition.problem(&format!("streams.{name}.columns"), what, Some(instead)));
                }
                let columns: Vec<Field> = plan.user_columns().filter_map(schema::declared).collect();
                if let Some(what) = stream.transform.as_ref().and_then(|_| exceeded(&columns)) {
                    problems.push(definition.problem(&format!("streams.{name}.transform"), what, None));
                }
                planned.insert(name.clone(), columns);
            }
            Err(found) => problems.extend(found.into_iter().map(|found| placed(definition, name, found))),
        }
    }
    planned
}

/// By how much the columns that SQL makes are more than can be declared; `None` if they are not.
fn exceeded(columns: &[Field]) -> Option<String> {
    let parts = columns.iter().map(|column| limits::parts(&column.ty)).sum();
    (parts > limits::COLUMNS.most).then(|| limits::COLUMNS.exceeded_by(parts))
}

fn placed(definition: &Definition, stream: &StreamName, problem: PlanProblem) -> Problem {
    let PlanProblem { part, at, what, instead } = problem;
    let what = match at {
        Some((line, column)) => format!("line {line}, column {column} of the SQL: {what}"),
        None => what,
    };
    definition.problem(&format!("streams.{stream}.{}", part.as_str()), what, instead)
}

fn problem_json(problem: &Problem) -> Value {
    json!({
        "line": problem.place.line,
        "column": problem.place.column,
        "path": problem.path,
        "what": problem.what,
        "instead": problem.instead,
    })
}

fn meaning(definition: &Definition, planned: &Planned, warnings: &[Problem]) -> Value {
    let groups: Vec<_> = definition
        .groups()
        .into_iter()
        .map(|group| {
            let streams = group.streams.iter().filter_map(|name| definition.stream(name));
            json!({
                "name": group.name.as_str(),
                "streams": streams.map(|stream| stream_json(stream, planned.get(&stream.name))).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "ok": true,
        "lake": definition.lake.as_str(),
        "vhost": definition.broker.vhost,
        "groups": groups,
        "warnings": warnings.iter().map(problem_json).collect::<Vec<_>>(),
    })
}

fn stream_json(stream: &Stream, planned: Option<&Vec<Field>>) -> Value {
    let columns =
        planned.into_iter().flatten().map(|field| json!({ "name": field.name, "type": field.ty.to_string() }));
    let references = stream.references.iter().map(|reference| {
        json!({ "name": reference.name, "columns": reference.columns, "stream": reference.stream.as_str() })
    });
    let seconds = |duration: Duration| duration.as_secs();
    json!({
        "stream": stream.name.as_str(),
        "queue": stream.queue,
        "key": stream.key,
        "columns": columns.collect::<Vec<_>>(),
        "references": references.collect::<Vec<_>>(),
        "version": stream.version,
        "delete_when": stream.delete_when,
        "max_latency_s": seconds(stream.settings.max_latency),
        "consolidate_every_s": seconds(stream.settings.consolidate_every),
        "engine": stream.settings.engine.as_str(),
        "door": stream.settings.door.as_str(),
    })
}

#[cfg(test)]
mod random_types;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sql_makes_has_the_limits_of_what_is_declared() {
        let problems = |sql: &str| {
            let text = format!(
                "lake: l\nstreams:\n  boxes:\n    queue: b\n    key: [id]\n    columns: {{ id: string }}\n    transform: {}\n",
                json!(format!("SELECT {sql} FROM messages"))
            );
            let mut problems = Vec::new();
            plan(&Definition::stored(&text).unwrap(), &mut problems);
            problems.into_iter().map(|problem| (problem.path, problem.what)).collect::<Vec<_>>()
        };
        let many = |columns: usize| {
            let columns: Vec<_> = (1..columns).map(|n| format!("id AS c{n}")).collect();
            format!("id, {}", columns.join(", "))
        };
        assert_eq!(problems(&many(2_000)), []);
        let refused = |sql: &str, part: &str| {
            let found = problems(sql);
            assert!(
                found.len() == 1 && found[0].0 == "streams.boxes.transform" && found[0].1.contains(part),
                "{found:?}"
            );
        };
        refused(&many(2_001), "2001 columns of a stream, fields of structs included, of which 2000 are possible");
        // Whatever there is too much of is said, and ends no process.
        let long = |operator: &str, n: usize| format!("id, {} AS x", vec!["id = 'a'"; n].join(operator));
        refused(&long(" AND ", 20_000), "an expression has 20000 levels, of which 200 are possible");
        refused(&format!("id, {} AS x", vec!["id"; 40_000].join(" || ")), "of which 200 are possible");
    }

    #[test]
    fn input_3_columns_that_no_table_can_have_are_refused() {
        let problems = |dims: &str| {
            let columns = format!("{{ id: string, dims: \"{dims}\" }}");
            let text = format!("lake: l\nstreams:\n  boxes:\n    queue: b\n    key: [id]\n    columns: {columns}\n");
            let mut problems = Vec::new();
            plan(&Definition::stored(&text).unwrap(), &mut problems);
            problems
        };
        assert!(problems("struct<`a.b`:int,c:int>").is_empty());
        let refused = problems("struct<`a.b`:int,a:struct<b:int>>");
        assert_eq!(refused.len(), 1);
        assert!(refused[0].what.contains("no table can have these columns"), "{:?}", refused[0].what);
    }
}
