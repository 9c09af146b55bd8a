//! A JSON reader that hands out what it finds as slices of the text: no tree, no allocation per value, and numbers as
//! they were written, so that 64-bit integers and decimals stay exact.
//!
//! A text is read once; what a container holds is then walked by the notes of that reading, so that a value costs the same
//! at any depth.

use std::borrow::Cow;
use std::fmt;

use super::problem::Reason;
use super::scan::{Kind, Note, scan};

/// One JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Null,
    Bool(bool),
    /// The number as written.
    Number(&'a str),
    String(Text<'a>),
    Array(Container<'a>),
    Object(Container<'a>),
}

impl<'a> Token<'a> {
    /// The value as written.
    pub fn raw(&self) -> &'a str {
        match self {
            Token::Null => "null",
            Token::Bool(true) => "true",
            Token::Bool(false) => "false",
            Token::Number(text) => text,
            Token::Array(container) | Token::Object(container) => container.raw,
            Token::String(text) => text.quoted,
        }
    }
}

/// A JSON string, still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<'a> {
    quoted: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The string as written, with its quotes.
    pub fn quoted(&self) -> &'a str {
        self.quoted
    }

    /// The string's value.
    pub fn value(&self) -> Result<Cow<'a, str>, Reason> {
        if self.escaped {
            serde_json::from_str::<String>(self.quoted)
                .map(Cow::Owned)
                .map_err(|_| "a string holds half of a surrogate pair".into())
        } else {
            Ok(Cow::Borrowed(&self.quoted[1..self.quoted.len() - 1]))
        }
    }
}

/// An array or an object, and what it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Container<'a> {
    /// As written, with its brackets or braces.
    raw: &'a str,
    /// The text in which the notes say where values stand.
    text: &'a str,
    /// Notes of all that is within, at any depth.
    inside: &'a [Note],
}

impl fmt::Debug for Container<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw)
    }
}

/// The notes of one text at a time; kept from text to text for its memory.
#[derive(Debug, Default)]
pub(super) struct Tape(Vec<Note>);

impl Tape {
    /// Reads an object. White space may surround it, nothing else.
    pub fn read<'a>(&'a mut self, text: &'a str) -> Result<Container<'a>, Reason> {
        scan(text, &mut self.0)?;
        match (Walk { text, notes: &self.0 }).next() {
            Some(Token::Object(object)) => Ok(object),
            other => Err(format!("expected an object, found {}", other.as_ref().map_or("nothing", kind)).into()),
        }
    }
}

/// Goes over values that stand beside each other.
struct Walk<'a> {
    text: &'a str,
    notes: &'a [Note],
}

impl<'a> Iterator for Walk<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (&Note { kind, start, end, inside }, rest) = self.notes.split_first()?;
        let raw = &self.text[start..end];
        let (inside, rest) = rest.split_at(inside);
        self.notes = rest;
        let container = Container { raw, text: self.text, inside };
        Some(match kind {
            Kind::Null => Token::Null,
            Kind::True => Token::Bool(true),
            Kind::False => Token::Bool(false),
            Kind::Number => Token::Number(raw),
            Kind::Plain => Token::String(Text { quoted: raw, escaped: false }),
            Kind::Escaped => Token::String(Text { quoted: raw, escaped: true }),
            Kind::Array => Token::Array(container),
            Kind::Object => Token::Object(container),
        })
    }
}

/// Calls `field` for every field of an object, in order.
pub(super) fn fields<'a>(
    object: Container<'a>,
    mut field: impl FnMut(Text<'a>, Token<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut walk = Walk { text: object.text, notes: object.inside };
    while let (Some(Token::String(name)), Some(value)) = (walk.next(), walk.next()) {
        field(name, value)?;
    }
    Ok(())
}

/// Calls `item` for every item of an array.
pub(super) fn items<'a>(
    array: Container<'a>,
    mut item: impl FnMut(usize, Token<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let walk = Walk { text: array.text, notes: array.inside };
    walk.enumerate().try_for_each(|(index, token)| item(index, token))
}

