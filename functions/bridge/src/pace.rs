//! When a group is taken up again after a reign ended.

use std::time::Duration;

/// The first and the longest pause before a group is taken up again.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A reign that lasted this long was a good one, also if there was nothing to commit: the next failure is a new one.
const GOOD: Duration = Duration::from_secs(60);

/// What a reign was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reigned {
    /// How long it took, from the attempt to connect.
    pub lasted: Duration,
    /// Whether a batch was committed in it.
    pub committed: bool,
}

/// The pauses between a group's reigns: short after a good reign, longer with each that was for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pause: PAUSE }
    }
}

impl Pace {
    /// The mean of the pause before the next reign.
    pub fn after(&mut self, reigned: Reigned) -> Duration {
        let good = reigned.committed || reigned.lasted >= GOOD;
        self.pause = if good { PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(3);
    const FOR_NOTHING: Reigned = Reigned { lasted: SHORT, committed: false };

    #[test]
    fn pauses_grow_until_a_reign_was_good_for_something() {
        let tired = || {
            let mut pace = Pace::default();
            let pauses: Vec<_> = (0..20).map(|_| pace.after(FOR_NOTHING)).collect();
            assert!(pauses.is_sorted() && pauses[0] < pauses[5]);
            assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
            pace
        };
        assert_eq!(tired().after(Reigned { committed: true, ..FOR_NOTHING }), PAUSE, "the network is fine again");
        assert_eq!(tired().after(Reigned { lasted: GOOD, ..FOR_NOTHING }), PAUSE);
    }
}
