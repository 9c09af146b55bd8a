//! The pauses between the tries of everything that Foz repeats, in one place.
//!
//! The loop is [backon](https://docs.rs/backon)'s: `step.retry(THROTTLING).when(is_transient).await`. Which failures are
//! worth repeating is the caller's to say.

use std::ops::Range;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub use backon::Retryable;

/// Pauses of a conditional write of the catalog that met another: five seconds in all at most, long enough for every
/// stream of a group to pass, short enough to answer a waiting bridge. The first retry comes almost at once, as most of
/// the time the other transaction has just finished.
pub const CONTENTION: Pauses = Pauses::new(Duration::from_millis(20), Duration::from_millis(800), ANYTHING).tries(12);

/// Pauses of a request that S3 or Glue throttled, refused for the moment or left unanswered: enough to sit out S3's
/// "slow down" and the 409s of a burst: at most six seconds in all, beside the SDK's own retries of each request, which
/// know neither 409 nor what a step means to us.
pub const THROTTLING: Pauses = Pauses::new(Duration::from_millis(50), Duration::from_secs(2), ANYTHING).tries(8);

/// Pauses of a question to the catalog that a reign cannot do without: they have no end.
pub const UNANSWERED: Pauses = Pauses::new(Duration::from_millis(100), Duration::from_secs(10), AROUND);

/// The part of a pause that is waited, from nothing to all of it: contenders must not meet again.
const ANYTHING: Range<f64> = 0.0..1.0;
/// The part of a pause that is waited, half to one and a half of it: never at once, and those that failed together do
/// not come back together.
const AROUND: Range<f64> = 0.5..1.5;

/// A pause around `mean`: half to one and a half times as long.
pub fn jittered(mean: Duration) -> Duration {
    mean.mul_f64(rand::rng().random_range(AROUND))
}

/// Pauses whose length doubles from try to try, each drawn at random. Only their length is random, never a decision.
#[derive(Debug, Clone)]
pub struct Pauses {
    first: Duration,
    longest: Duration,
    spread: Range<f64>,
    tries: Option<usize>,
}

impl Pauses {
    const fn new(first: Duration, longest: Duration, spread: Range<f64>) -> Self {
        Self { first, longest, spread, tries: None }
    }

    /// Ends after this many tries, the first one included.
    const fn tries(self, tries: usize) -> Self {
        Self { tries: Some(tries), ..self }
    }

    /// The pauses of one operation, for a loop of one's own.
    pub fn draw(self) -> Drawn {
        self.build()
    }

    fn drawn_from(self, random: StdRng) -> Drawn {
        let limits = ExponentialBuilder::new().with_min_delay(self.first).with_max_delay(self.longest);
        let limits = match self.tries {
            Some(tries) => limits.with_max_times(tries - 1),
            None => limits.without_max_times(),
        };
        Drawn { limits: limits.build(), spread: self.spread, random }
    }
}

impl BackoffBuilder for Pauses {
    type Backoff = Drawn;

    fn build(self) -> Drawn {
        self.drawn_from(StdRng::from_rng(&mut rand::rng()))
    }
}

/// The pauses of one operation, as they come.
#[derive(Debug)]
pub struct Drawn {
    limits: <ExponentialBuilder as BackoffBuilder>::Backoff,
    spread: Range<f64>,
    random: StdRng,
}

impl Iterator for Drawn {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let limit = self.limits.next()?;
        Some(limit.mul_f64(self.random.random_range(self.spread.clone())))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn millis(pauses: Pauses, count: usize) -> Vec<u128> {
        seeded(pauses, count, 0)
    }

    fn seeded(pauses: Pauses, count: usize, seed: u64) -> Vec<u128> {
        let rounded = |pause: Duration| (pause + Duration::from_micros(500)).as_millis();
        pauses.drawn_from(StdRng::seed_from_u64(seed)).take(count).map(rounded).collect()
    }

    /// Stands in for sleeping, without waiting.
    fn at_once(_: Duration) -> std::future::Ready<()> {
        std::future::ready(())
    }

    /// The pauses with their lengths taken as they are.
    fn limits(pauses: Pauses) -> Pauses {
        Pauses { spread: 1.0..1.000_001, ..pauses }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let contention = [20, 40, 80, 160, 320, 640, 800, 800, 800, 800, 800];
        assert_eq!(millis(limits(CONTENTION), 99), contention, "eleven pauses, twelve tries");
        assert_eq!(millis(limits(THROTTLING), 99), [50, 100, 200, 400, 800, 1_600, 2_000], "eight tries");
        let unanswered = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
        assert_eq!(millis(limits(UNANSWERED), 9), unanswered);
        assert_eq!(UNANSWERED.build().take(10_000).count(), 10_000, "it never ends");
    }

    #[test]
    fn each_is_drawn_from_its_spread() {
        for seed in 0..100 {
            let drawn = seeded(CONTENTION, 99, seed);
            assert!(
                drawn.iter().zip(millis(limits(CONTENTION), 99)).all(|(pause, limit)| *pause <= limit),
                "{drawn:?}"
            );
            let drawn = seeded(UNANSWERED, 99, seed);
            let around = |(pause, mean): (&u128, u128)| (mean / 2..=mean * 3 / 2 + 1).contains(pause);
            assert!(drawn.iter().zip(millis(limits(UNANSWERED), 99)).all(around), "{drawn:?}");
        }
        assert_eq!(seeded(CONTENTION, 99, 7), seeded(CONTENTION, 99, 7));
        assert_ne!(seeded(CONTENTION, 99, 7), seeded(CONTENTION, 99, 8));
        let mean = Duration::from_secs(1);
        assert!((0..100).all(|_| (mean / 2..mean * 3 / 2).contains(&jittered(mean))));
    }

    #[tokio::test]
    async fn gives_up_after_a_bounded_number() {
        let tries = Cell::new(0);
        let step = || async {
            tries.set(tries.get() + 1);
            Err::<(), _>("busy")
        };
        assert_eq!(step.retry(THROTTLING).sleep(at_once).await, Err("busy"));
        assert_eq!(tries.get(), 8);
    }

    #[tokio::test]
    async fn repeats_only_what_may_help() {
        let tries = Cell::new(0);
        let step = || async {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err::<(), _>("busy") } else { Err("broken") }
        };
        assert_eq!(step.retry(THROTTLING).when(|error| *error == "busy").sleep(at_once).await, Err("broken"));
        assert_eq!(tries.get(), 3);
    }
}
