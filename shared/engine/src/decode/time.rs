//! Days and instants from their text, in exactly the forms that `docs/pipeline.md` names.

use chrono::NaiveDate;

use crate::calendar::{DAY, DAYS, MICROS, SECOND};

/// Days since 1970-01-01 of `YYYY-MM-DD`. `None` if the text is not that, or a day before the year 1.
pub(super) fn date(text: &str) -> Option<i32> {
    let mut text = Digits(text.as_bytes());
    let day = text.day()?;
    (text.0.is_empty() && DAYS.contains(&day)).then_some(day)
}

/// Microseconds since 1970-01-01T00:00:00Z of RFC 3339 text, whose zone may be missing. `None` if the text is not that,
/// or an instant that is not in the years 1 to 9999 in UTC.
pub(super) fn instant(text: &str) -> Option<i64> {
    let mut text = Digits(text.as_bytes());
    let (day, time) = (text.day()?, text.time()?);
    let ahead = text.zone()?;
    fitting(&text, day, time, ahead)
}

/// Microseconds since 1970-01-01T00:00:00 of the same text without a zone.
pub(super) fn local(text: &str) -> Option<i64> {
    let mut text = Digits(text.as_bytes());
    let (day, time) = (text.day()?, text.time()?);
    fitting(&text, day, time, 0)
}

fn fitting(rest: &Digits<'_>, day: i32, time: i64, ahead: i64) -> Option<i64> {
    let micros = i64::from(day) * DAY + time - ahead;
    (rest.0.is_empty() && MICROS.contains(&micros)).then_some(micros)
}

/// What is left to be read.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn take(&mut self, wanted: &[u8]) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        wanted.contains(first).then(|| self.0 = rest)
    }

    /// A number of just so many digits, up to `most`.
    fn number(&mut self, digits: usize, most: u32) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let number = number
            .iter()
            .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))?;
        self.0 = rest;
        (number <= most).then_some(number)
    }

    fn day(&mut self) -> Option<i32> {
        let year = self.number(4, 9999)?;
        self.take(b"-")?;
        let month = self.number(2, 12)?;
        self.take(b"-")?;
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, self.number(2, 31)?)?;
        let days = i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()?;
        // A zone may yet bring an instant of the year 0 into the year 1.
        (DAYS.contains(&days) || days == DAYS.start() - 1).then_some(days)
    }

    /// Microseconds of the day; midnight if no time follows.
    fn time(&mut self) -> Option<i64> {
        if self.0.is_empty() {
            return Some(0);
        }
        self.take(b"Tt ")?;
        let hour = self.number(2, 23)?;
        self.take(b":")?;
        let minute = self.number(2, 59)?;
        self.take(b":")?;
        // A leap second is the first of the next minute.
        let second = self.number(2, 60)?;
        let mut micros = i64::from((hour * 60 + minute) * 60 + second) * SECOND;
        if self.take(b".").is_some() {
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, rest) = self.0.split_at(digits);
            if fraction.is_empty() {
                return None;
            }
            let mut unit = SECOND;
            for digit in fraction {
                unit /= 10;
                micros += i64::from(digit - b'0') * unit;
            }
            self.0 = rest;
        }
        Some(micros)
    }

    /// How far the zone's clocks are ahead of UTC, in microseconds; nothing if no zone follows.
    fn zone(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.take(b"Zz").is_some() {
            return Some(0);
        }
        // A space may stand before the offset.
        let _ = self.take(b" ");
        let sign = if self.take(b"-").is_some() { -1 } else { self.take(b"+").map(|()| 1)? };
        let hours = self.number(2, 23)?;
        let colon = self.take(b":").is_some();
        let minutes = if self.0.is_empty() && !colon { 0 } else { self.number(2, 59)? };
        Some(sign * i64::from(hours * 60 + minutes) * 60 * SECOND)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn input_14_days_have_one_form_and_the_years_1_to_9999() {
        assert_eq!(date("1969-12-31"), Some(-1));
        assert_eq!(date("0001-01-01"), Some(*DAYS.start()));
        assert_eq!(date("9999-12-31"), Some(*DAYS.end()));
        for text in [
            "",
            "0000-12-31",
            "+12026-01-01",
            "12026-01-01",
            "-0001-01-01",
            "2026-1-1",
            "2026-02-29",
            "2026-01-01Z",
            " 2026-01-01",
            "2026-01-01 ",
            "2026-01-01T00:00:00",
            "20260101",
            "２026-01-01",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn input_14_instants_are_in_the_years_1_to_9999_in_utc() {
        for (text, micros) in [
            ("1970-01-01T00:00:01Z", 1_000_000),
            ("1970-01-01t01:00:01.000001+01:00", 1_000_001),
            ("1970-01-01 00:00:01", 1_000_000),
            ("1970-01-01", 0),
            ("1969-12-31T23:59:59.999Z", -1_000),
            ("1969-12-31T23:59:59.9999999z", -1),
            ("1970-01-01T01:00:00+0100", 0),
            ("1970-01-01 01:00:00+01", 0),
            ("1969-12-31 20:30:00 -03:30", 0),
            ("1969-12-31T23:59:60Z", 0),
            ("0000-12-31T23:00:00-01:00", *MICROS.start()),
            ("9999-12-31T23:59:59.999999Z", *MICROS.end()),
        ] {
            assert_eq!(instant(text), Some(micros), "{text}");
        }
        for text in [
            "0001-01-01T00:00:00+02:00",
            "0000-01-01T00:00:00Z",
            "0000-12-31",
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:60Z",
            "2026-07-01T12:00",
            "2026-07-01T24:00:00Z",
            "2026-07-01T12:00:00.Z",
            "2026-07-01T12:00:00+",
            "2026-07-01T12:00:00+1",
            "2026-07-01T12:00:00+01:",
            "2026-07-01T12:00:00+24:00",
            "2026-07-01T12:00:00ZZ",
            "2026-07-01T120000Z",
            "yesterday",
            "",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn input_12_no_form_names_a_zone() {
        for zone in ["Europe/Berlin", "America/New_York", "Brazil/East", "UTC", "CET"] {
            for text in [format!("2026-07-01 12:00:00 {zone}"), format!("2026-07-01T12:00:00{zone}")] {
                assert_eq!((instant(&text), local(&text)), (None, None), "{text}");
            }
        }
        assert_eq!(local("1970-01-01T00:00:01"), Some(1_000_000));
        for text in
            ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01z", "1970-01-01T00:00:01+00:00", "1970-01-01T00:00:01-01"]
        {
            assert_eq!(local(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn instants_round_trip(micros in MICROS, ahead in -1439i32..1440) {
            let zone = chrono::FixedOffset::east_opt(ahead * 60).unwrap();
            let text = DateTime::from_timestamp_micros(micros).unwrap().with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Micros, true);
            // Chrono writes a sign before a year of five digits.
            if text.len() <= 32 && !text.starts_with(['+', '-']) {
                prop_assert_eq!(instant(&text), Some(micros), "{}", text);
            }
        }

        #[test]
        fn no_text_is_fatal(text in "[0-9TZ:. +-]{0,40}|.{0,20}") {
            let _ = (date(&text), instant(&text), local(&text));
        }
    }
}
