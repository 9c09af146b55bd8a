//! Look, decide, act, until a group only waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foz_catalog::{Catalog, Swap};
use foz_domain::job::care::DeadAttempt;
use foz_domain::job::step::{Guard, Step};
use foz_domain::job::{Job, JobState};
use foz_domain::plan::{Decision, GroupView, Halt, Policy, decide};
use foz_domain::{AttemptId, GroupName, Timestamp};
use foz_edge::metrics::{self, Metric, emit};
use foz_edge::{Hints, fail_point};
use foz_pipeline::planning::explained;
use foz_wire::Hint;
use foz_wire::notification::RawObject;
use foz_wire::sqs::{DispatchEvent, SqsFailures};
use futures::future::join_all;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use crate::policy::Policies;
use crate::raw_object;
use crate::start::Starter;

/// The most looks at a group in one go. Each but the last changes something: a run, a consolidation, and what others did
/// in between.
const LOOKS: u32 = 8;

/// A look for a silent run comes a moment after its time, so that it is not a moment too early.
const GRACE: Duration = Duration::from_secs(1);

/// Why an object, or the promise of objects, is nothing to look at.
const FOREIGN: &str = "a foreign bucket or prefix";

/// The clients that a dispatch works with, and what it is told of the lake.
#[derive(Debug)]
pub struct DispatchComponents {
    /// The lake's bucket; other buckets' events are foreign.
    pub bucket: String,
    /// How each group is planned.
    pub policies: Policies,
    pub catalog: Catalog,
    /// Where later looks are arranged.
    pub hints: Hints,
    pub starter: Starter,
}

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Dispatch {
    components: DispatchComponents,
    /// When this process has arranged to look at a group again, so that a flood of hints does not multiply.
    arranged: Mutex<BTreeMap<GroupName, Timestamp>>,
}

/// What was learned about a group from the hints: attempts that are dead.
type Work = BTreeMap<GroupName, Vec<DeadAttempt>>;

impl Dispatch {
    /// A dispatch with these components.
    pub fn new(components: DispatchComponents) -> Self {
        Self { components, arranged: Mutex::default() }
    }

    /// Handles one event at `now`.
    ///
    /// # Errors
    /// Only of a direct invocation; a failed message of a batch is named in the answer.
    pub async fn handle(&self, event: serde_json::Value, now: Timestamp) -> anyhow::Result<SqsFailures> {
        match DispatchEvent::read(&event) {
            DispatchEvent::Messages(messages) => {
                let named = join_all(messages.iter().map(|message| self.work_of(&message.hints, now))).await;
                let all = named.iter().flatten().fold(Work::new(), |mut all, work| {
                    for (group, dead) in work {
                        all.entry(group.clone()).or_default().extend(dead.iter().cloned());
                    }
                    all
                });
                let failed = self.work_on(all, now).await;
                let fails = |work: &anyhow::Result<Work>| match work {
                    Ok(work) => work.keys().any(|group| failed.contains_key(group)),
                    Err(_) => true,
                };
                let failures = messages.iter().zip(&named).filter(|(_, work)| fails(work));
                Ok(failures.map(|(message, _)| message.id.clone()).collect())
            }
            DispatchEvent::Direct(hint) => {
                let work = self.work_of(&[hint], now).await?;
                self.work_on(work, now).await.into_values().next().map_or(Ok(SqsFailures::default()), Err)
            }
        }
    }

    /// The groups that hints lead to.
    async fn work_of(&self, hints: &[Hint], now: Timestamp) -> anyhow::Result<Work> {
        let mut work = Work::new();
        for hint in hints {
            match hint {
                Hint::Group(group) => drop(work.entry(group.clone()).or_default()),
                Hint::Failed(group, dead) => work.entry(group.clone()).or_default().push(dead.clone()),
                Hint::Sweep => work.extend(self.sweep(now).await?.into_iter().map(|group| (group, Vec::new()))),
                Hint::Raw(object) => match self.group_of(object) {
                    Ok(group) => drop(work.entry(group.clone()).or_default()),
                    Err(why) => ignored(&why, now),
                },
                Hint::Test => ignored(FOREIGN, now),
                Hint::Malformed(why) => ignored(why, now),
            }
        }
        Ok(work)
    }

