//! What is asked of a definition that a person has just written: limits, and names that everything else can take.

use std::time::Duration;

use foz_domain::groups;
use icu_normalizer::ComposingNormalizerBorrowed;

use crate::definition::{Stream, references};
use crate::limits::{self, Limit, parts};
use crate::quantity::show_duration;
use crate::read::Draft;
use crate::section::Reader;
use crate::types::DataType;

const DAY: u64 = 86_400;

impl Reader<'_> {
    /// Reports what goes beyond a limit, and names that the broker or Terraform would read as others.
    pub(crate) fn bounded(&mut self, draft: &Draft) {
        if let Some(broker) = &draft.broker {
            self.name_of_broker("broker.vhost", &broker.vhost);
            self.most("broker.vhost", &limits::VHOST, broker.vhost.len());
            if let Some(secret) = &broker.secret {
                self.name_of_broker("broker.secret", secret);
            }
        }
        for stream in draft.streams.values() {
            self.stream_bounded(stream);
        }
        for stream in draft.streams.values() {
            let Some(queue) = stream.queue.strip_suffix(limits::DEAD_LETTERS) else { continue };
            if let Some(other) = draft.streams.values().find(|other| other.queue == queue) {
                let what = format!("\"{}\" is the queue of {}'s dead letters", stream.queue, other.name);
                let instead = "give the stream a queue of its own".to_owned();
                self.wrong_at(&format!("streams.{}.queue", stream.name), what, Some(instead));
            }
        }
        for group in groups::groups(&references(draft.streams.values())).unwrap_or_default() {
            self.most(&format!("streams.{}", group.name), &limits::GROUP, group.streams.len());
        }
    }

    fn stream_bounded(&mut self, stream: &Stream) {
        let at = |key: &str| format!("streams.{}.{key}", stream.name);
        self.name_of_broker(&at("queue"), &stream.queue);
        self.most(&at("queue"), &limits::QUEUE, stream.queue.len());
        self.most(&at("columns"), &limits::COLUMNS, stream.columns.iter().map(|column| parts(&column.ty)).sum());
        self.most(&at("description"), &limits::DESCRIPTION, stream.description.as_ref().map_or(0, String::len));
        for column in &stream.columns {
            let path = at(&format!("columns.{}", column.name));
            let description = column.description.as_deref().unwrap_or_default();
            self.most(&format!("{path}.description"), &limits::COLUMN_DESCRIPTION, description.len());
            if description.chars().any(char::is_control) {
                let what = "a column's description stands in one line, as Glue keeps it";
                self.wrong_at(&format!("{path}.description"), what, None);
            }
            self.most(&format!("{path}.from"), &limits::PATH, column.from.steps().len());
            self.most(&path, &limits::TYPE_TEXT, column.ty.to_string().len());
            if let Some(name) = unnameable(&column.ty) {
                let what = format!("no struct can have a field named {name:?}");
                let instead = "declare the struct as string, which keeps the JSON text".to_owned();
                self.wrong_at(&path, what, Some(instead));
            }
        }
        for (key, sql) in [("transform", &stream.transform), ("delete_when", &stream.delete_when)] {
            self.most(&at(key), &limits::SQL, sql.as_ref().map_or(0, String::len));
        }
        let settings = &stream.settings;
        self.most(&at("retain.images"), &limits::IMAGES, settings.retain.images as usize);
        // What is derived of the latency is at most that.
        for (key, duration) in [
            ("max_latency", settings.max_latency),
            ("tombstones", settings.tombstones),
            ("retain.raw_to_glacier_after", settings.retain.raw_to_glacier_after),
        ] {
            if duration > Duration::from_secs(limits::DAYS.most as u64 * DAY) {
                let Limit { what, most, why } = limits::DAYS;
                let what = format!("{} is too long: {what} are {most} at most, as {why}", show_duration(duration));
                self.wrong_at(&at(key), what, None);
            }
        }
    }

    fn most(&mut self, path: &str, limit: &Limit, found: usize) {
        if found > limit.most {
            self.wrong_at(path, limit.exceeded_by(found), None);
        }
    }

    /// Reports a name that is not the same, or none, to the broker or to Terraform.
    fn name_of_broker(&mut self, path: &str, name: &str) {
        let wrong = if name == "." || name == ".." {
            "is a step to another folder where it stands in a URL, as in the broker's management API"
        } else if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            "holds a control character or a line end, which the broker drops or its tools do not show"
        } else if !ComposingNormalizerBorrowed::new_nfc().is_normalized(name) {
            "is not in Unicode's composed form (NFC), into which Terraform brings every text: it would name another one"
        } else {
            return;
        };
        self.wrong_at(path, format!("the name {name:?} {wrong}"), Some("choose another name".to_owned()));
    }
}

/// The first name of a field that files, Glue or a terminal cannot show.
fn unnameable(ty: &DataType) -> Option<&str> {
    match ty {
        DataType::List(element) => unnameable(element),
        DataType::Map(key, value) => unnameable(key).or_else(|| unnameable(value)),
        DataType::Struct(fields) => fields.iter().find_map(|field| {
            let odd = field.name.is_empty() || field.name.chars().any(char::is_control);
            if odd { Some(field.name.as_str()) } else { unnameable(&field.ty) }
        }),
        _ => None,
    }
}
