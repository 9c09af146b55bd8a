//! What a reign tells people: its health, and what they should know of a stream.

use foz_domain::bridge::{Notice, StreamNo};
use foz_edge::clock;
use foz_rabbit::consume::Acknowledged;
use tracing::warn;

use super::ReignRunner;
use crate::notices;

impl ReignRunner {
    pub(super) fn tell_health(&self) {
        let held = self.core.oldest_unacknowledged().map(|at| self.now().saturating_sub(at));
        self.components.health.holds_since(held.map(|held| clock::now().minus(held)));
        self.components.health.unheard(self.core.unheard());
    }

    pub(super) fn tell_notice(&self, no: StreamNo, notice: Notice) {
        let stream = &self.group.streams[no.0];
        notices::tell(&stream.name, &stream.queue, notice);
    }

    /// Says if an acknowledgement failed. The channel's consumer tells the core; what was not acknowledged comes again and is
    /// recognised.
    pub(super) fn note(&self, no: StreamNo, acknowledged: Acknowledged) {
        if let Acknowledged::ChannelFailed(error) = acknowledged {
            warn!(stream = %self.group.streams[no.0].name, %error, "not acknowledged");
        }
    }
}
