//! Pauses with jitter, so that those who collided do not collide again.

use std::time::Duration;

use rand::Rng;

/// Between half and one and a half times `mean`.
pub fn jittered(mean: Duration) -> Duration {
    mean.mul_f64(rand::rng().random_range(0.5..1.5))
}
