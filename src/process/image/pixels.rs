//! The pixels of a PNG whose header and structure were found good.
//!
//! The decoder gives rows of samples as they are stored; what they mean is worked out here, in integers only,
//! so that the result depends on nothing but the file.

use png::{BitDepth, ColorType, DecodingError, Limits, Reader};

use super::chunks::{Color, Header};

/// What decoding came to.
#[derive(Debug)]
pub struct Decoded {
    /// Straight RGBA8, rows from the top, where that was asked for.
    pub rgba: Option<Vec<u8>>,
    /// Whether the file can hold transparency: an alpha sample, or a transparent colour.
    pub alpha: bool,
    /// The greatest palette index in use that has no colour.
    pub missing_colour: Option<u8>,
}

/// Decodes every row of a PNG, and keeps the pixels if `keep` says so. `header` is that of `bytes`, and its
/// size was held against limits.
///
/// # Errors
///
/// Why it cannot be decoded, in words.
pub fn decode(header: &Header, bytes: &[u8], keep: bool) -> Result<Decoded, String> {
    let mut reader = open(header, bytes).map_err(explain)?;
    let colours = Colours::new(header, &reader);
    if header.color == Color::Indexed && colours.known == 0 {
        return Err("the image has no palette (`PLTE`), and its pixels are indices into one".to_owned());
    }
    // Only a palette that is not full can lack a colour.
    let may_lack = header.color == Color::Indexed && colours.known < 1 << header.depth;
    let mut highest = 0;
    let mut rgba = vec![0; if keep { header.width as usize * header.height as usize * 4 } else { 0 }];
    let mut line = Vec::new();
    for pass in passes(header) {
        for y in (pass.y0..header.height).step_by(pass.dy) {
            let row =
                reader.next_interlaced_row().map_err(explain)?.ok_or("there are fewer rows than there should be")?;
            // Samples of less than a byte may leave bits at the end of the row that belong to no pixel.
            let samples = pass.width as usize;
            if may_lack {
                highest = highest.max(highest_sample(row.data(), header.depth, samples));
            }
            if keep {
                line.clear();
                colours.convert(row.data(), samples, &mut line);
                pass.place(&line, y, header.width, &mut rgba);
            }
        }
    }
    // Reads on to IEND, so that the CRCs of all that follows are checked too.
    reader.finish().map_err(explain)?;
    let missing_colour = (may_lack && usize::from(highest) >= colours.known).then_some(highest);
    Ok(Decoded { rgba: keep.then_some(rgba), alpha: colours.alpha, missing_colour })
}

type Bytes<'a> = std::io::Cursor<&'a [u8]>;

fn open<'a>(header: &Header, bytes: &'a [u8]) -> Result<Reader<Bytes<'a>>, DecodingError> {
    // The decoder's own buffers: a few rows, and chunks other than image data, which are no longer than the
    // file and grow by doubling.
    let row = (header.width as usize).saturating_mul(8);
    let limits = Limits { bytes: bytes.len().saturating_mul(2).saturating_add(row).saturating_add(1 << 20) };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    // Texts and profiles may be compressed, and nothing here wants them.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.read_info()
}

fn explain(error: DecodingError) -> String {
    match error {
        DecodingError::IoError(_) => "the image data ends too early".to_owned(),
        DecodingError::LimitsExceeded => "a chunk is larger than the whole file allows".to_owned(),
        error => format!("the image cannot be decoded: {}", plain(&error.to_string())),
    }
}

/// Returns the decoder's words with chunks by name only: it prints them as a structure of five fields.
fn plain(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let shorter = || {
        let (before, rest) = text.split_once("ChunkType { type: ")?;
        let (name, rest) = rest.split_once(',')?;
        let (_, after) = rest.split_once('}')?;
        Some(format!("{before}`{name}`{after}"))
    };
    shorter().unwrap_or_else(|| text.to_owned())
}

/// One of the passes in which the rows of an image come: every `dx`th pixel of every `dy`th row.
struct Pass {
    x0: usize,
    y0: u32,
    dx: usize,
    dy: usize,
    /// Pixels in a row of this pass, never zero.
    width: u32,
}

