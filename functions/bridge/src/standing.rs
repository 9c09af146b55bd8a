//! How the streams of a group stand, for those who look: what the core told people and has not taken back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use foz_domain::StreamName;
use foz_domain::bridge::Notice;
use tracing::{error, info, warn};

/// Whether a stream is consumed, as far as the bridge can see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamStanding {
    /// Its queue gives nothing, not even a marker: another consumer is served first.
    pub unheard: bool,
    /// It is not consumed, as its queue, or the queue of a stream that it refers to, is not fit.
    pub given_up: bool,
}

/// How the streams of a group stand. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<Mutex<BTreeMap<StreamName, StreamStanding>>>);

impl Standing {
    /// How the stream stands.
    pub fn of(&self, stream: &StreamName) -> StreamStanding {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stream).copied().unwrap_or_default()
    }

    /// A new reign begins: what was said of the last one is over.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Notes what people should know, and logs it.
    pub fn tell(&self, stream: &StreamName, queue: &str, notice: Notice) {
        let mut standing = self.of(stream);
        match notice {
            Notice::Unheard => {
                standing.unheard = true;
                warn!(%stream, queue, "the queue gives this bridge nothing, not even the marker that it put there: another \
                    consumer is served first; stop that consumer, or see who it is in the broker's list of consumers");
            }
            Notice::Heard => {
                standing.unheard = false;
                info!(%stream, queue, "the queue is consumed again");
            }
            Notice::GivenUp => {
                standing.given_up = true;
                error!(%stream, queue, "the stream is not consumed until its queue, and those of the streams that it refers \
                    to, are fit");
            }
            Notice::TakenUp => {
                standing.given_up = false;
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.clone(), standing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_stands_until_it_is_taken_back() {
        let (standing, boxes): (_, StreamName) = (Standing::default(), "boxes".parse().unwrap());
        for notice in [Notice::Unheard, Notice::GivenUp, Notice::Orphaned(3)] {
            standing.tell(&boxes, "boxes.state", notice);
        }
        assert_eq!(standing.of(&boxes), StreamStanding { unheard: true, given_up: true });
        standing.tell(&boxes, "boxes.state", Notice::Heard);
        assert_eq!(standing.of(&boxes), StreamStanding { unheard: false, given_up: true });
        standing.clear();
        assert_eq!(standing.of(&boxes), StreamStanding::default());
    }
}
