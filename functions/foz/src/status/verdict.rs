//! What a group's facts amount to: up to date, or what waits and what to do about it.

#[cfg(test)]
mod tests;

use foz_rabbit::queue::StreamQueue;

use super::facts::{Carrier, GroupFacts, JobFacts, QueueSight, StreamFacts};
use crate::units;

/// Something that keeps a group from being up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The same in a word or two, for a table.
    pub brief: String,
    /// What was found.
    pub text: String,
    /// What a person does about it.
    pub next: String,
    /// Whether waiting is not likely to end it.
    pub loud: bool,
}

/// What a group's facts amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was found, the worst first; nothing if all that was ever published is in the tables.
    pub findings: Vec<Finding>,
    /// What keeps no message from the tables, and still wants a person.
    pub aside: Vec<Finding>,
    /// Whether the catalog's work stands still until somebody acts.
    pub halted: bool,
}

impl Verdict {
    /// Whether nothing waits anywhere.
    pub fn up_to_date(&self) -> bool {
        self.findings.is_empty()
    }

    /// Everything that was found, the worst first.
    pub fn all(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().chain(&self.aside)
    }

    /// The state in words.
    pub fn state(&self) -> String {
        let up_to_date = self.up_to_date().then_some("up to date");
        let found = self.all().map(|finding| finding.text.as_str());
        up_to_date.into_iter().chain(found).collect::<Vec<_>>().join("; ")
    }

    /// The state in a word or two.
    pub fn brief(&self) -> &str {
        self.all().next().map_or("up to date", |finding| &finding.brief)
    }

    /// The next step, or `None` if there is nothing to do.
    pub fn next(&self) -> Option<&str> {
        self.all().next().map(|finding| finding.next.as_str())
    }

    /// Whether waiting is not likely to end the worst of it.
    pub fn loud(&self) -> bool {
        self.all().next().is_some_and(|finding| finding.loud)
    }
}

/// Judges a group.
pub fn verdict(facts: &GroupFacts) -> Verdict {
    let mut findings = Vec::new();
    if !facts.halts.is_empty() {
        let next = format!("mend what it says, then `foz runs {} --resume` (runbook: halts)", facts.name);
        findings.push(loud("stands still", facts.halts.join("; "), next));
    }
    findings.extend(facts.streams.iter().filter_map(wrong_queue));
    findings.extend(facts.streams.iter().filter_map(|stream| not_carried(facts, stream)));
    findings.extend(facts.streams.iter().filter_map(dead_letters));
    // Of a halted group the rest is said already.
    if facts.halts.is_empty() {
        findings.extend(facts.jobs.iter().filter_map(|job| repeated(facts, job)));
    }
    findings.extend(not_seen(facts));
    findings.extend(late(facts));
    findings.extend(facts.streams.iter().filter_map(on_its_way));
    if facts.halts.is_empty() {
        findings.extend(at_work(facts));
    }
    if !facts.begun && matches!(facts.carrier, Carrier::NoBridge | Carrier::Unknown) {
        let next = "start the bridge; if it runs, its log says what it waits for".to_owned();
        findings.push(calm("not begun", "no bridge has begun yet".to_owned(), next));
    }
    Verdict { findings, aside: uncompacted(facts).into_iter().collect(), halted: !facts.halts.is_empty() }
}

/// A compaction that failed: what is published gets into the tables all the same.
fn uncompacted(facts: &GroupFacts) -> Option<Finding> {
    let next = format!("mend what it says, then `foz runs {} --resume` (runbook: debt)", facts.name);
    Some(loud("not compacted", facts.uncompacted.clone()?, next))
}

fn loud(brief: &str, text: String, next: String) -> Finding {
    Finding { brief: brief.to_owned(), text, next, loud: true }
}

fn calm(brief: &str, text: String, next: String) -> Finding {
    Finding { brief: brief.to_owned(), text, next, loud: false }
}

fn wrong_queue(stream: &StreamFacts) -> Option<Finding> {
    match &stream.sight {
        QueueSight::Absent => {
            let text = format!("queue {} does not exist", stream.queue);
            Some(loud("no queue", text, "`foz queues --apply` declares it; ask who deleted it".to_owned()))
        }
        QueueSight::Seen { unfit: Some(unfit), .. } => {
            let next =
                "correct the queue or its policy; the bridge does not consume it until then (runbook: queue-unfit)";
            Some(loud("unfit queue", unfit.clone(), next.to_owned()))
        }
        _ => None,
    }
}

