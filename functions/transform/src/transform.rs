//! The order of things: stage, elect, publish, finish.

use anyhow::Context;
use foz_attempt::AttemptComponents;
use foz_attempt::attempt::duration;
use foz_catalog::Swap;
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobState};
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
    components: AttemptComponents,
}

impl Transform {
    /// A transform with these components.
    pub fn new(components: AttemptComponents) -> Self {
        Self { components }
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
        let Some(run) = self.components.claimed(&attempt).await? else { return Ok(AttemptAnswer::Lost) };
        let ended = |now| {
            let dimensions = [("group", run.id.group.as_str()), ("engine", "embedded")];
            emit(now, &dimensions, &[(&metrics::RUN_DURATION, duration(&run, now))]);
        };
        self.components.carry_out(&run, self.run(&run).boxed_local(), halt, ended).await
    }

    async fn run(&self, run: &Job) -> anyhow::Result<Swap> {
        let AttemptComponents { catalog, lake, .. } = &self.components;
        let run = match &run.manifest {
            // An earlier attempt was elected and died: its files are the run's.
            Some(_) => run.clone(),
            None => match self.elect(run).await? {
                Swap::Done(elected) => elected,
                lost => return Ok(lost),
            },
        };
        let manifest =
            run.manifest.as_ref().context("an elected run without a manifest").context(ErrorType::Invariant)?;
        fail_point("transform.after_elect").await?;
        publish(lake, &run, manifest, clock::now).await?;
        fail_point("transform.after_commit").await?;
        let done = run.done(clock::now());
        Ok(catalog.swap(Some(&run), &done, Guard::Held).await?)
    }

    /// Stages the run, and elects the files unless another execution of this very attempt was faster: then its files are
    /// the run's.
    async fn elect(&self, run: &Job) -> anyhow::Result<Swap> {
        let definition = self.components.definition(&run.definition).await?;
        let staged = stage(&self.components, &definition, run, clock::now()).await?;
        let elected = self.components.catalog.swap(Some(run), &run.elected(staged), Guard::Held).await;
        Ok(match elected? {
            Swap::Lost(Some(found)) if found.is_attempt_of(run) && found.state == JobState::Committing => {
                Swap::Done(found)
            }
            Swap::Lost(found) => {
                info!(epoch = found.as_ref().map(|found| found.epoch.0), "not elected");
                Swap::Lost(found)
            }
            done @ Swap::Done(_) => done,
        })
    }
}
