//! Bytes that many may hold, whole or in part.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes that many may hold: all of a buffer, or a part of one that holds those of many small files.
///
/// A part keeps its whole buffer in memory; what is kept for long is copied out of it ([`Bytes::detached`]).
#[derive(Clone, Default)]
pub struct Bytes {
    buffer: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Bytes {
    /// Returns a part of a buffer.
    ///
    /// # Panics
    ///
    /// When the range does not lie in the buffer.
    pub fn part(buffer: &Arc<Vec<u8>>, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= buffer.len(), "BUG: a part lies outside of its buffer");
        Self { buffer: buffer.clone(), start: range.start, end: range.end }
    }

    /// Returns the same bytes in a buffer of their own.
    #[must_use]
    pub fn detached(&self) -> Self {
        self[..].into()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { buffer: Arc::new(bytes), start: 0, end }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self[..], f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_equal_to_its_bytes() {
        let buffer = Arc::new(b"abcde".to_vec());
        let part = Bytes::part(&buffer, 1..3);
        assert_eq!(part, Bytes::from(&b"bc"[..]));
        assert_ne!(part, Bytes::part(&buffer, 2..4));
        assert_eq!((&part.detached()[..], &Bytes::part(&buffer, 5..5)[..]), (&b"bc"[..], &b""[..]));
    }
}
