//! Positions: the total order of all messages of a group.

use std::fmt;
use std::str::FromStr;

use crate::ids::{ParseError, Sequence};

/// Where a message stands in its group: batch first, then place in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The batch's sequence.
    pub sequence: Sequence,
    /// The message's place in its batch, from 0.
    pub index: u32,
}

/// A contiguous, half-open range `[lo, hi)` of a group's sequence, shown as `lo-hi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    lo: Sequence,
    hi: Sequence,
}

impl Range {
    /// The range `[lo, hi)`; `None` if it would be empty.
    pub fn new(lo: Sequence, hi: Sequence) -> Option<Self> {
        (lo < hi).then_some(Self { lo, hi })
    }

    /// The first sequence in the range.
    pub const fn lo(&self) -> Sequence {
        self.lo
    }

    /// The first sequence after the range.
    pub const fn hi(&self) -> Sequence {
        self.hi
    }

    /// The first half of its batches; `None` if there is only one.
    pub fn first_half(&self) -> Option<Self> {
        Self::new(self.lo, Sequence(self.lo.0 + self.batches() / 2))
    }

    /// Number of batches in the range, at least 1.
    pub const fn batches(&self) -> u64 {
        self.hi.0 - self.lo.0
    }

    /// Whether the range holds `sequence`.
    pub fn contains(&self, sequence: Sequence) -> bool {
        self.lo <= sequence && sequence < self.hi
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.lo, self.hi)
    }
}

impl FromStr for Range {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new(text, "a range lo-hi with lo < hi");
        let (lo, hi) = text.split_once('-').ok_or_else(wrong)?;
        Self::new(lo.parse()?, hi.parse()?).ok_or_else(wrong)
    }
}
