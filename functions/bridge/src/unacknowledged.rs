//! Since when the oldest unacknowledged message of a stream is held.

use std::collections::VecDeque;

use foz_domain::Timestamp;
use foz_domain::bridge::ChannelNo;

/// What a stream's present channel delivered and was not told yet that it is done.
#[derive(Debug, Clone, Default)]
pub struct Unacknowledged {
    channel: Option<ChannelNo>,
    /// The last tag of what came together, and when it came; tags and instants rise.
    loads: VecDeque<(u64, Timestamp)>,
    /// Everything up to this tag is done.
    done: u64,
}

impl Unacknowledged {
    /// Tags up to `last` came at `now`. A channel that is not the present one takes its place: what the other delivered
    /// was given back.
    pub fn delivered(&mut self, channel: ChannelNo, last: u64, now: Timestamp) {
        if self.channel != Some(channel) {
            *self = Self { channel: Some(channel), ..Self::default() };
        }
        self.loads.push_back((last, now));
    }

    /// Everything up to the tag is done.
    pub fn acknowledged(&mut self, channel: ChannelNo, tag: u64) {
        if self.channel == Some(channel) {
            self.done = self.done.max(tag);
            self.loads.retain(|(last, _)| *last > self.done);
        }
    }

    /// The one with that tag is done, whatever came before it.
    pub fn acknowledged_one(&mut self, channel: ChannelNo, tag: u64) {
        if self.channel != Some(channel) {
            return;
        }
        // Only the end of a load says until when it lasts.
        self.loads.iter_mut().filter(|(last, _)| *last == tag).for_each(|(last, _)| *last -= 1);
        let mut reached = self.done;
        self.loads.retain(|(last, _)| {
            let more = *last > reached;
            reached = reached.max(*last);
            more
        });
    }

    /// When the oldest that is not done came, or `None` if all is done.
    pub fn since(&self) -> Option<Timestamp> {
        self.loads.front().map(|(_, since)| *since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_that_of_the_first_load_which_is_not_done() {
        let mut held = Unacknowledged::default();
        let one = ChannelNo(1);
        held.delivered(one, 5, Timestamp(10));
        held.delivered(one, 9, Timestamp(20));
        held.acknowledged(one, 4);
        assert_eq!(held.since(), Some(Timestamp(10)));
        held.acknowledged(one, 5);
        assert_eq!(held.since(), Some(Timestamp(20)));
        held.acknowledged(one, 9);
        assert_eq!(held.since(), None);
    }

    #[test]
    fn one_that_is_done_by_itself_is_not_waited_for() {
        let mut held = Unacknowledged::default();
        let one = ChannelNo(1);
        held.delivered(one, 1, Timestamp(10));
        held.delivered(one, 5, Timestamp(20));
        held.acknowledged_one(one, 1);
        assert_eq!(held.since(), Some(Timestamp(20)));
        held.acknowledged_one(one, 5);
        held.acknowledged(one, 4);
        assert_eq!(held.since(), None);
    }

    #[test]
    fn what_another_channel_delivered_is_forgotten() {
        let mut held = Unacknowledged::default();
        held.delivered(ChannelNo(1), 500, Timestamp(10));
        held.delivered(ChannelNo(2), 3, Timestamp(20));
        assert_eq!(held.since(), Some(Timestamp(20)));
        held.acknowledged(ChannelNo(1), 500);
        assert_eq!(held.since(), Some(Timestamp(20)));
    }
}
