//! Vorbis: the three headers of a stream, and how many frames each of its packets brings.
//!
//! Knows packets; knows nothing of pages. The headers are read whole, down to the last bit of the setup, because
//! its modes tell the length of every packet. Codebooks are passed over: that they make complete codes is left to
//! decoders.

use super::bytes::{Bits, Fields};
use super::comments::Comments;
use super::sound::{Refusal, count};

/// A stream of Vorbis packets.
#[derive(Debug)]
pub struct Stream {
    /// Samples in a frame.
    pub channels: u8,
    /// Frames in a second.
    pub rate: u32,
    /// What the comments say, once they were read.
    pub comments: Option<Comments>,
    /// Logarithms of the frames in a short and in a long block.
    blocks: [u32; 2],
    /// Of each mode, whether its blocks are long. Empty until the setup was read.
    modes: Vec<bool>,
    /// Frames in the block before.
    previous: Option<u32>,
}

impl Stream {
    /// Reads the first header.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn begin(packet: &[u8]) -> Result<Self, Refusal> {
        let mut fields = Fields(packet.get(7..).unwrap_or_default());
        let mut read = || {
            let (version, channels, rate) = (fields.u32_le()?, fields.u8()?, fields.u32_le()?);
            // Three bit rates, which are hints.
            fields.take(12)?;
            Some((version, channels, rate, fields.u8()?, fields.u8()?))
        };
        let (version, channels, rate, blocks, framing) = read().ok_or("the first Vorbis header is too short")?;
        if version != 0 {
            return Err(Refusal::Kind(format!("this is Vorbis of version {version}, and only 0 is read here")));
        }
        let blocks = [u32::from(blocks & 15), u32::from(blocks >> 4)];
        let sizes = 6..=13;
        if channels == 0 || rate == 0 || !sizes.contains(&blocks[0]) || !sizes.contains(&blocks[1]) {
            return Err(format!(
                "the first Vorbis header says {}, {rate} Hz and blocks of 2^{} and 2^{} frames",
                count(channels.into(), "channel"),
                blocks[0],
                blocks[1]
            )
            .into());
        }
        if blocks[0] > blocks[1] || framing & 1 == 0 {
            return Err("the first Vorbis header is damaged".into());
        }
        Ok(Self { channels, rate, comments: None, blocks, modes: Vec::new(), previous: None })
    }

    /// Returns whether all three headers were read.
    pub fn is_ready(&self) -> bool {
        !self.modes.is_empty()
    }

    /// Takes a packet after the first, and returns how many frames it brings: none for a header, `None` for
    /// one that no decoder makes anything of.
    ///
    /// # Errors
    ///
    /// What is wrong with a header.
    pub fn packet(&mut self, packet: &[u8]) -> Result<Option<u64>, Refusal> {
        if self.comments.is_none() {
            let rest = packet.strip_prefix(b"\x03vorbis").ok_or("the second Vorbis packet is not the comments")?;
            self.comments = Some(Comments::read(rest)?.0);
            return Ok(Some(0));
        }
        if self.modes.is_empty() {
            let rest = packet.strip_prefix(b"\x05vorbis").ok_or("the third Vorbis packet is not the setup")?;
            self.modes = read_setup(rest, self.channels.into()).ok_or("the Vorbis setup is damaged or cut off")?;
            return Ok(Some(0));
        }
        Ok(self.audio(packet))
    }

    fn audio(&mut self, packet: &[u8]) -> Option<u64> {
        let mut bits = Bits::new(packet);
        if bits.flag()? {
            return None;
        }
        let mode = bits.take(bits_for(self.modes.len() as u32 - 1))?;
        let long = *self.modes.get(mode as usize)?;
        let block = 1 << self.blocks[usize::from(long)];
        // Blocks overlap by half; the first only gives the next one something to overlap with.
        let frames = self.previous.map_or(0, |it| it / 4 + block / 4);
        self.previous = Some(block);
        Some(frames.into())
    }
}

/// Returns how many bits it takes to write `n`.
fn bits_for(n: u32) -> u32 {
    u32::BITS - n.leading_zeros()
}

/// Reads the setup, and returns of each mode whether its blocks are long; nothing where it does not hold together.
fn read_setup(packet: &[u8], channels: u32) -> Option<Vec<bool>> {
    let mut bits = Bits::new(packet);
    let n_books = bits.take(8)? + 1;
    for _ in 0..n_books {
        codebook(&mut bits)?;
    }
    // A leftover of the format's youth: transforms in time, all of them zero.
    for _ in 0..bits.take(6)? + 1 {
        (bits.take(16)? == 0).then_some(())?;
    }
    let n_floors = bits.take(6)? + 1;
    for _ in 0..n_floors {
        floor(&mut bits, n_books)?;
    }
    let n_residues = bits.take(6)? + 1;
    for _ in 0..n_residues {
        residue(&mut bits, n_books)?;
    }
    let n_mappings = bits.take(6)? + 1;
    for _ in 0..n_mappings {
        mapping(&mut bits, channels, n_floors, n_residues)?;
    }
    let n_modes = bits.take(6)? + 1;
    let modes: Option<Vec<bool>> = (0..n_modes).map(|_| mode(&mut bits, n_mappings)).collect();
    modes.filter(|_| bits.flag() == Some(true))
}

