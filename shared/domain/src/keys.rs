//! Names of the objects in the lake bucket. Nothing else formats or parses them.

use std::fmt;
use std::str::FromStr;

use crate::ids::{Digest, Epoch, GroupName, Ordinal, ParseError, StreamName};
use crate::position::Range;

/// A calendar day (UTC), `2026-01-31`, on which a batch was begun; part of a raw object's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    days: i64,
}

impl Day {
    /// The day on which the instant falls, given in milliseconds since 1970-01-01T00:00:00Z.
    pub const fn of_millis(millis: i64) -> Self {
        Self { days: millis.div_euclid(86_400_000) }
    }

    /// Year, month and day of the proleptic Gregorian calendar.
    /// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    fn civil(self) -> (i64, i64, i64) {
        let z = self.days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// `raw/stream=<s>/date=<d>/<epoch>-<ordinal>-<digest>.parquet`: one batch, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawKey {
    /// The batch's stream.
    pub stream: StreamName,
    /// The day on which the bridge cut the batch, as text.
    pub day: String,
    /// The bridge's reign.
    pub epoch: Epoch,
    /// The batch's number within the reign.
    pub ordinal: Ordinal,
    /// First half of the frame's digest, 32 hexadecimal digits.
    pub digest: String,
}

impl RawKey {
    /// The key of a batch; `opened_at` is when the first message of the batch was taken in (milliseconds since 1970 UTC).
    pub fn new(stream: &StreamName, opened_at: i64, epoch: Epoch, ordinal: Ordinal, digest: &Digest) -> Self {
        Self {
            stream: stream.clone(),
            day: Day::of_millis(opened_at).to_string(),
            epoch,
            ordinal,
            digest: digest.short(),
        }
    }
}

impl fmt::Display for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, day, epoch, ordinal, digest } = self;
        write!(f, "raw/stream={stream}/date={day}/{epoch}-{ordinal}-{digest}.parquet")
    }
}

impl FromStr for RawKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new(text, "raw/stream=<s>/date=<d>/<epoch>-<ordinal>-<digest>.parquet");
        let rest = text.strip_prefix("raw/stream=").ok_or_else(wrong)?;
        let (stream, rest) = rest.split_once("/date=").ok_or_else(wrong)?;
        let (day, rest) = rest.split_once('/').ok_or_else(wrong)?;
        let rest = rest.strip_suffix(".parquet").ok_or_else(wrong)?;
        let mut parts = rest.splitn(3, '-');
        let (Some(epoch), Some(ordinal), Some(digest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let is_day = day.len() == 10
            && day.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        let is_digest = digest.len() == 32 && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !is_day || !is_digest {
            return Err(wrong());
        }
        Ok(Self {
            stream: stream.parse()?,
            day: day.to_owned(),
            epoch: epoch.parse()?,
            ordinal: ordinal.parse()?,
            digest: digest.to_owned(),
        })
    }
}

/// `raw-oversize/stream=<s>/<digest>`: the body of one message that is too large for an invoke.
pub fn oversize(stream: &StreamName, digest: &Digest) -> String {
    format!("raw-oversize/stream={stream}/{digest}")
}

/// `definitions/<digest>.yaml`: the copy that is kept of a definition, for the runs that use it. What was deployed,
/// `config/<digest>.yaml`, is gone once the next one is.
pub fn kept_definition(deployed: &str) -> String {
    let name = deployed.rsplit_once('/').map_or(deployed, |(_, name)| name);
    format!("definitions/{name}")
}

/// `staged/<group>/<lo>-<hi>/e<epoch>/<attempt>/`: everything that one attempt of a run writes.
pub fn attempt(group: &GroupName, range: Range, epoch: Epoch, attempt: &str) -> String {
    format!("staged/{group}/{range}/e{epoch}/{attempt}/")
}

/// `tables/<table>/`: where an Iceberg table keeps its metadata and its consolidated data.
pub fn table(table: &str) -> String {
    format!("tables/{table}/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days() {
        let day = |millis| Day::of_millis(millis).to_string();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!(day(951_782_400_000), "2000-02-29");
        assert_eq!(day(1_798_761_599_999), "2026-12-31");
    }

    #[test]
    fn foreign_keys_are_refused() {
        for key in
            ["", "raw/stream=a/date=2026-01-01/1-1.parquet", "staged/x", "raw/stream=A/date=2026-01-01/1-1-00.parquet"]
        {
            assert!(key.parse::<RawKey>().is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn raw_keys_round_trip(stream in "[a-z][a-z0-9_]{0,20}", at in 0i64..4_000_000_000_000, epoch: u64, ordinal: u64, digest: [u8; 32]) {
            let stream = stream.parse().unwrap();
            let key = RawKey::new(&stream, at, Epoch(epoch), Ordinal(ordinal), &Digest(digest));
            prop_assert_eq!(key.to_string().parse::<RawKey>().unwrap(), key);
        }

        #[test]
        fn digests_round_trip(digest: [u8; 32]) {
            let digest = Digest(digest);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
    }
}
