//! Instants. Clocks decide only when something is tried, never what is true: they may go back, and no calculation fails.

use std::fmt;
use std::str::FromStr;

use crate::ids::ParseError;

/// An instant: milliseconds since 1970-01-01T00:00:00Z. `Display` and `FromStr` are that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant in microseconds since 1970 UTC, the unit of all tables. The only place that converts.
    pub const fn micros(self) -> i64 {
        self.0.saturating_mul(1_000)
    }

    /// Milliseconds from `earlier` until this instant; 0 if the clock went back in between.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// The instant that many milliseconds later.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add_unsigned(millis))
    }

    /// The instant that many milliseconds earlier.
    #[must_use]
    pub const fn minus(self, millis: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |_| ParseError::new(text, "an instant in milliseconds since 1970 UTC");
        text.parse().map(Self).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_makes_no_time_pass_and_nothing_overflows() {
        assert_eq!(Timestamp(7).since(Timestamp(5)), 2);
        assert_eq!(Timestamp(5).since(Timestamp(7)), 0);
        assert_eq!(Timestamp(i64::MIN).since(Timestamp(i64::MAX)), 0);
        assert_eq!(Timestamp(5).plus(u64::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MAX).micros(), i64::MAX);
        assert_eq!(Timestamp(-5).to_string().parse(), Ok(Timestamp(-5)));
    }
}
