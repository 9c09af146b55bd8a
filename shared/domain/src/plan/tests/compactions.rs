use super::*;

fn compaction(number: u64) -> Job {
    job(JobKind::Compact, number, number + 1)
}

/// A group that owes a compaction, with eight behind it, a run and a consolidation under way, and more to do.
fn indebted() -> GroupView {
    let mut view = view(5, &[1]);
    view.marks = Watermarks {
        claimed: Sequence(5),
        done: Sequence(3),
        imaging: Sequence(3),
        imaged: Sequence(2),
        compacting: Sequence(8),
        compacted: Sequence(8),
    };
    (view.run, view.consolidation) = (Some(job(JobKind::Transform, 3, 5)), Some(job(JobKind::Consolidate, 2, 3)));
    view.debt_since = Some(Timestamp(0));
    view
}

#[test]
fn a_debt_is_compacted_beside_whatever_else_the_group_does_and_once_at_a_time() {
    let view = indebted();
    let range = Range::new(Sequence(8), Sequence(9)).unwrap();
    let work = Work { kind: JobKind::Compact, range, bytes: 0, engine: JobEngine::Embedded };
    let claim = Step::claim(Job::claimed(&"a".parse().unwrap(), work, &start(0)));
    assert_eq!(decide(&view, &policy(EngineChoice::Auto), &[], 0).steps, std::slice::from_ref(&claim));
    let idle = GroupView { debt_since: Some(Timestamp(0)), ..super::view(5, &[]) };
    assert_eq!(decide(&idle, &policy(EngineChoice::Emr), &[], 0).steps.len(), 1, "whichever engine runs use");
    let mut busy = view.clone();
    busy.marks.compacting = Sequence(9);
    busy.compaction = Some(claim.to);
    assert_eq!(decide(&busy, &policy(EngineChoice::Auto), &[], 0).steps, []);
    assert_eq!(decide(&GroupView { debt_since: None, ..view }, &policy(EngineChoice::Auto), &[], 0).steps, []);
}

#[test]
fn a_compaction_that_failed_stops_nothing_else_and_waits_for_a_person_or_another_definition() {
    let mut view = indebted();
    (view.run, view.consolidation) = (None, None);
    view.marks =
        Watermarks { claimed: Sequence(5), done: Sequence(5), imaging: Sequence(2), imaged: Sequence(2), ..view.marks };
    view.marks.compacting = Sequence(9);
    let failed = compaction(8).failed("why", Timestamp(0));
    view.compaction = Some(failed.clone());
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.steps.iter().map(|step| step.to.title()).collect::<Vec<_>>(), ["run 5-6", "consolidation 2-5"]);
    let [halt] = &decision.halts[..] else { panic!("{decision:?}") };
    assert_eq!(halt.to_string(), "compaction 8 failed and waits for a person: why");
    assert!(!halt.stands_still());
    view.compaction = Some(Job { definition: "config/0.yaml".parse().unwrap(), ..failed.clone() });
    let resumed = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!((resumed.steps.len(), resumed.halts.len()), (3, 0));
    assert_eq!(resumed.steps[2].to.state, JobState::Claimed);
}

#[test]
fn a_compaction_that_keeps_failing_is_tried_thrice_and_says_what_to_do() {
    let failing = |crashes| Job { crashes, epoch: Epoch(9), heartbeat: 3, ..compaction(8) };
    let after = |crashes| after_the_end(&failing(crashes), DeathCause::Fault).unwrap().to;
    assert_eq!((after(0).state, after(0).crashes), (JobState::Claimed, 1));
    assert_eq!((after(2).state, after(2).crashes), (JobState::Failed, 2));
    let reason = after(2).error.unwrap();
    assert!(reason.starts_with("3 attempts at compaction 8 failed, the last one: tables: no room; "), "{reason}");
    assert!(reason.contains("the function's log, give") && reason.ends_with("`foz runs GROUP --resume`"), "{reason}");
    assert_eq!(after_the_end(&failing(2), DeathCause::Outage).unwrap().to.crashes, 2, "an outage is nobody's fault");
    let silent = Job { seen_heartbeat: 3, ..failing(0) };
    assert_eq!(look(&silent, &[], 60_000).unwrap().to.epoch, Epoch(10));
}
