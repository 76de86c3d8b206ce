//! The chunks of a PNG: its header and its structure, read without decoding anything.
//!
//! Knows lengths, kinds and CRCs; knows nothing of pixels. Decoders say of a short file that its end came
//! unexpectedly; here it is found out which chunk it ends in and how much of it is missing.

use std::borrow::Cow;
use std::ops::Range;

/// The eight bytes that every PNG begins with.
pub const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// How the samples of a pixel are to be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Color {
    /// One sample, black to white.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// One index into the palette.
    Indexed,
    /// Grey and alpha.
    GreyAlpha,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Color {
    /// Returns the name that metadata has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
            Self::Indexed => "indexed",
            Self::GreyAlpha => "grey_alpha",
            Self::Rgba => "rgba",
        }
    }

    /// Returns the number of samples in a pixel.
    pub fn samples(self) -> u8 {
        match self {
            Self::Grey | Self::Indexed => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    fn allows(self, depth: u8) -> bool {
        match self {
            Self::Grey => matches!(depth, 1 | 2 | 4 | 8 | 16),
            Self::Indexed => matches!(depth, 1 | 2 | 4 | 8),
            Self::Rgb | Self::GreyAlpha | Self::Rgba => matches!(depth, 8 | 16),
        }
    }
}

/// What the chunk IHDR says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// In pixels, at least 1.
    pub width: u32,
    /// In pixels, at least 1.
    pub height: u32,
    /// Bits in a sample.
    pub depth: u8,
    /// Samples in a pixel, and what they mean.
    pub color: Color,
    /// Whether the rows come in seven passes (Adam7).
    pub interlaced: bool,
}

impl Header {
    /// Reads the header of a file that begins with [`SIGNATURE`].
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let chunk = chunk_at(bytes, SIGNATURE.len())?;
        match &chunk.kind {
            b"IHDR" => {}
            b"CgBI" => return Err("this is Apple's variant of PNG, which only its own tools read".to_owned()),
            _ => return Err(format!("the first chunk is `{}` and not `IHDR`", chunk.name())),
        }
        if !chunk.crc_holds(bytes) {
            return Err("the header has a wrong CRC".to_owned());
        }
        let Ok(fields) = <&[u8; 13]>::try_from(&bytes[chunk.data.clone()]) else {
            return Err(format!("the header has {} bytes in place of 13", chunk.data.len()));
        };
        Self::of(fields)
    }

    fn of(fields: &[u8; 13]) -> Result<Self, String> {
        let [w0, w1, w2, w3, h0, h1, h2, h3, depth, color, compression, filter, interlace] = *fields;
        let (width, height) = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
        // The format's own limit is 2^31 - 1.
        if !(1..1 << 31).contains(&width) || !(1..1 << 31).contains(&height) {
            return Err(format!("the header says {width} x {height} pixels, which no PNG can have"));
        }
        let color = match color {
            0 => Color::Grey,
            2 => Color::Rgb,
            3 => Color::Indexed,
            4 => Color::GreyAlpha,
            6 => Color::Rgba,
            _ => return Err(format!("the header says colour type {color}, which does not exist")),
        };
        if !color.allows(depth) {
            return Err(format!("the header says {depth} bits a sample, which `{}` images cannot have", color.name()));
        }
        if compression != 0 || filter != 0 || interlace > 1 {
            return Err(format!(
                "the header says compression {compression}, filter {filter}, interlace {interlace}; \
                 only 0, 0 and 0 or 1 exist"
            ));
        }
        Ok(Self { width, height, depth, color, interlaced: interlace == 1 })
    }

    /// Returns a number of bytes that the image data has at least when it is inflated.
    pub fn least_raw_bytes(&self) -> u64 {
        let bits = u128::from(self.width) * u128::from(self.height) * u128::from(self.bits_per_pixel());
        u64::try_from(bits / 8).unwrap_or(u64::MAX)
    }

    /// Returns the number of bits in a pixel.
    pub fn bits_per_pixel(&self) -> u8 {
        self.color.samples() * self.depth
    }
}

/// What there is to be known of a file's chunks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Survey {
    /// Bytes of compressed image data.
    pub data_len: u64,
    /// Whether there are chunks of an animation (APNG).
    pub animated: bool,
    /// Ancillary chunks whose CRC is wrong, in order.
    pub damaged: Vec<String>,
    /// Bytes after the end of the image.
    pub trailing: usize,
}

/// Walks all chunks of a file up to IEND. The CRCs of critical chunks are left to the decoder.
///
/// # Errors
///
/// Where the file ends too early, in words.
pub fn survey(bytes: &[u8]) -> Result<Survey, String> {
    let mut survey = Survey { data_len: 0, animated: false, damaged: Vec::new(), trailing: 0 };
    let mut at = SIGNATURE.len();
    loop {
        let chunk = chunk_at(bytes, at)?;
        at = chunk.end();
        match &chunk.kind {
            b"IDAT" => survey.data_len += chunk.data.len() as u64,
            b"IEND" => break,
            _ => {}
        }
        survey.animated |= chunk.is_animation();
        if chunk.is_ancillary() && !chunk.crc_holds(bytes) {
            survey.damaged.push(chunk.name());
        }
    }
    if survey.data_len == 0 {
        return Err("there is no image data (`IDAT`)".to_owned());
    }
    survey.trailing = bytes.len() - at;
    Ok(survey)
}

