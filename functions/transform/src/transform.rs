//! The order of things: stage, elect, publish, finish.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use foz_catalog::{Catalog, Election, Finish};
use foz_domain::GroupName;
use foz_domain::run::{Kind, Run};
use foz_lake::{Lake, Store};
use foz_lambda::metrics::{self, emit};
use foz_lambda::{ErrorType, Hints, clock, fail_point};
use foz_pipeline::Definition;
use futures::FutureExt;
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::event::{Answer, Attempt, Event};
use crate::hold::while_held;
use crate::publish::publish;
use crate::stage::{halt, stage};

/// What a transform works with.
#[derive(Debug)]
pub struct Wiring {
    /// Truth.
    pub catalog: Catalog,
    /// Raw objects and definitions.
    pub store: Store,
    /// Tables.
    pub lake: Lake,
    /// Tells dispatch that there is more to do.
    pub hints: Hints,
    /// Time between two heartbeats.
    pub beat: Duration,
}

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Transform {
    wiring: Wiring,
    /// The definition that was used last, by its key: it never changes under its name.
    definition: Mutex<Option<(String, Arc<Definition>)>>,
}

impl Transform {
    /// A transform with those parts.
    pub fn new(wiring: Wiring) -> Self {
        Self { wiring, definition: Mutex::default() }
    }

    /// Executes one attempt of a run.
    ///
    /// # Errors
    /// The attempt is dead: dispatch hears of it and starts another, unless the run itself was failed.
    #[tracing::instrument(skip_all, fields(group, run, epoch))]
    pub async fn handle(&self, event: Event) -> anyhow::Result<Answer> {
        let Attempt { group, range, epoch, attempt } = event.read()?;
        let span = tracing::Span::current();
        span.record("group", group.as_str()).record("run", range.to_string()).record("epoch", epoch.0);
        let catalog = &self.wiring.catalog;
        let run = catalog.run(&group, Kind::Transform, range).await.context(ErrorType::Catalog)?;
        let ours = |run: &Run| run.epoch == epoch && run.attempt == attempt && run.state.is_active();
        let Some(run) = run.filter(ours) else {
            info!("the run is no longer this attempt's");
            return Ok(Answer::Lost);
        };
        let done = while_held(catalog, &group, &run, self.wiring.beat, self.run(&group, &run).boxed_local()).await;
        let done = match done {
            Ok(done) => done,
            Err(failure) => return Err(self.failed(&group, &run, failure).await),
        };
        if done != Some(Finish::Ended) {
            warn!("the run was taken over");
            return Ok(Answer::Lost);
        }
        let now = clock::now();
        #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
        let duration = (now - run.started_at) as f64;
        let dimensions = [("group", group.as_str()), ("engine", "embedded")];
        emit(now, &dimensions, &[(&metrics::RUN_DURATION, duration)]);
        // Lost, it costs latency only: the sweep looks at every group with work.
        if let Err(lost) = self.wiring.hints.send(&group, Duration::ZERO).await {
            warn!(error = format!("{lost:#}"), "hint lost");
        }
        Ok(Answer::Done)
    }

    async fn run(&self, group: &GroupName, run: &Run) -> anyhow::Result<Finish> {
        let Wiring { catalog, store, lake, .. } = &self.wiring;
        let manifest = match &run.manifest {
            // An earlier attempt was elected and died: its files are the run's.
            Some(elected) => elected.clone(),
            None => {
                let definition = self.definition(&run.definition).await?;
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

    /// Stops the group if only a person can help; else leaves the run to the next attempt.
    async fn failed(&self, group: &GroupName, run: &Run, failure: anyhow::Error) -> anyhow::Error {
        let Some(reason) = halt(&failure) else { return failure };
        match self.wiring.catalog.fail(group, run, &reason, clock::now()).await {
            Ok(_) => error!(reason, "the group halts"),
            Err(unsaid) => warn!(error = format!("{:#}", anyhow::Error::from(unsaid)), "could not halt the group"),
        }
        failure.context(ErrorType::Invariant)
    }

    async fn definition(&self, key: &str) -> anyhow::Result<Arc<Definition>> {
        let mut last = self.definition.lock().await;
        if let Some((_, definition)) = last.as_ref().filter(|(known, _)| known == key) {
            return Ok(definition.clone());
        }
        let text = self.wiring.store.get(key).await.context("reading the definition").context(ErrorType::Store)?;
        let definition = Definition::stored(&String::from_utf8_lossy(&text)).context(ErrorType::Settings)?;
        let definition = Arc::new(definition);
        *last = Some((key.to_owned(), definition.clone()));
        Ok(definition)
    }
}
