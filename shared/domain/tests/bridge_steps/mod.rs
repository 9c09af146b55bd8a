//! A reign that is told one thing after the other. Each test uses what it needs of it.
#![allow(dead_code, reason = "two programs of tests share it")]

use foz_domain::bridge::{
    Action, ChannelNo, Content, Delivery, Event, LaneSpec, Marker, Reign, ReignSettings, StreamNo,
};
use foz_domain::{Digest, Epoch};

pub const EPOCH: Epoch = Epoch(7);
/// The reign's seal.
pub const SEAL: u64 = 99;
pub const PLANES: StreamNo = StreamNo(0);
pub const FLIGHTS: StreamNo = StreamNo(1);

pub struct Bridge {
    pub reign: Reign,
    pub now: u64,
}

impl Bridge {
    /// A reign over planes and flights, which refer to planes; both channels are open and aligned.
    pub fn flowing(settings: ReignSettings) -> Self {
        let plan = |references| LaneSpec { references, max_latency: 20_000 };
        let mut bridge = Self { reign: Reign::new(vec![plan(vec![]), plan(vec![PLANES])], settings, SEAL), now: 0 };
        bridge.tell(Event::Start);
        bridge.tell(Event::EpochRaised(Some(EPOCH)));
        for (stream, channel) in [(PLANES, ChannelNo(1)), (FLIGHTS, ChannelNo(2))] {
            let opening = bridge.tell(Event::PrefetchRecorded(stream, 100));
            assert_eq!(opening, [Action::OpenChannel(stream, channel, 100)]);
            bridge.tell(Event::ChannelOpened(stream, channel));
            bridge.tell(Event::Delivered(stream, channel, vec![marker(1, EPOCH, 0)]));
            bridge.tell(Event::TailRead(stream, channel, EPOCH, vec![]));
        }
        bridge
    }

    /// Tells the reign; everything that it wants to batch fits.
    pub fn tell(&mut self, event: Event) -> Vec<Action> {
        let (mut events, mut all) = (vec![event], vec![]);
        while let Some(event) = events.pop() {
            let mut actions = vec![];
            self.reign.handle(self.now, event, &mut actions);
            for action in actions {
                if let Action::Fill(stream, count) = action {
                    events.push(Event::Filled(stream, count, false));
                }
                all.push(action);
            }
        }
        all
    }

    pub fn at(&mut self, now: u64) -> Vec<Action> {
        self.now = now;
        self.tell(Event::Tick)
    }
}

pub fn message(tag: u64) -> Delivery {
    Delivery { tag, redelivered: false, content: Content::Message { digest: Digest([tag as u8; 32]), size: 1_000 } }
}

pub fn marker(tag: u64, epoch: Epoch, number: u64) -> Delivery {
    Delivery { tag, redelivered: false, content: Content::Marker(Marker { epoch, number, seal: SEAL }) }
}

pub fn deliver(stream: StreamNo, channel: u64, deliveries: Vec<Delivery>) -> Event {
    Event::Delivered(stream, ChannelNo(channel), deliveries)
}

/// A reign over one stream whose channel was just opened.
pub fn opened(settings: ReignSettings) -> Bridge {
    let plan = LaneSpec { references: vec![], max_latency: 20_000 };
    let mut bridge = Bridge { reign: Reign::new(vec![plan], settings, SEAL), now: 0 };
    bridge.tell(Event::Start);
    bridge.tell(Event::EpochRaised(Some(EPOCH)));
    bridge.tell(Event::PrefetchRecorded(PLANES, 100));
    bridge.tell(Event::ChannelOpened(PLANES, ChannelNo(1)));
    bridge
}

/// Ticks whenever something is due, and answers that the head is ours. Returns what was done until then, with its time.
pub fn until(bridge: &mut Bridge, end: u64) -> Vec<(u64, Action)> {
    let mut done = vec![];
    while let Some(at) = bridge.reign.deadline().filter(|at| *at <= end) {
        for action in bridge.at(at) {
            match action {
                Action::ReadHead => done.extend(bridge.tell(Event::HeadRead(EPOCH)).into_iter().map(|told| (at, told))),
                action => done.push((at, action)),
            }
        }
    }
    done
}
