//! The window: what a channel has delivered and is not acknowledged yet, in the order of delivery.

use std::collections::VecDeque;

use super::events::{Millis, Tag};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Message {
        size: u32,
    },
    /// A marker; `None` if it cannot count.
    Marker(Option<u64>),
}

#[derive(Debug, Clone, Copy)]
struct Item {
    tag: Tag,
    received: Millis,
    kind: Kind,
}

/// Deliveries in order: first those in batches, then those that are not.
#[derive(Debug, Default)]
pub struct Window {
    items: VecDeque<Item>,
    /// How many items from the front are in a batch or lie before one that is.
    batched: usize,
    bytes: u64,
}

/// What left the window at its front.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// The last delivery that left; `None` if none did.
    pub tag: Option<Tag>,
    /// Numbers of the own markers among them.
    pub markers: Vec<u64>,
}

impl Window {
    /// Adds a message.
    pub fn message(&mut self, tag: Tag, received: Millis, size: u32) {
        self.bytes += u64::from(size);
        self.items.push_back(Item { tag, received, kind: Kind::Message { size } });
    }

    /// Adds a marker; one that cannot count has no number.
    pub fn marker(&mut self, tag: Tag, received: Millis, number: Option<u64>) {
        self.items.push_back(Item { tag, received, kind: Kind::Marker(number) });
    }

    /// Unacknowledged deliveries, markers included: what the broker's prefetch limits.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes of the messages.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the oldest delivery was received; `None` if there is none.
    pub fn oldest(&self) -> Option<Millis> {
        self.items.front().map(|item| item.received)
    }

    /// Numbers of all own markers in the window.
    pub fn markers(&self) -> impl Iterator<Item = u64> {
        self.items.iter().filter_map(|item| if let Kind::Marker(number) = item.kind { number } else { None })
    }

    /// How many messages can be batched before the next own marker, and when the first of them was received.
    pub fn ready(&self) -> (usize, Option<Millis>) {
        let mut messages = 0;
        let mut first = None;
        for item in self.items.range(self.batched..) {
            match item.kind {
                Kind::Message { .. } => {
                    messages += 1;
                    first = first.or(Some(item.received));
                }
                Kind::Marker(None) => {}
                Kind::Marker(Some(_)) => break,
            }
        }
        (messages, first)
    }

    /// The next `count` messages are in a batch now.
    pub fn batch(&mut self, count: usize) {
        let mut left = count;
        while left > 0 && self.batched < self.items.len() {
            left -= usize::from(matches!(self.items[self.batched].kind, Kind::Message { .. }));
            self.batched += 1;
        }
    }

    /// Steps over the own marker behind what is batched; `false` if a message or nothing comes first.
    pub fn pass_marker(&mut self) -> bool {
        let next = self.items.range(self.batched..).position(|item| !matches!(item.kind, Kind::Marker(None)));
        match next.map(|n| self.batched + n) {
            Some(at) if matches!(self.items[at].kind, Kind::Marker(_)) => {
                self.batched = at + 1;
                true
            }
            _ => false,
        }
    }

    /// Removes the first `committed` messages, and the markers before, among and directly behind them: everything before
    /// these is committed.
    pub fn release(&mut self, committed: usize) -> Released {
        let mut released = Released::default();
        let mut left = committed;
        while let Some(item) = self.items.front() {
            match item.kind {
                Kind::Message { .. } if left == 0 => break,
                Kind::Message { size } => {
                    self.bytes -= u64::from(size);
                    left -= 1;
                }
                Kind::Marker(number) => released.markers.extend(number),
            }
            released.tag = Some(item.tag);
            self.items.pop_front();
            self.batched = self.batched.saturating_sub(1);
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_bound_batches_and_leave_with_what_is_before_them() {
        let mut window = Window::default();
        window.marker(1, 0, Some(1));
        window.message(2, 1, 10);
        window.marker(3, 2, None);
        window.message(4, 3, 20);
        window.marker(5, 4, Some(2));
        window.message(6, 5, 40);
        assert_eq!(window.release(0), Released { tag: Some(1), markers: vec![1] });
        assert_eq!(window.ready(), (2, Some(1)));
        assert!(!window.pass_marker());
        window.batch(2);
        assert_eq!(window.ready(), (0, None));
        assert!(window.pass_marker());
        assert_eq!(window.ready(), (1, Some(5)));
        assert_eq!(window.release(1), Released { tag: Some(3), markers: vec![] });
        assert_eq!(window.markers().collect::<Vec<_>>(), [2]);
        assert_eq!(window.release(1), Released { tag: Some(5), markers: vec![2] });
        assert_eq!((window.len(), window.bytes(), window.ready()), (1, 40, (1, Some(5))));
    }
}
