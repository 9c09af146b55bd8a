//! Bounded retries with jitter.

use std::time::Duration;

use rand::Rng;

/// How often a contended operation is tried. With the pauses below that is about four seconds: long enough for every
/// stream of a group to pass, short enough to answer a waiting bridge.
const TRIES: u32 = 12;
const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(800);

/// Counts the tries of one operation.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    tried: u32,
}

impl Patience {
    /// Waits before the next try; false once patience is at its end.
    ///
    /// The first retry comes almost at once: most of the time the other transaction has just finished.
    pub(crate) async fn wait(&mut self) -> bool {
        self.tried += 1;
        if self.tried >= TRIES {
            return false;
        }
        let most = LONGEST.min(FIRST * (1 << self.tried));
        // Full jitter: contenders must not meet again. Only the delay is random, never a decision.
        let pause = most.mul_f64(rand::rng().random::<f64>());
        tokio::time::sleep(pause).await;
        true
    }
}