/// Messages wait and nobody, or somebody else, fetches them.
fn not_carried(facts: &GroupFacts, stream: &StreamFacts) -> Option<Finding> {
    let QueueSight::Seen { ready, consumers, .. } = &stream.sight else { return None };
    let waits = format!("{} wait in {}", messages((*ready).into()), stream.queue);
    let since = since(stream);
    match (facts.carrier, *consumers) {
        (Carrier::Bridge, 2..) | (Carrier::NoBridge, 1..) => {
            let others = if facts.carrier == Carrier::Bridge {
                "somebody beside the bridge"
            } else {
                "somebody who is no bridge"
            };
            let text = format!("{others} consumes {}, and what it acknowledges is in no table", stream.queue);
            let next = format!(
                "stop the other consumer of {} (`rabbitmqctl list_consumers`; runbook: stranger)",
                stream.queue
            );
            Some(loud("other consumer", text, next))
        }
        (Carrier::NoBridge, 0) if *ready > 0 => {
            let text = format!("{waits} and no bridge holds the group{since}");
            let next = "start the bridge; if it runs, its log says why it cannot hold the group (runbook: unheld)";
            Some(loud("no bridge", text, next.to_owned()))
        }
        (Carrier::Bridge, 0) if *ready > 0 => {
            let text = format!("{waits} and the bridge does not consume it{since}");
            let next = "`bridge --check` says what is wrong with the queue, the bridge's log why it stopped (runbook: queue-unfit)";
            Some(loud("not consumed", text, next.to_owned()))
        }
        (Carrier::Unknown, 0) if *ready > 0 => {
            let text = format!("{waits} and nobody consumes it{since}");
            let next = "start the bridge; if it runs, its log says what it waits for (runbook: unheld)";
            Some(loud("not consumed", text, next.to_owned()))
        }
        (Carrier::Mapping, 0) if *ready > 0 => {
            let text = format!("{waits} and Lambda does not consume it{since}");
            let next =
                "look at the event source mapping: is it enabled, and what does it say (runbook: mapping-silent)";
            Some(loud("not consumed", text, next.to_owned()))
        }
        _ => None,
    }
}

fn dead_letters(stream: &StreamFacts) -> Option<Finding> {
    let QueueSight::Seen { dead_letters: Some(dead @ 1..), .. } = &stream.sight else { return None };
    let text = format!("{} of {} are dead letters, in no table", messages((*dead).into()), stream.queue);
    let next = format!(
        "look why in {} (header x-death), then move them back or purge them (runbook: dead-letters)",
        StreamQueue::new(&stream.queue).dead_letters
    );
    Some(loud("dead letters", text, next))
}

/// A job that was begun again and again. That alone needs nobody: an outage ends, a consolidation that goes on in pieces
/// begins anew for each, and what fails for good halts the group.
fn repeated(facts: &GroupFacts, job: &JobFacts) -> Option<Finding> {
    let JobFacts { text, attempts, error } = job;
    let why = error.as_ref().map(|error| format!(", the last ended by: {error}")).unwrap_or_default();
    (*attempts > 1).then(|| {
        let next = format!("`foz runs {}` shows its attempts (runbook: takeovers)", facts.name);
        calm("tried again", format!("{text}, attempt {attempts}{why}"), next)
    })
}