    /// The group that a raw object belongs to, or why it belongs to none.
    fn group_of(&self, object: &RawObject) -> Result<&GroupName, String> {
        let stream = raw_object::stream(object, &self.components.bucket).ok_or(FOREIGN)?;
        self.components.policies.group(&stream).ok_or_else(|| format!("{stream} is no stream of the definition"))
    }

    /// All groups with work, or with a debt, wherever their hints went.
    async fn sweep(&self, now: Timestamp) -> anyhow::Result<BTreeSet<GroupName>> {
        let catalog = &self.components.catalog;
        let (pending, indebted) = futures::try_join!(catalog.pending_groups(), catalog.groups_with_debt())?;
        for pending in &pending {
            emit_group(now, &pending.group, &metrics::OLDEST_PENDING, now.since(pending.since));
        }
        for debt in &indebted {
            emit_group(now, &debt.group, &metrics::OLDEST_DEBT, now.since(debt.since));
        }
        let pending = pending.into_iter().map(|pending| pending.group);
        Ok(pending.chain(indebted.into_iter().map(|debt| debt.group)).collect())
    }

    /// Works on all groups at once; tells which failed.
    async fn work_on(&self, work: Work, now: Timestamp) -> BTreeMap<GroupName, anyhow::Error> {
        let one = async |(group, dead): (GroupName, Vec<DeadAttempt>)| {
            let result = self.advance(&group, &dead, now).await;
            result.err().map(|error| {
                error!(%group, error = format!("{error:#}"), "group failed");
                (group, error)
            })
        };
        join_all(work.into_iter().map(one)).await.into_iter().flatten().collect()
    }

    /// Looks at the group and acts until it only waits.
    #[tracing::instrument(skip_all, fields(%group))]
    async fn advance(&self, group: &GroupName, dead: &[DeadAttempt], now: Timestamp) -> anyhow::Result<()> {
        let catalog = &self.components.catalog;
        let Some(policy) = &self.policy(group).await? else {
            ignored(&format!("{group} is no group of the definition or the catalog"), now);
            return Ok(());
        };
        for _ in 0..LOOKS {
            let view = catalog.group_view(group, policy.embedded_limit).await?;
            let Some(view) = view else { return Ok(()) };
            let decision = decide(&view, policy, dead, now, &mut || AttemptId::from_uuid(Uuid::now_v7().as_u128()));
            if decision.steps.is_empty() {
                return self.rest(&view, &decision, now).await;
            }
            for step in &decision.steps {
                self.take(step, policy, now).await?;
            }
        }
        // Others are at it too; whatever is left they see, or the hint that comes with it.
        debug!("still moving after {LOOKS} looks");
        Ok(())
    }

    /// How the group is planned. One that the definition has no more is brought to its end before its streams move.
    async fn policy(&self, group: &GroupName) -> anyhow::Result<Option<Policy>> {
        let DispatchComponents { policies, catalog, .. } = &self.components;
        if let Some(members) = policies.members(group) {
            return Ok(Some(policies.of(members)));
        }
        let head = catalog.group_head(group).await?;
        Ok(head.map(|head| policies.of(&head.members)))
    }

    /// Takes the step, and does what follows from it.
    async fn take(&self, step: &Step, policy: &Policy, now: Timestamp) -> anyhow::Result<()> {
        announce(step);
        let swap = self.components.catalog.swap(step.from.as_ref(), &step.to, step.guard).await;
        // Lost: another dispatcher was first, or the job has moved on. The next look sees what stands there.
        let Swap::Done(job) = swap? else { return Ok(()) };
        let (title, group) = (job.title(), &job.id.group);
        match (&step.from, step.guard) {
            (None, _) => {
                info!(title, bytes = job.bytes, attempt = %job.attempt, "claimed");
                emit_group(now, group, &metrics::RUNS_CLAIMED, 1);
                self.start(&job, policy).await
            }
            (Some(_), Guard::Silent) => {
                warn!(title, epoch = %job.epoch, "taken over");
                emit_group(now, group, &metrics::TAKEOVERS, 1);
                self.start(&job, policy).await
            }
            (Some(_), Guard::Unseen) => {
                self.look_for_silence(group, policy).await;
                Ok(())
            }
            (Some(_), Guard::Held) => Ok(()),
        }
    }

