use super::*;

const CALM: QueueSight =
    QueueSight::Seen { ready: 0, consumers: 1, dead_letters: Some(0), unacknowledged: Some(0), unfit: None };

fn facts(sight: QueueSight, change: impl FnOnce(&mut GroupFacts)) -> GroupFacts {
    let name = "boxes".parse().unwrap();
    let stream = StreamFacts {
        name: "boxes".parse().unwrap(),
        queue: "boxes.state".to_owned(),
        sight,
        last_batch: Some(600_000),
    };
    let mut facts = GroupFacts {
        name,
        begun: true,
        halts: Vec::new(),
        jobs: Vec::new(),
        uncompacted: None,
        pending: 0,
        unimaged: 0,
        oldest: None,
        promised: Some(60_000),
        carrier: Carrier::Bridge,
        streams: vec![stream],
    };
    change(&mut facts);
    facts
}

fn check(facts: &GroupFacts, brief: &str, state: &str) {
    let verdict = verdict(facts);
    assert_eq!(verdict.brief(), brief, "{verdict:?}");
    assert!(verdict.state().contains(state), "{}", verdict.state());
    assert_eq!(verdict.next().is_none(), brief == "up to date");
    assert!(verdict.findings.iter().all(|finding| !finding.next.is_empty()));
}

fn seen(ready: u32, consumers: u32) -> QueueSight {
    QueueSight::Seen { ready, consumers, dead_letters: Some(0), unacknowledged: Some(0), unfit: None }
}

#[test]
fn up_to_date_is_said_only_if_nothing_waits_anywhere() {
    check(&facts(CALM, |_| {}), "up to date", "up to date");
    check(&facts(CALM, |facts| facts.carrier = Carrier::Mapping), "up to date", "up to date");
    check(&facts(seen(0, 0), |facts| facts.carrier = Carrier::NoBridge), "up to date", "up to date");
    check(&facts(seen(7, 1), |_| {}), "on its way", "7 messages of boxes.state are on their way");
    check(&facts(CALM, |facts| facts.pending = 1), "waits for a run", "waits for a run");
    check(&facts(CALM, |facts| facts.unimaged = 1), "waits for an image", "waits for an image");
}

#[test]
fn input_1_4_messages_that_nobody_fetches_are_told_with_since_when() {
    let waiting = facts(seen(10, 0), |facts| facts.carrier = Carrier::NoBridge);
    let never = facts(seen(10, 0), |facts| facts.streams[0].last_batch = None);
    check(&never, "not consumed", "does not consume it (none of it ever came)");
    check(
        &waiting,
        "no bridge",
        "10 messages wait in boxes.state and no bridge holds the group (its last batch came 10 min ago)",
    );
    check(
        &facts(seen(10, 0), |_| {}),
        "not consumed",
        "10 messages wait in boxes.state and the bridge does not consume it",
    );
    let mapped = facts(seen(10, 0), |facts| facts.carrier = Carrier::Mapping);
    check(&mapped, "not consumed", "Lambda does not consume it");
}

#[test]
fn input_5_another_consumer_is_told() {
    check(&facts(seen(0, 2), |_| {}), "other consumer", "somebody beside the bridge consumes boxes.state");
    let alone = facts(seen(0, 1), |facts| facts.carrier = Carrier::NoBridge);
    check(&alone, "other consumer", "somebody who is no bridge consumes boxes.state");
}

#[test]
fn input_6_what_is_delivered_and_not_acknowledged_waits_too() {
    let sight = QueueSight::Seen { ready: 0, consumers: 1, dead_letters: None, unacknowledged: Some(20), unfit: None };
    check(&facts(sight, |_| {}), "on its way", "20 of them with the consumer");
    // A consumer that was cancelled, and whose channel still holds what it fetched.
    let left = |ready, unacknowledged| QueueSight::Seen {
        ready,
        consumers: 0,
        dead_letters: None,
        unacknowledged: Some(unacknowledged),
        unfit: None,
    };
    let fetched = "20 messages of boxes.state are fetched, by nobody who consumes it now";
    for carrier in [Carrier::Bridge, Carrier::NoBridge, Carrier::Mapping] {
        check(&facts(left(0, 20), |facts| facts.carrier = carrier), "fetched", fetched);
    }
    // What waits beside that is told once, by whoever should come for it.
    let both = verdict(&facts(left(7, 20), |_| {}));
    assert_eq!(both.findings.len(), 2, "{both:?}");
    assert!(both.state().contains("7 messages wait in boxes.state") && both.state().contains(fetched), "{both:?}");
}

#[test]
fn input_9_dead_letters_are_told() {
    let sight =
        QueueSight::Seen { ready: 0, consumers: 1, dead_letters: Some(10), unacknowledged: Some(0), unfit: None };
    check(&facts(sight, |_| {}), "dead letters", "10 messages of boxes.state are dead letters, in no table");
}

