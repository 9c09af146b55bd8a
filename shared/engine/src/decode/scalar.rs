//! JSON values to values of one type: exact, or not at all. Nothing is rounded, clipped or guessed; what does not fit
//! is a reason for quarantine.
//!
//! - Numbers are taken from their text, also when it stands in quotes (publishers quote what JavaScript cannot hold).
//! - A whole number may be written `1.0` or `1e3`.
//! - A string takes any value: what is not a string is kept as written, as Spark's `from_json` does.
//! - A timestamp is RFC 3339 text; without a zone it is taken as UTC. Numbers are refused, as nothing says whether they
//!   count seconds or milliseconds: declare the column `long`, and convert it in the transform.

use std::fmt::Display;

use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::DECIMAL128_MAX_PRECISION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveDate, Utc};

use super::scan::Reason;
use super::tape::{Token, kind};

/// Longest part of a value that a reason repeats, in characters.
const SHOWN: usize = 60;

fn wrong(token: &Token<'_>, expected: impl Display) -> Reason {
    format!("expected {expected}, found {} {}", kind(token), shorten(token.raw())).into()
}

pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text of a number, in quotes or not.
fn number<T>(token: &Token<'_>, expected: impl Display + Copy, read: impl Fn(&str) -> Option<T>) -> Result<T, Reason> {
    let value = match token {
        Token::Number(text) => read(text),
        Token::String(text) => read(&text.value()?),
        _ => None,
    };
    value.ok_or_else(|| wrong(token, expected))
}

pub(super) fn boolean(token: &Token<'_>) -> Result<bool, Reason> {
    match token {
        Token::Bool(value) => Ok(*value),
        // A map's key is always a string.
        Token::String(text) if text.value()? == "true" => Ok(true),
        Token::String(text) if text.value()? == "false" => Ok(false),
        _ => Err(wrong(token, "true or false")),
    }
}

/// A whole number within the limits of `T`, which is called `name`.
pub(super) fn integer<T: TryFrom<i128>>(token: &Token<'_>, name: &'static str) -> Result<T, Reason> {
    number(token, format_args!("a whole number within the limits of {name}"), |text| {
        let value = match text.parse::<i64>() {
            Ok(value) if !text.starts_with('+') => i128::from(value),
            _ => unscaled(text, 0)?,
        };
        T::try_from(value).ok()
    })
}

pub(super) fn double(token: &Token<'_>) -> Result<f64, Reason> {
    number(token, "a number within the limits of double", |text| match special(text) {
        Some(value) => Some(value),
        None => text.parse().ok().filter(|value: &f64| value.is_finite() && is_number(text)),
    })
}

pub(super) fn float(token: &Token<'_>) -> Result<f32, Reason> {
    number(token, "a number within the limits of float", |text| match special(text) {
        Some(value) => Some(value as f32),
        None => text.parse().ok().filter(|value: &f32| value.is_finite() && is_number(text)),
    })
}

/// The value of a text that stands for a number which JSON cannot write, in Spark's spelling; `None` if it is another
/// text.
fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Whether JSON reads the text as a number, given that Rust does: Rust reads `inf`, `+1` and `1.` too.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit())
}

pub(super) fn decimal(token: &Token<'_>, precision: u8, scale: i8) -> Result<i128, Reason> {
    let limit = 10i128.pow(u32::from(precision));
    number(token, format_args!("a number that decimal({precision},{scale}) holds exactly"), |text| {
        unscaled(text, scale).filter(|value| value.abs() < limit)
    })
}

/// The number that `text` writes, times 10^`scale`; `None` if that is not whole or does not fit.
fn unscaled(text: &str, scale: i8) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = |&byte: &u8| byte != b'0';
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let Some(first) = digits.iter().position(significant) else { return Some(0) };
    let last = digits.iter().rposition(significant).unwrap_or(first);
    // The zeros at both ends go, and what the last ones stood for moves into the power of ten.
    let dropped = i64::try_from(digits.len() - 1 - last).ok()?;
    let power = i64::from(exponent) + i64::from(scale) - i64::try_from(fraction.len()).ok()? + dropped;
    let significant = &digits[first..=last];
    if significant.len() > usize::from(DECIMAL128_MAX_PRECISION) {
        return None;
    }
    let value = significant.iter().fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let value = value.checked_mul(10i128.checked_pow(u32::try_from(power).ok()?)?)?;
    Some(if negative { -value } else { value })
}

/// Days since 1970-01-01.
pub(super) fn date(token: &Token<'_>) -> Result<i32, Reason> {
    let read = |text: &str| {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
    };
    text(token, "a date, YYYY-MM-DD", read)
}

/// Microseconds since 1970-01-01T00:00:00Z; what is finer is cut off.
pub(super) fn timestamp(token: &Token<'_>) -> Result<i64, Reason> {
    let read = |text: &str| string_to_datetime(&Utc, text).ok().map(|instant| instant.timestamp_micros());
    text(token, "a timestamp as RFC 3339 text", read)
}

