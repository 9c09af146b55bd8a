//! What a reign does when a queue is not as it should be: foreign markers, strangers, queues that become unfit or go.

mod bridge_steps;

use bridge_steps::{Bridge, EPOCH, FLIGHTS, PLANES, deliver, marker, message, opened, until};
use foz_domain::bridge::{
    Action, ChannelNo, Content, Delivery, End, Event, InvokeOutcome, Marker, Notice, ReignSettings, Unfitness,
};
use foz_domain::{Epoch, Ordinal};

/// Markers of this channel are nobody's, or of a newer reign, until the catalog has told.
fn foreign(tag: u64) -> Delivery {
    let marker = Marker { epoch: Epoch(EPOCH.0 + 5), number: 1, seal: 0 };
    Delivery { tag, redelivered: false, content: Content::Marker(marker) }
}

#[test]
fn protocol_7_a_foreign_marker_of_a_higher_epoch_is_stepped_over_once_the_head_is_known_to_be_ours() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    let asked = bridge.tell(deliver(PLANES, 1, vec![foreign(2), message(3), foreign(4)]));
    assert_eq!(asked, [Action::ReadHead], "nothing behind it is batched, nothing acknowledged");
    assert_eq!(bridge.tell(Event::HeadRead(EPOCH)), [Action::ReadHead], "the second came while the head was read");
    let Content::Marker(marker) = foreign(2).content else { panic!() };
    let over = [
        Action::Tell(PLANES, Notice::ForeignMarker(marker)),
        Action::AckOne(PLANES, ChannelNo(1), 2),
        Action::AckOne(PLANES, ChannelNo(1), 4),
        Action::Fill(PLANES, 1),
    ];
    assert_eq!(bridge.tell(Event::HeadRead(EPOCH)), over, "said once");
    bridge.tell(deliver(PLANES, 1, vec![foreign(5)]));
    assert_eq!(bridge.tell(Event::HeadRead(EPOCH)), [Action::AckOne(PLANES, ChannelNo(1), 5)]);
}

#[test]
fn protocol_7_a_real_newer_marker_fences_one_read_later() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    assert_eq!(bridge.tell(deliver(PLANES, 1, vec![foreign(2)])), [Action::ReadHead]);
    assert_eq!(bridge.tell(Event::HeadRead(Epoch(EPOCH.0 + 5))), [Action::End(End::Fenced)]);
}

#[test]
fn protocol_7_a_marker_of_this_epoch_that_another_lake_left_does_not_count() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(deliver(FLIGHTS, 2, vec![message(2)]));
    bridge.at(20_000);
    let left = Delivery { content: Content::Marker(Marker { epoch: EPOCH, number: 1, seal: 0 }), ..foreign(2) };
    assert_eq!(bridge.tell(deliver(PLANES, 1, vec![left])), [Action::AckOne(PLANES, ChannelNo(1), 2)]);
}

#[test]
fn markers_of_reigns_that_failed_do_not_pile_up_behind_what_waits() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    let old = |tag| marker(tag, Epoch(EPOCH.0 - 1), 0);
    let acknowledged = bridge.tell(deliver(PLANES, 1, vec![message(2), old(3), message(4), old(5)]));
    let alone = |tag| Action::AckOne(PLANES, ChannelNo(1), tag);
    assert_eq!(acknowledged, [alone(3), alone(5), Action::Fill(PLANES, 2)]);
}

#[test]
fn input_5_another_consumer_in_front_is_said_within_a_minute_and_gets_few_markers() {
    let mut bridge = opened(ReignSettings::default());
    until(&mut bridge, 20_000);
    assert_eq!(bridge.reign.unheard(), None, "it may be slow");
    let done = until(&mut bridge, 24 * 3_600_000);
    assert_eq!(bridge.reign.unheard(), Some(1));
    let said: Vec<_> = done.iter().filter(|(_, action)| matches!(action, Action::Tell(..))).collect();
    let [(at, Action::Tell(PLANES, Notice::Unheard))] = said[..] else { panic!("{said:?}") };
    assert!(*at < 60_000);
    assert!(done.len() < 40, "{} in a day", done.len());
    let heard = bridge.tell(deliver(PLANES, 1, vec![message(1)]));
    assert_eq!(heard[0], Action::Tell(PLANES, Notice::Heard));
    assert_eq!(bridge.reign.unheard(), Some(0));
}

#[test]
fn input_5_a_drain_behind_another_consumer_ends_within_a_minute() {
    let mut bridge = opened(ReignSettings { drain: true, ..ReignSettings::default() });
    let (at, last) = until(&mut bridge, 24 * 3_600_000).pop().unwrap();
    assert_eq!(last, Action::End(End::Unheard(PLANES)));
    assert!(at < 60_000);
}

#[test]
fn input_5_nobody_sends_a_stranger_markers_for_references() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(Event::ChannelClosed(PLANES, ChannelNo(1)));
    bridge.at(1_000);
    bridge.tell(Event::ChannelOpened(PLANES, ChannelNo(3)));
    assert_eq!(bridge.reign.unheard(), None, "flights are served, planes may be");
    until(&mut bridge, 60_000);
    assert_eq!(bridge.reign.unheard(), Some(1));
    bridge.tell(deliver(FLIGHTS, 2, vec![message(2)]));
    let done = until(&mut bridge, 3_600_000);
    let numbered = |action: &Action| matches!(action, Action::Publish(PLANES, marker) if marker.number > 0);
    assert!(!done.iter().any(|(_, action)| numbered(action)), "{done:?}");
}

