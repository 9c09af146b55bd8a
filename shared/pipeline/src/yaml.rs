//! YAML as a tree of nodes that know where they stand. Anchors, aliases and merge keys are resolved, duplicate keys reported.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use crate::problem::{Place, Problem};

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

/// What stands in a place.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Scalar(String),
    /// `on`, `yes`, `true` and their like, without quotes. YAML 1.2 knows only some of them as booleans, YAML 1.1 all.
    Boolean(String),
    List(Vec<Node>),
    Map(Vec<MapEntry>),
}

/// A key of a mapping and its value.
#[derive(Debug, Clone)]
pub struct MapEntry {
    pub key: String,
    /// What the key is to other readers of the file, if that is no text.
    pub unlike_text: Option<&'static str>,
    pub place: Place,
    pub value: Node,
}

impl Node {
    /// What the node is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a text",
            Value::Boolean(_) => "a boolean",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Definitions nest about six deep; the limit keeps recursion over trees harmless.
const MAX_DEPTH: usize = 32;
/// Aliases of aliases can blow up a small file; no definition comes near this many nodes.
const MAX_NODES: usize = 1_000_000;

/// Reads one document. Duplicate keys are reported beside the tree; the first of them counts.
pub fn parse(text: &str) -> (Option<Node>, Vec<Problem>) {
    let mut builder =
        Builder { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, problems: Vec::new() };
    let root = builder.document().map_err(|problem| builder.problems.push(problem)).ok().flatten();
    (root, builder.problems)
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    problems: Vec<Problem>,
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

/// What a scalar without quotes is.
pub fn plain(text: String) -> Value {
    const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let capital = text.starts_with(|c: char| c.is_ascii_uppercase());
    let rest = text.get(1..).unwrap_or_default();
    let one_case = rest == rest.to_ascii_lowercase() || (capital && rest == rest.to_ascii_uppercase());
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        _ if one_case && BOOLEANS.contains(&text.to_ascii_lowercase().as_str()) => Value::Boolean(text),
        _ => Value::Scalar(text),
    }
}

fn problem(place: Place, what: impl Into<String>, instead: Option<&str>) -> Problem {
    Problem { place, path: String::new(), what: what.into(), instead: instead.map(str::to_owned) }
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(problem(place(error.marker()), format!("not YAML: {}", error.info()), None)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Problem> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::StreamStart | Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::DocumentStart(_), span) if root.is_some() => {
                    return Err(problem(
                        place(&span.start),
                        "a second document begins here",
                        Some("keep one per file"),
                    ));
                }
                (Event::DocumentStart(_), _) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 0)?);
                }
                (_, span) => return Err(problem(place(&span.start), "not YAML: a document should begin here", None)),
            }
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Node, Problem> {
        let at = place(&span.start);
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(problem(at, "the file nests too deep or is too large", None));
        }
        let before = self.nodes;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let text = text.into_owned();
                (anchor, if style == ScalarStyle::Plain { plain(text) } else { Value::Scalar(text) })
            }
            Event::SequenceStart(anchor, _) => (anchor, Value::List(self.list(depth)?)),
            Event::MappingStart(anchor, _) => (anchor, Value::Map(self.map(depth)?)),
            Event::Alias(anchor) => {
                // An anchor's own content may not name it: it is stored only when complete.
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err(problem(at, "the alias names no anchor that ends before it", None));
                };
                self.nodes += size;
                return Ok(Node { place: at, value: node.value.clone() });
            }
            _ => return Err(problem(at, "not YAML: a value should stand here", None)),
        };
        let node = Node { place: at, value };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<MapEntry>, Problem> {
        let mut entries: Vec<MapEntry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let event = self.next()?;
            if event.0 == Event::MappingEnd {
                break;
            }
            let key_node = self.node(event, depth + 1)?;
            let value_event = self.next()?;
            let value = self.node(value_event, depth + 1)?;
            let at = key_node.place;
            let (key, unlike_text) = match key_node.value {
                Value::Scalar(key) => (key, None),
                Value::Boolean(key) => (key, Some("a boolean")),
                Value::Null => ("null".to_owned(), Some("nothing")),
                _ => return Err(problem(at, "a key must be a text", None)),
            };
            if key == "<<" {
                merged.push(value);
            } else if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let what = format!("the key \"{key}\" stands here a second time, after line {}", first.place.line);
                self.problems.push(problem(at, what, Some("keep one of them")));
            } else {
                entries.push(MapEntry { key, unlike_text, place: at, value });
            }
        }
        for node in merged {
            self.merge(&mut entries, node);
        }
        Ok(entries)
    }

    /// `<<: *anchor` or a list of such: entries that the mapping does not have itself.
    fn merge(&mut self, entries: &mut Vec<MapEntry>, node: Node) {
        match node.value {
            Value::Map(more) => {
                for entry in more {
                    if entries.iter().all(|own| own.key != entry.key) {
                        entries.push(entry);
                    }
                }
            }
            Value::List(nodes) => nodes.into_iter().for_each(|node| self.merge(entries, node)),
            _ => self.problems.push(problem(node.place, "\"<<\" takes a mapping or a list of mappings", None)),
        }
    }
}