#[test]
fn input_11_a_queue_that_is_gone_or_unfit_is_told() {
    check(&facts(QueueSight::Absent, |_| {}), "no queue", "queue boxes.state does not exist");
    let unfit = Some("queue boxes.state is not fit: x-queue-type is missing".to_owned());
    let sight = QueueSight::Seen { ready: 3, consumers: 1, dead_letters: None, unacknowledged: Some(0), unfit };
    check(&facts(sight, |_| {}), "unfit queue", "x-queue-type");
}

#[test]
fn attempts_that_repeat_are_told_with_the_last_error() {
    let job =
        |attempts| JobFacts { text: "run 3-5 (claimed)".to_owned(), attempts, error: Some("no struct".to_owned()) };
    let twice = facts(CALM, |facts| facts.jobs.push(job(9)));
    check(&twice, "tried again", "run 3-5 (claimed), attempt 9, the last ended by: no struct");
    assert!(!verdict(&twice).loud(), "an outage ends, and so does a consolidation in pieces");
    let once = facts(CALM, |facts| facts.jobs.push(JobFacts { error: None, ..job(1) }));
    check(&once, "run 3-5 (claimed)", "run 3-5 (claimed)");
}

#[test]
fn the_promise_is_compared_with_what_is() {
    let late = facts(CALM, |facts| {
        facts.pending = 1;
        facts.oldest = Some(300_000);
    });
    check(&late, "late", "is 5 min old, promised are 60 s");
    assert!(verdict(&late).state().contains("waits for a run"));
    let unpromised = facts(CALM, |facts| {
        facts.pending = 1;
        (facts.oldest, facts.promised) = (Some(u64::MAX), None);
    });
    check(&unpromised, "waits for a run", "waits for a run");
}

#[test]
fn what_was_not_looked_at_is_never_up_to_date() {
    check(
        &facts(QueueSight::NotNamed, |facts| facts.carrier = Carrier::Unknown),
        "queues not seen",
        "no broker is named",
    );
    check(&facts(QueueSight::Silent("refused".to_owned()), |_| {}), "broker silent", "not looked at: refused");
    let blind = QueueSight::Seen { ready: 0, consumers: 1, dead_letters: Some(0), unacknowledged: None, unfit: None };
    check(&facts(blind.clone(), |_| {}), "in part unseen", "not acknowledged");
    let half = QueueSight::Seen { ready: 3, consumers: 1, dead_letters: None, unacknowledged: None, unfit: None };
    check(&facts(half, |_| {}), "in part unseen", "what is delivered and not acknowledged, and policies");
    let empty = verdict(&facts(blind.clone(), |_| {})).state();
    assert!(empty.starts_with("nothing waits in the queues, but what is delivered"), "{empty}");
    check(&facts(CALM, |facts| facts.carrier = Carrier::Unknown), "in part unseen", "whether a bridge holds the group");
    let nobody = facts(seen(10, 0), |facts| facts.carrier = Carrier::Unknown);
    check(&nobody, "not consumed", "10 messages wait in boxes.state and nobody consumes it");
}

#[test]
fn one_queue_that_cannot_be_looked_at_hides_nothing_else() {
    let facts = facts(QueueSight::Silent("locked".to_owned()), |facts| {
        let other = StreamFacts { queue: "lids.state".to_owned(), sight: seen(10, 0), ..facts.streams[0].clone() };
        facts.streams.push(other);
        facts.halts.push("run 3-5 failed".to_owned());
    });
    let state = verdict(&facts).state();
    for told in ["run 3-5 failed", "10 messages wait in lids.state", "queue boxes.state was not looked at: locked"] {
        assert!(state.contains(told), "{state}");
    }
}

#[test]
fn a_halt_comes_first_and_says_how_to_go_on() {
    let halted = facts(seen(10, 0), |facts| facts.halts.push("run 3-5 failed".to_owned()));
    check(&halted, "stands still", "run 3-5 failed; 10 messages wait");
    assert!(verdict(&halted).halted && verdict(&halted).next().unwrap().contains("foz runs boxes --resume"));
}

#[test]
fn a_compaction_that_failed_is_told_and_keeps_nothing_from_being_up_to_date() {
    let text = "compaction 7 failed and waits for a person: no room";
    let alone = facts(CALM, |facts| facts.uncompacted = Some(text.to_owned()));
    check(&alone, "not compacted", &format!("up to date; {text}"));
    let alone = verdict(&alone);
    assert!(alone.up_to_date() && !alone.halted && alone.loud());
    assert!(alone.next().unwrap().contains("foz runs boxes --resume"));
    let waiting = facts(CALM, |facts| (facts.uncompacted, facts.pending) = (Some(text.to_owned()), 1));
    check(&waiting, "waits for a run", &format!("waits for a run; {text}"));
}
