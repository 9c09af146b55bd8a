//! `foz infer`: proposes columns for messages.

mod proposal;
mod shape;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, bail};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::proposal::{Distinct, Proposal};
use self::shape::Shape;
use crate::End;
use crate::arguments::Infer;
use crate::output::{Output, complain};
use crate::progress::Progress;

pub fn run(what: &Infer, output: Output) -> anyhow::Result<End> {
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
    if let Some(first) = seen.first_odd {
        complain(&format!(
            "foz: {} lines are not JSON objects, the first is line {first}; such messages would be quarantined",
            seen.odd
        ));
    }
    let distinct = |member: &str| seen.distinct.get(member).map(Distinct::count);
    let proposal = Proposal::of(&name, seen.messages, &seen.shape, distinct);
    if output.json {
        output.value(&json_of(&proposal))?;
    } else {
        output.text(&proposal.yaml())?;
    }
    Ok(End::Well)
}

/// What the lines hold.
#[derive(Debug, Default)]
struct Seen {
    messages: u64,
    shape: Shape,
    distinct: HashMap<String, Distinct>,
    /// Lines that are no objects.
    odd: u64,
    first_odd: Option<u64>,
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
            let text = line.trim_ascii();
            if !text.is_empty() && !seen.add(text) {
                seen.odd += 1;
                seen.first_odd.get_or_insert(number);
            }
        }
    }

    /// Takes a message in; false if it is no object.
    fn add(&mut self, line: &[u8]) -> bool {
        // Read whole before it is taken in, so that a broken line leaves nothing behind.
        let Ok(members) = serde_json::from_slice::<HashMap<String, &RawValue>>(line) else { return false };
        let Ok(text) = std::str::from_utf8(line) else { return false };
        if self.shape.add_object(text).is_err() {
            return false;
        }
        for (name, value) in members {
            self.distinct.entry(name).or_default().add(value.get());
        }
        self.messages += 1;
        true
    }
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
