//! The days and instants that a table holds: the years 1 to 9999 in UTC, which every reader knows.

use std::ops::RangeInclusive;

/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// 0001-01-01 and 9999-12-31, in days since 1970-01-01.
pub(crate) const DAYS: RangeInclusive<i32> = -719_162..=2_932_896;

/// Their first and last microsecond, in microseconds since 1970-01-01T00:00:00.
pub(crate) const MICROS: RangeInclusive<i64> = *DAYS.start() as i64 * DAY..=(*DAYS.end() as i64 + 1) * DAY - 1;

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};

    use super::*;

    #[test]
    fn the_first_and_the_last_instant() {
        let day = |days: i32| (NaiveDate::default() + chrono::TimeDelta::days(i64::from(days))).to_string();
        assert_eq!((day(*DAYS.start()), day(*DAYS.end())), ("0001-01-01".to_owned(), "9999-12-31".to_owned()));
        let instant = |micros| DateTime::from_timestamp_micros(micros).unwrap().to_rfc3339();
        assert_eq!(instant(*MICROS.start()), "0001-01-01T00:00:00+00:00");
        assert_eq!(instant(*MICROS.end()), "9999-12-31T23:59:59.999999+00:00");
    }
}
