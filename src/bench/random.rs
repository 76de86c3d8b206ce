//! Numbers that look random and are the same for the same seed everywhere: SplitMix64.

/// A sequence of numbers.
pub struct Random(u64);

impl Random {
    /// Returns the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    /// Returns a number below `n`; zero where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % (n.max(1) as u64)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence() {
        let mut random = Random::new(7);
        let first = [random.next(), random.next()];
        let mut again = Random::new(7);
        assert_eq!([again.next(), again.next()], first);
        assert_ne!(Random::new(8).next(), first[0]);
        assert!((0..100).all(|_| random.below(3) < 3) && random.below(0) == 0);
    }
}
