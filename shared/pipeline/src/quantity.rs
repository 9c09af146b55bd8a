//! Durations (`60s`, `5m`, `1h`, `30d`) and sizes (`500MB`, `2GiB`): whole numbers with a unit.

use std::time::Duration;

const DURATIONS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(value: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().find(|(_, factor)| value > 0 && value.is_multiple_of(*factor));
    let (name, factor) = fits.or(units.last()).copied().unwrap_or(("", 1));
    format!("{}{name}", value / factor)
}

/// Reads a duration in whole seconds. `None` if the text is not one.
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &DURATIONS).map(Duration::from_secs)
}

/// The shortest text that [`parse_duration`] reads as the same whole seconds.
pub fn show_duration(duration: Duration) -> String {
    show(duration.as_secs(), &DURATIONS)
}

/// Reads a size in bytes. `None` if the text is not one.
pub fn parse_size(text: &str) -> Option<u64> {
    parse(text, &SIZES)
}

/// The shortest exact text that [`parse_size`] reads as the same number of bytes.
pub fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units() {
        assert_eq!(parse_duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(parse_duration("30 d"), Some(Duration::from_secs(2_592_000)));
        assert_eq!(parse_size("2GiB"), Some(2_147_483_648));
        assert_eq!(parse_size("500MB"), Some(500_000_000));
        for text in ["", "60", "s", "1.5h", "-1s", "5 min", "5M", "99999999999999999999s", "9999999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(show_duration(Duration::from_secs(90)), "90s");
        assert_eq!(show_duration(Duration::from_secs(86_400)), "1d");
        assert_eq!(show_size(1 << 31), "2GiB");
    }

    proptest! {
        #[test]
        fn durations_round_trip(seconds: u64) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }

        #[test]
        fn sizes_round_trip(bytes: u64) {
            prop_assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
        }
    }
}