/// Returns the passes of an image that have pixels, in order.
fn passes(header: &Header) -> Vec<Pass> {
    const WHOLE: &[(u32, u32, u32, u32)] = &[(0, 0, 1, 1)];
    const ADAM7: &[(u32, u32, u32, u32)] =
        &[(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let all = if header.interlaced { ADAM7 } else { WHOLE };
    let pass = |&(x0, y0, dx, dy): &(u32, u32, u32, u32)| {
        let width = header.width.saturating_sub(x0).div_ceil(dx);
        (width > 0).then_some(Pass { x0: x0 as usize, y0, dx: dx as usize, dy: dy as usize, width })
    };
    all.iter().filter_map(pass).collect()
}

impl Pass {
    /// Puts a row of RGBA pixels where it belongs in an image `width` pixels wide.
    fn place(&self, line: &[u8], y: u32, width: u32, rgba: &mut [u8]) {
        let stride = width as usize * 4;
        let row = &mut rgba[y as usize * stride..][..stride];
        if self.dx == 1 {
            row.copy_from_slice(line);
            return;
        }
        for (at, pixel) in line.chunks_exact(4).enumerate() {
            row[(self.x0 + at * self.dx) * 4..][..4].copy_from_slice(pixel);
        }
    }
}

/// How the samples of one image become RGBA8.
struct Colours {
    depth: u8,
    samples: u8,
    /// The pixel for each value, for images with one sample of at most 8 bits.
    table: Option<Box<[[u8; 4]; 256]>>,
    /// The bytes of the one pixel that is transparent, for grey and RGB.
    transparent: Option<Vec<u8>>,
    /// Number of colours in the palette.
    known: usize,
    alpha: bool,
}

impl Colours {
    fn new(header: &Header, reader: &Reader<Bytes<'_>>) -> Self {
        let info = reader.info();
        debug_assert_eq!(info.bit_depth, BitDepth::from_u8(header.depth).expect("the header was checked"));
        debug_assert_eq!(info.color_type == ColorType::Indexed, header.color == Color::Indexed);
        let trns = info.trns.as_deref();
        let palette = info.palette.as_deref().unwrap_or_default();
        let samples = header.color.samples();
        let pixel_len = usize::from(header.bits_per_pixel()).div_ceil(8);
        let transparent = trns.and_then(|it| it.get(..pixel_len)).map(<[u8]>::to_vec);
        let table = match header.color {
            Color::Indexed => Some(palette_table(palette, trns.unwrap_or_default())),
            Color::Grey if header.depth <= 8 => Some(grey_table(header.depth, transparent.as_deref())),
            _ => None,
        };
        let alpha = matches!(header.color, Color::GreyAlpha | Color::Rgba) || trns.is_some();
        Self { depth: header.depth, samples, table, transparent, known: palette.len() / 3, alpha }
    }

    /// Appends `n` pixels of `row` to `line`.
    fn convert(&self, row: &[u8], n: usize, line: &mut Vec<u8>) {
        match &self.table {
            Some(table) => line.extend(small_samples(row, self.depth, n).flat_map(|it| table[usize::from(it)])),
            None if self.depth == 16 => self.convert_large(row, narrow, line),
            None => self.convert_large(row, |sample: [u8; 1]| sample[0], line),
        }
    }

    /// Appends pixels of one to four samples that are `N` bytes each.
    fn convert_large<const N: usize>(&self, row: &[u8], narrow: fn([u8; N]) -> u8, line: &mut Vec<u8>) {
        for pixel in row.chunks_exact(N * usize::from(self.samples)) {
            let (samples, _) = pixel.as_chunks::<N>();
            let opaque = if self.transparent.as_deref() == Some(pixel) { 0 } else { 255 };
            line.extend(match *samples {
                [v] => [narrow(v), narrow(v), narrow(v), opaque],
                [v, a] => [narrow(v), narrow(v), narrow(v), narrow(a)],
                [r, g, b] => [narrow(r), narrow(g), narrow(b), opaque],
                [r, g, b, a] => [narrow(r), narrow(g), narrow(b), narrow(a)],
                _ => unreachable!("a pixel has one to four samples"),
            });
        }
    }
}

/// Returns the 8-bit sample nearest to a 16-bit one: `value * 255 / 65535`, rounded.
fn narrow(sample: [u8; 2]) -> u8 {
    ((u32::from(u16::from_be_bytes(sample)) * 255 + 32_895) >> 16) as u8
}

fn palette_table(palette: &[u8], alphas: &[u8]) -> Box<[[u8; 4]; 256]> {
    // What has no colour is opaque black, as in browsers.
    let mut table = Box::new([[0, 0, 0, 255]; 256]);
    let (colours, _) = palette.as_chunks::<3>();
    for (at, (entry, [r, g, b])) in table.iter_mut().zip(colours).enumerate() {
        *entry = [*r, *g, *b, alphas.get(at).copied().unwrap_or(255)];
    }
    table
}

fn grey_table(depth: u8, transparent: Option<&[u8]>) -> Box<[[u8; 4]; 256]> {
    let mut table = Box::new([[0, 0, 0, 255]; 256]);
    let greatest = (1_u16 << depth) - 1;
    for (value, entry) in (0..=greatest).zip(table.iter_mut()) {
        // 255 is a multiple of 1, 3, 15 and 255: this is exact.
        let grey = (value * (255 / greatest)) as u8;
        let alpha = if transparent == Some(&[value as u8]) { 0 } else { 255 };
        *entry = [grey, grey, grey, alpha];
    }
    table
}

/// Returns the first `n` samples of a row whose samples have at most 8 bits, the leftmost in the high bits.
fn small_samples(row: &[u8], depth: u8, n: usize) -> impl Iterator<Item = u8> {
    let per_byte = 8 / depth;
    let mask = ((1_u16 << depth) - 1) as u8;
    row.iter().flat_map(move |byte| (1..=per_byte).map(move |at| byte >> (8 - at * depth) & mask)).take(n)
}

fn highest_sample(row: &[u8], depth: u8, n: usize) -> u8 {
    if depth == 8 {
        return row.iter().copied().max().unwrap_or(0);
    }
    small_samples(row, depth, n).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrowing_is_rounding_to_the_nearest() {
        for value in 0..=u16::MAX {
            let exact = (f64::from(value) * 255.0 / 65535.0).round();
            assert_eq!(f64::from(narrow(value.to_be_bytes())), exact, "{value}");
        }
    }

    #[test]
    fn samples_come_from_the_high_bits_first() {
        let of = |depth, n| small_samples(&[0b1101_0010, 0b0111_1111], depth, n).collect::<Vec<_>>();
        assert_eq!(of(1, 9), [1, 1, 0, 1, 0, 0, 1, 0, 0]);
        assert_eq!(of(2, 5), [3, 1, 0, 2, 1]);
        assert_eq!(of(4, 3), [13, 2, 7]);
        assert_eq!(of(8, 2), [210, 127]);
        assert_eq!(of(8, 9).len(), 2);
        assert_eq!(highest_sample(&[0b0101_0001], 2, 3), 1);
        assert_eq!(highest_sample(&[0b0101_0011], 2, 3), 1);
        assert_eq!(highest_sample(&[0b0101_0011], 2, 4), 3);
    }

    #[test]
    fn passes_without_pixels_are_left_out() {
        let passes = |width, height, interlaced| {
            let header = Header { width, height, depth: 8, color: Color::Grey, interlaced };
            passes(&header).iter().map(|it| (it.x0, it.y0, it.width)).collect::<Vec<_>>()
        };
        assert_eq!(passes(5, 5, false), [(0, 0, 5)]);
        assert_eq!(passes(1, 1, true), [(0, 0, 1), (0, 4, 1), (0, 2, 1), (0, 1, 1)]);
        assert_eq!(passes(5, 8, true), [(0, 0, 1), (4, 0, 1), (0, 4, 2), (2, 0, 1), (0, 2, 3), (1, 0, 2), (0, 1, 5)]);
    }
}
