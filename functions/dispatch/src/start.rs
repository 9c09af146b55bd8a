//! Starting the function that runs a claim: asynchronously, so that a dispatch never waits for it.

use anyhow::Context;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use foz_domain::job::{Job, JobKind};
use foz_edge::ErrorType;
use foz_wire::Attempt;

/// The names of the functions that run claims.
#[derive(Debug, Clone)]
pub struct EngineFunctions {
    /// Runs.
    pub transform: String,
    /// Consolidations.
    pub consolidate: String,
    /// Compactions.
    pub compact: String,
}

/// Starts the functions that run claims.
#[derive(Debug)]
pub struct Starter {
    client: Client,
    functions: EngineFunctions,
}

impl Starter {
    /// Starts these functions. The client may retry: an event that arrives twice carries the same attempt, and of one attempt
    /// only one execution is elected.
    pub fn new(client: Client, functions: EngineFunctions) -> Self {
        Self { client, functions }
    }

    /// Starts the job's present attempt.
    ///
    /// # Errors
    /// It may have started or not. If not, its silence leads to a takeover.
    pub async fn start(&self, job: &Job) -> anyhow::Result<()> {
        let function = match job.id.kind {
            JobKind::Transform => &self.functions.transform,
            JobKind::Consolidate => &self.functions.consolidate,
            JobKind::Compact => &self.functions.compact,
        };
        let request = self.client.invoke().function_name(function).invocation_type(InvocationType::Event);
        let request = request.payload(Blob::new(Attempt::of(job).to_json()));
        request.send().await.map(drop).with_context(|| format!("invoking {function}")).context(ErrorType::Invoke)
    }
}
