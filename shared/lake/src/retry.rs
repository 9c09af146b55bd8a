//! Bounded retries with full jitter, on top of the SDK's own (which knows neither 409 nor what a step means to us).

use std::future::Future;
use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;

/// Enough to sit out S3's "slow down" and the 409s of a burst: at most 6 s in all, beside the SDK's retries of each.
const ATTEMPTS: u32 = 8;

const FIRST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_secs(2);

/// Repeats `step` while it fails and `again` says that repeating may help; the last failure is the result.
pub(crate) async fn retry<T, E, F>(again: impl Fn(&E) -> bool, step: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    retry_from(FIRST, again, step).await
}

async fn retry_from<T, E, F>(first: Duration, again: impl Fn(&E) -> bool, mut step: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    for attempt in 1..ATTEMPTS {
        match step().await {
            Err(error) if again(&error) => sleep(pause(first, attempt)).await,
            result => return result,
        }
    }
    step().await
}

/// Anything from nothing to the exponential limit, so that those who collided do not collide again.
fn pause(first: Duration, attempt: u32) -> Duration {
    first.saturating_mul(1 << attempt.min(16)).min(LONGEST).mul_f64(rand::rng().random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn gives_up_after_a_bounded_number() {
        let tries = Cell::new(0);
        let step = || async {
            tries.set(tries.get() + 1);
            Err::<(), _>("busy")
        };
        assert_eq!(retry_from(Duration::ZERO, |_| true, step).await, Err("busy"));
        assert_eq!(tries.get(), ATTEMPTS);
    }

    #[tokio::test]
    async fn repeats_only_what_may_help() {
        let tries = Cell::new(0);
        let step = || async {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err::<(), _>("busy") } else { Err("broken") }
        };
        assert_eq!(retry_from(Duration::ZERO, |e| *e == "busy", step).await, Err("broken"));
        assert_eq!(tries.get(), 3);
    }
}
