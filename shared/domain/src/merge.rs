//! The merge rule: which of an entity's states is the latest. This is its executable specification; engines that
//! merge tables (DataFusion, Spark) are tested against it.
//!
//! - The state with the highest [`Rank`] wins: the version decides if the stream declares one, and no version is older
//!   than any; the position decides between equals.
//! - A delete is a state like any other: it removes the entity's row and leaves a **tombstone**, so that an older state
//!   that arrives late neither resurrects the entity nor overwrites what came after.
//! - Ranks are unique, as positions are. So the result is that of the set of changes: it depends neither on the order
//!   in which they arrive nor on how they are split into consolidations, and applying one twice changes nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::position::Position;

/// What decides between two states of an entity. The order of the fields is the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank<V> {
    /// The value of the stream's version column; `None` if it is null or the stream declares no
    /// version.
    pub version: Option<V>,
    /// Where the message stands in its group.
    pub position: Position,
}

/// One message about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<K, V, S> {
    pub key: K,
    /// How new the state is.
    pub rank: Rank<V>,
    /// The entity's state; `None` if it was deleted.
    pub state: Option<S>,
}

/// The latest state of every entity, and the tombstones of those that were deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latest<K, V, S> {
    latest: BTreeMap<K, (Rank<V>, Option<S>)>,
}

impl<K, V, S> Default for Latest<K, V, S> {
    fn default() -> Self {
        Self { latest: BTreeMap::new() }
    }
}

impl<K: Ord, V: Ord, S> Latest<K, V, S> {
    /// Takes the change in, if it is newer than what the image knows of its entity.
    pub fn apply(&mut self, change: Change<K, V, S>) {
        match self.latest.entry(change.key) {
            Entry::Vacant(entry) => {
                entry.insert((change.rank, change.state));
            }
            Entry::Occupied(mut entry) if entry.get().0 < change.rank => {
                entry.insert((change.rank, change.state));
            }
            Entry::Occupied(_) => {}
        }
    }

    /// The entities that exist, in the order of their keys.
    pub fn rows(&self) -> impl Iterator<Item = (&K, &Rank<V>, &S)> {
        self.latest.iter().filter_map(|(key, (rank, state))| Some((key, rank, state.as_ref()?)))
    }

    /// The entities that were deleted, in the order of their keys.
    pub fn tombstones(&self) -> impl Iterator<Item = (&K, &Rank<V>)> {
        self.latest.iter().filter(|(_, (_, state))| state.is_none()).map(|(key, (rank, _))| (key, rank))
    }

    /// Forgets the tombstones for which `keep` is false. What is older and arrives after that resurrects its entity.
    ///
    /// Without versions nothing older ever arrives, since consolidations follow the positions: such streams keep no tombstones.
    pub fn forget(&mut self, keep: impl Fn(&K, &Rank<V>) -> bool) {
        self.latest.retain(|key, (rank, state)| state.is_some() || keep(key, rank));
    }
}

impl<K: Ord, V: Ord, S> Extend<Change<K, V, S>> for Latest<K, V, S> {
    fn extend<I: IntoIterator<Item = Change<K, V, S>>>(&mut self, changes: I) {
        changes.into_iter().for_each(|change| self.apply(change));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::ids::Sequence;

    type Row = Change<u8, u8, usize>;
    type Table = Latest<u8, u8, usize>;

    /// A history in the order of its positions: few keys and few versions, so that they meet often.
    fn histories(versioned: bool) -> impl Strategy<Value = Vec<Row>> {
        vec((0u8..4, option::of(0u8..4), any::<bool>()), 0..40).prop_map(move |rows| {
            let change = |(n, (key, version, lives)): (usize, (u8, Option<u8>, bool))| Change {
                key,
                rank: Rank {
                    version: version.filter(|_| versioned),
                    position: Position { sequence: Sequence(n as u64 / 3), index: n as u32 % 3 },
                },
                state: lives.then_some(n),
            };
            rows.into_iter().enumerate().map(change).collect()
        })
    }

    fn image(rows: impl IntoIterator<Item = Row>) -> Table {
        let mut image = Table::default();
        image.extend(rows);
        image
    }

    fn change(key: u8, version: Option<u8>, sequence: u64, state: Option<usize>) -> Row {
        Change { key, rank: Rank { version, position: Position { sequence: Sequence(sequence), index: 0 } }, state }
    }

    fn states(image: &Table) -> Vec<(u8, usize)> {
        image.rows().map(|(key, _, state)| (*key, *state)).collect()
    }

    #[test]
    fn version_decides_then_position() {
        let rows = [change(1, Some(2), 0, Some(10)), change(1, Some(1), 1, Some(11)), change(1, None, 2, Some(12))];
        assert_eq!(states(&image(rows)), [(1, 10)]);
        assert_eq!(states(&image([change(1, Some(2), 0, Some(10)), change(1, Some(2), 1, Some(11))])), [(1, 11)]);
    }

    #[test]
    fn late_older_state_never_resurrects() {
        let mut image = image([change(1, Some(2), 0, None), change(1, Some(1), 1, Some(11))]);
        assert_eq!(states(&image), []);
        image.apply(change(1, Some(3), 2, Some(12)));
        assert_eq!(states(&image), [(1, 12)], "a newer one does");
        assert_eq!(image.tombstones().count(), 0);
    }

    proptest! {
        #[test]
        fn arrival_order_is_irrelevant((rows, shuffled) in histories(true).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))) {
            prop_assert_eq!(image(rows), image(shuffled));
        }

        #[test]
        fn applying_twice_changes_nothing(rows in histories(true), again in any::<prop::sample::Index>()) {
            let once = image(rows.clone());
            let mut twice = once.clone();
            twice.extend(rows[..again.index(rows.len() + 1)].iter().cloned());
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn the_highest_rank_wins(rows in histories(true)) {
            let mut expected: BTreeMap<u8, &Row> = BTreeMap::new();
            for row in &rows {
                let best = expected.entry(row.key).or_insert(row);
                if row.rank > best.rank {
                    *best = row;
                }
            }
            let expected: Vec<_> = expected.values().filter_map(|row| Some((row.key, row.state?))).collect();
            prop_assert_eq!(states(&image(rows)), expected);
        }

        /// Why streams without a version need no tombstones.
        #[test]
        fn without_versions_tombstones_may_go(rows in histories(false), cut in any::<prop::sample::Index>()) {
            let (before, after) = rows.split_at(cut.index(rows.len() + 1));
            let mut split = image(before.iter().cloned());
            split.forget(|_, _| false);
            split.extend(after.iter().cloned());
            prop_assert_eq!(states(&split), states(&image(rows.clone())));
        }
    }
}