    /// Starts the attempt, and then arranges for a look at the time when its silence would mean something: a queue that
    /// does not answer must not keep the attempt from its start, and the sweep looks too.
    async fn start(&self, job: &Job, policy: &Policy) -> anyhow::Result<()> {
        fail_point("dispatch.after_claim").await?;
        let started = self.components.starter.start(job).await;
        self.look_for_silence(&job.id.group, policy).await;
        started
    }

    async fn look_for_silence(&self, group: &GroupName, policy: &Policy) {
        self.hint(group, Duration::from_millis(policy.takeover_after) + GRACE).await;
    }

    /// Says what does not go on, if there is such a thing, and arranges for the next look.
    async fn rest(&self, view: &GroupView, decision: &Decision, now: Timestamp) -> anyhow::Result<()> {
        let group = &view.group;
        let lag = |from: foz_domain::Sequence, to: foz_domain::Sequence| from.0.saturating_sub(to.0);
        emit_group(now, group, &metrics::SEQUENCE_LAG, lag(view.next, view.marks.done));
        emit_group(now, group, &metrics::IMAGE_LAG, lag(view.marks.done, view.marks.imaged));
        for halt in &decision.halts {
            match halt {
                Halt::NeedsEmr => warn!("{}", explained(halt)),
                // Why is not said here: it may quote a message, and logs must not. `foz status` shows it.
                Halt::Failed { kind, range, .. } => error!(%kind, %range, "failed and waits for a person"),
                Halt::Uncompacted { number, .. } => error!(number, "a compaction failed and waits for a person"),
                Halt::Inconsistent(_) => error!("{}", explained(halt)),
            }
            if halt.stands_still() {
                emit_group(now, group, &metrics::HALTS, 1);
            }
        }
        if view.marks.imaged == view.next {
            // Its consolidation has done so; unless it died just before.
            self.components.catalog.clear_pending(group, view.next).await?;
        }
        if let Some(delay) = decision.look_again.filter(|delay| self.arrange(group, now, *delay)) {
            self.hint(group, Duration::from_millis(delay)).await;
        }
        Ok(())
    }

    /// Whether a look after `delay` still has to be arranged.
    fn arrange(&self, group: &GroupName, now: Timestamp, delay: u64) -> bool {
        let due = now.plus(delay);
        let mut arranged = self.arranged.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = arranged.get(group).is_some_and(|at| (due..due.plus(1000)).contains(at));
        if !stands {
            arranged.insert(group.clone(), due);
        }
        !stands
    }

    /// A hint that is lost costs latency only: the sweep looks at every group with work.
    async fn hint(&self, group: &GroupName, delay: Duration) {
        if let Err(error) = self.components.hints.send(group, delay).await {
            warn!(%group, error = format!("{error:#}"), "hint lost");
        }
    }
}

/// Logs a step that is out of the ordinary, before it is taken.
fn announce(Step { from, to, .. }: &Step) {
    let Some(from) = from else { return };
    let (title, range) = (from.title(), from.range);
    if from.range != to.range {
        warn!(%range, half = %to.range, "keeps failing: halved");
    } else if from.piece != to.piece {
        warn!(%range, piece = to.piece, "keeps failing: goes on in smaller pieces");
    } else if to.state == JobState::Failed {
        error!(title, "given up");
    } else if from.state == JobState::Failed {
        info!(title, "goes on with another definition");
    }
}

fn ignored(why: &str, now: Timestamp) {
    warn!(why, "event ignored");
    emit(now, &[("function", "dispatch")], &[(&metrics::EVENTS_IGNORED, 1.0)]);
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
fn emit_group(now: Timestamp, group: &GroupName, metric: &'static Metric, value: u64) {
    emit(now, &[("group", group.as_str())], &[(metric, value as f64)]);
}
