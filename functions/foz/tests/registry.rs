//! What the code declares, for those who are not Rust: Terraform, the tests of `infra`, the documentation.

use std::collections::BTreeMap;
use std::path::Path;

use clap::CommandFactory;
use foz::Arguments;
use foz_edge::metrics;
use foz_wire::ErrorType;
use foz_wire::env::{self, Need};
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
        commands: Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect(),
    }
}

#[test]
fn the_committed_registry_is_what_the_code_declares() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/generated/registry.json");
    let declared = serde_json::to_string_pretty(&registry()).unwrap() + "\n";
    if std::fs::read_to_string(&path).unwrap_or_default() != declared {
        std::fs::write(&path, declared).unwrap();
        panic!("infra/generated/registry.json differed from the code and was written anew: look at it, commit it");
    }
}
