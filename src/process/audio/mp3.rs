//! MP3: tags, the frames between them, and what the first frame says about the others.
//!
//! Knows frame headers and the tables that encoders hide in the first frame (Xing, Info, VBRI, and what LAME adds);
//! decodes nothing. Every frame is walked and counted: what a table claims is only held against that.

use super::bytes::Fields;
use super::sound::{Refusal, Sound, count};

/// Returns the length of the ID3v2 tags that `bytes` begin with, one behind the other; more than there are bytes
/// where the last is cut off.
pub fn tags_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(len) = bytes.get(at..).and_then(tag_len) {
        at += len;
    }
    at
}

fn tag_len(bytes: &[u8]) -> Option<usize> {
    let mut fields = Fields(bytes);
    let [b'I', b'D', b'3', _, _, flags] = fields.array()? else { return None };
    let digits: [u8; 4] = fields.array()?;
    // Seven bits a byte, so that no tag looks like a frame.
    let len = digits.iter().try_fold(0, |len, it| (*it < 128).then_some(len << 7 | usize::from(*it)))?;
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Some(10 + len + footer)
}

/// Returns whether `bytes` begin with the header of an MPEG audio frame, of whatever layer.
pub fn is_frame(bytes: &[u8]) -> bool {
    !matches!(Head::read(bytes), Head::None)
}

/// Reads a file in which frames begin at `start`.
///
/// # Errors
///
/// Why it cannot be passed on.
pub fn read(bytes: &[u8], start: usize) -> Result<Sound, Refusal> {
    let first = match Head::read(&bytes[start..]) {
        Head::Frame(it) => it,
        Head::Free => {
            let message = "this is an MP3 in free format, whose frames do not say how long they are";
            return Err(Refusal::Kind(message.to_owned()));
        }
        Head::Layer(layer) => {
            return Err(Refusal::Kind(format!(
                "this is MPEG audio of layer {layer}, and only MP3 (layer 3) is read here"
            )));
        }
        Head::None => return Err(format!("at byte {start} there is no MP3 frame where the first should begin").into()),
    };
    let frame = bytes.get(start..start + first.len).ok_or("the file ends within its first frame")?;
    let table = Table::read(frame, &first);
    let walk = Walk::of(bytes, start, first)?;
    let n_sounding = walk.n_frames - u64::from(table.is_some());
    let mut odd = walk.odd;
    check(table.as_ref(), n_sounding, bytes.len() - start, &mut odd)?;
    let gapless = table.and_then(|it| it.gapless);
    let (delay, padding) = gapless.unwrap_or_default();
    let held = n_sounding * u64::from(first.samples);
    let frames = held.saturating_sub(u64::from(delay) + u64::from(padding));
    let (channels, rate) = (first.channels.into(), first.rate);
    let mut sound = Sound { format: "mp3", codec: "mp3", channels, rate, frames, repeat: None, facts: Vec::new(), odd };
    if gapless.is_some() {
        sound.fact("encoder_delay", delay);
        sound.fact("encoder_padding", padding);
    }
    Ok(sound)
}

/// Holds what the table in the first frame says against what is there.
fn check(table: Option<&Table>, n_frames: u64, len: usize, odd: &mut Vec<String>) -> Result<(), Refusal> {
    let Some(table) = table else { return Ok(()) };
    let Some(said) = table.n_frames.map(u64::from) else { return Ok(()) };
    if said <= n_frames {
        // Some encoders count their own table.
        if said + 1 < n_frames {
            odd.push(format!("the first frame says that {said} follow, and there are {n_frames}"));
        }
        return Ok(());
    }
    let message = format!("the first frame says that {said} follow, and there are {n_frames}");
    if table.n_bytes.is_some_and(|it| it as usize > len) {
        return Err(Refusal::Broken(message + "; the file is cut off"));
    }
    if said > n_frames + 1 {
        odd.push(message);
    }
    Ok(())
}

/// What four bytes are.
enum Head {
    /// The header of a frame of layer 3.
    Frame(Frame),
    /// That of one whose length is not said.
    Free,
    /// That of another layer.
    Layer(u8),
    /// None.
    None,
}

/// What the header of a frame says.
#[derive(Clone, Copy)]
struct Frame {
    /// Bytes, header included.
    len: usize,
    rate: u32,
    channels: u8,
    /// Samples of each channel.
    samples: u16,
    /// Bytes between the header and the samples, where an encoder's table has its place.
    side: usize,
}

impl Head {
    fn read(bytes: &[u8]) -> Self {
        let Some([0xff, form, sizes, mode]) = Fields(bytes).array() else { return Self::None };
        // MPEG 1, 2, and 2.5, which nobody standardised.
        let version = match form >> 3 & 3 {
            3 => 1,
            2 => 2,
            0 => 4,
            _ => return Self::None,
        };
        let (layer, bit_rate, rate) = (4 - (form >> 1 & 3), sizes >> 4, sizes >> 2 & 3);
        if form >> 5 != 7 || layer == 4 || bit_rate == 15 || rate == 3 || mode & 3 == 2 {
            return Self::None;
        }
        if layer != 3 {
            return Self::Layer(layer);
        }
        if bit_rate == 0 {
            return Self::Free;
        }
        const RATES: [u32; 3] = [44_100, 48_000, 32_000];
        const FIRST: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const LATER: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let rate = RATES[usize::from(rate)] / version;
        let (table, per_byte, samples) = if version == 1 { (FIRST, 144_000, 1152) } else { (LATER, 72_000, 576) };
        let padding = u32::from(sizes >> 1 & 1);
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        let side = match (version, channels) {
            (1, 2) => 32,
            (1, _) | (_, 2) => 17,
            _ => 9,
        };
        let len = (table[usize::from(bit_rate)] * per_byte / rate + padding) as usize;
        // A checksum of two bytes, where the bit says that there is none to be missed.
        let side = if form & 1 == 0 { side + 2 } else { side };
        Self::Frame(Frame { len, rate, channels, samples, side })
    }
}

