//! The order of things: the group's streams, then the catalog.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use foz_catalog::{Catalog, Finish, Image};
use foz_domain::GroupName;
use foz_domain::run::{Kind, Run};
use foz_engine::Limits;
use foz_lake::{Lake, LakeError, Store};
use foz_lambda::metrics::{self, emit};
use foz_lambda::{ErrorType, Hints, clock, fail_point};
use foz_pipeline::Definition;
use futures::FutureExt;
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::event::{Answer, Attempt, Event};
use crate::hold::while_held;
use crate::image::Maker;

/// What a consolidation works with.
#[derive(Debug)]
pub struct Wiring {
    /// Truth.
    pub catalog: Catalog,
    /// Definitions.
    pub store: Store,
    /// Tables.
    pub lake: Lake,
    /// Tells dispatch that there is more to do.
    pub hints: Hints,
    /// What merging may use.
    pub limits: Limits,
    /// Time between two heartbeats.
    pub beat: Duration,
}

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Consolidate {
    wiring: Wiring,
    /// The definition that was used last, by its key: it never changes under its name.
    definition: Mutex<Option<(String, Arc<Definition>)>>,
}

impl Consolidate {
    /// A consolidation with those parts.
    pub fn new(wiring: Wiring) -> Self {
        Self { wiring, definition: Mutex::default() }
    }

    /// Executes one attempt of a consolidation; `request` names the execution.
    ///
    /// # Errors
    /// The attempt is dead: dispatch hears of it and starts another, unless the consolidation itself was failed.
    #[tracing::instrument(skip_all, fields(group, through, epoch))]
    pub async fn handle(&self, event: Event, request: &str) -> anyhow::Result<Answer> {
        let Attempt { group, below, epoch, attempt } = event.read()?;
        let span = tracing::Span::current();
        span.record("group", group.as_str()).record("through", below.hi().0).record("epoch", epoch.0);
        let catalog = &self.wiring.catalog;
        let run = catalog.run(&group, Kind::Consolidation, below).await.context(ErrorType::Catalog)?;
        let ours = |run: &Run| run.epoch == epoch && run.attempt == attempt && run.state.is_active();
        let Some(run) = run.filter(ours) else {
            info!("the consolidation is no longer this attempt's");
            return Ok(Answer::Lost);
        };
        let done =
            while_held(catalog, &group, &run, self.wiring.beat, self.run(&group, &run, request).boxed_local()).await;
        let done = match done {
            Ok(done) => done,
            Err(failure) => return Err(self.failed(&group, &run, failure).await),
        };
        if done != Some(Finish::Ended) {
            warn!("the consolidation was taken over");
            return Ok(Answer::Lost);
        }
        let now = clock::now();
        #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
        let duration = (now - run.started_at) as f64;
        emit(now, &[("group", group.as_str())], &[(&metrics::CONSOLIDATION_DURATION, duration)]);
        // Lost, it costs latency only: the sweep looks at every group with work.
        if let Err(lost) = self.wiring.hints.send(&group, Duration::ZERO).await {
            warn!(error = format!("{lost:#}"), "hint lost");
        }
        Ok(Answer::Done)
    }

    async fn run(&self, group: &GroupName, run: &Run, request: &str) -> anyhow::Result<Finish> {
        let Wiring { catalog, lake, limits, .. } = &self.wiring;
        let definition = self.definition(&run.definition).await?;
        let known = definition.groups().into_iter().find(|known| known.name == *group);
        let order = known.context("the definition has no such group").context(ErrorType::Settings)?.streams;
        let through = run.range.hi();
        let maker = Maker { lake, execution: format!("{}-{request}", run.attempt), through, limits: limits.clone() };
        let mut images = Vec::new();
        for (number, name) in order.into_iter().enumerate() {
            if number > 0 {
                fail_point("consolidate.between_streams").await?;
            }
            let stream = definition.stream(&name).context("the definition lacks a stream of its own group");
            let image = maker.image(stream.context(ErrorType::Settings)?, clock::now()).await?;
            // A table that never had a row has no image.
            images.extend(image.snapshot_id.map(|snapshot_id| Image {
                stream: name,
                through,
                snapshot_id,
                metadata_location: image.metadata_location,
                rows: image.rows,
                committed_at: clock::now(),
            }));
        }
        catalog.finish_consolidation(group, run, &images, clock::now()).await.context(ErrorType::Catalog)
    }

    /// Stops the group if only a person can help; else leaves the consolidation to the next attempt.
    async fn failed(&self, group: &GroupName, run: &Run, failure: anyhow::Error) -> anyhow::Error {
        let halts = |cause: &&LakeError| matches!(cause, LakeError::Halt { .. });
        let Some(reason) =
            failure.chain().filter_map(|cause| cause.downcast_ref()).find(halts).map(ToString::to_string)
        else {
            return failure;
        };
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
