//! An object's fields: those that are declared, and what is left of it without them.

use std::borrow::Cow;
use std::collections::HashMap;

use super::problem::{DecodeProblem, Reason, shorten};
use super::tape::{Container, Text, Token, fields};

/// The declared names of an object's fields.
pub(super) struct FieldNames {
    index: HashMap<String, usize>,
    names: Vec<String>,
}

/// An object's fields: the declared ones by number, and the others.
#[derive(Default)]
pub(super) struct Object<'a> {
    declared: Vec<Option<Token<'a>>>,
    others: Vec<(Text<'a>, Token<'a>)>,
}

impl<'a> Object<'a> {
    /// The declared field, null if it is missing.
    pub fn get(&self, index: usize) -> Token<'a> {
        self.declared.get(index).copied().flatten().unwrap_or(Token::Null)
    }
}

impl FieldNames {
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<String> = names.into_iter().collect();
        Self { index: names.iter().cloned().zip(0..).collect(), names }
    }

    /// Reads an object. A name that occurs twice is refused: JSON does not say which value counts.
    pub fn read<'a>(&self, container: Container<'a>) -> Result<Object<'a>, Reason> {
        let mut object = Object { declared: vec![None; self.names.len()], others: Vec::new() };
        let mut others = Vec::new();
        let mut next = 0;
        fields(container, |name, token| {
            let value = name.value()?;
            // Publishers write the same fields in the same order: look there first.
            let index = match self.names.get(next) {
                Some(expected) if *expected == *value => Some(next),
                _ => self.index.get(&*value).copied(),
            };
            let Some(index) = index else {
                others.push(value);
                object.others.push((name, token));
                return Ok(());
            };
            next = index + 1;
            match object.declared[index].replace(token) {
                None => Ok(()),
                Some(_) => Err(twice(&value)),
            }
        })?;
        distinct(others)?;
        Ok(object)
    }
}

/// Refuses a name that occurs twice.
pub(super) fn distinct(mut names: Vec<Cow<'_, str>>) -> Result<(), Reason> {
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map_or(Ok(()), |pair| Err(twice(&pair[0])))
}

fn twice(name: &str) -> Reason {
    Reason::new("a field occurs twice in one object", format!(": {:?}", shorten(name)))
}

/// Writes a JSON object whose members may turn out to be empty; nothing at all if all do.
pub(super) struct Members<'a> {
    out: &'a mut String,
    start: usize,
}

impl<'a> Members<'a> {
    pub fn new(out: &'a mut String) -> Self {
        Self { start: out.len(), out }
    }

    /// Adds a member if `write` says that it wrote one.
    pub fn add(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut String) -> Result<bool, DecodeProblem>,
    ) -> Result<(), DecodeProblem> {
        let before = self.out.len();
        self.open();
        write_quoted(self.out, name);
        self.close(before, write)
    }

    /// Adds a member whose name is already in quotes.
    pub fn add_quoted(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut String) -> Result<bool, DecodeProblem>,
    ) -> Result<(), DecodeProblem> {
        let before = self.out.len();
        self.open();
        self.out.push_str(name);
        self.close(before, write)
    }

    fn open(&mut self) {
        self.out.push(if self.out.len() == self.start { '{' } else { ',' });
    }

    fn close(
        &mut self,
        before: usize,
        write: impl FnOnce(&mut String) -> Result<bool, DecodeProblem>,
    ) -> Result<(), DecodeProblem> {
        self.out.push(':');
        let written = write(self.out);
        if !matches!(written, Ok(true)) {
            self.out.truncate(before);
        }
        written.map(|_| ())
    }

    /// Adds the fields that were not declared, as written.
    pub fn rest(&mut self, object: &Object<'_>) {
        for (name, token) in &object.others {
            self.open();
            self.out.push_str(name.quoted());
            self.out.push(':');
            self.out.push_str(token.raw());
        }
    }

    /// Says whether anything was written.
    pub fn finish(self) -> bool {
        let any = self.out.len() > self.start;
        if any {
            self.out.push('}');
        }
        any
    }
}

fn write_quoted(out: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