/// What is not known is not up to date.
fn not_seen(facts: &GroupFacts) -> Option<Finding> {
    if let Some(text) = silent(facts) {
        let next = "mend what it says, or look from where the broker is reached".to_owned();
        return Some(loud("broker silent", text, next));
    }
    if facts.streams.iter().any(|stream| stream.sight == QueueSight::NotNamed) {
        let text = "the queues were not looked at, since no broker is named".to_owned();
        return Some(calm("queues not seen", text, "set FOZ_AMQP_URL or give --amqp-url, to look".to_owned()));
    }
    let blind = |stream: &StreamFacts| matches!(stream.sight, QueueSight::Seen { unacknowledged: None, .. });
    if facts.streams.iter().any(blind) {
        let unseen = "what is delivered and not acknowledged, and policies, were not looked at";
        let empty = !facts.streams.iter().any(waits);
        let text = if empty { format!("nothing waits in the queues, but {unseen}") } else { unseen.to_owned() };
        let next = "set FOZ_MANAGEMENT_URL or give --management-url, to look".to_owned();
        return Some(calm("in part unseen", text, next));
    }
    let seen = |stream: &StreamFacts| matches!(stream.sight, QueueSight::Seen { .. });
    (facts.carrier == Carrier::Unknown && facts.streams.iter().any(seen)).then(|| {
        let text = "whether a bridge holds the group could not be found out".to_owned();
        calm("in part unseen", text, "look again; if it stays so, look at the broker's log".to_owned())
    })
}

/// Which queues could not be looked at, and why the first of them; `None` if there is none.
fn silent(facts: &GroupFacts) -> Option<String> {
    let silent = facts.streams.iter().filter_map(|stream| match &stream.sight {
        QueueSight::Silent(why) => Some((stream.queue.as_str(), why)),
        _ => None,
    });
    let (queues, whys): (Vec<_>, Vec<_>) = silent.unzip();
    let why = whys.first()?;
    Some(match queues.as_slice() {
        all if all.len() == facts.streams.len() => format!("the queues were not looked at: {why}"),
        [queue] => format!("queue {queue} was not looked at: {why}"),
        several => format!("queues {} were not looked at: {why}", several.join(", ")),
    })
}

fn waits(stream: &StreamFacts) -> bool {
    matches!(stream.sight, QueueSight::Seen { ready: 1.., .. })
}

fn late(facts: &GroupFacts) -> Option<Finding> {
    let (oldest, promised) = facts.oldest.zip(facts.promised).filter(|(oldest, promised)| oldest > promised)?;
    let (age, promised) = (units::duration(oldest), units::duration(promised));
    let text = format!("the oldest batch that no table shows is {age} old, promised are {promised}");
    Some(calm("late", text, format!("`foz runs {}` shows what takes so long (runbook: oldest)", facts.name)))
}

/// Messages that somebody fetches, or has fetched.
fn on_its_way(stream: &StreamFacts) -> Option<Finding> {
    let QueueSight::Seen { ready, consumers, unacknowledged, .. } = stream.sight else { return None };
    let (fetched, since) = (unacknowledged.unwrap_or(0), since(stream));
    // What nobody comes for is not on its way, and told already; what was fetched is held by somebody nevertheless.
    if fetched == 0 && (ready == 0 || consumers == 0) {
        return None;
    }
    if consumers == 0 {
        let text =
            format!("{} of {} are fetched, by nobody who consumes it now{since}", messages(fetched), stream.queue);
        let next = "wait; if it stays so, see which channel holds them (`rabbitmqctl list_channels name messages_unacknowledged`)";
        return Some(calm("fetched", text, next.to_owned()));
    }
    let all = messages(u64::from(ready) + fetched);
    let text = format!("{all} of {} are on their way, {fetched} of them with the consumer{since}", stream.queue);
    let next = "wait; if it stays so, the bridge's log says why (runbook: unacknowledged)".to_owned();
    Some(calm("on its way", text, next))
}

fn at_work(facts: &GroupFacts) -> Option<Finding> {
    let first = facts.jobs.iter().find(|job| job.attempts <= 1);
    let text = match first {
        Some(job) => job.text.clone(),
        None if !facts.jobs.is_empty() => return None,
        None if facts.pending > 0 => "waits for a run".to_owned(),
        None if facts.unimaged > 0 => "waits for an image".to_owned(),
        None => return None,
    };
    Some(calm(&text, text.clone(), "wait; if it stays so, dispatch's log says why (runbook: oldest)".to_owned()))
}

fn since(stream: &StreamFacts) -> String {
    match stream.last_batch {
        Some(age) => format!(" (its last batch came {} ago)", units::duration(age)),
        None => " (none of it ever came)".to_owned(),
    }
}

fn messages(n: u64) -> String {
    match n {
        1 => "1 message".to_owned(),
        n => format!("{} messages", units::count(n)),
    }
}
