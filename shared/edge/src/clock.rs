//! The only clock. Everything else takes `now` as a value.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
///
/// A machine whose clock stands before 1970 reads 0: nothing in Foz relies on a clock for safety.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock; callers pass the value on")]
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_in_milliseconds() {
        // 2020-01-01 and 2100-01-01: seconds or microseconds would fall outside.
        assert!((1_577_836_800_000..4_102_444_800_000).contains(&super::now()));
    }
}
