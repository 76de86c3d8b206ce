//! Small rows packed into large ones.
//!
//! A database pays for every row, in time and in space, and most of what a store holds is smaller than that. So the
//! rows of one table are packed by the first bits of their keys, which are digests: each packed row holds its share of
//! all. It is sealed as a whole, and searched where it lies.
//!
//! ```text
//! number of rows   u32
//! per row          key, 32 bytes; end of its value, u32      ascending by key
//! values
//! ```
//!
//! Numbers are little-endian.

use crate::model::Digest;

/// How many bits of a key say which packed row it is in: few enough to be worth it for ten thousand rows, many enough
/// that storing one of a million rewrites little.
const BITS: u32 = 12;

const HEAD: usize = 4;
const ROW: usize = 32 + 4;

/// Returns the key of the packed row that holds, or would hold, `key`.
pub fn shard_of(key: Digest) -> [u8; 2] {
    (u16::from_be_bytes([key.0[0], key.0[1]]) >> (16 - BITS)).to_be_bytes()
}

/// Rows packed into one.
#[derive(Default)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Packs rows, which are ascending by key, each key once.
    pub fn of<'a>(rows: impl ExactSizeIterator<Item = (Digest, &'a [u8])> + Clone) -> Self {
        debug_assert!(rows.clone().is_sorted_by(|a, b| a.0 < b.0), "BUG: rows are not in order");
        let mut bytes = Vec::with_capacity(HEAD + rows.clone().map(|it| ROW + it.1.len()).sum::<usize>());
        bytes.extend((rows.len() as u32).to_le_bytes());
        let mut end = 0;
        for (key, value) in rows.clone() {
            end += value.len() as u32;
            bytes.extend(key.0);
            bytes.extend(end.to_le_bytes());
        }
        rows.for_each(|it| bytes.extend(it.1));
        Self(bytes)
    }

    /// Returns the rows that these bytes hold; `None` where they make no sense.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let packed = Self(bytes.to_vec());
        let n = count(bytes)?;
        let values = bytes.len().checked_sub(HEAD)?.checked_sub(n.checked_mul(ROW)?)?;
        let ends = (0..n).map(|it| packed.end(it));
        (ends.is_sorted() && n.checked_sub(1).map_or(0, |it| packed.end(it)) == values).then_some(packed)
    }

    /// Returns the bytes to store.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the value at `key`.
    pub fn get(&self, key: Digest) -> Option<&[u8]> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = (low + high) / 2;
            match self.key(mid).cmp(&key) {
                std::cmp::Ordering::Less => low = mid + 1,
                std::cmp::Ordering::Greater => high = mid,
                std::cmp::Ordering::Equal => return Some(self.value(mid)),
            }
        }
        None
    }

    /// Returns all rows, ascending by key.
    pub fn rows(&self) -> impl Iterator<Item = (Digest, &[u8])> {
        (0..self.len()).map(|it| (self.key(it), self.value(it)))
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        count(&self.0).unwrap_or(0)
    }

    fn row(&self, idx: usize) -> &[u8] {
        &self.0[HEAD + idx * ROW..][..ROW]
    }

    fn key(&self, idx: usize) -> Digest {
        Digest(*self.row(idx).first_chunk().expect("a row begins with its key"))
    }

    fn end(&self, idx: usize) -> usize {
        u32::from_le_bytes(*self.row(idx).last_chunk().expect("a row ends with a number")) as usize
    }

    fn value(&self, idx: usize) -> &[u8] {
        let start = if idx == 0 { 0 } else { self.end(idx - 1) };
        &self.0[HEAD + self.len() * ROW..][start..self.end(idx)]
    }
}

/// Returns how many rows are packed in these bytes.
pub fn count(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|it| u32::from_le_bytes(*it) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: usize) -> Vec<(Digest, Vec<u8>)> {
        let mut rows: Vec<_> = (0..n).map(|it| (Digest::of(&[it as u8]), vec![it as u8; it % 5])).collect();
        rows.sort();
        rows
    }

    fn pack(rows: &[(Digest, Vec<u8>)]) -> Packed {
        Packed::of(rows.iter().map(|it| (it.0, &it.1[..])))
    }

    #[test]
    fn what_is_packed_is_found() {
        for n in [0, 1, 2, 3, 40] {
            let rows = sample(n);
            let packed = Packed::parse(pack(&rows).bytes()).expect("its own bytes");
            assert!(packed.rows().eq(rows.iter().map(|it| (it.0, &it.1[..]))));
            assert!(rows.iter().all(|it| packed.get(it.0) == Some(&it.1)));
            assert_eq!((packed.get(Digest::of(b"other")), count(packed.bytes())), (None, Some(n)));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let bytes = pack(&sample(3)).bytes().to_vec();
        assert!((0..bytes.len()).all(|it| Packed::parse(&bytes[..it]).is_none()));
        for at in [0, 3, HEAD + 32, HEAD + ROW + 35, HEAD + 2 * ROW + 32] {
            let mut broken = bytes.clone();
            broken[at] ^= 0x80;
            assert!(Packed::parse(&broken).is_none(), "{at}");
        }
    }

    #[test]
    fn neighbours_share_a_packed_row() {
        let key = |start: [u8; 2]| {
            let mut key = Digest::of(b"key");
            key.0[..2].copy_from_slice(&start);
            key
        };
        assert_eq!(shard_of(key([0xab, 0xcd])), [0x0a, 0xbc]);
        assert_eq!(shard_of(key([0xab, 0xc0])), shard_of(key([0xab, 0xcf])));
        assert_ne!(shard_of(key([0xab, 0xc0])), shard_of(key([0xab, 0xb0])));
    }
}
