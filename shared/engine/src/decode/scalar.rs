//! JSON values to values of one type: exact, or not at all. Nothing is rounded, clipped or guessed; what does not fit
//! is a reason for quarantine.
//!
//! - Numbers are taken from their text, also when it stands in quotes (publishers quote what JavaScript cannot hold).
//! - A whole number may be written `1.0` or `1e3`.
//! - A string takes any value: what is not a string is kept as written, as Spark's `from_json` does.
//! - A whole number that is written digit by digit is taken into a floating column only if that holds it.
//! - A timestamp is RFC 3339 text; without a zone it is taken as UTC. Numbers are refused, as nothing says whether they
//!   count seconds or milliseconds: declare the column `long`, and convert it in the transform.

use std::fmt::Display;

use arrow::datatypes::DECIMAL128_MAX_PRECISION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::problem::{Reason, shorten};
use super::tape::{Token, kind};
use super::time;

fn wrong(token: &Token<'_>, expected: impl Display) -> Reason {
    let kind = kind(token);
    Reason::new(format!("expected {expected}, found {kind}"), format!(" {}", shorten(token.raw())))
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
    number(token, "a number that double holds", |text| match special(text) {
        Some(value) => Some(value),
        None => text.parse().ok().filter(|value: &f64| value.is_finite() && is_number(text) && holds(text, *value)),
    })
}

pub(super) fn float(token: &Token<'_>) -> Result<f32, Reason> {
    number(token, "a number that float holds", |text| match special(text) {
        Some(value) => Some(value as f32),
        None => {
            let exact = |value: &f32| value.is_finite() && is_number(text) && holds(text, f64::from(*value));
            text.parse().ok().filter(exact)
        }
    })
}

/// Whether the text, if it writes a whole number digit by digit, is that very value: two identifiers must not fall
/// together. A fraction or an exponent says that the nearest value is meant.
fn holds(text: &str, value: f64) -> bool {
    let digit_by_digit = !text.contains(['e', 'E'])
        && text.split_once('.').is_none_or(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
    if !digit_by_digit {
        return true;
    }
    match unscaled(text, 0) {
        // Beyond the digits of a decimal: as the value is written out.
        None => format!("{value}") == text,
        Some(whole) => value as i128 == whole,
    }
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
    text(token, "a date, YYYY-MM-DD, in the years 1 to 9999", time::date)
}

/// Microseconds since 1970-01-01T00:00:00Z; what is finer is cut off.
pub(super) fn timestamp(token: &Token<'_>) -> Result<i64, Reason> {
    text(token, "a timestamp as RFC 3339 text, in the years 1 to 9999", time::instant)
}

/// Microseconds since 1970-01-01T00:00:00 on a clock of no zone.
pub(super) fn local_timestamp(token: &Token<'_>) -> Result<i64, Reason> {
    text(token, "a timestamp without a zone, YYYY-MM-DDTHH:MM:SS, in the years 1 to 9999", time::local)
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
            integer::<i8>(&Token::Number("128"), "int8").unwrap_err().to_string(),
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
    fn input_13_whole_numbers_are_exact_or_refused() {
        for text in ["9007199254740992", "-9007199254740994", "9223372036854775808", "1152921504606846976.0", "0", "-0"]
        {
            assert!(double(&Token::Number(text)).is_ok(), "{text}");
        }
        for text in ["9007199254740993", "-9007199254740993", "9007199254740993.0", "9223372036854775807"] {
            assert!(double(&Token::Number(text)).is_err(), "{text}");
            assert!(unquoted(text, double).is_err(), "{text}");
        }
        assert!(float(&Token::Number("16777216")).is_ok() && float(&Token::Number("16777217")).is_err());
        // So a double is written; the nearest one is meant.
        for text in ["1e23", "1.2345678901234567e+29", "0.1", "9007199254740993.5"] {
            assert!(double(&Token::Number(text)).is_ok(), "{text}");
        }
    }

    #[test]
    fn instants_are_texts() {
        assert_eq!(unquoted("1970-01-01T00:00:01Z", timestamp).ok(), Some(1_000_000));
        assert_eq!(timestamp(&Token::Number("1700000000")).ok(), None);
        assert_eq!(unquoted("1969-12-31", date).ok(), Some(-1));
        assert_eq!(unquoted("1970-01-01T00:00:01", local_timestamp).ok(), Some(1_000_000));
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
