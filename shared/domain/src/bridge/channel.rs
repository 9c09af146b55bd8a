//! A stream's channel: closed, being opened, aligning, flowing.

use super::events::{ChannelNo, Content, Delivery, Millis};
use super::probe::Probe;
use super::rules::{Rule, Rules};
use super::settings::ReignSettings;
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

impl Link {
    /// The open channel of that number, or `None` if it is gone.
    pub(super) fn open(&mut self, number: ChannelNo) -> Option<&mut Channel> {
        match self {
            Self::Open(channel) if channel.number == number => Some(channel),
            _ => None,
        }
    }
}

/// What becomes of an open channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It consumes.
    Consuming,
    /// Its consumer was cancelled, and somebody looks whether the queue is there.
    Cancelled,
    /// Its queue is gone: it is finished, then closed.
    Orphaned,
}

/// An open channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) number: ChannelNo,
    pub(super) prefetch: u16,
    pub(super) window: Window,
    pub(super) phase: Phase,
    pub(super) fate: Fate,
}

/// How far a channel's alignment is.
#[derive(Debug)]
pub(super) enum Phase {
    /// The redelivered prefix is still coming: its messages were `seen` so far.
    Holding { seen: Vec<Digest>, probe: Probe },
    /// All messages of the prefix were `seen`; the tail is being read.
    Reading { seen: Vec<Digest> },
    /// What is delivered is new.
    Flowing,
}

impl Channel {
    /// Whether it holds messages that could go to the catalog without another delivery. While the redelivered prefix is
    /// still coming they could not: nobody knows which of them are there already.
    pub(super) fn may_be_finished(&self) -> bool {
        !matches!(self.phase, Phase::Holding { .. }) && self.window.messages() > 0
    }

    /// It delivered. Returns whether that is news to people.
    pub(super) fn hear(&mut self, now: Millis, settings: &ReignSettings) -> bool {
        match &mut self.phase {
            Phase::Holding { probe, .. } => probe.hear(now, settings),
            _ => false,
        }
    }

    /// Whether another consumer is served first; `None` if that is not known yet.
    pub(super) fn unheard(&self) -> Option<bool> {
        match &self.phase {
            Phase::Holding { probe, .. } => probe.silent(),
            Phase::Reading { .. } | Phase::Flowing => Some(false),
        }
    }

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
