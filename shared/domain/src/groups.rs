//! Groups: streams that references connect. Order is kept within a group; groups run in parallel.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{GroupName, StreamName};

/// For each stream the streams that it refers to. A stream may refer to itself: its one queue keeps that order.
pub type References = BTreeMap<StreamName, BTreeSet<StreamName>>;

/// Streams that references connect, directly or through others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Named after the alphabetically first stream.
    pub name: GroupName,
    /// Referenced streams first: nobody who reads tables in the reverse order meets a dangling reference. Where
    /// references leave a choice, the alphabet decides.
    pub streams: Vec<StreamName>,
}

/// References that lead from a stream back to itself through others, and so leave no stream to commit first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The streams in the order of the references: each refers to the next, and the last to the first.
    pub streams: Vec<StreamName>,
}

impl Cycle {
    /// The reference to drop, as (referrer, referenced): the one that closes the cycle.
    pub fn edge(&self) -> Option<(&StreamName, &StreamName)> {
        Some((self.streams.last()?, self.streams.first()?))
    }
}

/// The groups, in the order of their names. A stream that is only referred to counts as one without references.
///
/// # Errors
/// Cycles such that without their [`Cycle::edge`]s none is left.
pub fn groups(references: &References) -> Result<Vec<Group>, Vec<Cycle>> {
    let cycles = cycles(references);
    if !cycles.is_empty() {
        return Err(cycles);
    }
    let streams = || references.keys().chain(references.values().flatten());
    let mut first: BTreeMap<&StreamName, &StreamName> = streams().map(|stream| (stream, stream)).collect();
    for (from, to) in edges(references) {
        let (Some(&a), Some(&b)) = (first.get(from), first.get(to)) else { continue };
        let (keep, replace) = (a.min(b), a.max(b));
        first.values_mut().filter(|of| **of == replace).for_each(|of| *of = keep);
    }
    let mut groups: BTreeMap<&StreamName, Vec<StreamName>> = BTreeMap::new();
    for stream in referenced_first(references) {
        if let Some(name) = first.get(stream) {
            groups.entry(name).or_default().push(stream.clone());
        }
    }
    Ok(groups.into_iter().map(|(name, streams)| Group { name: name.into(), streams }).collect())
}

fn edges(references: &References) -> impl Iterator<Item = (&StreamName, &StreamName)> {
    references.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to))).filter(|(from, to)| from != to)
}

/// Kahn's algorithm with the alphabet as tie-break, over references without cycles.
fn referenced_first(references: &References) -> Vec<&StreamName> {
    let mut waiting: BTreeMap<&StreamName, usize> =
        references.keys().chain(references.values().flatten()).map(|stream| (stream, 0)).collect();
    let mut referrers: BTreeMap<&StreamName, Vec<&StreamName>> = BTreeMap::new();
    for (from, to) in edges(references) {
        referrers.entry(to).or_default().push(from);
        *waiting.entry(from).or_default() += 1;
    }
    let mut ready: BTreeSet<&StreamName> =
        waiting.iter().filter(|(_, n)| **n == 0).map(|(stream, _)| *stream).collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(stream) = ready.pop_first() {
        order.push(stream);
        for referrer in referrers.get(stream).into_iter().flatten() {
            let left = waiting.entry(referrer).or_default();
            *left -= 1;
            if *left == 0 {
                ready.insert(referrer);
            }
        }
    }
    order
}

