//! From nodes to a definition. What concerns more than one stream is checked in [`crate::validate`].

use std::collections::{BTreeMap, BTreeSet};

use foz_domain::StreamName;

use crate::column::{Known, Named};
use crate::definition::{Broker, Stream};
use crate::names::{LakeName, reserved_stream};
use crate::section::{Reader, Section, join};
use crate::settings::Inherited;
use crate::types::DataType;
use crate::yaml::Node;

/// What could be read. Streams may lack what is wrong with them.
#[derive(Default)]
pub struct Draft {
    pub lake: Option<LakeName>,
    pub broker: Option<Broker>,
    pub streams: BTreeMap<StreamName, Stream>,
    /// Streams that have problems of their own.
    pub broken: BTreeSet<StreamName>,
}

impl Reader<'_> {
    pub fn definition(&mut self, root: &Node) -> Draft {
        let Some(mut top) = self.section(root, "") else { return Draft::default() };
        let lake = top.require(self, "lake", "flights").and_then(|node| {
            let expected = "a lake's name: a-z first, then a-z, 0-9 and _, at most 28 characters";
            self.parsed(node, "lake", |text| text.parse().ok(), expected)
        });
        let broker = match top.take(self, "broker") {
            Some(node) => self.broker(node),
            None => Some(Broker { secret: None, vhost: "/".to_owned() }),
        };
        let defaults = match top.take(self, "defaults").and_then(|node| self.section(node, "defaults")) {
            Some(mut section) => {
                let defaults = self.settings(&mut section, &Inherited::default());
                section.finish(self);
                defaults
            }
            None => Inherited::default(),
        };
        let mut draft = Draft { lake, broker, ..Draft::default() };
        let streams = top.require(
            self,
            "streams",
            "{ planes: { queue: planes.state, key: [tailnum], columns: { tailnum: string } } }",
        );
        if let Some(section) = streams.and_then(|node| self.section(node, "streams")) {
            if section.entries.is_empty() {
                self.wrong(section.place, "streams", "there are no streams", None);
            }
            for entry in section.named(self, "stream", reserved_stream) {
                let Ok(name) = entry.key.parse::<StreamName>() else { continue };
                let path = join("streams", &entry.key);
                let before = self.problems.len();
                if let Some(mut section) = self.section(&entry.value, &path) {
                    let stream = self.stream(name.clone(), &mut section, &defaults);
                    section.finish(self);
                    draft.streams.insert(name.clone(), stream);
                }
                let named_wrong = entry.unlike_text.is_some() || reserved_stream(name.as_str()).is_some();
                if self.problems.len() > before || named_wrong {
                    draft.broken.insert(name);
                }
            }
        }
        top.finish(self);
        draft
    }

    fn broker(&mut self, node: &Node) -> Option<Broker> {
        let mut section = self.section(node, "broker")?;
        let secret = section.text(self, "secret").map(str::to_owned);
        let vhost = section.text(self, "vhost").unwrap_or("/").to_owned();
        section.finish(self);
        Some(Broker { secret, vhost })
    }

    fn stream(&mut self, name: StreamName, section: &mut Section<'_>, defaults: &Inherited) -> Stream {
        let at = |key: &str| join(&section.path, key);
        let (queue_at, key_at, columns_at, references_at) = (at("queue"), at("key"), at("columns"), at("references"));
        let (version_at, delete_at, transform_at) = (at("version"), at("delete_when"), at("transform"));
        // An AMQP short string.
        let short =
            |text: &str| ((1..=255).contains(&text.len()) && !text.starts_with("amq.")).then(|| text.to_owned());
        let queue = section.require(self, "queue", &format!("{name}.state")).and_then(|node| {
            self.parsed(node, &queue_at, short, "a queue's name: 1 to 255 bytes, not beginning with amq.")
        });
        let columns = section.require(self, "columns", "{ id: string }");
        let columns = columns.and_then(|node| self.columns(node, &columns_at));
        // What a broken list of columns holds is not known, so nothing is said to be missing from it.
        let known: Option<Known<'_>> =
            columns.as_ref().map(|columns| columns.iter().map(|column| (column.name.as_str(), &column.ty)).collect());
        let key = section.require(self, "key", "[id]").and_then(|node| {
            let key = self.texts(node, &key_at)?;
            self.key(&key, &key_at, known.as_ref());
            Some(key)
        });
        let references = match section.take(self, "references") {
            Some(node) => self.references(node, &references_at, known.as_ref()),
            None => Vec::new(),
        };
        let version = section.take(self, "version");
        let version = version.and_then(|node| self.text_or_word(node, &version_at)).map(str::to_owned);
        if let (Some(version), Some(known)) = (&version, &known) {
            let named = Named { name: version, path: &version_at };
            self.usable(&named, known, DataType::can_be_version, "decide which state is newer");
        }
        let delete_when = section.take(self, "delete_when");
        let delete_when = delete_when.and_then(|node| self.text_or_word(node, &delete_at)).map(str::to_owned);
        let transform = section.take(self, "transform").and_then(|node| self.transform(node, &transform_at));
        let description = self.description(section);
        let settings = self.settings(section, defaults).settings;
        let (queue, key, columns) = (queue.unwrap_or_default(), key.unwrap_or_default(), columns.unwrap_or_default());
        Stream { name, description, queue, key, columns, references, version, delete_when, transform, settings }
    }

    fn key(&mut self, key: &[String], path: &str, known: Option<&Known<'_>>) {
        if key.is_empty() {
            self.wrong_at(path, "the key has no columns", None);
        }
        for (i, name) in key.iter().enumerate() {
            if key[..i].contains(name) {
                self.wrong_at(path, format!("the key names \"{name}\" twice"), None);
            } else if let Some(known) = known {
                self.usable(&Named { name, path }, known, DataType::can_be_key, "identify an entity");
            }
        }
    }

    fn transform(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.text(node, path)?;
        if is_query(text) {
            return Some(text.to_owned());
        }
        if !text.ends_with(".sql") || text.contains('\n') {
            let what = "the transform is neither SQL nor the name of an SQL file";
            let instead = "begin with SELECT, or name a file that ends in .sql";
            self.wrong(node.place, path, what, Some(instead.to_owned()));
            return None;
        }
        match (self.sql)(text) {
            Ok(sql) => Some(sql),
            Err(why) => {
                let instead = "the name is relative to the folder of the definition".to_owned();
                self.wrong(node.place, path, format!("cannot read \"{text}\": {why}"), Some(instead));
                None
            }
        }
    }
}

/// Whether the text begins with SELECT or WITH, comments and brackets aside. The planner says why WITH is not possible.
fn is_query(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else if let Some(rest) = rest.strip_prefix('(') {
            rest
        } else {
            break;
        }
        .trim_start();
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    matches!(word.to_ascii_uppercase().as_str(), "SELECT" | "WITH")
}
