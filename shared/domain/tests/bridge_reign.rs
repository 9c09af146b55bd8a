//! What a reign does, step by step, in the cases that the simulation does not single out.

mod bridge_steps;

use bridge_steps::{Bridge, EPOCH, FLIGHTS, PLANES, SEAL, deliver, marker, message};
use foz_domain::bridge::{
    Action, ChannelNo, Content, Delivery, End, Event, InvokeOutcome, LaneSpec, Marker, Reign, ReignSettings,
};
#[cfg(debug_assertions)]
use foz_domain::bridge::{Rule, Rules};
use foz_domain::{Digest, Epoch, Ordinal};

#[test]
fn a_batch_waits_for_its_age_then_goes_and_is_acknowledged() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    assert_eq!(bridge.tell(deliver(PLANES, 1, vec![message(2), message(3)])), [Action::Fill(PLANES, 2)]);
    assert_eq!(bridge.reign.deadline(), Some(20_000));
    assert_eq!(bridge.at(19_999), []);
    assert_eq!(bridge.at(20_000), [Action::Cut(PLANES), Action::Invoke(PLANES, Ordinal(1))]);
    assert_eq!(bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Unknown)), []);
    assert_eq!(bridge.at(20_100), [Action::Invoke(PLANES, Ordinal(1))], "the same batch again");
    let acknowledged = bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Committed));
    assert_eq!(acknowledged, [Action::Ack(PLANES, ChannelNo(1), 3)]);
}

#[test]
fn a_referring_batch_waits_for_its_marker_which_cuts_what_it_arrives_behind() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(deliver(FLIGHTS, 2, vec![message(2)]));
    bridge.tell(deliver(PLANES, 1, vec![message(2)]));
    bridge.now = 20_000;
    let first = Marker { epoch: EPOCH, number: 1, seal: SEAL };
    let due =
        [Action::Cut(PLANES), Action::Invoke(PLANES, Ordinal(1)), Action::Cut(FLIGHTS), Action::Publish(PLANES, first)];
    assert_eq!(bridge.tell(Event::Tick), due);
    let behind = bridge.tell(deliver(PLANES, 1, vec![message(3), marker(4, EPOCH, 1)]));
    assert_eq!(behind, [Action::Fill(PLANES, 1), Action::Cut(PLANES)], "one batch in flight");
    let next = bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Committed));
    assert_eq!(next, [Action::Ack(PLANES, ChannelNo(1), 2), Action::Invoke(PLANES, Ordinal(2))]);
    let released = bridge.tell(Event::Invoked(PLANES, Ordinal(2), InvokeOutcome::Committed));
    assert_eq!(released, [Action::Ack(PLANES, ChannelNo(1), 4), Action::Invoke(FLIGHTS, Ordinal(1))]);
}

#[test]
fn the_next_marker_travels_while_a_batch_commits() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(deliver(FLIGHTS, 2, vec![message(2)]));
    bridge.at(20_000);
    let sent = bridge.tell(deliver(PLANES, 1, vec![marker(2, EPOCH, 1)]));
    assert_eq!(sent, [Action::Ack(PLANES, ChannelNo(1), 2), Action::Invoke(FLIGHTS, Ordinal(1))]);
    bridge.tell(deliver(FLIGHTS, 2, vec![message(3)]));
    let asked = bridge.at(40_000);
    assert_eq!(asked, [Action::Cut(FLIGHTS), Action::Publish(PLANES, Marker { epoch: EPOCH, number: 2, seal: SEAL })]);
    bridge.tell(deliver(PLANES, 1, vec![marker(3, EPOCH, 2)]));
    let sent = bridge.tell(Event::Invoked(FLIGHTS, Ordinal(1), InvokeOutcome::Committed));
    assert_eq!(sent, [Action::Ack(FLIGHTS, ChannelNo(2), 2), Action::Invoke(FLIGHTS, Ordinal(2))]);
}

#[test]
fn a_window_that_fills_is_sent_and_widened_after_the_catalog_knows() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    let full = bridge.tell(deliver(PLANES, 1, (2..102).map(message).collect()));
    let wider = Action::RecordPrefetch(PLANES, 400);
    assert_eq!(full, [Action::Fill(PLANES, 100), Action::Cut(PLANES), Action::Invoke(PLANES, Ordinal(1)), wider]);
    assert_eq!(bridge.tell(Event::PrefetchRecorded(PLANES, 400)), [], "not while a batch is in flight");
    let closing = bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Committed));
    let close = Action::CloseChannel(PLANES, ChannelNo(1));
    assert_eq!(closing, [Action::Ack(PLANES, ChannelNo(1), 101), close, Action::Discard(PLANES)]);
    let opening = bridge.tell(Event::ChannelClosed(PLANES, ChannelNo(1)));
    assert_eq!(opening, [Action::OpenChannel(PLANES, ChannelNo(3), 400)]);
}

