//! When a group is taken up again after a reign ended.

use std::time::Duration;

/// The first and the longest pause before a group is taken up again.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause after a reign that was short, but committed something. There is one, since each end has what is
/// unacknowledged delivered once more, and a reign that always commits a little and dies would reach the delivery limit within minutes.
const LONGEST_PAUSE_OF_SOME_USE: Duration = Duration::from_secs(5);

/// After how many short reigns in a row that had deliveries only [`LONGEST_HOPELESS_PAUSE`] is left, whatever they commit:
/// each has counted against the delivery limit of what it did not commit.
const SHORT_REIGNS: u32 = 100;

/// A reign that lasted this long was a good one, also if there was nothing to commit: the next failure is a new one.
const GOOD: Duration = Duration::from_secs(60);

/// The first and the longest pause after a reign that will end so again until a person has done something. Each such reign
/// has everything unacknowledged delivered once more: a delivery limit of 1000 must last for days, not for hours.
const HOPELESS_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_HOPELESS_PAUSE: Duration = Duration::from_secs(600);

/// After how many reigns for nothing, one after another, draining is given up: with the pauses between them, after a good
/// minute, which a broker that is being restarted takes at most.
const TRIES: u32 = 9;

/// A reign that is over, and what it was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastReign {
    /// How long it took, from the attempt to connect.
    pub lasted: Duration,
    /// Whether a batch was committed in it.
    pub committed: bool,
    /// Whether anything was delivered in it.
    pub delivered: bool,
    /// Whether the next will end in the same way until a person has done something.
    pub hopeless: bool,
}

/// The pauses between a group's reigns: short after a good reign, longer with each that was short or for nothing, and long where
/// only a person can help, whatever was committed before. A bridge that only drains gives up instead: it is started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    drain: bool,
    pause: Duration,
    hopeless: Duration,
    for_nothing: u32,
    short: u32,
}

impl Pace {
    /// Pacing for a group not tried yet. With `drain`, gives up after [`TRIES`] reigns without a commit.
    pub fn new(drain: bool) -> Self {
        Self { drain, pause: PAUSE, hopeless: HOPELESS_PAUSE, for_nothing: 0, short: 0 }
    }

    /// Mean pause before the next reign, `None` if the group is given up.
    pub fn after(&mut self, reigned: PastReign) -> Option<Duration> {
        self.for_nothing = if reigned.committed { 0 } else { self.for_nothing + 1 };
        let enough = reigned.hopeless || self.for_nothing >= TRIES;
        (!self.drain || !enough).then(|| self.pause(reigned))
    }

    fn pause(&mut self, reigned: PastReign) -> Duration {
        if reigned.hopeless {
            let pause = self.hopeless;
            self.hopeless = (pause * 2).min(LONGEST_HOPELESS_PAUSE);
            return pause;
        }
        if reigned.committed {
            self.hopeless = HOPELESS_PAUSE;
        }
        if reigned.lasted >= GOOD {
            self.short = 0;
        } else {
            self.short += u32::from(reigned.delivered);
        }
        if reigned.delivered && self.short > SHORT_REIGNS {
            return LONGEST_HOPELESS_PAUSE;
        }
        let longest = if reigned.committed { LONGEST_PAUSE_OF_SOME_USE } else { LONGEST_PAUSE };
        self.pause = if reigned.lasted >= GOOD { PAUSE } else { (self.pause * 2).min(longest) };
        self.pause
    }
}

/// How many refused logins one after another end the process: with the pauses between them, after some seconds, in which a
/// broker that is starting, or asks somebody else about users, may change its mind.
const REFUSED_LOGINS: u32 = 5;

/// Counts logins that the broker refused, one after another. The URL is fixed as long as the process lives, so only another
/// process can come with a new password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginPatience {
    refused: u32,
}

impl LoginPatience {
    /// Counts a reign that began, or did not begin, with a login. Whether it is over.
    pub fn is_over(&mut self, refused: bool) -> bool {
        self.refused = if refused { self.refused + 1 } else { 0 };
        self.refused >= REFUSED_LOGINS
    }
}

