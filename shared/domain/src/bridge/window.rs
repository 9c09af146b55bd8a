//! The window: what a channel has delivered and is not acknowledged yet, in the order of delivery.

use std::collections::VecDeque;

use super::events::{Marker, Millis, Tag};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Message {
        size: u32,
    },
    /// A marker of this reign, by its number.
    Marker(u64),
    /// A marker that seems to be of a newer reign. Nothing behind it is batched until that is known.
    Doubtful(Marker),
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

    /// Adds a marker of this reign.
    pub fn marker(&mut self, tag: Tag, received: Millis, number: u64) {
        self.items.push_back(Item { tag, received, kind: Kind::Marker(number) });
    }

    /// Adds a marker that seems to be of a newer reign.
    pub fn doubtful(&mut self, tag: Tag, received: Millis, marker: Marker) {
        self.items.push_back(Item { tag, received, kind: Kind::Doubtful(marker) });
    }

    /// Takes out the markers that seemed to be of a newer reign, with their tags.
    pub fn take_doubtful(&mut self) -> Vec<(Tag, Marker)> {
        let mut taken = vec![];
        let mut at = 0;
        while let Some(item) = self.items.get(at) {
            if let Kind::Doubtful(marker) = item.kind {
                taken.push((item.tag, marker));
                self.items.remove(at);
                self.batched -= usize::from(at < self.batched);
            } else {
                at += 1;
            }
        }
        taken
    }

    /// Unacknowledged deliveries, markers included: what the broker's prefetch limits.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// How many messages there are.
    pub fn messages(&self) -> usize {
        self.items.iter().filter(|item| matches!(item.kind, Kind::Message { .. })).count()
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
        self.items.iter().filter_map(|item| if let Kind::Marker(number) = item.kind { Some(number) } else { None })
    }

    /// How many messages can be batched before the next marker, and when the first of them was received.
    pub fn ready(&self) -> (usize, Option<Millis>) {
        let mut messages = 0;
        let mut first = None;
        for item in self.items.range(self.batched..) {
            match item.kind {
                Kind::Message { .. } => {
                    messages += 1;
                    first = first.or(Some(item.received));
                }
                Kind::Marker(_) | Kind::Doubtful(_) => break,
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
        let marker = self.items.get(self.batched).is_some_and(|item| matches!(item.kind, Kind::Marker(_)));
        self.batched += usize::from(marker);
        marker
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
                // In front of what another reign committed it is not of a newer one.
                Kind::Doubtful(_) if left == 0 => break,
                Kind::Doubtful(_) => {}
                Kind::Marker(number) => released.markers.push(number),
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
    use crate::ids::Epoch;

    #[test]
    fn markers_bound_batches_and_leave_with_what_is_before_them() {
        let mut window = Window::default();
        window.marker(1, 0, 1);
        window.message(2, 1, 10);
        window.message(4, 3, 20);
        window.marker(5, 4, 2);
        window.message(6, 5, 40);
        assert_eq!(window.release(0), Released { tag: Some(1), markers: vec![1] });
        assert_eq!((window.ready(), window.messages()), ((2, Some(1)), 3));
        assert!(!window.pass_marker());
        window.batch(2);
        assert_eq!(window.ready(), (0, None));
        assert!(window.pass_marker());
        assert_eq!(window.ready(), (1, Some(5)));
        assert_eq!(window.release(1), Released { tag: Some(2), markers: vec![] });
        assert_eq!(window.markers().collect::<Vec<_>>(), [2]);
        assert_eq!(window.release(1), Released { tag: Some(5), markers: vec![2] });
        assert_eq!((window.len(), window.bytes(), window.ready()), (1, 40, (1, Some(5))));
    }

    #[test]
    fn nothing_passes_a_marker_that_is_in_doubt() {
        let foreign = Marker { epoch: Epoch(9), number: 1, seal: 0 };
        let mut window = Window::default();
        window.message(1, 0, 10);
        window.doubtful(2, 0, foreign);
        window.message(3, 0, 10);
        assert_eq!(window.ready(), (1, Some(0)));
        window.batch(1);
        assert!(!window.pass_marker());
        assert_eq!(window.ready(), (0, None));
        assert_eq!(window.release(1), Released { tag: Some(1), markers: vec![] });
        assert_eq!(window.take_doubtful(), [(2, foreign)]);
        assert_eq!(window.ready(), (1, Some(0)));
    }
}
