//! Reading encoded values of AMQP 0-9-1, as the broker laid them out, one after another.

/// Bytes that are read from the front. A read that there are too few bytes for takes none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

impl<'a> Octets<'a> {
    /// The next `count` bytes, or `None` if there are fewer.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next `N` bytes, as a number's `from_be_bytes` wants them.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// A short string: a length of one byte, then the string.
    pub(crate) fn short(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let [length] = ahead.array()?;
        let taken = ahead.take(usize::from(length))?;
        *self = ahead;
        Some(taken)
    }

    /// A long string, an array or a table: a length of four bytes, then as many.
    pub(crate) fn long(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let length = u32::from_be_bytes(ahead.array()?);
        let taken = ahead.take(usize::try_from(length).ok()?)?;
        *self = ahead;
        Some(taken)
    }
}