/// Returns the file without the chunks of its animation: the still image that viewers show which do not know
/// APNG. `bytes` were surveyed before.
pub fn without_animation(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut still = SIGNATURE.to_vec();
    let mut at = SIGNATURE.len();
    while let Ok(chunk) = chunk_at(bytes, at) {
        if !chunk.is_animation() {
            still.extend_from_slice(&bytes[at..chunk.end()]);
        }
        at = chunk.end();
        if &chunk.kind == b"IEND" {
            break;
        }
    }
    still.into()
}

/// One chunk, all of which is there.
struct Chunk {
    kind: [u8; 4],
    data: Range<usize>,
}

impl Chunk {
    /// Its kind, printable.
    fn name(&self) -> String {
        self.kind.escape_ascii().to_string()
    }

    fn is_ancillary(&self) -> bool {
        self.kind[0].is_ascii_lowercase()
    }

    fn is_animation(&self) -> bool {
        matches!(&self.kind, b"acTL" | b"fcTL" | b"fdAT")
    }

    /// Where the next chunk begins.
    fn end(&self) -> usize {
        self.data.end + 4
    }

    fn crc_holds(&self, bytes: &[u8]) -> bool {
        let stored = &bytes[self.data.end..self.end()];
        crc32(&bytes[self.data.start - 4..self.data.end]).to_be_bytes() == stored
    }
}

/// Returns the chunk that begins at `at`, which is not past the end of `bytes`.
fn chunk_at(bytes: &[u8], at: usize) -> Result<Chunk, String> {
    let rest = &bytes[at..];
    let Some((head, body)) = rest.split_first_chunk::<8>() else {
        let after = if rest.is_empty() { "" } else { " within the head of a chunk" };
        return Err(format!("the file ends{after} before the end of the image (`IEND`)"));
    };
    let [l0, l1, l2, l3, kind @ ..] = *head;
    let chunk_len = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
    let name = kind.escape_ascii();
    if !kind.iter().all(u8::is_ascii_alphabetic) {
        return Err(format!("at byte {at} there is no chunk: `{name}` is not the name of one"));
    }
    if (body.len() as u64) < chunk_len + 4 {
        let missing = chunk_len + 4 - body.len() as u64;
        return Err(format!("the file ends within the chunk `{name}` at byte {at}; {missing} bytes are missing"));
    }
    // Both fit: they are within the file.
    Ok(Chunk { kind, data: at + 8..at + 8 + chunk_len as usize })
}

/// CRC-32 as PNG, zip and Ethernet have it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| CRC_TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

static CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
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
    fn crc_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
    }

    #[test]
    fn header_fields_have_bounds() {
        let fields = |width: u32, height: u32, rest: [u8; 5]| {
            let mut fields = [0; 13];
            fields[..4].copy_from_slice(&width.to_be_bytes());
            fields[4..8].copy_from_slice(&height.to_be_bytes());
            fields[8..].copy_from_slice(&rest);
            Header::of(&fields)
        };
        assert!(fields(1, 1, [8, 6, 0, 0, 1]).is_ok());
        assert!(fields((1 << 31) - 1, (1 << 31) - 1, [16, 6, 0, 0, 0]).is_ok());
        for (width, height, rest) in [
            (0, 1, [8, 6, 0, 0, 0]),
            (1, 0, [8, 6, 0, 0, 0]),
            (1 << 31, 1, [8, 6, 0, 0, 0]),
            (1, 1 << 31, [8, 6, 0, 0, 0]),
            (1, 1, [16, 3, 0, 0, 0]),
            (1, 1, [4, 2, 0, 0, 0]),
            (1, 1, [8, 1, 0, 0, 0]),
            (1, 1, [8, 6, 1, 0, 0]),
            (1, 1, [8, 6, 0, 1, 0]),
            (1, 1, [8, 6, 0, 0, 2]),
        ] {
            assert!(fields(width, height, rest).is_err(), "{width} {height} {rest:?}");
        }
    }

    #[test]
    fn the_least_of_raw_bytes_does_not_overflow() {
        let header =
            |width, height, depth, color| Header { width, height, depth, color, interlaced: false }.least_raw_bytes();
        assert_eq!(header(3, 1, 1, Color::Grey), 0);
        assert_eq!(header(9, 1, 1, Color::Grey), 1);
        assert_eq!(header(2, 2, 16, Color::Rgba), 32);
        assert_eq!(header((1 << 31) - 1, (1 << 31) - 1, 16, Color::Rgba), u64::MAX);
    }
}