/// What an encoder hides in the first frame.
struct Table {
    n_frames: Option<u32>,
    n_bytes: Option<u32>,
    /// Samples that the encoder put before and behind the sound.
    gapless: Option<(u16, u16)>,
}

impl Table {
    fn read(frame: &[u8], first: &Frame) -> Option<Self> {
        // With a checksum the place is two bytes further on, or not, depending on who wrote it.
        let places = [4 + first.side, 4 + first.side.saturating_sub(2)];
        let xing = places.iter().find_map(|at| Self::xing(frame.get(*at..)?));
        xing.or_else(|| Self::vbri(frame.get(36..)?))
    }

    fn xing(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.strip_prefix(b"Xing").or_else(|| bytes.strip_prefix(b"Info"))?);
        let flags = fields.u32_be()?;
        let n_frames = if flags & 1 != 0 { Some(fields.u32_be()?) } else { None };
        let n_bytes = if flags & 2 != 0 { Some(fields.u32_be()?) } else { None };
        if flags & 4 != 0 {
            fields.take(100)?;
        }
        if flags & 8 != 0 {
            fields.take(4)?;
        }
        Some(Self { n_frames, n_bytes, gapless: gapless(fields) })
    }

    fn vbri(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.strip_prefix(b"VBRI")?);
        // Version, delay, quality.
        fields.take(6)?;
        let (n_bytes, n_frames) = (fields.u32_be()?, fields.u32_be()?);
        Some(Self { n_frames: Some(n_frames), n_bytes: Some(n_bytes), gapless: None })
    }
}

/// Reads what LAME, and those who learnt it from LAME, write behind a Xing table.
fn gapless(mut fields: Fields<'_>) -> Option<(u16, u16)> {
    let encoder: [u8; 4] = fields.array()?;
    if !matches!(&encoder, b"LAME" | b"Lavf" | b"Lavc" | b"L3.9" | b"GOGO") {
        return None;
    }
    // The rest of the name; revision, low pass, gains, flags, bit rate.
    fields.take(5 + 12)?;
    let [a, b, c] = fields.array()?;
    Some((u16::from(a) << 4 | u16::from(b >> 4), u16::from(b & 15) << 8 | u16::from(c)))
}

/// All frames of a file.
struct Walk {
    n_frames: u64,
    odd: Vec<String>,
}

impl Walk {
    fn of(bytes: &[u8], start: usize, first: Frame) -> Result<Self, Refusal> {
        let mut walk = Self { n_frames: 0, odd: Vec::new() };
        let (mut at, mut n_skipped, mut n_other_channels) = (start, 0, 0_u64);
        while at < bytes.len() {
            match frame_at(bytes, at, &first) {
                Some(frame) if bytes.len() - at >= frame.len => {
                    walk.n_frames += 1;
                    n_other_channels += u64::from(frame.channels != first.channels);
                    at += frame.len;
                }
                Some(frame) => {
                    let missing = count((frame.len - (bytes.len() - at)) as u64, "byte");
                    walk.odd.push(format!("the last frame is cut off; {missing} are missing"));
                    break;
                }
                None => {
                    let skip = foreign_len(bytes, at, &first);
                    if tag_len(&bytes[at..]).is_some_and(|it| it > skip) {
                        walk.odd.push("the file ends within an ID3 tag".to_owned());
                    } else if !is_tag(&bytes[at..]) {
                        n_skipped += skip as u64;
                    }
                    at += skip;
                }
            }
        }
        if walk.n_frames == 0 {
            return Err("there is no whole MP3 frame".into());
        }
        if n_skipped > 0 {
            walk.odd.push(format!("{} belong to no frame and are passed over", count(n_skipped, "byte")));
        }
        if n_other_channels > 0 {
            walk.odd.push(format!("the number of channels is another in {}", count(n_other_channels, "frame")));
        }
        Ok(walk)
    }
}

/// Returns the frame that begins at `at`, if one does that goes with the first.
fn frame_at(bytes: &[u8], at: usize, first: &Frame) -> Option<Frame> {
    match Head::read(bytes.get(at..)?) {
        Head::Frame(it) if it.rate == first.rate && it.samples == first.samples => Some(it),
        _ => None,
    }
}

/// Returns whether a tag of a known kind begins here.
fn is_tag(bytes: &[u8]) -> bool {
    let id3 = bytes.len() == 128 && bytes.starts_with(b"TAG");
    id3 || bytes.starts_with(b"APETAGEX") || bytes.starts_with(b"LYRICSBEGIN") || tag_len(bytes).is_some()
}

/// Returns how many bytes to pass over at `at`, where no frame begins: a tag, or all up to two frames in a row.
fn foreign_len(bytes: &[u8], at: usize, first: &Frame) -> usize {
    let rest = &bytes[at..];
    if let Some(len) = tag_len(rest) {
        return len.min(rest.len());
    }
    if is_tag(rest) {
        // Tags at the end have no others but tags behind them.
        return rest.len();
    }
    let starts = |it: &usize| {
        let place = at + it;
        let ends = |it: &[u8]| it.is_empty() || is_tag(it);
        bytes[place] == 0xff
            && frame_at(bytes, place, first).is_some_and(|it| {
                frame_at(bytes, place + it.len, first).is_some() || bytes.get(place + it.len..).is_some_and(ends)
            })
            || is_tag(&bytes[place..])
    };
    (1..rest.len()).find(starts).unwrap_or(rest.len())
}
