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
    Closed {
        from: Millis,
    },
    Opening {
        number: ChannelNo,
        prefetch: u16,
    },
    Open(Channel),
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
    /// The redelivered prefix is still coming. `held`: its messages so far.
    Holding { held: Vec<Digest>, patience: Patience },
    /// The prefix is complete; the tail is being read.
    Reading { held: Vec<Digest> },
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

    /// Holds the delivery, which is in the window already, if it may be part of the redelivered prefix. `true` if the
    /// prefix is thereby complete.
    pub(super) fn hold(&mut self, delivery: &Delivery, rules: Rules) -> bool {
        let full = self.is_full();
        let Phase::Holding { held, .. } = &mut self.phase else { return false };
        match delivery.content {
            Content::Message { digest, .. } if delivery.redelivered => held.push(digest),
            _ => {}
        }
        !delivery.redelivered || full || !rules.keeps(Rule::WholePrefix)
    }

    /// The prefix is complete. Returns its number of messages.
    pub(super) fn held(&mut self) -> usize {
        let Phase::Holding { held, .. } = &mut self.phase else { return 0 };
        let held = std::mem::take(held);
        let depth = held.len();
        self.phase = Phase::Reading { held };
        depth
    }
}
