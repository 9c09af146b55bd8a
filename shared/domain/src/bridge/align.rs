//! Alignment: which redelivered messages are in the catalog already.

use crate::ids::Digest;

/// The length of the longest prefix of `seen` that equals the end of `tail`.
///
/// What a stream's last consumers committed but did not acknowledge is at the end of the stream's tail and, because a
/// queue gives back in order, at the start of what it delivers again; nothing else is both. The longest match is taken:
/// where messages repeat byte for byte it may fold repeats, a shorter one would commit twice.
///
/// Linear (Knuth, Morris, Pratt): `tail` is read by the automaton of `seen`, and the state at its end is the answer.
pub fn committed_prefix(seen: &[Digest], tail: &[Digest]) -> usize {
    // border[i]: length of the longest proper prefix of seen[..=i] that is also its suffix
    let mut border = vec![0; seen.len()];
    for i in 1..seen.len() {
        border[i] = step(seen, &border, border[i - 1], seen[i]);
    }
    tail.iter().fold(0, |matched, &digest| step(seen, &border, matched, digest))
}

/// The longest prefix of `seen` that ends what was read so far, given that `matched` was before `digest` came.
fn step(seen: &[Digest], border: &[usize], mut matched: usize, digest: Digest) -> usize {
    loop {
        if seen.get(matched) == Some(&digest) {
            return matched + 1;
        }
        if matched == 0 {
            return 0;
        }
        matched = border[matched - 1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn digests(letters: &[u8]) -> Vec<Digest> {
        letters.iter().map(|&letter| Digest([letter; 32])).collect()
    }

    fn by_definition(seen: &[Digest], tail: &[Digest]) -> usize {
        (0..=seen.len()).rev().find(|&n| tail.ends_with(&seen[..n])).unwrap()
    }

    #[test]
    fn a_committed_window_is_dropped_whole() {
        assert_eq!(committed_prefix(&digests(b"cdef"), &digests(b"abcd")), 2);
        assert_eq!(committed_prefix(&digests(b"cd"), &digests(b"abcd")), 2);
        assert_eq!(committed_prefix(&digests(b"ef"), &digests(b"abcd")), 0);
        assert_eq!(committed_prefix(&digests(b"ab"), &digests(b"")), 0);
        assert_eq!(committed_prefix(&digests(b""), &digests(b"ab")), 0);
    }

    proptest! {
        #[test]
        fn equals_its_definition(seen in vec(0u8..3, 0..12), tail in vec(0u8..3, 0..24)) {
            let (seen, tail) = (digests(&seen), digests(&tail));
            prop_assert_eq!(committed_prefix(&seen, &tail), by_definition(&seen, &tail));
        }
    }
}