#[cfg(test)]
mod tests {
    use foz_rabbit::queue::ENOUGH_DELIVERIES;

    use super::*;

    const SHORT: Duration = Duration::from_secs(3);
    const FOR_NOTHING: PastReign = PastReign { lasted: SHORT, committed: false, delivered: false, hopeless: false };
    const HOPELESS: PastReign = PastReign { hopeless: true, ..FOR_NOTHING };

    #[test]
    fn pauses_grow_until_a_reign_was_good_for_something() {
        let tired = || {
            let mut pace = Pace::new(false);
            let pauses: Vec<_> = (0..20).map(|_| pace.after(FOR_NOTHING).unwrap()).collect();
            assert!(pauses.is_sorted() && pauses[0] < pauses[5]);
            assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
            pace
        };
        let some_use = PastReign { committed: true, ..FOR_NOTHING };
        assert_eq!(tired().after(some_use), Some(LONGEST_PAUSE_OF_SOME_USE), "the network is fine again");
        assert_eq!(tired().after(PastReign { lasted: GOOD, ..FOR_NOTHING }), Some(PAUSE));
    }

    #[test]
    fn what_time_does_not_heal_is_tried_seldom_whatever_else_is_committed() {
        let mut pace = Pace::new(false);
        let pauses: Vec<_> =
            (0..9).map(|i| pace.after(PastReign { committed: i % 2 == 0, ..HOPELESS }).unwrap()).collect();
        assert!(pauses[0] >= HOPELESS_PAUSE && pauses.is_sorted());
        assert_eq!(pauses.last(), Some(&LONGEST_HOPELESS_PAUSE));
        // A connection that fails in between proves nothing; a batch does.
        pace.after(FOR_NOTHING);
        assert_eq!(pace.after(HOPELESS), Some(LONGEST_HOPELESS_PAUSE));
        pace.after(PastReign { committed: true, ..FOR_NOTHING });
        assert_eq!(pace.after(HOPELESS), Some(HOPELESS_PAUSE));
    }

    /// Each reign delivers what waits once more, so the pauses between as many as the delivery limit allows are the time that
    /// people have before good messages are dead-lettered.
    #[test]
    fn protocol_14_no_way_to_fail_exhausts_the_delivery_limit_in_a_weekend() {
        let some_use = PastReign { committed: true, ..FOR_NOTHING };
        for reigned in [FOR_NOTHING, some_use, HOPELESS, PastReign { committed: true, ..HOPELESS }] {
            let mut pace = Pace::new(false);
            let reigned = PastReign { delivered: true, ..reigned };
            let all: Duration = (0..ENOUGH_DELIVERIES).map(|_| pace.after(reigned).unwrap()).sum();
            assert!(all > Duration::from_secs(3 * 24 * 3_600), "{reigned:?}: {all:?}");
        }
    }

    #[test]
    fn the_end_of_an_outage_in_which_nothing_was_delivered_is_noticed_within_half_a_minute() {
        let mut pace = Pace::new(false);
        assert!((0..1_000).all(|_| pace.after(FOR_NOTHING).unwrap() <= LONGEST_PAUSE));
    }

    #[test]
    fn draining_gives_up_after_a_bounded_number_of_reigns_for_nothing() {
        let committed = PastReign { committed: true, ..FOR_NOTHING };
        // However long they lasted: a reign that hangs is for nothing too.
        for reigned in [FOR_NOTHING, PastReign { lasted: GOOD, ..FOR_NOTHING }] {
            let mut pace = Pace::new(true);
            for _ in 0..3 {
                assert_eq!((1..TRIES).filter_map(|_| pace.after(reigned)).count(), 8);
                assert!(pace.after(committed).is_some(), "what commits goes on");
            }
            assert_eq!((0..TRIES).find(|_| pace.after(reigned).is_none()), Some(TRIES - 1));
        }
        assert_eq!(Pace::new(true).after(HOPELESS), None);
        assert!((0..1_000).all(|_| Pace::new(false).after(FOR_NOTHING).is_some()));
    }
}
