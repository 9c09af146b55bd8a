//! What the code declares, for those who are not Rust: Terraform, the tests of `infra`, the documentation.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeMap;
use std::path::Path;

use clap::CommandFactory;
use foz::Cli;
use foz_edge::metrics;
use foz_testkit::assert_written;
use foz_wire::ErrorType;
use foz_wire::env::{self, Need, Program};
use serde::Serialize;

#[derive(Serialize)]
struct Registry {
    namespace: &'static str,
    /// The dimension that every metric carries beside its own.
    lake_dimension: &'static str,
    metrics: BTreeMap<&'static str, Metric>,
    error_types: Vec<&'static str>,
    variables: BTreeMap<&'static str, Variable>,
    /// The subcommands of `foz`.
    commands: Vec<String>,
}

#[derive(Serialize)]
struct Metric {
    unit: String,
    dimensions: &'static [&'static str],
    meaning: &'static str,
}

#[derive(Serialize)]
struct Variable {
    need: &'static str,
    programs: Vec<&'static str>,
    meaning: &'static str,
}

fn registry() -> Registry {
    let metrics = metrics::ALL.iter().map(|metric| {
        let unit = format!("{:?}", metric.unit);
        (metric.name, Metric { unit, dimensions: metric.dimensions, meaning: metric.meaning })
    });
    let variables = env::ALL.iter().map(|variable| {
        let need = match variable.need {
            Need::Required => "required",
            Need::Optional => "optional",
            Need::LocalOnly => "local only",
        };
        let programs = variable.programs.iter().map(|program| program.as_str()).collect();
        (variable.name, Variable { need, programs, meaning: variable.meaning })
    });
    Registry {
        namespace: metrics::NAMESPACE,
        lake_dimension: metrics::LAKE,
        metrics: metrics.collect(),
        error_types: ErrorType::ALL.map(ErrorType::as_str).to_vec(),
        variables: variables.collect(),
        commands: Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect(),
    }
}

/// The page of the environment: a row for each variable.
fn environment() -> String {
    let mut page = "# Environment of every process

Written by `FOZ_UPDATE=1 cargo test -p foz --test registry` from `shared/wire/src/env.rs`.
Read once, typed, all errors at once (`foz_edge::settings`); an empty value counts as absent.
The AWS SDK's own variables are read as usual (`AWS_REGION`, `AWS_ENDPOINT_URL`, …).

| variable | who | meaning |
|---|---|---|
"
    .to_owned();
    for variable in env::ALL {
        let programs: Vec<_> = variable.programs.iter().map(|program| program.as_str()).collect();
        let who = if variable.programs == Program::ALL { "all".to_owned() } else { programs.join(", ") };
        let who = match variable.need {
            Need::Required => who,
            Need::Optional => format!("{who}; optional"),
            Need::LocalOnly => format!("{who}, with `FOZ_LOCAL=1`"),
        };
        page.push_str(&format!("| `{}` | {who} | {} |\n", variable.name, variable.meaning));
    }
    page
}

/// Fails if the file is not what the code declares.
fn check(file: &str, declared: &str) {
    assert_written(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file), declared);
}

#[test]
fn the_committed_registry_is_what_the_code_declares() {
    check("infra/generated/registry.json", &(serde_json::to_string_pretty(&registry()).unwrap() + "\n"));
}

#[test]
fn the_page_of_the_environment_is_what_the_code_declares() {
    check("docs/environment.md", &environment());
}
