//! A step of a job: one compare-and-set from what was read to what shall be, together with the watermark that moves.
//!
//! Conditions: what the step's [`Guard`] says of the job, which always names its epoch and attempt, so that an attempt
//! that was taken over can change nothing any more; or, where nothing was read, that the item does not exist. And the
//! group's marks stand where the step moves them from. So of several dispatchers one wins, ranges never overlap or leave
//! gaps, and a job ends once.

use aws_sdk_dynamodb::types::AttributeValue;
use foz_domain::job::step::{Guard, MoveMark, is_taken, marks, states_before};
use foz_domain::job::{Job, JobState};

use crate::Catalog;
use crate::error::{CatalogError, Result};
use crate::item::{Key, job, number, text};
use crate::patience::Patience;
use crate::table::{Sent, Update, Write};

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// It was taken, now or by an earlier copy of the request. The job as it is.
    Done(Job),
    /// The job, or the group, has moved on. The job as it was found; `None` if there is none.
    Lost(Option<Job>),
}

impl Catalog {
    /// Takes a job from what was read, or from nothing, to what it shall be. May be repeated at will.
    ///
    /// # Errors
    /// Unavailable (the step may have been taken: repeat, or read again), refused or damaged.
    pub async fn swap(&self, from: Option<&Job>, to: &Job, guard: Guard) -> Result<Swap> {
        let mut patience = Patience::default();
        loop {
            let source = match self.send(from, to, guard).await? {
                Sent::Applied => return Ok(Swap::Done(to.clone())),
                Sent::Refused => None,
                Sent::Unclear(error) => Some(Box::from(error)),
            };
            // Refused, contended or answered twice: what stands there says it.
            match self.job(&to.id).await {
                Ok(Some(found)) if is_taken(from, to, &found) => return Ok(Swap::Done(found)),
                Ok(Some(found)) if from.is_some_and(|from| guard.allows(from, to, &found)) => {}
                // An unanswered claim may still be on its way. If it arrives, it is found again by its silence.
                Ok(found) => return Ok(Swap::Lost(found)),
                Err(CatalogError::Unavailable { .. }) => {}
                Err(error) => return Err(error),
            }
            if !patience.wait().await {
                return Err(CatalogError::Unavailable { operation: "a step of a job", source });
            }
        }
    }

    async fn send(&self, from: Option<&Job>, to: &Job, guard: Guard) -> Result<Sent> {
        let write = match from {
            None => Write::Create(job::to_item(to)),
            Some(from) => Write::Update(update(from, to, guard)),
        };
        match (marks(from, to), write) {
            (None, Write::Update(update)) => self.table.update(update).await,
            (moved, write) => {
                let moved = moved.map(|moved| Write::Update(moves(to, &moved)));
                self.table.transact(moved.into_iter().chain([write]).collect()).await
            }
        }
    }

    /// Shows that the attempt still works. `false` if it was taken over or has ended: it is to stop.
    ///
    /// # Errors
    /// Unavailable (go on: one missed beat means nothing) or refused.
    pub async fn heartbeat(&self, job: &Job) -> Result<bool> {
        let mut condition = Condition::of_attempt(job);
        let active: Vec<_> = JobState::ALL.into_iter().filter(|state| state.is_active()).collect();
        condition.any_state(&active);
        let mut beat = Update::new(job::key(&job.id), "ADD #heartbeat :one", condition.text, [(":one", number(1))]);
        beat.values(condition.values);
        self.table.update(beat).await?.held()
    }
}

/// What must hold of an item, as an expression with its values.
struct Condition {
    text: String,
    values: Vec<(String, AttributeValue)>,
}

impl Condition {
    /// That the item is a job which the same attempt holds.
    fn of_attempt(job: &Job) -> Self {
        let mut condition = Self { text: String::new(), values: Vec::new() };
        condition.still(job, &["epoch", "attempt"]);
        condition
    }

    /// Adds that these fields are what they were in the job.
    fn still(&mut self, was: &Job, names: &[&str]) {
        let fields = job::fields(was);
        for (name, value) in names.iter().filter_map(|name| Some((name, fields.get(name)?.clone()))) {
            let and = if self.text.is_empty() { "" } else { " AND " };
            self.text.push_str(&format!("{and}#{name} = :was_{name}"));
            self.values.push((format!(":was_{name}"), value));
        }
    }

    /// Adds that the job is in one of these states.
    fn any_state(&mut self, states: &[JobState]) {
        let names: Vec<String> = states.iter().map(|state| format!(":{state}")).collect();
        self.text.push_str(&format!(" AND #state IN ({})", names.join(", ")));
        self.values.extend(names.into_iter().zip(states.iter().map(text)));
    }
}

/// Writes the fields that differ, where the guard still holds.
fn update(from: &Job, to: &Job, guard: Guard) -> Update {
    let mut condition = Condition::of_attempt(from);
    match guard {
        Guard::Held => condition.any_state(&states_before(from, to)),
        Guard::Silent => condition.still(from, &["heartbeat", "state"]),
        Guard::Unseen => condition.still(from, &["seen_heartbeat", "seen_at"]),
    }
    let (before, after) = (job::fields(from), job::fields(to));
    let changed: Vec<_> = after.iter().filter(|(name, value)| before.get(*name) != Some(value)).collect();
    let gone: Vec<_> = before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("#{name}")).collect();
    let set: Vec<_> = changed.iter().map(|(name, _)| format!("#{name} = :to_{name}")).collect();
    let mut expression = format!("SET {}", set.join(", "));
    if !gone.is_empty() {
        expression.push_str(&format!(" REMOVE {}", gone.join(", ")));
    }
    let mut update = Update::new(job::key(&to.id), expression, condition.text, []);
    update.values(condition.values);
    update.values(changed.into_iter().map(|(name, value)| (format!(":to_{name}"), value.clone())));
    update
}

/// Moves the watermark from where it must stand.
fn moves(job: &Job, MoveMark { mark, to, stand, reached, image_at }: &MoveMark) -> Update {
    let mut expression = format!("SET #{} = :to", mark.name());
    let mut values = vec![(":to".to_owned(), number(to))];
    if let Some(began) = image_at {
        expression.push_str(", #last_image_at = :began");
        values.push((":began".to_owned(), number(began)));
    }
    let mut conditions = Vec::new();
    let exactly = stand.iter().map(|(mark, at)| (mark, "=", at));
    let at_least = reached.iter().map(|(mark, at)| (mark, ">=", at));
    for (mark, relation, at) in exactly.chain(at_least) {
        let stands = format!("#{0} {relation} :at_{0}", mark.name());
        conditions.push(match (mark.may_be_absent(), at.0) {
            (true, 0) => format!("(attribute_not_exists(#{}) OR {stands})", mark.name()),
            _ => stands,
        });
        values.push((format!(":at_{}", mark.name()), number(at)));
    }
    let mut update = Update::new(Key::outward(&job.id.group), expression, conditions.join(" AND "), []);
    update.values(values);
    update
}
