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

/// How far back in a stream's tail the messages of an event must be looked for, and what was found there.
#[derive(Debug)]
pub struct Lookback<'a> {
    event: &'a [Delivered],
    /// What was read of the tail, oldest first.
    tail: Vec<Digest>,
    /// Messages that may be known by their identity wherever they stand, and were not found yet.
    sought: HashSet<Digest>,
}

impl<'a> Lookback<'a> {
    /// Before anything is read.
    pub fn new(event: &'a [Delivered]) -> Self {
        let by_identity = event.iter().filter(|message| message.redelivered && message.identified);
        Self { event, tail: Vec::new(), sought: by_identity.map(|message| message.digest).collect() }
    }

    /// How many more of the stream's messages are worth reading: 0 once no message could change what is known.
    ///
    /// By its place, a message is known from as many as the event has. By its identity it is looked for over the length of
    /// the largest event, in steps that double: most are found at once.
    pub fn missing(&self) -> usize {
        let (read, event) = (self.tail.len(), self.event.len());
        if !self.event.iter().any(|message| message.redelivered) {
            return 0;
        }
        if read < event && (read == 0 || self.event[0].redelivered) {
            return event - read;
        }
        let left = usize::try_from(MAX_EVENT).unwrap_or(usize::MAX).saturating_sub(read);
        if self.sought.is_empty() { 0 } else { read.max(1).min(left) }
    }

    /// Takes the digests of messages that stand before those that were read, oldest first.
    pub fn read(&mut self, mut earlier: Vec<Digest>) {
        earlier.iter().for_each(|digest| _ = self.sought.remove(digest));
        earlier.append(&mut self.tail);
        self.tail = earlier;
    }

    /// Which messages of the event are in the catalog already.
    pub fn known(&self) -> Vec<bool> {
        repeated(self.event, &self.tail)
    }
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

    #[test]
    fn looking_back_ends_when_all_is_decided() {
        let message = |n: u8, redelivered, identified| Delivered { digest: Digest([n; 32]), redelivered, identified };
        let check = |event: &[Delivered], read: &[u8], missing: usize| {
            let mut lookback = Lookback::new(event);
            lookback.read(read.iter().map(|n| Digest([*n; 32])).collect());
            assert_eq!(lookback.missing(), missing, "{event:?} after {read:?}");
        };
        check(&[], &[], 0);
        check(&[message(1, false, true)], &[], 0);
        check(&[message(1, true, true), message(2, true, true)], &[], 2);
        check(&[message(1, true, true), message(2, true, true)], &[1, 2], 0);
        check(&[message(1, true, true)], &[2], 1);
        check(&[message(1, true, true)], &[2; 600], 600);
        check(&[message(1, true, true)], &[2; 9000], 1000);
        check(&[message(1, true, true)], &[2; 10_000], 0);
        check(&[message(1, true, false), message(2, true, false)], &[3, 4], 0);
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

    #[test]
    fn no_more_is_read_than_a_mapping_puts_into_one_event() {
        let digest = |n: u8| Digest([n; 32]);
        let event = [Delivered { digest: digest(1), redelivered: true, identified: true }];
        let (mut lookback, mut read) = (Lookback::new(&event), 0);
        while lookback.missing() > 0 {
            let batch = lookback.missing();
            lookback.read(vec![digest(2); batch]);
            read += batch as u64;
        }
        assert_eq!((read, lookback.known()), (MAX_EVENT, vec![false]));
    }

    proptest! {
        /// Batches of any lengths, events of any messages: what is known does not depend on when the reading stopped.
        #[test]
        fn looking_back_finds_what_reading_everything_finds(
            batches in proptest::collection::vec(proptest::collection::vec(0u8..20, 1..6), 0..12),
            event in proptest::collection::vec((0u8..24, any::<bool>(), any::<bool>()), 0..12),
        ) {
            let digest = |n: u8| Digest([n; 32]);
            let event: Vec<_> = event
                .into_iter()
                .map(|(n, redelivered, identified)| Delivered { digest: digest(n), redelivered, identified })
                .collect();
            let tail: Vec<_> = batches.iter().flatten().copied().map(digest).collect();
            let mut left = batches.iter();
            let mut lookback = Lookback::new(&event);
            while lookback.missing() > 0 {
                let Some(batch) = left.next_back() else { break };
                lookback.read(batch.iter().copied().map(digest).collect());
            }
            prop_assert_eq!(lookback.known(), repeated(&event, &tail));
        }

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
