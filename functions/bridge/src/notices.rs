//! What a reign tells people of its streams: lines of the log.

use foz_domain::StreamName;
use foz_domain::bridge::Notice;
use foz_rabbit::mover::Mover;
use tracing::{error, info, warn};

/// Logs what people should know of a stream.
pub fn tell(stream: &StreamName, queue: &str, notice: Notice) {
    match notice {
        Notice::Unheard => {
            warn!(%stream, queue, "the queue gives this bridge nothing, not even the marker that it put there: another \
                consumer is served first; stop that consumer, or see who it is in the broker's list of consumers");
        }
        Notice::Heard => {
            info!(%stream, queue, "the queue is consumed again");
        }
        Notice::GivenUp => {
            error!(%stream, queue, "the stream is not consumed until its queue, and those of the streams that it refers \
                to, are fit");
        }
        Notice::TakenUp => {
            info!(%stream, queue, "the stream is consumed again");
        }
        Notice::ForeignMarker(marker) => warn!(
            %stream, queue, epoch = marker.epoch.0,
            "a marker came that no reign over this lake has published; it and its like are dropped"
        ),
        Notice::Orphaned(messages) => error!(
            %stream, queue, messages,
            "the queue is gone; what it had delivered is still catalogued, what it had not is lost: make the queue again \
            with `foz queues --apply`, and find out who deleted it"
        ),
    }
}

/// Logs that something moves messages into the queue. To the broker that is a new message each, so what was taken in from
/// where it comes, and not acknowledged there, cannot be recognised.
pub fn tell_mover(stream: &StreamName, queue: &str, mover: Mover) {
    warn!(
        %stream, queue, header = mover.header(),
        "{mover} brings messages from another queue: one that was taken in from there already is taken in twice, unless that \
        queue was drained first (docs/rabbitmq.md, moving to another broker)"
    );
}