/// What a value is, in words.
pub(super) fn kind(token: &Token<'_>) -> &'static str {
    match token {
        Token::Null => "null",
        Token::Bool(_) => "a boolean",
        Token::Number(_) => "a number",
        Token::String(_) => "a string",
        Token::Array(_) => "an array",
        Token::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, Reason> {
        let mut found = Vec::new();
        let mut tape = Tape::default();
        fields(tape.read(text)?, |name, token| {
            found.push((name.value()?.into_owned(), token.raw().to_owned()));
            Ok(())
        })?;
        Ok(found)
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn numbers_stay_as_written() {
        let found = read(r#" { "a" : 9223372036854775808, "b": 1.10, "c":-0.5e-7 } "#).unwrap();
        assert_eq!(
            found.iter().map(|(_, raw)| raw.as_str()).collect::<Vec<_>>(),
            ["9223372036854775808", "1.10", "-0.5e-7"]
        );
    }

    #[test]
    fn what_is_not_json_says_why() {
        for (text, reason) in [
            ("", "not JSON: expected a value, but the text ends"),
            ("[1]", "expected an object, found an array"),
            ("{\"a\":01}", "not JSON: expected no digit after a leading zero, found '1' at byte 6"),
            ("{\"a\":1,}", "not JSON: expected a field's name in quotes, found '}' at byte 7"),
            ("{\"a\":1} x", "not JSON: expected nothing after the object, found 'x' at byte 8"),
            ("{\"a\":\"\u{1}\"}", "not JSON: expected an escaped control character, found '\\u{1}' at byte 6"),
            ("{\"\\ud800\":1}", "a string holds half of a surrogate pair"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), reason, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_with_a_flat_stack() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(read(&deep).unwrap_err().to_string(), "nested deeper than 128 levels");
    }

    #[test]
    fn what_is_within_is_walked_without_reading_again() {
        let mut tape = Tape::default();
        for (text, expected) in [
            (r#"{"a":[1,{"b":[[],{}]},"x\\"],"c":{"d":{"e":null}}}"#, r#"{a:[1,{b:[[],{}]},"x\\"],c:{d:{e:null}}}"#),
            (r#" { "a" : [ true , [ false ] ] } "#, "{a:[true,[false]]}"),
        ] {
            assert_eq!(written(Token::Object(tape.read(text).unwrap())), expected);
        }
    }

    /// What is found on the tape, written without quotes around names and without white space.
    fn written(token: Token<'_>) -> String {
        let mut parts = Vec::new();
        match token {
            Token::Object(object) => {
                fields(object, |name, value| {
                    parts.push(format!("{}:{}", name.value()?, written(value)));
                    Ok(())
                })
                .unwrap();
                format!("{{{}}}", parts.join(","))
            }
            Token::Array(array) => {
                items(array, |_, value| {
                    parts.push(written(value));
                    Ok(())
                })
                .unwrap();
                format!("[{}]", parts.join(","))
            }
            other => other.raw().to_owned(),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(value in prop::collection::hash_map(any::<String>(), json(), 0..5)) {
            let value = Value::Object(value.into_iter().collect());
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let mut found: Vec<_> = read(&text).unwrap().into_iter().map(|(name, raw)| (name, serde_json::from_str::<Value>(&raw).unwrap())).collect();
                let mut expected: Vec<_> = serde_json::from_str::<serde_json::Map<String, Value>>(&text).unwrap().into_iter().collect();
                found.sort_by(|a, b| a.0.cmp(&b.0));
                expected.sort_by(|a, b| a.0.cmp(&b.0));
                prop_assert_eq!(found, expected);
            }
        }

        /// Any damage to a text is judged as serde_json judges it.
        #[test]
        fn refuses_what_serde_json_refuses(value in prop::collection::hash_map("[a-z\\\\\"]{0,3}", json(), 0..4), at in any::<prop::sample::Index>(), byte in "[ -~]") {
            let mut text = Value::Object(value.into_iter().collect()).to_string();
            let at = text.char_indices().map(|(at, _)| at).nth(at.index(text.chars().count())).unwrap();
            let end = at + text[at..].chars().next().unwrap().len_utf8();
            text.replace_range(at..end, &byte);
            let theirs = serde_json::from_str::<std::collections::HashMap<String, &serde_json::value::RawValue>>(&text);
            prop_assert_eq!(read(&text).is_ok(), theirs.is_ok(), "{}", text);
        }
    }
}