/// Microseconds since 1970-01-01T00:00:00 on a clock of no zone.
pub(super) fn local_timestamp(token: &Token<'_>) -> Result<i64, Reason> {
    let zoned = |text: &str| text.len() > 10 && text[10..].contains(['Z', 'z', '+', '-']);
    let read = |text: &str| {
        string_to_datetime(&Utc, text).ok().filter(|_| !zoned(text)).map(|instant| instant.timestamp_micros())
    };
    text(token, "a timestamp without a zone, YYYY-MM-DDTHH:MM:SS", read)
}

fn text<T>(token: &Token<'_>, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Reason> {
    let value = match token {
        Token::String(text) => read(&text.value()?),
        _ => None,
    };
    value.ok_or_else(|| wrong(token, expected))
}

pub(super) fn binary(token: &Token<'_>) -> Result<Vec<u8>, Reason> {
    text(token, "bytes in Base64", |text| STANDARD.decode(text).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_to_their_limits() {
        assert_eq!(integer(&Token::Number("9223372036854775807"), "long"), Ok(i64::MAX));
        assert_eq!(integer(&Token::Number("-9223372036854775808"), "long"), Ok(i64::MIN));
        assert_eq!(integer(&Token::Number("-1.50e2"), "int"), Ok(-150));
        assert_eq!(integer(&Token::Number("0.000"), "int"), Ok(0));
        for text in ["9223372036854775808", "1.5", "1e19", "1e-1", "1e999999999", "1e99999999999"] {
            assert!(integer::<i64>(&Token::Number(text), "long").is_err(), "{text}");
        }
        assert_eq!(
            integer::<i8>(&Token::Number("128"), "int8").unwrap_err(),
            "expected a whole number within the limits of int8, found a number 128"
        );
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        let decimal = |text| decimal(&Token::Number(text), 5, 2).ok();
        assert_eq!(decimal("123.45"), Some(12_345));
        assert_eq!(decimal("-0.5"), Some(-50));
        assert_eq!(decimal("1.2300"), Some(123));
        assert_eq!(decimal("9.9999e2"), Some(99_999));
        for text in ["1.234", "1000", "1e3", "1e-3"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn only_json_spells_doubles() {
        assert_eq!(double(&Token::Number("1e999")).ok(), None);
        for text in ["inf", "+1", "1.", ".5", "nan", ""] {
            assert_eq!(unquoted(text, double).ok(), None, "{text}");
        }
        assert!(unquoted("NaN", double).unwrap().is_nan());
    }

    /// Reads a value that stands in quotes.
    fn unquoted<T>(text: &str, read: impl Fn(&Token<'_>) -> Result<T, Reason>) -> Result<T, Reason> {
        let quoted = serde_json::json!({ "v": text }).to_string();
        let mut found = None;
        let mut tape = super::super::tape::Tape::default();
        super::super::tape::fields(tape.read(&quoted)?, |_, token| {
            found = Some(read(&token));
            Ok(())
        })?;
        found.unwrap()
    }

    #[test]
    fn instants() {
        let micros = |text| unquoted(text, timestamp).ok();
        assert_eq!(micros("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(micros("1970-01-01T01:00:01.000001+01:00"), Some(1_000_001));
        assert_eq!(micros("1970-01-01 00:00:01"), Some(1_000_000));
        assert_eq!(micros("1969-12-31T23:59:59.999Z"), Some(-1_000));
        assert_eq!(micros("yesterday"), None);
        assert_eq!(timestamp(&Token::Number("1700000000")).ok(), None);
        assert_eq!(unquoted("2026-02-29", date).ok(), None);
        assert_eq!(unquoted("1969-12-31", date).ok(), Some(-1));
        assert_eq!(unquoted("1970-01-01T00:00:01", local_timestamp).ok(), Some(1_000_000));
        assert_eq!(unquoted("1970-01-01T00:00:01Z", local_timestamp).ok(), None);
    }

    proptest! {
        #[test]
        fn integers_round_trip(value: i64) {
            prop_assert_eq!(integer(&Token::Number(&value.to_string()), "long"), Ok(value));
        }

        #[test]
        fn doubles_round_trip(value in any::<f64>()) {
            prop_assert_eq!(double(&Token::Number(&serde_json::to_string(&value).unwrap())), Ok(value));
        }

        #[test]
        fn decimals_round_trip(value in -(10i128.pow(38) - 1)..10i128.pow(38), scale in 0i8..38) {
            let digits = format!("{:0>1$}", value.unsigned_abs(), scale as usize + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
            let text = format!("{}{whole}{}{fraction}", if value < 0 { "-" } else { "" }, if scale > 0 { "." } else { "" });
            prop_assert_eq!(decimal(&Token::Number(&text), 38, scale), Ok(value));
        }
    }
}
