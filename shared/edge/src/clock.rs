//! The only clock. Everything else takes `now` as a value.

use foz_domain::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The present instant.
///
/// A machine whose clock stands before 1970 reads 0: nothing in Foz relies on a clock for safety.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock; callers pass the value on")]
pub fn now() -> Timestamp {
    let since_1970 =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    Timestamp(since_1970)
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_in_milliseconds() {
        // 2020-01-01 and 2100-01-01: seconds or microseconds would fall outside.
        assert!((1_577_836_800_000..4_102_444_800_000).contains(&super::now().0));
    }
}
