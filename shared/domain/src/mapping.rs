//! An event source mapping in place of a bridge: which messages of an event are in the catalog already.
//!
//! A mapping has no reign and no ordinals. It hands over one event at a time, and acknowledges an event's messages when
//! ingest has answered well; so at most one event is committed and not acknowledged, and its messages are the last of the
//! stream's tail. They come again in one of two ways. The mapping repeats the event: then it is, as a whole, the stream's
//! last batch. Or the broker gives back what was not acknowledged: then these messages come first, are marked as
//! redelivered, and may be cut into events elsewhere. This is about the second way.
//!
//! A message with an identity of its own is known wherever it stands in the tail. Without one, equal messages cannot be
//! told apart, and only what equals the *end* of the tail may be dropped: so a repeat may be folded, but the latest state
//! is never lost. (The price: if such messages come again cut into several events, they are catalogued twice.)

use std::collections::HashSet;

use crate::bridge::committed_prefix;
use crate::ids::Digest;

/// The most messages that a mapping puts into one event. The tail must reach back over as many.
/// Source: Lambda's `CreateEventSourceMapping`, `BatchSize`.
pub const MAX_EVENT: u64 = 10_000;

/// A message of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Its digest.
    pub digest: Digest,
    /// Whether the broker may have delivered it before; `false` is a guarantee that it has not.
    pub redelivered: bool,
    /// Whether its publisher gave it an identity that no other message has.
    pub identified: bool,
}

/// How many messages at the start of an event are in the catalog already; `tail` holds the digests of the stream's last
/// messages, oldest first.
pub fn repeated(event: &[Delivered], tail: &[Digest]) -> usize {
    let known: HashSet<&Digest> = tail.iter().collect();
    let by_identity = event
        .iter()
        .take_while(|message| message.redelivered && message.identified && known.contains(&message.digest))
        .count();
    let by_place = match event.first() {
        // The rest of the event too: it may have been committed and come again with what was redelivered then.
        Some(first) if first.redelivered => {
            committed_prefix(&event.iter().map(|message| message.digest).collect::<Vec<_>>(), tail)
        }
        _ => 0,
    };
    by_identity.max(by_place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `a` a new message, `A` a redelivered one; with identities, or all without.
    fn check(tail: &str, event: &str, with_identities: usize, without: usize) {
        let digest = |letter: char| Digest([u8::try_from(letter.to_ascii_lowercase()).unwrap(); 32]);
        let tail: Vec<_> = tail.chars().map(digest).collect();
        for (identified, expected) in [(true, with_identities), (false, without)] {
            let event: Vec<_> = event
                .chars()
                .map(|letter| Delivered { digest: digest(letter), redelivered: letter.is_uppercase(), identified })
                .collect();
            assert_eq!(repeated(&event, &tail), expected, "identified: {identified}");
        }
    }

    #[test]
    fn what_comes_for_the_first_time_is_new() {
        check("", "abc", 0, 0);
        check("abc", "abc", 0, 0);
        check("abc", "", 0, 0);
    }

    #[test]
    fn what_was_committed_and_is_given_back_is_dropped() {
        check("abcd", "CDe", 2, 2);
        check("abcd", "CDEf", 2, 2);
        check("abcd", "EFg", 0, 0);
    }

    #[test]
    fn given_back_in_pieces_only_identities_tell() {
        check("abcd", "ABC", 3, 0);
        check("abcd", "Def", 1, 1);
    }

    #[test]
    fn an_event_that_is_repeated_after_a_part_of_it_was_dropped_is_dropped_whole() {
        check("abcdef", "CDef", 4, 4);
    }

    #[test]
    fn a_state_that_returns_is_not_taken_for_an_old_one() {
        // Without identities: on, off, on are committed; an `off` that was delivered but never committed comes again.
        check("aba", "B", 1, 0);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        /// The event of so many messages is handed over: committed and acknowledged.
        Well(usize),
        /// Committed, but the answer is lost: the mapping repeats the event until it is answered.
        Repeated(usize),
        /// Committed, and the connection is lost before it is acknowledged.
        Lost(usize),
        /// Not committed, and the connection is lost.
        Failed(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let sizes = 1usize..5;
        let step = prop_oneof![
            sizes.clone().prop_map(Step::Well),
            sizes.clone().prop_map(Step::Repeated),
            sizes.clone().prop_map(Step::Lost),
            sizes.prop_map(Step::Failed)
        ];
        proptest::collection::vec(step, 0..40)
    }

    proptest! {
        /// Messages with identities, events cut anywhere, connections lost anywhere: each is catalogued once, in order.
        #[test]
        fn identified_messages_are_catalogued_once(steps in steps()) {
            let digest = |n: usize| Digest(std::array::from_fn(|i| n.to_le_bytes()[i % 8]));
            // The queue is endless; what was delivered before comes with a mark.
            let (mut acknowledged, mut delivered) = (0usize, 0usize);
            let mut tail: Vec<Digest> = Vec::new();
            let mut last_batch: Vec<Digest> = Vec::new();
            for step in steps {
                let (size, times, acks, commits) = match step {
                    Step::Well(size) => (size, 1, true, true),
                    Step::Repeated(size) => (size, 2, true, true),
                    Step::Lost(size) => (size, 1, false, true),
                    Step::Failed(size) => (size, 1, false, false),
                };
                let event: Vec<_> = (acknowledged..acknowledged + size)
                    .map(|n| Delivered { digest: digest(n), redelivered: n < delivered, identified: true })
                    .collect();
                delivered = delivered.max(acknowledged + size);
                for _ in 0..times {
                    let rest: Vec<_> = event[repeated(&event, &tail)..].iter().map(|message| message.digest).collect();
                    if commits && !rest.is_empty() && rest != last_batch {
                        tail.extend(&rest);
                        last_batch = rest;
                    }
                }
                if acks {
                    acknowledged += size;
                }
            }
            prop_assert_eq!(&tail, &(0..tail.len()).map(digest).collect::<Vec<_>>());
            prop_assert!(tail.len() >= acknowledged);
        }
    }
}
