//! What a value looks like.

/// A double holds every whole number up to this one.
pub(super) const EXACT: u64 = 1 << 53;

/// What a value that is not null looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Boolean,
    /// A whole number that a double holds.
    Long,
    /// Another whole number of 64 bits.
    Wide,
    /// A whole number beyond.
    Huge,
    /// Another number.
    Double,
    /// Another number with more digits than a double keeps.
    Precise,
    /// Text like `12.50`.
    Decimal,
    /// Text like `2026-01-31`.
    Date,
    /// Text like `2026-01-31T12:00:00Z`.
    Timestamp,
    /// The same without a zone.
    LocalTimestamp,
    /// Any other text.
    Text,
    List,
    Object,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Long | Self::Wide | Self::Huge => "whole number",
            Self::Double | Self::Precise => "number",
            Self::Decimal => "decimal text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::LocalTimestamp => "timestamp without a zone",
            Self::Text => "text",
            Self::List => "list",
            Self::Object => "object",
        }
    }

    pub const fn is_text(self) -> bool {
        matches!(self, Self::Decimal | Self::Date | Self::Timestamp | Self::LocalTimestamp | Self::Text)
    }
}

/// The digits of a text that writes a decimal number, and nothing but one: no leading zeros, always a point.
pub(super) fn decimal(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let natural = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    (natural && digits(fraction)).then_some((whole, fraction))
}

/// The kind of a text that writes a day or an instant.
pub(super) fn time(text: &str) -> Option<Kind> {
    let number = |range: std::ops::Range<usize>, low: u32, high: u32| {
        let digits = text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok().filter(|n| (low..=high).contains(n))
    };
    let is = |at: usize, among: &[u8]| text.as_bytes().get(at).is_some_and(|byte| among.contains(byte));
    number(0..4, 0, 9999)?;
    number(5..7, 1, 12)?;
    number(8..10, 1, 31)?;
    if !is(4, b"-") || !is(7, b"-") {
        return None;
    }
    if text.len() == 10 {
        return Some(Kind::Date);
    }
    number(11..13, 0, 23)?;
    number(14..16, 0, 59)?;
    number(17..19, 0, 60)?;
    if !is(10, b"T ") || !is(13, b":") || !is(16, b":") {
        return None;
    }
    let rest = text.get(19..)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return None;
            }
            zone
        }
        None => rest,
    };
    let offset = rest.strip_prefix(['+', '-']).is_some_and(|offset| {
        let digits: Vec<u8> = offset.bytes().filter(|byte| *byte != b':').collect();
        matches!(offset.len(), 4 | 5) && digits.len() == 4 && digits.iter().all(u8::is_ascii_digit)
    });
    match rest {
        "" => Some(Kind::LocalTimestamp),
        "Z" => Some(Kind::Timestamp),
        _ if offset => Some(Kind::Timestamp),
        _ => None,
    }
}
