//! The drain period: how old a batch gets.

use super::events::Millis;
use super::settings::ReignSettings;

/// How long a rate is averaged over before it replaces half of what was known.
const WINDOW: Millis = 1_000;

/// Bytes per second of a queue, as seen by its consumer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    since: Millis,
    bytes: u64,
    per_second: u64,
}

impl Rate {
    /// Counts `bytes` received at `now`.
    pub fn add(&mut self, now: Millis, bytes: u64) {
        let elapsed = now.saturating_sub(self.since);
        if elapsed >= WINDOW {
            let seen = self.bytes.saturating_mul(1_000) / elapsed;
            let known = self.per_second > 0 && elapsed < 2 * WINDOW;
            self.per_second = if known { (self.per_second + seen) / 2 } else { seen };
            (self.since, self.bytes) = (now, 0);
        }
        self.bytes += bytes;
    }

    /// `T = clamp(target_bytes / rate, min_latency, max_latency)`, and never above a quarter of the consumer timeout: busy
    /// queues are drained often, in batches of a good size; idle ones wait as long as they may, so that batches are few.
    pub fn drain_period(&self, settings: &ReignSettings, max_latency: Millis) -> Millis {
        let longest = max_latency.min(settings.consumer_timeout / 4);
        let full_after = settings.target_bytes.saturating_mul(1_000).checked_div(self.per_second).unwrap_or(longest);
        full_after.clamp(settings.min_latency.min(longest), longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(bytes_per_second: u64, max_latency: Millis) -> Millis {
        let mut rate = Rate::default();
        (0..100).for_each(|i| rate.add(i * 100, bytes_per_second / 10));
        rate.drain_period(&ReignSettings::default(), max_latency)
    }

    #[test]
    fn follows_the_rate() {
        assert_eq!(period(0, 20_000), 20_000, "an idle queue may wait");
        assert_eq!(period(1 << 20, 20_000), 8_000, "eight mebibytes at one per second");
        assert_eq!(period(1 << 30, 20_000), 50, "never below the shortest");
        assert_eq!(period(0, 10), 10, "the longest wins over the shortest");
        assert_eq!(period(0, 3_600_000), 450_000, "a quarter of the consumer timeout");
    }
}
