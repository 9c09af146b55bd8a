//! Names of the objects in the lake bucket. Nothing else formats or parses them.

use std::fmt;
use std::str::FromStr;

use crate::ids::{AttemptId, Digest, Epoch, GroupName, Ordinal, ParseError, StreamName, text_id};
use crate::position::Range;
use crate::time::Timestamp;

/// A calendar day (UTC), `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    days: i64,
}

impl Day {
    /// The day on which the instant falls.
    pub const fn of(instant: Timestamp) -> Self {
        Self { days: instant.0.div_euclid(86_400_000) }
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

/// The key of a raw object, which holds one batch, byte for byte:
/// `raw/stream=<s>/date=<d>/<epoch>-<ordinal>-<digest>.parquet`.
///
/// It is made of a batch or parsed, and so is always one that [`FromStr`] accepts and [`Display`](fmt::Display) gives back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawKey {
    stream: StreamName,
    /// The day on which the batch's first message was taken in, as text.
    day: String,
    epoch: Epoch,
    ordinal: Ordinal,
    /// The first half of the frame's digest, 32 hexadecimal digits.
    digest: String,
}

impl RawKey {
    /// The batch's stream.
    pub const fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// The key of a batch; `opened_at` is when the first message of the batch was taken in.
    pub fn new(stream: &StreamName, opened_at: Timestamp, epoch: Epoch, ordinal: Ordinal, digest: &Digest) -> Self {
        Self { stream: stream.clone(), day: Day::of(opened_at).to_string(), epoch, ordinal, digest: digest.short() }
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

text_id! {
    /// The key of the copy of a definition that is kept for the jobs that use it: `definitions/<digest>.yaml`.
    DefinitionKey, is_key, "the key of a definition"
}
text_id! {
    /// The key of the list of the files that one attempt staged: `staged/<group>/<lo>-<hi>/e<epoch>/<attempt>/manifest.json`.
    ManifestKey, is_key, "the key of a manifest"
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

impl DefinitionKey {
    /// The key under which the definition that is deployed as `config/<digest>.yaml` is kept. What was deployed is gone
    /// once the next definition is.
    pub fn kept(deployed: &str) -> Self {
        let name = deployed.rsplit_once('/').map_or(deployed, |(_, name)| name);
        Self(format!("definitions/{name}"))
    }
}

impl ManifestKey {
    /// The key of the manifest of the attempt that writes below `prefix`.
    pub fn below(prefix: &str) -> Self {
        Self(format!("{prefix}manifest.json"))
    }
}

/// `staged/<group>/<lo>-<hi>/e<epoch>/<attempt>/`: everything that one attempt of a run writes.
pub fn attempt(group: &GroupName, range: Range, epoch: Epoch, attempt: &AttemptId) -> String {
    format!("staged/{group}/{range}/e{epoch}/{attempt}/")
}

/// `tables/<table>/`: where an Iceberg table keeps its metadata and its consolidated data.
pub fn table(table: &str) -> String {
    format!("tables/{table}/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Sequence;
    use proptest::prelude::*;

    #[test]
    fn days() {
        let day = |millis| Day::of(Timestamp(millis)).to_string();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!(day(951_782_400_000), "2000-02-29");
        assert_eq!(day(1_798_761_599_999), "2026-12-31");
    }

    #[test]
    fn keys_of_definitions_and_manifests() {
        assert_eq!(DefinitionKey::kept("config/1.yaml").as_str(), "definitions/1.yaml");
        let range = Range::new(Sequence(0), Sequence(2)).unwrap();
        let prefix = attempt(&"a".parse().unwrap(), range, Epoch(3), &"x".parse().unwrap());
        assert_eq!(ManifestKey::below(&prefix).as_str(), "staged/a/0-2/e3/x/manifest.json");
        assert!("".parse::<ManifestKey>().is_err());
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
            let key = RawKey::new(&stream, Timestamp(at), Epoch(epoch), Ordinal(ordinal), &Digest(digest));
            prop_assert_eq!(key.to_string().parse::<RawKey>().unwrap(), key);
        }

        #[test]
        fn digests_round_trip(digest: [u8; 32]) {
            let digest = Digest(digest);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
    }
}