#[test]
fn a_queue_that_nobody_has_seen_is_asked_for_no_more_than_the_budget_holds() {
    let plan = LaneSpec { references: vec![], max_latency: 20_000 };
    let settings = ReignSettings { byte_budget: 8 << 20, ..ReignSettings::default() };
    let mut bridge = Bridge { reign: Reign::new(vec![plan], settings, SEAL), now: 0 };
    bridge.tell(Event::Start);
    assert_eq!(bridge.tell(Event::EpochRaised(Some(EPOCH))), [Action::RecordPrefetch(PLANES, 8)]);
    // What was recorded before was affordable then, and must not be undercut.
    let opening = bridge.tell(Event::PrefetchRecorded(PLANES, 400));
    assert_eq!(opening, [Action::OpenChannel(PLANES, ChannelNo(1), 400)]);
}

#[test]
fn large_messages_keep_the_window_small() {
    let mut bridge = Bridge::flowing(ReignSettings { byte_budget: 150_000, ..ReignSettings::default() });
    let full = bridge.tell(deliver(PLANES, 1, (2..102).map(message).collect()));
    assert!(!full.iter().any(|action| matches!(action, Action::RecordPrefetch(..))), "{full:?}");
}

#[test]
fn what_waits_too_long_is_given_back_but_the_invocation_is_resolved_first() {
    let mut bridge = Bridge::flowing(ReignSettings { consumer_timeout: 100_000, ..ReignSettings::default() });
    bridge.tell(deliver(PLANES, 1, vec![message(2)]));
    bridge.at(20_000);
    bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Unknown));
    let given_back = bridge.at(25_000);
    let close = [Action::CloseChannel(PLANES, ChannelNo(1)), Action::Discard(PLANES)];
    assert_eq!(given_back[given_back.len() - 2..], close);
    assert_eq!(bridge.tell(Event::ChannelClosed(PLANES, ChannelNo(1))), [], "the invocation is not resolved");
    let opening = bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Committed));
    assert_eq!(opening, [Action::OpenChannel(PLANES, ChannelNo(3), 100)], "and nothing is acknowledged");
    bridge.tell(Event::ChannelOpened(PLANES, ChannelNo(3)));
    let again = Delivery { redelivered: true, ..message(1) };
    let content = Content::Message { digest: Digest([2; 32]), size: 1_000 };
    bridge.tell(deliver(PLANES, 3, vec![Delivery { content, ..again }, marker(2, EPOCH, 0)]));
    let dropped = bridge.tell(Event::TailRead(PLANES, ChannelNo(3), EPOCH, vec![Digest([2; 32])]));
    assert_eq!(dropped, [Action::Drop(PLANES, 1), Action::Ack(PLANES, ChannelNo(3), 2)]);
}

#[cfg(debug_assertions)]
#[test]
fn without_giving_back_a_delivery_reaches_the_consumer_timeout() {
    let rules = Rules::without(&[Rule::GiveBack]);
    let settings = ReignSettings { consumer_timeout: 100_000, rules, ..ReignSettings::default() };
    let mut bridge = Bridge::flowing(settings);
    bridge.tell(deliver(PLANES, 1, vec![message(2)]));
    bridge.at(20_000);
    bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Unknown));
    assert_eq!(bridge.at(100_000), [Action::Invoke(PLANES, Ordinal(1))]);
}

#[test]
fn whoever_is_fenced_ends_without_acknowledging() {
    for news in [Event::HeadRead(Epoch(8)), Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Fenced)] {
        let mut bridge = Bridge::flowing(ReignSettings::default());
        bridge.tell(deliver(PLANES, 1, vec![message(2)]));
        bridge.at(20_000);
        assert_eq!(bridge.tell(news), [Action::End(End::Fenced)]);
        assert_eq!(bridge.at(90_000), [], "and does nothing any more");
        assert_eq!(bridge.reign.deadline(), None);
    }
}

#[test]
fn draining_ends_when_what_was_there_is_committed() {
    let settings = ReignSettings { drain: true, ..ReignSettings::default() };
    let plan = LaneSpec { references: vec![], max_latency: 20_000 };
    let mut bridge = Bridge { reign: Reign::new(vec![plan], settings, SEAL), now: 0 };
    bridge.tell(Event::Start);
    bridge.tell(Event::EpochRaised(Some(EPOCH)));
    bridge.tell(Event::PrefetchRecorded(PLANES, 100));
    bridge.tell(Event::ChannelOpened(PLANES, ChannelNo(1)));
    bridge.tell(deliver(PLANES, 1, vec![message(1), marker(2, EPOCH, 0), message(3)]));
    let sent = bridge.tell(Event::TailRead(PLANES, ChannelNo(1), EPOCH, vec![]));
    let fill = Action::Fill(PLANES, 1);
    assert_eq!(sent, [fill.clone(), Action::Cut(PLANES), fill, Action::Invoke(PLANES, Ordinal(1))]);
    let ended = bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Committed));
    assert_eq!(ended, [Action::Ack(PLANES, ChannelNo(1), 2), Action::End(End::Drained)]);
}
