//! A stream's channel: closed, being opened, aligning, flowing.

use super::events::{ChannelNo, Content, Delivery, Millis};
use super::markers::Patience;
use super::rules::{Rule, Rules};
use super::window::Window;
use crate::ids::Digest;

/// Whether a stream has a channel.
#[derive(Debug)]
pub(super) enum Link {
    /// It has none, and may open one from then on.
    Closed { from: Millis },
    /// It has asked for one.
    Opening { number: ChannelNo, prefetch: u16 },
    /// It has one.
    Open(Channel),
    /// It has asked to close the one it had.
    Closing(ChannelNo),
}

/// An open channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) number: ChannelNo,
    pub(super) prefetch: u16,
    pub(super) window: Window,
    pub(super) phase: Phase,
}

/// How far a channel's alignment is.
#[derive(Debug)]
pub(super) enum Phase {
    /// The redelivered prefix is still coming: its messages were `seen` so far.
    Holding { seen: Vec<Digest>, patience: Patience },
    /// All messages of the prefix were `seen`; the tail is being read.
    Reading { seen: Vec<Digest> },
    /// What is delivered is new.
    Flowing,
}

impl Channel {
    pub(super) fn is_flowing(&self) -> bool {
        matches!(self.phase, Phase::Flowing)
    }

    /// Whether the broker will deliver no more until something is acknowledged.
    pub(super) fn is_full(&self) -> bool {
        self.window.len() >= usize::from(self.prefetch)
    }

    /// Takes in a delivery, which is in the window already, that may be part of the redelivered prefix. Returns whether the
    /// prefix is thereby complete.
    pub(super) fn hold(&mut self, delivery: &Delivery, rules: Rules) -> bool {
        let full = self.is_full();
        let Phase::Holding { seen, .. } = &mut self.phase else { return false };
        match delivery.content {
            Content::Message { digest, .. } if delivery.redelivered => seen.push(digest),
            _ => {}
        }
        !delivery.redelivered || full || !rules.keeps(Rule::WholePrefix)
    }

    /// Ends holding, as the prefix is complete. Returns its number of messages.
    pub(super) fn finish_holding(&mut self) -> usize {
        let Phase::Holding { seen, .. } = &mut self.phase else { return 0 };
        let seen = std::mem::take(seen);
        let depth = seen.len();
        self.phase = Phase::Reading { seen };
        depth
    }
}
