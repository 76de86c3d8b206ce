//! FLAC: its metadata, and every frame from its header to its checksum.
//!
//! Frames do not say how long they are. Where one ends is found out without decoding: there its own CRC comes to
//! zero, and a header begins that is well-formed, has the right CRC and the number that is next. So every byte is
//! under a checksum, and no sample is looked at.

use super::bytes::Fields;
use super::comments::Comments;
use super::sound::{Refusal, Sound, count};

/// The four bytes that every FLAC begins with.
pub const SIGNATURE: &[u8] = b"fLaC";

/// Reads a file that begins with [`SIGNATURE`].
///
/// # Errors
///
/// Why it cannot be passed on.
pub fn read(bytes: &[u8]) -> Result<Sound, Refusal> {
    let mut fields = Fields(&bytes[SIGNATURE.len()..]);
    let (info, comments) = metadata(&mut fields)?;
    let frames_at = bytes.len() - fields.0.len();
    let (audio, tail) = split_tail(fields.0);
    let mut odd = Vec::new();
    if tail > 0 {
        odd.push(format!("a tag of {} follows the last frame", count(tail as u64, "byte")));
    }
    // A CRC that came to zero stays there as long as zeros follow.
    let zeros = audio.iter().rev().take_while(|it| **it == 0).count();
    if zeros >= 4 {
        odd.push(format!("{zeros} zeros stand at the end, most of which belong to no frame"));
    }
    let frames = walk(audio, frames_at, &info)?;
    if info.frames != 0 && info.frames != frames {
        let message = format!("the file says {} frames of sound and holds {frames}", info.frames);
        if frames < info.frames {
            return Err(Refusal::Broken(message));
        }
        odd.push(message);
    }
    let repeat = comments.repeat();
    odd.extend(comments.odd);
    let (channels, rate) = (info.channels.into(), info.rate);
    let mut sound = Sound { format: "flac", codec: "flac", channels, rate, frames, repeat, facts: Vec::new(), odd };
    sound.fact("bits", info.bits);
    Ok(sound)
}

/// What the block STREAMINFO says.
struct Info {
    rate: u32,
    channels: u8,
    /// Bits in a sample.
    bits: u8,
    /// Samples of each channel, 0 where that is not known.
    frames: u64,
}

/// Reads all blocks of metadata, and leaves what follows them.
fn metadata(fields: &mut Fields<'_>) -> Result<(Info, Comments), Refusal> {
    let cut_off = "the file ends within its metadata";
    let (mut info, mut comments) = (None, None);
    loop {
        let kind = fields.u8().ok_or(cut_off)?;
        let len = fields.u24_be().ok_or(cut_off)?;
        let block = fields.take(len as usize).ok_or(cut_off)?;
        match kind & 0x7f {
            0 if info.is_none() => info = Some(Info::read(block)?),
            _ if info.is_none() => return Err("the first block of metadata is not STREAMINFO".into()),
            4 if comments.is_none() => comments = Some(Comments::read(block)?.0),
            127 => return Err("there is a block of metadata of a kind that cannot be".into()),
            _ => {}
        }
        if kind & 0x80 != 0 {
            break;
        }
    }
    Ok((info.ok_or("there is no STREAMINFO")?, comments.unwrap_or_default()))
}