#[test]
fn a_queue_that_is_not_empty_needs_no_alignment_marker() {
    let mut bridge = opened(ReignSettings::default());
    let again = Delivery { redelivered: true, ..message(1) };
    assert_eq!(bridge.tell(deliver(PLANES, 1, vec![again])), []);
    bridge.at(50);
    assert_eq!(bridge.tell(deliver(PLANES, 1, vec![message(2)])), [Action::ReadTail(PLANES, ChannelNo(1), 1)]);
}

#[test]
fn input_11_a_stream_whose_queue_became_unfit_is_given_up_with_its_referrers_and_taken_up_again() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(deliver(PLANES, 1, vec![message(2)]));
    let given_up = bridge.tell(Event::GiveUp(PLANES, Unfitness::Wrong));
    let closing =
        |no, channel| [Action::Tell(no, Notice::GivenUp), Action::CloseChannel(no, channel), Action::Discard(no)];
    assert_eq!(given_up, [closing(PLANES, ChannelNo(1)), closing(FLIGHTS, ChannelNo(2))].concat());
    assert_eq!(bridge.reign.unheard(), Some(0), "who does not consume is behind nobody");
    bridge.tell(Event::ChannelClosed(PLANES, ChannelNo(1)));
    bridge.tell(Event::ChannelClosed(FLIGHTS, ChannelNo(2)));
    assert_eq!(until(&mut bridge, 3_600_000), [], "neither is consumed");
    let up = bridge.tell(Event::TakeUp(PLANES));
    let opening = |no, channel| Action::OpenChannel(no, ChannelNo(channel), 100);
    let told = |no| Action::Tell(no, Notice::TakenUp);
    assert_eq!(up, [told(PLANES), told(FLIGHTS), opening(PLANES, 3), opening(FLIGHTS, 4)]);
}

#[test]
fn input_11_what_refers_to_nothing_unfit_flows_on() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(Event::GiveUp(FLIGHTS, Unfitness::Wrong));
    assert_eq!(bridge.tell(deliver(PLANES, 1, vec![message(2)])), [Action::Fill(PLANES, 1)]);
}

#[test]
fn a_queue_that_is_gone_has_what_it_delivered_catalogued() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(deliver(PLANES, 1, vec![message(2), message(3)]));
    let look = Action::LookForQueue(PLANES, ChannelNo(1));
    assert_eq!(bridge.tell(Event::Cancelled(PLANES, ChannelNo(1))), [look]);
    let finished = bridge.tell(Event::QueueLooked(PLANES, ChannelNo(1), false));
    let told = Action::Tell(PLANES, Notice::Orphaned(2));
    assert_eq!(finished, [told, Action::Cut(PLANES), Action::Invoke(PLANES, Ordinal(1))]);
    let given_up = bridge.tell(Event::GiveUp(PLANES, Unfitness::Gone));
    assert_eq!(given_up[0], Action::Tell(PLANES, Notice::GivenUp));
    assert!(!given_up.contains(&Action::Discard(PLANES)), "what is on its way stays");
    let closing = bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Committed));
    assert_eq!(closing[..2], [Action::Ack(PLANES, ChannelNo(1), 3), Action::CloseChannel(PLANES, ChannelNo(1))]);
}

#[test]
fn a_cancelled_consumer_whose_queue_is_there_gives_back() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(deliver(PLANES, 1, vec![message(2)]));
    bridge.tell(Event::Cancelled(PLANES, ChannelNo(1)));
    let back = bridge.tell(Event::QueueLooked(PLANES, ChannelNo(1), true));
    assert_eq!(back, [Action::CloseChannel(PLANES, ChannelNo(1)), Action::Discard(PLANES)]);
}

#[test]
fn a_reign_that_is_told_to_stop_finishes_what_is_on_its_way_and_takes_nothing_more() {
    let mut bridge = Bridge::flowing(ReignSettings::default());
    bridge.tell(deliver(PLANES, 1, vec![message(2)]));
    bridge.at(20_000);
    bridge.tell(deliver(PLANES, 1, vec![message(3)]));
    assert_eq!(bridge.tell(Event::Stop), []);
    assert_eq!(bridge.tell(deliver(PLANES, 1, vec![message(4)])), []);
    assert_eq!(bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Unknown)), []);
    assert_eq!(bridge.at(20_100), [Action::Invoke(PLANES, Ordinal(1))], "until it is known");
    let ended = bridge.tell(Event::Invoked(PLANES, Ordinal(1), InvokeOutcome::Committed));
    assert_eq!(ended, [Action::Ack(PLANES, ChannelNo(1), 2), Action::End(End::Stopped)]);
    assert_eq!(Bridge::flowing(ReignSettings::default()).tell(Event::Stop), [Action::End(End::Stopped)]);
}
