//! A JSON reader that hands out what it finds as slices of the text: no tree, no allocation per value, and numbers as
//! they were written, so that 64-bit integers and decimals stay exact.
//!
//! A container is checked when it is met and returned as a slice. A caller that needs its content reads the slice again.

use std::borrow::Cow;

/// Deepest nesting that is read. Deeper bodies are no states of entities but attacks on the stack; serde_json's limit.
const MAX_DEPTH: usize = 128;

/// Why a text is not JSON as we take it.
pub(super) type Reason = Cow<'static, str>;

/// One JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Null,
    Bool(bool),
    /// The number as written.
    Number(&'a str),
    String(Text<'a>),
    /// The array as written, brackets included.
    Array(&'a str),
    /// The object as written, braces included.
    Object(&'a str),
}

impl<'a> Token<'a> {
    /// The value as written.
    pub fn raw(&self) -> &'a str {
        match self {
            Token::Null => "null",
            Token::Bool(true) => "true",
            Token::Bool(false) => "false",
            Token::Number(text) | Token::Array(text) | Token::Object(text) => text,
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

/// A place in a text.
#[derive(Clone)]
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn wrong(&self, expected: &str) -> Reason {
        match self.text[self.at..].chars().next() {
            Some(found) => format!("not JSON: expected {expected}, found {found:?} at byte {}", self.at).into(),
            None => format!("not JSON: expected {expected}, but the text ends").into(),
        }
    }

    /// Skips white space and takes `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, expected: &str) -> Result<(), Reason> {
        if self.take(byte) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn value(&mut self, depth: usize) -> Result<Token<'a>, Reason> {
        self.space();
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string().map(Token::String),
            Some(b'{') => {
                self.object(depth)?;
                Ok(Token::Object(&self.text[start..self.at]))
            }
            Some(b'[') => {
                self.array(depth)?;
                Ok(Token::Array(&self.text[start..self.at]))
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Token<'a>, Reason> {
        for (word, token) in [("null", Token::Null), ("true", Token::Bool(true)), ("false", Token::Bool(false))] {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(token);
            }
        }
        Err(self.wrong("a value"))
    }

    fn digits(&mut self) -> Result<(), Reason> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<&'a str, Reason> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.wrong("no digit after a leading zero"));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn string(&mut self) -> Result<Text<'a>, Reason> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Text { quoted: &self.text[start..self.at], escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                        Some(b'u') => {
                            let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
                            if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                                return Err(self.wrong("four hexadecimal digits after u"));
                            }
                            self.at += 5;
                        }
                        _ => return Err(self.wrong("an escape")),
                    }
                }
                Some(0..=0x1f) => return Err(self.wrong("an escaped control character")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("a closing quote")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Reason> {
        self.descend(depth)?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.name()?;
            self.value(depth + 1)?;
            if !self.take(b',') {
                return self.expect(b'}', "a comma or a closing brace");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Reason> {
        self.descend(depth)?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if !self.take(b',') {
                return self.expect(b']', "a comma or a closing bracket");
            }
        }
    }

    fn descend(&mut self, depth: usize) -> Result<(), Reason> {
        if depth >= MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels").into());
        }
        self.at += 1;
        Ok(())
    }

    /// A field's name and the colon after it.
    fn name(&mut self) -> Result<Text<'a>, Reason> {
        self.space();
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a field's name in quotes"));
        }
        let name = self.string()?;
        self.expect(b':', "a colon")?;
        Ok(name)
    }
}

/// Calls `field` for every field of an object, in order. White space may surround the object, nothing else.
pub(super) fn fields<'a>(
    text: &'a str,
    mut field: impl FnMut(Text<'a>, Token<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut scanner = Scanner { text, at: 0 };
    if !scanner.take(b'{') {
        let found = scanner.value(0)?;
        return Err(format!("expected an object, found {}", kind(&found)).into());
    }
    if !scanner.take(b'}') {
        loop {
            let name = scanner.name()?;
            field(name, scanner.value(1)?)?;
            if !scanner.take(b',') {
                scanner.expect(b'}', "a comma or a closing brace")?;
                break;
            }
        }
    }
    scanner.space();
    if scanner.peek().is_some() { Err(scanner.wrong("nothing after the object")) } else { Ok(()) }
}

/// Calls `item` for every item of an array that [`fields`] or [`items`] returned.
pub(super) fn items<'a>(
    text: &'a str,
    mut item: impl FnMut(usize, Token<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut scanner = Scanner { text, at: 1 };
    if scanner.take(b']') {
        return Ok(());
    }
    for index in 0.. {
        item(index, scanner.value(1)?)?;
        if !scanner.take(b',') {
            break;
        }
    }
    Ok(())
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
        fields(text, |name, token| {
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
            assert_eq!(read(text).unwrap_err(), reason, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_with_a_flat_stack() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(read(&deep).unwrap_err(), "nested deeper than 128 levels");
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
