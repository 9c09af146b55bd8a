//! Checks that a text is JSON, in one pass, and notes where its values stand.

use super::problem::Reason;

/// Deepest nesting that is read. Deeper bodies are no states of entities but attacks on the stack; serde_json's limit.
const MAX_DEPTH: usize = 128;

/// Where a value stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// How many of the notes that follow are of values within this one.
    pub inside: usize,
}

/// What a value is, as far as its first bytes and its escapes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    True,
    False,
    Number,
    /// A string without an escape.
    Plain,
    /// A string with an escape.
    Escaped,
    Array,
    Object,
}

/// Notes the value that a text consists of, and all that is within it, in the text's order. Names of fields are noted as
/// strings. Only an object is read to the text's end: the caller refuses anything else.
pub(super) fn scan(text: &str, notes: &mut Vec<Note>) -> Result<(), Reason> {
    notes.clear();
    let mut scanner = Scanner { text, at: 0, notes };
    scanner.value(0)?;
    if scanner.notes.first().is_some_and(|note| note.kind == Kind::Object) {
        scanner.space();
        if scanner.peek().is_some() {
            return Err(scanner.wrong("nothing after the object"));
        }
    }
    Ok(())
}

/// A place in a text, and what was found before it.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    notes: &'a mut Vec<Note>,
}

impl Scanner<'_> {
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
            Some(found) => {
                Reason::new(format!("not JSON: expected {expected}"), format!(", found {found:?} at byte {}", self.at))
            }
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

    fn value(&mut self, depth: usize) -> Result<(), Reason> {
        self.space();
        let (start, note) = (self.at, self.notes.len());
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => {
                self.note(Kind::Object, start);
                self.object(depth)?;
                self.end(note);
                Ok(())
            }
            Some(b'[') => {
                self.note(Kind::Array, start);
                self.array(depth)?;
                self.end(note);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    /// Notes a value that ends here.
    fn note(&mut self, kind: Kind, start: usize) {
        self.notes.push(Note { kind, start, end: self.at, inside: 0 });
    }

    /// The container with this note ends here.
    fn end(&mut self, note: usize) {
        let inside = self.notes.len() - note - 1;
        if let Some(note) = self.notes.get_mut(note) {
            (note.end, note.inside) = (self.at, inside);
        }
    }

    fn word(&mut self) -> Result<(), Reason> {
        let start = self.at;
        for (word, kind) in [("null", Kind::Null), ("true", Kind::True), ("false", Kind::False)] {
            if self.text.as_bytes()[start..].starts_with(word.as_bytes()) {
                self.at += word.len();
                self.note(kind, start);
                return Ok(());
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

    fn number(&mut self) -> Result<(), Reason> {
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
        self.note(Kind::Number, start);
        Ok(())
    }

    fn string(&mut self) -> Result<(), Reason> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += ordinary(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.note(if escaped { Kind::Escaped } else { Kind::Plain }, start);
                    return Ok(());
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
    fn name(&mut self) -> Result<(), Reason> {
        self.space();
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a field's name in quotes"));
        }
        self.string()?;
        self.expect(b':', "a colon")
    }
}

/// How many bytes a string begins with that stand for themselves, eight looked at together: most of a body is such text.
fn ordinary(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // The high bit of each byte that is zero, and perhaps of some after the first of them.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = zero(word ^ (ONES * u64::from(b'"')));
        let escapes = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quotes | escapes | control;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    bytes.len() - rest.len() + rest.iter().position(special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ordinary_bytes_end_where_the_first_other_stands(bytes in prop::collection::vec(prop_oneof![4 => 0x1eu8..0x24, 1 => 0x5au8..0x5e, 9 => any::<u8>()], 0..40)) {
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            prop_assert_eq!(ordinary(&bytes), bytes.iter().position(special).unwrap_or(bytes.len()));
        }
    }
}