impl Info {
    fn read(block: &[u8]) -> Result<Self, Refusal> {
        let Ok(block) = <&[u8; 34]>::try_from(block) else {
            return Err(format!("STREAMINFO has {} in place of 34", count(block.len() as u64, "byte")).into());
        };
        // Blocks' and frames' least and greatest sizes come before, an MD5 of the samples after.
        let [.., a, b, c, d, e, f, g, h, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *block;
        let packed = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let info = Self {
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u8 + 1,
            bits: (packed >> 36 & 31) as u8 + 1,
            frames: packed & ((1 << 36) - 1),
        };
        if info.rate == 0 || info.bits < 4 {
            return Err(format!("STREAMINFO says {} Hz and {} bits a sample", info.rate, info.bits).into());
        }
        Ok(info)
    }
}

/// Takes off the tag that MP3 programs append to anything, and returns its length.
fn split_tail(bytes: &[u8]) -> (&[u8], usize) {
    match bytes.len().checked_sub(128) {
        Some(at) if bytes[at..].starts_with(b"TAG") => (&bytes[..at], 128),
        _ => (bytes, 0),
    }
}

/// Walks all frames, and returns the number of samples of each channel. `offset` is where they begin in the file.
fn walk(bytes: &[u8], offset: usize, info: &Info) -> Result<u64, Refusal> {
    let (mut at, mut samples, mut next) = (0, 0, Next::First);
    while at < bytes.len() {
        let place = offset + at;
        let Some(header) = Header::read(&bytes[at..]).filter(|it| next.allows(it)) else {
            return Err(format!("at byte {place} there is no FLAC frame where one should begin").into());
        };
        header.check(info).map_err(|it| Refusal::Broken(format!("the frame at byte {place} {it}")))?;
        next = next.after(&header);
        samples += u64::from(header.samples);
        let Some(len) = frame_len(&bytes[at..], header.len, &next) else {
            return Err(format!("the FLAC frame at byte {place} is damaged or cut off").into());
        };
        at += len;
    }
    Ok(samples)
}

/// Returns how long the frame is that `bytes` begin with, by its checksum and by what follows.
fn frame_len(bytes: &[u8], header_len: usize, next: &Next) -> Option<usize> {
    let mut crc = crc16(0, &bytes[..header_len]);
    for (at, byte) in bytes.iter().enumerate().skip(header_len) {
        if crc == 0 && *byte == 0xff && at >= header_len + 2 {
            let follows = Header::read(&bytes[at..]).is_some_and(|it| next.allows(&it));
            if follows {
                return Some(at);
            }
        }
        crc = crc16(crc, &[*byte]);
    }
    (crc == 0).then_some(bytes.len())
}

/// The header of a frame.
struct Header {
    /// Whether frames are counted by samples and not one by one.
    variable: bool,
    number: u64,
    /// Samples of each channel.
    samples: u32,
    /// In Hz, 0 for that of STREAMINFO.
    rate: u32,
    channels: u8,
    /// Bits in a sample, 0 for those of STREAMINFO.
    bits: u8,
    /// Bytes of the header.
    len: usize,
}

impl Header {
    /// Reads the header that `bytes` begin with, if they begin with a sound one.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let [0xff, sync @ (0xf8 | 0xf9), sizes, form] = fields.array()? else { return None };
        let channels = match form >> 4 {
            it @ 0..=7 => it + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = [0, 8, 12, 255, 16, 20, 24, 32][usize::from(form >> 1 & 7)];
        if bits == 255 || form & 1 != 0 {
            return None;
        }
        let number = coded_number(&mut fields)?;
        let samples = match sizes >> 4 {
            0 => return None,
            1 => 192,
            it @ 2..=5 => 576 << (it - 2),
            6 => u32::from(fields.u8()?) + 1,
            7 => u32::from(u16::from_be_bytes(fields.array()?)) + 1,
            it => 256 << (it - 8),
        };
        const RATES: [u32; 12] =
            [0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
        let rate = match sizes & 15 {
            it @ 0..=11 => RATES[usize::from(it)],
            12 => u32::from(fields.u8()?) * 1000,
            13 => u32::from(u16::from_be_bytes(fields.array()?)),
            14 => u32::from(u16::from_be_bytes(fields.array()?)) * 10,
            _ => return None,
        };
        let len = bytes.len() - fields.0.len();
        (fields.u8()? == crc8(&bytes[..len])).then_some(())?;
        Some(Self { variable: sync == 0xf9, number, samples, rate, channels, bits, len: len + 1 })
    }

    /// Says where it contradicts STREAMINFO.
    fn check(&self, info: &Info) -> Result<(), String> {
        let fits = |said: u32, told: u32| said == 0 || said == told;
        let same =
            self.channels == info.channels && fits(self.rate, info.rate) && fits(self.bits.into(), info.bits.into());
        if same {
            return Ok(());
        }
        let said = |it: u32| if it == 0 { "the same".to_owned() } else { it.to_string() };
        let (channels, rate, bits) = (self.channels, said(self.rate), said(self.bits.into()));
        Err(format!("has another form than STREAMINFO says: channels {channels}, rate {rate}, bits {bits}"))
    }
}

/// Reads a number as UTF-8 would write it, carried on to 36 bits.
fn coded_number(fields: &mut Fields<'_>) -> Option<u64> {
    let first = fields.u8()?;
    let n_more = match first.leading_ones() {
        0 => return Some(first.into()),
        it @ 2..=7 => it - 1,
        _ => return None,
    };
    let mut number = u64::from(first) & ((1 << (6 - n_more)) - 1);
    for _ in 0..n_more {
        let byte = fields.u8()?;
        (byte & 0xc0 == 0x80).then_some(())?;
        number = number << 6 | u64::from(byte & 0x3f);
    }
    Some(number)
}

/// The number that the next frame has.
#[derive(Clone, Copy)]
enum Next {
    /// The first may have any: files are cut out of others.
    First,
    Frame(u64),
    Sample(u64),
}

impl Next {
    fn allows(self, header: &Header) -> bool {
        match self {
            Self::First => true,
            Self::Frame(number) => !header.variable && header.number == number,
            Self::Sample(number) => header.variable && header.number == number,
        }
    }

    fn after(self, header: &Header) -> Self {
        if header.variable {
            Self::Sample(header.number + u64::from(header.samples))
        } else {
            Self::Frame(header.number + 1)
        }
    }
}

fn crc8(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc: u8, _| if crc >> 7 == 1 { crc << 1 ^ 7 } else { crc << 1 }))
}

fn crc16(crc: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(crc, |crc, byte| crc << 8 ^ CRC16_TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

static CRC16_TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = (at as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 15 == 1 { 0x8005 ^ (crc << 1) } else { crc << 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crcs_are_those_of_flac() {
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(crc16(0, b"123456789"), 0xfee8);
    }

    #[test]
    fn numbers_are_coded_like_characters() {
        let number = |bytes: &[u8]| coded_number(&mut Fields(bytes));
        assert_eq!(number(&[0x7f]), Some(0x7f));
        assert_eq!(number("\u{fc}".as_bytes()), Some(0xfc));
        assert_eq!(number("\u{1f600}".as_bytes()), Some(0x1f600));
        assert_eq!(number(&[0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]), Some((1 << 36) - 1));
        for bad in [&[][..], &[0x80], &[0xff], &[0xc3], &[0xc3, 0x40]] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }
}
