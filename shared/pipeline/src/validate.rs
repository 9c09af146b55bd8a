//! What concerns more than one stream: queues, references, cycles, doors.

use std::collections::BTreeMap;

use foz_domain::{StreamName, groups};

use crate::definition::{Stream, references};
use crate::problem::did_you_mean;
use crate::read::Draft;
use crate::reference::Reference;
use crate::section::Reader;
use crate::settings::Door;

impl Reader<'_> {
    /// Reports what is wrong between streams, and marks those that have it as broken.
    pub(crate) fn across(&mut self, draft: &mut Draft) {
        let mut broken = Vec::new();
        let mut queues: BTreeMap<&str, &Stream> = BTreeMap::new();
        for stream in draft.streams.values().filter(|stream| !stream.queue.is_empty()) {
            if let Some(first) = queues.insert(&stream.queue, stream) {
                let what = format!("the queue \"{}\" is already that of the stream {}", stream.queue, first.name);
                let instead = "give each stream a queue of its own: one queue has one ordered consumer".to_owned();
                self.wrong_at(&format!("streams.{}.queue", stream.name), what, Some(instead));
                broken.push(stream.name.clone());
            }
        }
        for name in draft.streams.keys() {
            let raw_of = |other: &&StreamName| other.raw().as_str() == name.as_str();
            let Some(other) = draft.streams.keys().find(raw_of) else { continue };
            let what = format!("queries call the raw layer of {other} \"{name}\"");
            self.wrong_at(&format!("streams.{name}"), what, Some("choose another name".to_owned()));
            broken.push(name.clone());
        }
        for stream in draft.streams.values() {
            for reference in &stream.references {
                let path = format!("streams.{}.references.{}", stream.name, reference.name);
                if let Some((what, instead)) = mismatch(draft, stream, reference) {
                    self.wrong_at(&path, what, instead);
                    broken.push(stream.name.clone());
                }
            }
        }
        for cycle in groups::groups(&references(draft.streams.values())).err().into_iter().flatten() {
            let Some((from, to)) = cycle.edge() else { continue };
            let shown: Vec<_> = cycle.streams.iter().chain([to]).map(|stream| stream.as_str()).collect();
            let closing = draft.streams.get(from).and_then(|stream| stream.references.iter().find(|r| r.stream == *to));
            let path =
                closing.map_or_else(String::new, |closing| format!("streams.{from}.references.{}", closing.name));
            let what = format!("references form a cycle: {}", shown.join(" → "));
            self.wrong_at(&path, what, Some(format!("drop this one, from {from} to {to}")));
            broken.push(from.clone());
        }
        for stream in draft.streams.values().filter(|stream| stream.settings.door == Door::Mapping) {
            if let Some(tie) = tie(draft, stream) {
                let what = format!("a mapping neither waits for another queue nor returns markers, but {tie}");
                let instead = "let the bridge bring it: write door: bridge".to_owned();
                self.wrong_at(&format!("streams.{}.door", stream.name), what, Some(instead));
                broken.push(stream.name.clone());
            }
        }
        draft.broken.extend(broken);
    }
}

/// A reference that connects the stream with another one, in words.
fn tie(draft: &Draft, stream: &Stream) -> Option<String> {
    if let Some(other) = stream.referenced().first() {
        return Some(format!("{} refers to {other}", stream.name));
    }
    let other = draft.streams.values().find(|other| other.referenced().contains(&stream.name))?;
    Some(format!("{} refers to {}", other.name, stream.name))
}

/// What is wrong between a reference and the stream that it names, and what to write instead; `None` if nothing is.
fn mismatch(draft: &Draft, stream: &Stream, reference: &Reference) -> Option<(String, Option<String>)> {
    let Some(target) = draft.streams.get(&reference.stream) else {
        let instead = did_you_mean(reference.stream.as_str(), draft.streams.keys().map(|name| name.as_str()));
        return Some((format!("there is no stream \"{}\"", reference.stream), instead));
    };
    if target.key.is_empty() || target.columns.is_empty() {
        return None; // Its own problems are reported where they stand.
    }
    if target.key.len() != reference.columns.len() {
        let what = format!(
            "{} is identified by ({}), but the reference has ({})",
            target.name,
            target.key.join(", "),
            reference.columns.join(", ")
        );
        let instead = format!("write {{ columns: [one per column of the key], stream: {} }}", target.name);
        return Some((what, Some(instead)));
    }
    let pairs = reference.columns.iter().zip(target.key.iter());
    pairs
        .filter_map(|(own, other)| Some((stream.column(own)?, target.column(other)?)))
        .find(|(own, other)| own.ty != other.ty)
        .map(|(own, other)| {
            let what = format!("{} is {}, but {}.{} is {}", own.name, own.ty, target.name, other.name, other.ty);
            (what, Some("give both the same type".to_owned()))
        })
}
