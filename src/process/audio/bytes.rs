//! Numbers out of bytes, none past the end.
//!
//! Knows nothing of formats. Every reader of `audio` takes its fields through this, so that no length a file
//! claims can lead out of it.

/// A place in some bytes, from which fields are taken one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// Takes `n` bytes, or nothing where there are not so many.
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// Takes `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// Takes a byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[it]| it)
    }

    /// Takes a number of two bytes, the low one first.
    pub fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes a signed number of two bytes, the low one first.
    pub fn i16_le(&mut self) -> Option<i16> {
        self.array().map(i16::from_le_bytes)
    }

    /// Takes a number of four bytes, the low one first.
    pub fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes a number of eight bytes, the low one first.
    pub fn u64_le(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a number of four bytes, the high one first.
    pub fn u32_be(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes a number of three bytes, the high one first.
    pub fn u24_be(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }
}

/// Some bytes as a row of bits, the low bit of each byte first, as Vorbis has them.
#[derive(Clone, Copy, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Bits<'a> {
    /// Returns the bits of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Takes a number of `n` bits, at most 32, or nothing where there are not so many.
    pub fn take(&mut self, n: u32) -> Option<u32> {
        debug_assert!(n <= 32);
        // Of a number of 32 bits five bytes are touched at most.
        let (first, shift) = (usize::try_from(self.at / 8).ok()?, self.at % 8);
        self.skip(n.into())?;
        let mut window = 0;
        for (at, byte) in self.bytes[first.min(self.bytes.len())..].iter().take(5).enumerate() {
            window |= u64::from(*byte) << (8 * at);
        }
        Some((window >> shift & ((1 << n) - 1)) as u32)
    }

    /// Takes a bit.
    pub fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|it| it == 1)
    }

    /// Passes over `n` bits, or returns nothing where there are not so many.
    pub fn skip(&mut self, n: u64) -> Option<()> {
        let end = self.at.checked_add(n)?;
        if end > self.bytes.len() as u64 * 8 {
            return None;
        }
        self.at = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_with_the_bytes() {
        let mut fields = Fields(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((fields.u16_le(), fields.u24_be()), (Some(0x0201), Some(0x0003_0405)));
        assert_eq!((fields.u32_le(), fields.take(3), fields.u16_le()), (None, None, Some(0x0706)));
        assert_eq!((fields.u8(), fields.take(0)), (None, Some(&[][..])));
    }

    #[test]
    fn bits_come_from_the_low_end() {
        let mut bits = Bits::new(&[0b1010_0101, 0xff, 0x00, 0xff, 0x12, 0x34]);
        assert_eq!([bits.take(4), bits.take(1), bits.take(0)], [Some(5), Some(0), Some(0)]);
        assert_eq!(bits.take(32), Some((0x12_ff00_ffa5_u64 >> 5) as u32));
        assert_eq!([bits.take(12), bits.take(11)], [None, Some(0x1a0)]);
        assert_eq!((bits.flag(), bits.take(0), bits.skip(u64::MAX)), (None, Some(0), None));
    }
}
