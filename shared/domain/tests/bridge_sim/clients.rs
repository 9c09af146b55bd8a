//! What processes hear, and what their cores make of it.

use foz_domain::bridge::{Content, Event};

use super::broker::{Body, Connection, Said};
use super::{STRANGER, World};

impl World {
    /// A client hears what is next on its channel, several deliveries at once.
    pub(super) fn channel_says(&mut self, n: usize) {
        if self.broker.channels[n].owner == STRANGER {
            return self.stranger_hears(n);
        }
        let most = 1 + self.random.below(3);
        let channel = &mut self.broker.channels[n];
        let (owner, no, number) = (channel.owner, channel.stream, channel.number);
        let mut deliveries = vec![];
        let mut bodies = vec![];
        while deliveries.len() < most
            && let Some(&Said::Delivered(delivery, body)) = channel.to_client.front()
        {
            channel.to_client.pop_front();
            deliveries.push(delivery);
            if let (Body::Message(n), Content::Message { .. }) = (body, delivery.content) {
                bodies.push(n);
            }
        }
        let event = if deliveries.is_empty() {
            match channel.to_client.pop_front() {
                Some(Said::Opened) => Event::ChannelOpened(no, number),
                Some(Said::Cancelled) => Event::Cancelled(no, number),
                Some(Said::Closed) => Event::ChannelClosed(no, number),
                _ => return,
            }
        } else {
            Event::Delivered(no, number, deliveries)
        };
        let closed = matches!(event, Event::ChannelClosed(..));
        let Some(process) = self.process(owner) else { return };
        let lane = process.lane(no);
        match event {
            Event::ChannelOpened(..) => lane.channel = Some(number),
            _ if lane.channel == Some(number) => lane.held.extend(bodies),
            _ => {}
        }
        self.tell(owner, event);
        if closed {
            self.broker
                .channels
                .retain(|channel| (channel.owner, channel.stream, channel.number) != (owner, no, number));
        }
    }

    /// Tells a process's core, and does what it asks for.
    pub(super) fn tell(&mut self, owner: Connection, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.now;
            let Some(process) = self.process(owner) else { return };
            let mut actions = vec![];
            process.core.handle(now, event.clone(), &mut actions);
            self.note(|| format!("  {owner} hears {event:?}: {actions:?}"));
            for action in actions {
                events.extend(self.act(owner, action));
            }
        }
    }
}
