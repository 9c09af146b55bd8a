//! The order of things: stage, elect, publish, finish.

use anyhow::Context;
use foz_attempt::Workbench;
use foz_attempt::attempt::duration;
use foz_catalog::{Election, Finish};
use foz_domain::GroupName;
use foz_domain::run::Run;
use foz_edge::metrics::{self, emit};
use foz_edge::{ErrorType, clock, fail_point};
use foz_wire::attempt::{Attempt, AttemptAnswer, TransformEvent};
use futures::FutureExt;
use tracing::info;

use crate::publish::publish;
use crate::stage::{halt, stage};

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Transform {
    bench: Workbench,
}

impl Transform {
    /// A transform on that workbench.
    pub fn new(bench: Workbench) -> Self {
        Self { bench }
    }

    /// Executes one attempt of a run.
    ///
    /// # Errors
    /// The attempt is dead: dispatch hears of it and starts another, unless the run itself was failed.
    #[tracing::instrument(skip_all, fields(group, run, epoch))]
    pub async fn handle(&self, event: TransformEvent) -> anyhow::Result<AttemptAnswer> {
        let attempt = Attempt::try_from(event).context(ErrorType::Event)?;
        let (group, span) = (&attempt.group, tracing::Span::current());
        span.record("group", group.as_str()).record("run", attempt.range.to_string()).record("epoch", attempt.epoch.0);
        let Some(run) = self.bench.claimed(&attempt).await? else { return Ok(AttemptAnswer::Lost) };
        let ended = |now| {
            let dimensions = [("group", group.as_str()), ("engine", "embedded")];
            emit(now, &dimensions, &[(&metrics::RUN_DURATION, duration(&run, now))]);
        };
        self.bench.carry_out(group, &run, self.run(group, &run).boxed_local(), halt, ended).await
    }

    async fn run(&self, group: &GroupName, run: &Run) -> anyhow::Result<Finish> {
        let Workbench { catalog, store, lake, .. } = &self.bench;
        let manifest = match &run.manifest {
            // An earlier attempt was elected and died: its files are the run's.
            Some(elected) => elected.clone(),
            None => {
                let definition = self.bench.definition(&run.definition).await?;
                let staged = stage((catalog, store, lake), &definition, group, run, clock::now()).await?;
                match catalog.elect(group, run, &staged).await.context(ErrorType::Catalog)? {
                    Election::Elected => staged,
                    Election::Frozen { manifest } => manifest,
                    Election::Lost { epoch } => {
                        info!(%epoch, "not elected");
                        return Ok(Finish::Lost);
                    }
                }
            }
        };
        fail_point("transform.after_elect").await?;
        publish(lake, run, &manifest, clock::now).await?;
        fail_point("transform.after_commit").await?;
        catalog.finish_run(group, run, clock::now()).await.context(ErrorType::Catalog)
    }
}