/// Every reference at which a depth-first walk, in alphabetical order, meets a stream that it is still below.
/// The other references form no cycle.
fn cycles(references: &References) -> Vec<Cycle> {
    let mut seen = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in references.keys() {
        // The path walked so far; each stream with those of its references that are not walked yet.
        let mut path = Vec::new();
        if seen.insert(start) {
            path.push((start, references[start].iter()));
        }
        while let Some((from, rest)) = path.last_mut() {
            let from = *from;
            match rest.next() {
                None => {
                    path.pop();
                }
                Some(to) if to == from => {}
                Some(to) => {
                    if let Some(at) = path.iter().position(|(stream, _)| *stream == to) {
                        cycles
                            .push(Cycle { streams: path[at..].iter().map(|(stream, _)| (*stream).clone()).collect() });
                    } else if seen.insert(to)
                        && let Some(further) = references.get(to)
                    {
                        path.push((to, further.iter()));
                    }
                }
            }
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn references(text: &str) -> References {
        let name = |text: &str| text.parse::<StreamName>().unwrap();
        let mut all = References::new();
        for part in text.split_whitespace() {
            let (from, to) = part.split_once('>').unwrap_or((part, ""));
            let to = to.split(',').filter(|to| !to.is_empty()).map(name);
            all.entry(name(from)).or_default().extend(to);
        }
        all
    }

    fn check(text: &str, expected: &str) {
        let shown = match groups(&references(text)) {
            Ok(groups) => groups.iter().map(|g| format!("{}:{}", g.name, join(&g.streams, ","))).collect::<Vec<_>>(),
            Err(cycles) => cycles.iter().map(|cycle| join(&cycle.streams, ">")).collect(),
        };
        assert_eq!(shown.join(" "), expected, "{text}");
    }

    fn join(streams: &[StreamName], with: &str) -> String {
        streams.iter().map(StreamName::as_str).collect::<Vec<_>>().join(with)
    }

    #[test]
    fn examples() {
        check("", "");
        check("a b", "a:a b:b");
        check("a>a", "a:a");
        check("flights>planes,airlines,airports planes airlines airports", "airlines:airlines,airports,planes,flights");
        check("a>c b>c d>e", "a:c,a,b d:e,d");
        check("a>b b>c c>a", "a>b>c");
        check("a>b b>a,c c>b", "a>b b>c");
    }

    fn any_references() -> impl Strategy<Value = References> {
        let name = || "[a-h]".prop_map(|text| text.parse::<StreamName>().unwrap());
        prop::collection::btree_map(name(), prop::collection::btree_set(name(), 0..4), 0..8)
    }

    proptest! {
        #[test]
        fn groups_are_what_references_connect_and_ordered_by_them(mut references in any_references()) {
            // Dropping the named edges must leave no cycle.
            if let Err(cycles) = groups(&references) {
                for cycle in cycles {
                    for (i, stream) in cycle.streams.iter().enumerate() {
                        let next = &cycle.streams[(i + 1) % cycle.streams.len()];
                        prop_assert!(stream != next && references[stream].contains(next));
                    }
                    let (from, to) = cycle.edge().unwrap();
                    prop_assert!(references.get_mut(from).unwrap().remove(to), "named twice");
                }
            }
            let groups = groups(&references).unwrap();
            let all: BTreeSet<_> = references.keys().chain(references.values().flatten()).collect();
            prop_assert_eq!(groups.iter().map(|group| group.streams.len()).sum::<usize>(), all.len());
            let place = |stream: &StreamName| groups.iter().enumerate().find_map(|(g, group)| Some((g, group.streams.iter().position(|s| s == stream)?)));
            for (from, to) in edges(&references) {
                let (from, to) = (place(from).unwrap(), place(to).unwrap());
                prop_assert!(from.0 == to.0 && to.1 < from.1);
            }
            for group in &groups {
                prop_assert_eq!(group.name.as_str(), group.streams.iter().min().unwrap().as_str());
                // Connected: what is reached from the first stream, whichever way references point, is the whole group.
                let mut reached = BTreeSet::from([&group.streams[0]]);
                loop {
                    let before = reached.len();
                    for (from, to) in edges(&references) {
                        if reached.contains(from) || reached.contains(to) {
                            reached.extend([from, to]);
                        }
                    }
                    if reached.len() == before { break }
                }
                prop_assert_eq!(reached.len(), group.streams.len());
            }
        }
    }
}
