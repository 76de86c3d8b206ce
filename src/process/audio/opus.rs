//! Opus: the two headers of a stream, and how many frames each of its packets brings.
//!
//! Knows packets; knows nothing of pages. Frames are counted at 48,000 Hz, as everything in Opus is.

use super::bytes::Fields;
use super::comments::Comments;
use super::sound::{Refusal, count};

/// The rate at which Opus counts, and is decoded.
pub const RATE: u32 = 48_000;

/// A packet brings 120 ms at most.
const MOST_FRAMES: u64 = 5760;

/// A stream of Opus packets.
#[derive(Debug)]
pub struct Stream {
    /// Samples in a frame.
    pub channels: u8,
    /// Frames at the beginning that are not part of the sound.
    pub pre_skip: u16,
    /// What the comments say, once they were read.
    pub comments: Option<Comments>,
}

impl Stream {
    /// Reads the first header.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn begin(packet: &[u8]) -> Result<Self, Refusal> {
        let mut fields = Fields(packet.get(8..).unwrap_or_default());
        let mut read = || {
            let (version, channels, pre_skip) = (fields.u8()?, fields.u8()?, fields.u16_le()?);
            // The rate of what was encoded, and a gain.
            fields.take(6)?;
            Some((version, channels, pre_skip, fields.u8()?))
        };
        let (version, channels, pre_skip, family) = read().ok_or("the first Opus header is too short")?;
        if version >> 4 != 0 {
            return Err(Refusal::Kind(format!("this is Opus of version {version}, and only 0 and 1 are read here")));
        }
        let most = match family {
            0 => 2,
            1 => 8,
            _ => 255,
        };
        if !(1..=most).contains(&channels) {
            return Err(format!(
                "the first Opus header says {}, which family {family} cannot have",
                count(channels.into(), "channel")
            )
            .into());
        }
        if family != 0 {
            check_mapping(&mut fields, channels, family).ok_or("the channel mapping of the Opus header is damaged")?;
        }
        Ok(Self { channels, pre_skip, comments: None })
    }

    /// Takes a packet after the first, and returns how many frames it brings: none for a header, `None` for
    /// one that no decoder makes anything of.
    ///
    /// # Errors
    ///
    /// What is wrong with a header.
    pub fn packet(&mut self, packet: &[u8]) -> Result<Option<u64>, Refusal> {
        if self.comments.is_none() {
            let rest = packet.strip_prefix(b"OpusTags").ok_or("the second Opus packet is not the comments")?;
            self.comments = Some(Comments::read(rest)?.0);
            return Ok(Some(0));
        }
        Ok(frames(packet).filter(|it| *it <= MOST_FRAMES))
    }
}

/// Checks the number of streams, of those that are coupled, and which of their channels goes where.
fn check_mapping(fields: &mut Fields<'_>, channels: u8, family: u8) -> Option<()> {
    let (n_streams, n_coupled) = (fields.u8()?, fields.u8()?);
    let n_decoded = u16::from(n_streams) + u16::from(n_coupled);
    (n_streams > 0 && n_coupled <= n_streams && n_decoded <= 255).then_some(())?;
    if family == 3 {
        // A matrix in place of a table: two bytes for each pair of channels.
        return fields.take(usize::from(n_decoded) * usize::from(channels) * 2).map(|_| ());
    }
    let table = fields.take(channels.into())?;
    table.iter().all(|it| *it == 255 || u16::from(*it) < n_decoded).then_some(())
}

/// Returns the frames in a packet, by its first two bytes.
fn frames(packet: &[u8]) -> Option<u64> {
    let mut fields = Fields(packet);
    let toc = fields.u8()?;
    let (config, code) = (toc >> 3, toc & 3);
    let n_parts = match code {
        0 => 1,
        1 | 2 => 2,
        _ => fields.u8()? & 63,
    };
    let part = match config {
        // SILK: 10, 20, 40, 60 ms.
        0..=11 => [480, 960, 1920, 2880][usize::from(config % 4)],
        // Both: 10, 20 ms.
        12..=15 => [480, 960][usize::from(config % 2)],
        // CELT: 2.5, 5, 10, 20 ms.
        _ => [120, 240, 480, 960][usize::from(config % 4)],
    };
    (n_parts > 0).then_some(part * u64::from(n_parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_length() {
        for (packet, expected) in [
            (&[][..], None),
            (&[0], Some(480)),
            (&[3 << 3], Some(2880)),
            (&[12 << 3 | 1], Some(960)),
            (&[31 << 3 | 2], Some(1920)),
            (&[16 << 3 | 3], None),
            (&[16 << 3 | 3, 0b1100_0000], None),
            (&[16 << 3 | 3, 0b1100_0101], Some(600)),
        ] {
            assert_eq!(frames(packet), expected, "{packet:?}");
        }
    }

    #[test]
    fn headers_have_bounds() {
        let header = |channels: u8, family: &[u8]| {
            let bytes = [&b"OpusHead\x01"[..], &[channels, 56, 1, 0x80, 0xbb, 0, 0, 0, 0], family].concat();
            Stream::begin(&bytes).map(|it| it.pre_skip).ok()
        };
        assert_eq!(
            [header(1, &[0]), header(2, &[0]), header(0, &[0]), header(3, &[0])],
            [Some(312), Some(312), None, None]
        );
        assert_eq!([header(3, &[1, 2, 1, 0, 1, 2]), header(3, &[1, 2, 1, 0, 1, 255])], [Some(312), Some(312)]);
        assert_eq!(
            [header(3, &[1, 2, 1, 0, 1, 3]), header(3, &[1, 2, 1, 0, 1]), header(3, &[1, 0, 0, 0, 0, 0])],
            [None; 3]
        );
        assert_eq!(
            [header(9, &[1, 9, 0]), header(1, &[3, 1, 0, 0]), header(1, &[3, 1, 0, 0, 0])],
            [None, None, Some(312)]
        );
    }
}
