//! Numbers as people read them.

use foz_domain::Timestamp;
use foz_domain::keys::Day;
use indicatif::HumanCount;

/// A count with its thousands separated: `12,345`.
pub fn count(n: u64) -> String {
    HumanCount(n).to_string()
}

/// A size with two or three digits, in powers of a thousand: `1.2 MB`.
///
/// `indicatif::DecimalBytes` writes two decimals always (`12.35 kB`, `999.60 kB`), which makes columns wide for no use.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    let mut value = n as f64;
    let mut unit = "B";
    for next in UNITS {
        // What would be shown as 1000 belongs to the next unit.
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    if unit == "B" || value >= 99.95 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// `45 s`, `3 min`, `2 h`, `5 d`: milliseconds in the largest unit that has at least two of it.
pub fn duration(millis: u64) -> String {
    match millis / 1000 {
        s if s < 120 => format!("{s} s"),
        s if s < 7_200 => format!("{} min", s / 60),
        s if s < 172_800 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// `2026-01-31T12:00:00.000Z`
pub fn instant(instant: Timestamp) -> String {
    let millis = instant.0;
    let of_day = millis.rem_euclid(86_400_000);
    let (hours, minutes, seconds) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", Day::of(instant), of_day % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_000, 12_345, 999_600, u64::MAX].map(bytes),
            ["0 B", "999 B", "1.0 kB", "12.3 kB", "1.0 MB", "18447 PB"]
        );
        assert_eq!(
            [5, 119_999, 120_000, 7_200_000, 172_800_000].map(duration),
            ["0 s", "119 s", "2 min", "2 h", "2 d"]
        );
        assert_eq!(instant(Timestamp(951_782_461_007)), "2000-02-29T00:01:01.007Z");
    }
}
