//! Whether a queue gives anything: the alignment markers of one channel, and the patience with them.

use super::events::Millis;
use super::settings::ReignSettings;

/// After how many times [`ReignSettings::marker_patience`] a queue that gives nothing is said to, all waits together: 30 s.
const SAID_AFTER: Millis = 15;

/// The longest wait for a marker, as a multiple of [`ReignSettings::marker_patience`], while the channel delivers.
const LONGEST: Millis = 8;

/// The longest wait for a marker while the channel delivers nothing, an hour: each marker may be one more for a
/// stranger.
const LONGEST_UNHEARD: Millis = 2_048;

/// What is known of a channel that is not aligned yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    due: Millis,
    wait: Millis,
    waited: Millis,
    published: bool,
    heard: bool,
    said: bool,
    /// The group head is being read.
    pub(super) reading: bool,
}

impl Probe {
    /// The probe of a channel that was just opened. A marker is needed only once it falls silent; where a marker shall
    /// also show what was in the queue at the start, it is due at once.
    pub(super) fn new(now: Millis, settings: &ReignSettings) -> Self {
        let quiet = if settings.drain { 0 } else { settings.quiet };
        Self { due: now + quiet, wait: 0, waited: 0, published: false, heard: false, said: false, reading: false }
    }

    /// The channel delivered. Returns whether that is news to people.
    pub(super) fn hear(&mut self, now: Millis, settings: &ReignSettings) -> bool {
        if !self.published {
            self.due = self.due.max(now + settings.quiet);
        } else if !self.heard {
            self.wait = settings.marker_patience;
            self.due = self.due.min(now + self.wait);
        }
        self.heard = true;
        std::mem::take(&mut self.said)
    }

    /// Whether the first marker is to be published now; it is taken to be.
    pub(super) fn begins(&mut self, now: Millis, settings: &ReignSettings) -> bool {
        let begins = !self.published && self.due <= now;
        if begins {
            self.published = true;
            self.wait = settings.marker_patience;
            self.due = now + self.wait;
        }
        begins
    }

    /// Whether a marker has been waited for too long.
    pub(super) fn exhausted(&self, now: Millis) -> bool {
        self.published && !self.reading && self.due <= now
    }

    /// Another marker is on its way: wait for it, twice as long. Returns whether people should now know that nothing comes.
    pub(super) fn renew(&mut self, now: Millis, settings: &ReignSettings) -> bool {
        self.waited += self.wait;
        let longest = if self.heard { LONGEST } else { LONGEST_UNHEARD };
        self.wait = (self.wait * 2).min(settings.marker_patience * longest);
        self.due = now + self.wait;
        self.reading = false;
        let silent = !self.heard && self.waited >= settings.marker_patience * SAID_AFTER;
        silent && !std::mem::replace(&mut self.said, true)
    }

    /// Whether the queue gives nothing, as people were told; `None` if that is not known yet.
    pub(super) fn silent(&self) -> Option<bool> {
        (self.heard || self.said).then_some(self.said)
    }

    /// When something is due; `None` if the group head is being read.
    pub(super) fn deadline(&self) -> Option<Millis> {
        (!self.reading).then_some(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_needed_only_after_a_silence() {
        let settings = ReignSettings { quiet: 100, marker_patience: 2_000, ..ReignSettings::default() };
        let mut probe = Probe::new(0, &settings);
        probe.hear(90, &settings);
        assert!(!probe.begins(189, &settings));
        assert!(probe.begins(190, &settings) && !probe.begins(190, &settings));
        let mut drain = Probe::new(5, &ReignSettings { drain: true, ..settings });
        assert!(drain.begins(5, &ReignSettings::default()));
    }

    #[test]
    fn a_stranger_gets_few_markers_and_people_know_after_half_a_minute() {
        let settings = ReignSettings::default();
        let mut probe = Probe::new(0, &settings);
        assert!(probe.begins(settings.quiet, &settings));
        let (mut said, mut markers) = (vec![], 1);
        while let Some(now) = probe.deadline().filter(|due| *due < 24 * 3_600_000) {
            assert!(probe.exhausted(now));
            markers += 1;
            if probe.renew(now, &settings) {
                said.push(now);
            }
        }
        assert_eq!(said, [settings.quiet + 30_000], "once");
        assert!(markers < 40, "{markers} markers in a day");
        assert!(probe.hear(25 * 3_600_000, &settings) && !probe.hear(25 * 3_600_000, &settings));
        assert_eq!(probe.deadline(), Some(25 * 3_600_000 + settings.marker_patience), "from then on as ever");
    }
}
