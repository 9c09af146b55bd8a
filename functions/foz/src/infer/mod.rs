//! `foz infer`: proposes columns for messages.

mod kind;
mod proposal;
mod shape;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, bail};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::proposal::{Distinct, Proposal};
use self::shape::{Names, Shape};
use crate::arguments::InferArgs;
use crate::cli_status::CliStatus;
use crate::output::{Printer, complain};
use crate::progress::Progress;

/// The deepest nesting of a body that is not quarantined.
const DEEPEST: usize = 128;
/// The bytes with which some programs begin a file in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub fn run(what: &InferArgs, output: Printer) -> anyhow::Result<CliStatus> {
    let (input, size, name): (Box<dyn Read>, _, _) = if what.file.as_os_str() == "-" {
        (Box::new(io::stdin()), None, "messages".to_owned())
    } else {
        let file = File::open(&what.file).with_context(|| format!("opening {}", what.file.display()))?;
        let size = file.metadata().ok().map(|metadata| metadata.len());
        let name =
            what.file.file_stem().map_or_else(|| "messages".to_owned(), |stem| stem.to_string_lossy().into_owned());
        (Box::new(file), size, name)
    };
    let seen = Seen::read(input, Progress::new(size, "reading"))?;
    if seen.messages == 0 {
        let file = if what.file.as_os_str() == "-" { "standard input".into() } else { what.file.to_string_lossy() };
        bail!("{file} holds no JSON objects, one a line");
    }
    seen.complain();
    let distinct = |member: &str| seen.distinct.get(member).map(Distinct::count);
    let proposal = Proposal::of(&name, seen.messages, &seen.shape, distinct);
    if output.json {
        output.value(&json_of(&proposal))?;
    } else {
        output.text(&proposal.yaml())?;
    }
    Ok(CliStatus::Ok)
}

/// What the lines hold.
#[derive(Debug, Default)]
struct Seen {
    messages: u64,
    shape: Shape,
    distinct: HashMap<String, Distinct>,
    /// Lines that are no objects, or nested too deep.
    odd: Lines,
    /// Lines with an object that has a name twice.
    twice: Lines,
    /// The file begins with a byte order mark.
    marked: bool,
}

/// How many lines, and the first of them.
#[derive(Debug, Default)]
struct Lines {
    count: u64,
    first: u64,
}

impl Lines {
    fn add(&mut self, number: u64) {
        if self.count == 0 {
            self.first = number;
        }
        self.count += 1;
    }

    /// What the lines are; `None` if there are none.
    fn describe(&self, one: &str, many: &str) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(format!("line {} {one}", self.first)),
            n => Some(format!("{n} lines {many}, the first is line {}", self.first)),
        }
    }
}

impl Seen {
    fn read(input: impl Read, mut progress: Progress) -> anyhow::Result<Self> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        let mut seen = Self::default();
        let (mut number, mut read) = (0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let n = input.read_until(b'\n', &mut line).context("reading the messages")?;
            if n == 0 {
                return Ok(seen);
            }
            (number, read) = (number + 1, read + n as u64);
            progress.at(read);
            let mut text = line.as_slice();
            if let (1, Some(rest)) = (number, text.strip_prefix(BYTE_ORDER_MARK)) {
                (seen.marked, text) = (true, rest);
            }
            let text = text.trim_ascii();
            if !text.is_empty() {
                seen.line(number, text);
            }
        }
    }

    fn line(&mut self, number: u64, text: &[u8]) {
        match self.add(text) {
            None => self.odd.add(number),
            Some(Names::Twice) => self.twice.add(number),
            Some(Names::Once) => {}
        }
    }

    /// Takes a message in; `None` if it is no object that could be read.
    fn add(&mut self, line: &[u8]) -> Option<Names> {
        // Read whole before it is taken in, so that a broken line leaves nothing behind.
        if nests_deeper(line, DEEPEST) {
            return None;
        }
        let members = serde_json::from_slice::<HashMap<String, &RawValue>>(line).ok()?;
        let names = self.shape.add_object(std::str::from_utf8(line).ok()?).ok()?;
        for (name, value) in members {
            self.distinct.entry(name).or_default().add(value.get());
        }
        self.messages += 1;
        Some(names)
    }

    /// Says which lines would not become rows.
    fn complain(&self) {
        let odd = self.odd.describe("is no JSON object", "are not JSON objects");
        if let Some(odd) = odd {
            complain(&format!("foz: {odd}; such messages would be quarantined"));
        }
        let twice = self.twice.describe("has a name twice in an object", "have a name twice in an object");
        if let Some(twice) = twice {
            complain(&format!("foz: {twice}; such messages would be quarantined if a column reads that object"));
        }
        if self.marked {
            complain("foz: line 1 begins with a byte order mark; remove it, or that message would be quarantined");
        }
    }
}

/// Whether arrays and objects nest deeper than `limit`; of a text that is no JSON, the answer may be either.
fn nests_deeper(text: &[u8], limit: usize) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

fn json_of(proposal: &Proposal) -> Value {
    let columns = proposal.columns.iter().map(|column| {
        json!({
            "name": column.name,
            "type": column.ty.to_string(),
            "from": column.from.to_string(),
            "without": column.without,
            "distinct": column.distinct,
            "remarks": column.remarks,
        })
    });
    json!({
        "stream": proposal.name,
        "messages": proposal.messages,
        "keys": proposal.keys,
        "versions": proposal.versions,
        "columns": columns.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_texts() {
        assert!(!nests_deeper(br#"{"a":[{},{}],"[[[\"[[[":"{{{\\"}"#, 3));
        assert!(nests_deeper(br#"{"a":[{},{}],"[[[\"[[[":"{{{\\"}"#, 2));
    }

    #[test]
    fn lines_that_quarantine_would_take_are_odd() {
        let nested = |depth: usize| format!("{}1{}\n", "{\"a\":".repeat(depth), "}".repeat(depth));
        let lists = format!("{{\"b\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let input = format!("{}{}{}{lists}", nested(DEEPEST), nested(DEEPEST + 1), nested(100_000));
        let seen = Seen::read(input.as_bytes(), Progress::new(None, "reading")).unwrap();
        assert_eq!((seen.messages, seen.odd.count, seen.odd.first), (1, 3, 2));
    }
}
