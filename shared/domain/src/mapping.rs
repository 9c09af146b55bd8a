//! An event source mapping in place of a bridge: which messages of an event are in the catalog already.
//!
//! The broker gives back what was not acknowledged, marked as redelivered, and perhaps cut into events elsewhere. A message
//! with an identity of its own is known wherever it stands. Without one, only what begins the event and equals the *end* of
//! the tail may be dropped: a repeat may be folded, but the latest state is never lost. Why that is enough, and at what
//! price: `docs/protocol.md`, "The second door".

use std::collections::HashSet;

use crate::bridge::committed_prefix;
use crate::ids::Digest;

/// The most messages that a mapping puts into one event. The tail must reach back over as many.
/// Source: Lambda's `CreateEventSourceMapping`, `BatchSize`.
pub const MAX_EVENT: u64 = 10_000;

/// A message of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    pub digest: Digest,
    /// Whether the broker may have delivered it before; `false` is a guarantee that it has not.
    pub redelivered: bool,
    /// Whether its publisher gave it an identity that no other message has.
    pub identified: bool,
}

/// Which messages of an event are in the catalog already; `tail` holds the digests of the stream's last messages, oldest
/// first.
pub fn repeated(event: &[Delivered], tail: &[Digest]) -> Vec<bool> {
    let known: HashSet<&Digest> = tail.iter().collect();
    let by_place = match event.first() {
        // The rest of the event too: it may have been committed and come again with what was redelivered then.
        Some(first) if first.redelivered => {
            committed_prefix(&event.iter().map(|message| message.digest).collect::<Vec<_>>(), tail)
        }
        _ => 0,
    };
    let by_identity =
        |message: &Delivered| message.redelivered && message.identified && known.contains(&message.digest);
    event.iter().enumerate().map(|(index, message)| index < by_place || by_identity(message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `a` a new message, `A` a redelivered one; with identities, or all without. `x`: it is catalogued already.
    fn check(tail: &str, event: &str, with_identities: &str, without: &str) {
        let digest = |letter: char| Digest([u8::try_from(letter.to_ascii_lowercase()).unwrap(); 32]);
        let tail: Vec<_> = tail.chars().map(digest).collect();
        for (identified, expected) in [(true, with_identities), (false, without)] {
            let event: Vec<_> = event
                .chars()
                .map(|letter| Delivered { digest: digest(letter), redelivered: letter.is_uppercase(), identified })
                .collect();
            let shown: String = repeated(&event, &tail).iter().map(|known| if *known { 'x' } else { '.' }).collect();
            assert_eq!(shown, expected, "identified: {identified}");
        }
    }

    #[test]
    fn what_comes_for_the_first_time_is_new() {
        check("", "abc", "...", "...");
        check("abc", "abc", "...", "...");
        check("abc", "", "", "");
    }

    #[test]
    fn what_was_committed_and_is_given_back_is_dropped() {
        check("abcd", "CDe", "xx.", "xx.");
        check("abcd", "CDEf", "xx..", "xx..");
        check("abcd", "EFg", "...", "...");
    }

    #[test]
    fn given_back_in_pieces_only_identities_tell() {
        check("abcd", "ABC", "xxx", "...");
        check("abcd", "Def", "x..", "x..");
    }

    #[test]
    fn an_event_that_is_repeated_after_a_part_of_it_was_dropped_is_dropped_whole() {
        check("abcdef", "CDef", "xxxx", "xxxx");
    }

    #[test]
    fn given_back_behind_others_they_are_known_by_their_identity() {
        check("abc", "FGBCh", "..xx.", ".....");
    }

    #[test]
    fn a_state_that_returns_is_not_taken_for_an_old_one() {
        // Without identities: on, off, on are committed; an `off` that was delivered but never committed comes again.
        check("aba", "B", "x", ".");
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        /// The event of that many messages is handed over: committed and acknowledged.
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
                    let known = repeated(&event, &tail);
                    let new = event.iter().zip(known).filter(|(_, known)| !known);
                    let rest: Vec<_> = new.map(|(message, _)| message.digest).collect();
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