fn codebook(bits: &mut Bits<'_>) -> Option<()> {
    (bits.take(24)? == 0x56_4342).then_some(())?;
    let (dimensions, entries) = (bits.take(16)?, bits.take(24)?);
    if bits.flag()? {
        // Lengths in rising order: how many entries have each.
        bits.skip(5)?;
        let mut entry = 0;
        while entry < entries {
            entry += bits.take(bits_for(entries - entry))?;
        }
        (entry == entries).then_some(())?;
    } else {
        let sparse = bits.flag()?;
        for _ in 0..entries {
            if !sparse || bits.flag()? {
                bits.skip(5)?;
            }
        }
    }
    let lookup = bits.take(4)?;
    if lookup == 0 {
        return Some(());
    }
    // The least value and the step, as floats.
    bits.skip(64)?;
    let value_bits = bits.take(4)? + 1;
    bits.skip(1)?;
    let n_values = match lookup {
        1 => lookup_values(entries, dimensions)?,
        2 => u64::from(entries) * u64::from(dimensions),
        _ => return None,
    };
    bits.skip(n_values * u64::from(value_bits))
}

/// Returns the greatest number whose power by `dimensions` is no more than `entries`.
fn lookup_values(entries: u32, dimensions: u32) -> Option<u64> {
    if dimensions <= 1 {
        return (dimensions == 1).then_some(entries.into());
    }
    let fits = |it: &u64| it.checked_pow(dimensions).is_some_and(|it| it <= entries.into());
    // The square root of 2^24 is the most that this counts to.
    Some((1..).take_while(fits).last().unwrap_or(0))
}

fn floor(bits: &mut Bits<'_>, n_books: u32) -> Option<()> {
    match bits.take(16)? {
        0 => floor_0(bits, n_books),
        1 => floor_1(bits, n_books),
        _ => None,
    }
}

fn floor_0(bits: &mut Bits<'_>, n_books: u32) -> Option<()> {
    // Order, rate, size of the map; bits and offset of the amplitude.
    bits.skip(8 + 16 + 16 + 6 + 8)?;
    for _ in 0..bits.take(4)? + 1 {
        book(bits, n_books)?;
    }
    Some(())
}

fn floor_1(bits: &mut Bits<'_>, n_books: u32) -> Option<()> {
    let n_partitions = bits.take(5)?;
    let classes: Option<Vec<u32>> = (0..n_partitions).map(|_| bits.take(4)).collect();
    let classes = classes?;
    let n_classes = classes.iter().max().map_or(0, |it| it + 1);
    let mut dimensions = Vec::new();
    for _ in 0..n_classes {
        dimensions.push(bits.take(3)? + 1);
        let subclasses = bits.take(2)?;
        if subclasses > 0 {
            book(bits, n_books)?;
        }
        for _ in 0..1 << subclasses {
            // One more than its number; 0 stands for none.
            (bits.take(8)? <= n_books).then_some(())?;
        }
    }
    bits.skip(2)?;
    let range = bits.take(4)?;
    let n_points: u32 = classes.iter().map(|it| dimensions[*it as usize]).sum();
    (n_points <= 63).then_some(())?;
    bits.skip(u64::from(n_points * range))
}

fn residue(bits: &mut Bits<'_>, n_books: u32) -> Option<()> {
    (bits.take(16)? <= 2).then_some(())?;
    // Begin, end, size of a partition.
    bits.skip(24 + 24 + 24)?;
    let n_classes = bits.take(6)? + 1;
    book(bits, n_books)?;
    let mut used = 0;
    for _ in 0..n_classes {
        let low = bits.take(3)?;
        let high = if bits.flag()? { bits.take(5)? } else { 0 };
        used += low.count_ones() + high.count_ones();
    }
    for _ in 0..used {
        book(bits, n_books)?;
    }
    Some(())
}

fn mapping(bits: &mut Bits<'_>, channels: u32, n_floors: u32, n_residues: u32) -> Option<()> {
    (bits.take(16)? == 0).then_some(())?;
    let n_submaps = if bits.flag()? { bits.take(4)? + 1 } else { 1 };
    if bits.flag()? {
        let width = bits_for(channels - 1);
        for _ in 0..bits.take(8)? + 1 {
            let (magnitude, angle) = (bits.take(width)?, bits.take(width)?);
            (magnitude != angle && magnitude < channels && angle < channels).then_some(())?;
        }
    }
    (bits.take(2)? == 0).then_some(())?;
    if n_submaps > 1 {
        for _ in 0..channels {
            (bits.take(4)? < n_submaps).then_some(())?;
        }
    }
    for _ in 0..n_submaps {
        bits.skip(8)?;
        (bits.take(8)? < n_floors && bits.take(8)? < n_residues).then_some(())?;
    }
    Some(())
}

/// Reads a mode, and returns whether its blocks are long.
fn mode(bits: &mut Bits<'_>, n_mappings: u32) -> Option<bool> {
    let long = bits.flag()?;
    let (window, transform) = (bits.take(16)?, bits.take(16)?);
    (window == 0 && transform == 0 && bits.take(8)? < n_mappings).then_some(long)
}

/// Reads the number of a codebook.
fn book(bits: &mut Bits<'_>, n_books: u32) -> Option<()> {
    (bits.take(8)? < n_books).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_bits() {
        assert_eq!([0, 1, 2, 3, 4, 7, 8].map(bits_for), [0, 1, 2, 2, 3, 3, 4]);
    }

    #[test]
    fn lookups_are_roots() {
        for (entries, dimensions, expected) in [
            (0, 1, Some(0)),
            (7, 0, None),
            (7, 1, Some(7)),
            (81, 4, Some(3)),
            (80, 4, Some(2)),
            (0, 4, Some(0)),
            ((1 << 24) - 1, 2, Some(4095)),
            ((1 << 24) - 1, 65_535, Some(1)),
        ] {
            assert_eq!(lookup_values(entries, dimensions), expected, "{entries} {dimensions}");
        }
    }
}
