//! WAV: chunks in a RIFF or an RF64.
//!
//! Knows chunks, the codecs of `fmt ` and where the samples lie; decodes none. All chunks are walked, to the end
//! of the file.

use std::ops::Range;

use super::bytes::Fields;
use super::sound::{Refusal, Repeat, Sound, count, remark};
use crate::process::contract::MetaValue;

/// How the samples of a WAV are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    /// Integers of so many bytes: one without sign, or two to four with one, the low byte first.
    Pcm(u16),
    /// Floats of four or eight bytes.
    Float(u16),
    /// Eight bits, a logarithm of a kind (G.711).
    Alaw,
    /// Eight bits, a logarithm of another kind (G.711).
    Mulaw,
    /// Four bits a sample, steps by IMA's table.
    Ima,
    /// Four bits a sample, predicted by Microsoft's coefficients.
    Ms,
}

impl Codec {
    /// Returns the word that metadata has for it: the one by which ffmpeg knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcm(1) => "pcm_u8",
            Self::Pcm(2) => "pcm_s16le",
            Self::Pcm(3) => "pcm_s24le",
            Self::Pcm(_) => "pcm_s32le",
            Self::Float(4) => "pcm_f32le",
            Self::Float(_) => "pcm_f64le",
            Self::Alaw => "pcm_alaw",
            Self::Mulaw => "pcm_mulaw",
            Self::Ima => "adpcm_ima_wav",
            Self::Ms => "adpcm_ms",
        }
    }

    /// Returns how many frames a block of `len` bytes holds, which need not be a whole one.
    fn frames_in(self, len: u64, channels: u64) -> u64 {
        match self {
            Self::Pcm(bytes) | Self::Float(bytes) => len / (u64::from(bytes) * channels),
            Self::Alaw | Self::Mulaw => len / channels,
            // A head of four bytes a channel holds one sample; then four bytes of each channel in turn.
            Self::Ima => match len.checked_sub(4 * channels) {
                Some(rest) => 1 + rest / (4 * channels) * 8,
                None => 0,
            },
            // A head of seven bytes a channel holds two samples; then the channels take turns by half a byte.
            Self::Ms => match len.checked_sub(7 * channels) {
                Some(rest) => 2 + rest * 2 / channels,
                None => 0,
            },
        }
    }
}

/// Where the samples of a WAV lie, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// How they are written.
    pub codec: Codec,
    /// Samples in a frame.
    pub channels: u16,
    /// Bytes in a block: a frame, or what ADPCM packs together.
    pub block: u16,
    /// Frames in a block.
    pub block_frames: u64,
    /// The pairs of coefficients that [`Codec::Ms`] chooses from.
    pub coefficients: Vec<(i16, i16)>,
    /// The bytes of the file that hold them. The last block need not be whole.
    pub data: Range<usize>,
}

/// Returns whether a file begins as a WAV does.
pub fn is_wav(bytes: &[u8]) -> bool {
    let riff = [b"RIFF", b"RF64", b"BW64"].iter().any(|it| bytes.starts_with(*it));
    riff && bytes.get(8..12) == Some(b"WAVE")
}

/// Reads a file that [`is_wav`].
///
/// # Errors
///
/// Why it cannot be passed on.
pub fn read(bytes: &[u8]) -> Result<(Sound, Layout), Refusal> {
    let mut chunks = Chunks::walk(bytes)?;
    let format = chunks.format.take().ok_or("there is no chunk `fmt `, which says how samples are written")?;
    let data = chunks.data.take().ok_or("there is no chunk `data`, which holds the samples")?;
    let frames = frames(&format, data.len() as u64, chunks.fact, &mut chunks.odd);
    let Format { codec, channels, rate, block, block_frames, .. } = format;
    let layout = Layout { codec, channels, block, block_frames, coefficients: format.coefficients, data };
    let mut sound = Sound {
        format: "wav",
        codec: codec.name(),
        channels,
        rate,
        frames,
        repeat: chunks.repeat,
        facts: Vec::new(),
        odd: chunks.odd,
    };
    sound.fact("data_offset", layout.data.start as i64);
    sound.fact("data_bytes", layout.data.len() as i64);
    match codec {
        Codec::Ima | Codec::Ms => {
            sound.fact("block_bytes", block);
            sound.fact("block_frames", block_frames as i64);
        }
        _ => sound.fact("bits", format.bits),
    }
    if format.mask != 0 {
        sound.fact("channel_mask", format.mask);
    }
    if let Some(note) = chunks.note {
        sound.fact("midi_note", note);
    }
    if let Some(cues) = chunks.cues {
        sound.facts.push(("cues", MetaValue::Text(cues)));
    }
    if let Some(repeat) = &mut sound.repeat {
        // The last frame is named, not the one after it; half of all programs get that wrong by one.
        repeat.end = repeat.end.map(|it| if it == frames + 1 { frames } else { it });
    }
    Ok((sound, layout))
}

/// Counts the frames in `len` bytes, and says where these are not what they should be.
fn frames(format: &Format, len: u64, fact: Option<u32>, odd: &mut Vec<String>) -> u64 {
    let (block, channels) = (u64::from(format.block), u64::from(format.channels));
    let (whole, rest) = (len / block, len % block);
    let last = format.codec.frames_in(rest, channels).min(format.block_frames);
    let held = whole * format.block_frames + last;
    if !matches!(format.codec, Codec::Ima | Codec::Ms) {
        if rest > 0 {
            remark(odd, format!("the samples end with {} that are no whole frame", count(rest, "byte")));
        }
        return held;
    }
    if rest > 0 && last == 0 {
        odd.push(format!("the samples end with {} that are no whole block", count(rest, "byte")));
    }
    // Blocks are filled up, and only `fact` tells where the sound ends within the last one.
    match fact.map(u64::from) {
        Some(fact) if fact <= held && held - fact < format.block_frames => fact,
        Some(fact) if fact != 0 => {
            remark(odd, format!("the chunk `fact` says {fact} frames, and the samples are {held}"));
            held
        }
        _ => held,
    }
}

/// What the chunks of a file say.
#[derive(Default)]
struct Chunks {
    format: Option<Format>,
    data: Option<Range<usize>>,
    fact: Option<u32>,
    repeat: Option<Repeat>,
    note: Option<u32>,
    cues: Option<String>,
    /// Whether the samples go to the end of the file, because their length is not known.
    open_ended: bool,
    odd: Vec<String>,
}

/// What programs write for a length that they do not know, because they cannot go back to correct it: this or more.
const NOT_KNOWN: u64 = 0x7fff_0000;

impl Chunks {
    fn walk(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut chunks = Self::default();
        // The length of the samples in an RF64, where it does not fit into 32 bits.
        let mut wide = None;
        let mut said = u64::from(Fields(&bytes[4..]).u32_le().ok_or("the file ends within its head")?);
        let mut at = 12;
        // The end of the last chunk, without the byte that makes its length even.
        let mut end = 12;
        while at < bytes.len() {
            if chunks.data.is_some() && at as u64 >= said.saturating_add(8) && said != 0 {
                break;
            }
            let Some((id, len)) = head(&bytes[at..]) else {
                if chunks.data.is_some() {
                    break;
                }
                return Err(no_chunk(bytes, at));
            };
            let body = &bytes[at + 8..];
            let len = match wide {
                Some(wide) if &id == b"data" && len == u32::MAX => wide,
                _ => len.into(),
            };
            let len = match usize::try_from(len).ok().filter(|it| *it <= body.len()) {
                // A program that cannot go back leaves both lengths at nothing.
                Some(0) if &id == b"data" && !body.is_empty() && (said == 0 || said >= NOT_KNOWN) => {
                    chunks.leave_open();
                    body.len()
                }
                Some(len) => len,
                None => chunks.cut_off(&id, at, len, body.len())?,
            };
            let body = &body[..len];
            if &id == b"ds64" {
                let mut fields = Fields(body);
                let sizes = fields.u64_le().zip(fields.u64_le());
                let (riff, data) = sizes.ok_or("the chunk `ds64` is too short")?;
                said = if said == u64::from(u32::MAX) { riff } else { said };
                wide = Some(data);
            } else {
                chunks.chunk(&id, at + 8, body)?;
            }
            end = at + 8 + len;
            at = end + (len & 1);
        }
        chunks.check_end(bytes.len(), said.saturating_add(8), end);
        Ok(chunks)
    }

    /// Returns how long a chunk is that is cut off by the end of the file after `there` bytes.
    fn cut_off(&mut self, id: &[u8; 4], at: usize, len: u64, there: usize) -> Result<usize, Refusal> {
        let (name, missing) = (id.escape_ascii(), count(len - there as u64, "byte"));
        match id {
            b"data" if len >= NOT_KNOWN => self.leave_open(),
            // Rounded up, or counted with the byte that makes it even.
            b"data" if len - there as u64 == 1 => {
                remark(&mut self.odd, format!("the chunk `data` says {len} bytes, and the file has one less"));
            }
            b"fmt " | b"data" | b"ds64" | b"fact" | b"smpl" | b"cue " => {
                return Err(
                    format!("the file ends within the chunk `{name}` at byte {at}; {missing} are missing").into()
                );
            }
            _ if self.data.is_none() => {
                return Err(
                    format!("the file ends within the chunk `{name}` at byte {at}; {missing} are missing").into()
                );
            }
            _ => remark(
                &mut self.odd,
                format!("the file ends within the chunk `{name}` at byte {at}; {missing} are missing"),
            ),
        }
        Ok(there)
    }

    fn chunk(&mut self, id: &[u8; 4], start: usize, body: &[u8]) -> Result<(), Refusal> {
        let twice = match id {
            b"fmt " => self.format.is_some(),
            b"data" => self.data.is_some(),
            b"fact" => self.fact.is_some(),
            b"smpl" => self.repeat.is_some(),
            b"cue " => self.cues.is_some(),
            _ => return Ok(()),
        };
        if twice {
            remark(&mut self.odd, format!("there is a second chunk `{}`, which is ignored", id.escape_ascii()));
            return Ok(());
        }
        match id {
            b"fmt " => self.format = Some(Format::read(body)?),
            b"data" => self.data = Some(start..start + body.len()),
            b"fact" => self.fact = Fields(body).u32_le(),
            b"smpl" => self.sampler(body),
            _ => self.cue_points(body),
        }
        Ok(())
    }

    /// Reads `smpl`. Of several loops the first counts.
    fn sampler(&mut self, body: &[u8]) {
        let mut fields = Fields(body);
        // Manufacturer, product, period; note; pitch, SMPTE format and offset; number of loops, further bytes.
        let head: Option<[[u8; 4]; 9]> = fields.take(36).and_then(|it| it.as_chunks().0.try_into().ok());
        let Some(head) = head else {
            remark(&mut self.odd, "the chunk `smpl` is too short and is ignored".to_owned());
            return;
        };
        let (note, n_loops) = (u32::from_le_bytes(head[3]), u32::from_le_bytes(head[7]));
        self.note = (note < 128).then_some(note);
        if n_loops == 0 {
            return;
        }
        let first: Option<[[u8; 4]; 6]> = fields.take(24).and_then(|it| it.as_chunks().0.try_into().ok());
        let Some([_, mode, start, last, _, times]) = first.map(|it| it.map(u32::from_le_bytes)) else {
            remark(&mut self.odd, format!("the chunk `smpl` says {} and holds none", count(n_loops.into(), "loop")));
            return;
        };
        let mode = match mode {
            0 => Some("forward"),
            1 => Some("ping_pong"),
            2 => Some("backward"),
            _ => None,
        };
        self.repeat = Some(Repeat { start: start.into(), end: Some(u64::from(last) + 1), mode, times: Some(times) });
    }

    fn cue_points(&mut self, body: &[u8]) {
        let (Some(n_points), (points, _)) =
            (Fields(body).u32_le(), body.get(4..).unwrap_or_default().as_chunks::<24>())
        else {
            remark(&mut self.odd, "the chunk `cue ` is too short and is ignored".to_owned());
            return;
        };
        if n_points as usize > points.len() {
            let (said, there) = (count(n_points.into(), "point"), points.len());
            remark(&mut self.odd, format!("the chunk `cue ` says {said} and holds {there}"));
        }
        if points.len() > MOST_CUES {
            remark(&mut self.odd, format!("of more than {MOST_CUES} cue points the first are told"));
        }
        // Number and position in the play list; chunk, its start and that of its block; the frame.
        let frame = |it: &[u8; 24]| u32::from_le_bytes([it[20], it[21], it[22], it[23]]).to_string();
        let all: Vec<String> = points.iter().take(MOST_CUES.min(n_points as usize)).map(frame).collect();
        self.cues = (!all.is_empty()).then(|| all.join(" "));
    }

    /// Compares where the chunks end with what the head says and with the file.
    fn check_end(&mut self, len: usize, said: u64, end: usize) {
        let even = end.next_multiple_of(2);
        let wrong = said < end as u64 || said > len as u64 && said != even as u64;
        if wrong && !self.open_ended {
            remark(&mut self.odd, format!("the head says a length of {said} bytes, and the file has {len}"));
        }
        if len > even {
            let verb = if len - even == 1 { "follows" } else { "follow" };
            remark(&mut self.odd, format!("{} {verb} the last chunk", count((len - even) as u64, "byte")));
        }
    }

    /// Takes all that is there for samples, whose length nobody wrote.
    fn leave_open(&mut self) {
        remark(&mut self.odd, "the length of the samples was never written; they go to the end of the file");
        self.open_ended = true;
    }
}

/// How many cue points are told.
const MOST_CUES: usize = 256;

/// Returns the name and length of the chunk that `bytes` begin with, if it can be one.
fn head(bytes: &[u8]) -> Option<([u8; 4], u32)> {
    let mut fields = Fields(bytes);
    let id: [u8; 4] = fields.array()?;
    id.iter().all(|it| matches!(it, 0x20..=0x7e)).then_some((id, fields.u32_le()?))
}

fn no_chunk(bytes: &[u8], at: usize) -> Refusal {
    match bytes[at..].first_chunk::<8>() {
        None => Refusal::Broken(format!("the file ends within the head of a chunk at byte {at}")),
        Some([id @ .., _, _, _, _]) => {
            let name = id.escape_ascii();
            Refusal::Broken(format!("at byte {at} there is no chunk: `{name}` is not the name of one"))
        }
    }
}

/// What the chunk `fmt ` says.
struct Format {
    codec: Codec,
    channels: u16,
    rate: u32,
    block: u16,
    block_frames: u64,
    /// Bits in a sample that count.
    bits: u16,
    /// Which loudspeakers the channels are for, 0 where that is not said.
    mask: u32,
    coefficients: Vec<(i16, i16)>,
}

/// What a `WAVE_FORMAT_EXTENSIBLE` adds.
struct Extension {
    tag: u16,
    /// Bits in a sample that count; 0 stands for all.
    valid: u16,
    mask: u32,
}

/// The last 14 bytes of the GUID of every codec that has a number of 16 bits.
const GUID_TAIL: [u8; 14] = *b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
const EXTENSIBLE: u16 = 0xfffe;

impl Format {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let mut fields = Fields(body);
        let head: Option<[[u8; 2]; 8]> = fields.take(16).and_then(|it| it.as_chunks().0.try_into().ok());
        let head =
            head.ok_or_else(|| format!("the chunk `fmt ` has {} in place of 16", count(body.len() as u64, "byte")))?;
        let [tag, channels, rate_low, rate_high, _, _, block, bits] = head.map(u16::from_le_bytes);
        let rate = u32::from(rate_high) << 16 | u32::from(rate_low);
        if channels == 0 || rate == 0 || block == 0 {
            let message = format!(
                "the chunk `fmt ` says {}, {rate} Hz and blocks of {}",
                count(channels.into(), "channel"),
                count(block.into(), "byte")
            );
            return Err(Refusal::Broken(message));
        }
        // The length of what follows is that of the chunk; some programs write zeros or nothing for it.
        fields.take(2);
        let Extension { tag, valid, mask } = if tag == EXTENSIBLE {
            extension(&mut fields).ok_or("the chunk `fmt ` is too short for its codec")??
        } else {
            Extension { tag, valid: 0, mask: 0 }
        };
        let container = block / channels;
        let codec = match tag {
            1 if bits <= 32 => Codec::Pcm(container),
            3 => Codec::Float(container),
            6 => Codec::Alaw,
            7 => Codec::Mulaw,
            2 => Codec::Ms,
            0x11 => Codec::Ima,
            _ => return Err(foreign(tag, bits)),
        };
        let mut format = Self { codec, channels, rate, block, block_frames: 0, bits, mask, coefficients: Vec::new() };
        format.check().map_err(Refusal::Broken)?;
        // Those beyond are filled up with zeros from below.
        format.bits = if (1..bits).contains(&valid) { valid } else { bits };
        format.block_frames = codec.frames_in(block.into(), channels.into());
        if matches!(codec, Codec::Ima | Codec::Ms) {
            format.read_adpcm(fields)?;
        }
        Ok(format)
    }

    /// Holds the fields against each other.
    fn check(&self) -> Result<(), String> {
        let (bits, block, channels) = (self.bits, self.block, self.channels);
        let (fits, bytes) = match self.codec {
            Codec::Pcm(bytes @ 1..=4) => ((1..=bytes * 8).contains(&bits) && bits > (bytes - 1) * 8, bytes),
            Codec::Float(bytes @ (4 | 8)) => (bits == bytes * 8, bytes),
            Codec::Alaw | Codec::Mulaw => (bits == 8, 1),
            Codec::Ima | Codec::Ms => (bits == 4, 0),
            Codec::Pcm(_) | Codec::Float(_) => (false, 0),
        };
        if !fits || bytes > 0 && block != bytes * channels {
            return Err(format!(
                "the chunk `fmt ` says {}, {} in a sample and blocks of {}, which does not go together",
                count(channels.into(), "channel"),
                count(bits.into(), "bit"),
                count(block.into(), "byte")
            ));
        }
        Ok(())
    }

    /// Reads what ADPCM adds, behind the length of what follows.
    fn read_adpcm(&mut self, mut fields: Fields<'_>) -> Result<(), Refusal> {
        let (block, channels) = (self.block, self.channels);
        let said = fields.u16_le().ok_or("the chunk `fmt ` is too short for its codec")?;
        if self.block_frames == 0 || self.block_frames != u64::from(said) {
            let message = format!(
                "the chunk `fmt ` says {said} frames in blocks of {}, and with {} these hold {}",
                count(block.into(), "byte"),
                count(channels.into(), "channel"),
                self.block_frames
            );
            return Err(Refusal::Broken(message));
        }
        if self.codec == Codec::Ms {
            let n_pairs = fields.u16_le().ok_or("the chunk `fmt ` is too short for its codec")?;
            let pairs = (0..n_pairs).map_while(|_| fields.i16_le().zip(fields.i16_le()));
            self.coefficients = pairs.collect();
            if self.coefficients.len() != usize::from(n_pairs) || !(1..=256).contains(&n_pairs) {
                return Err(
                    format!("the chunk `fmt ` says {n_pairs} pairs of coefficients and does not hold them").into()
                );
            }
        }
        Ok(())
    }
}

/// Reads what a `WAVE_FORMAT_EXTENSIBLE` adds, or nothing where it is cut off.
fn extension(fields: &mut Fields<'_>) -> Option<Result<Extension, Refusal>> {
    let (valid, mask) = (fields.u16_le()?, fields.u32_le()?);
    let (tag, tail) = (fields.u16_le()?, fields.array::<14>()?);
    Some(if tail == GUID_TAIL {
        Ok(Extension { tag, valid, mask })
    } else {
        Err(Refusal::Kind("this is a WAV with a codec that has no number".to_owned()))
    })
}

fn foreign(tag: u16, bits: u16) -> Refusal {
    let name = match tag {
        1 => return Refusal::Kind(format!("this is a WAV with integers of {bits} bits")),
        0x31 => "GSM 6.10",
        0x40 | 0x45 | 0x64 => "G.721 or G.726",
        0x50 => "MPEG audio",
        0x55 => "MP3",
        0xff => "AAC",
        0x160..=0x163 => "Windows Media Audio",
        0x674f..=0x6771 => "Vorbis",
        0x2000 => "AC-3",
        0xf1ac => "FLAC",
        _ => return Refusal::Kind(format!("this is a WAV with the codec 0x{tag:04x}, which is not read here")),
    };
    Refusal::Kind(format!("this is a WAV that holds {name}, which is not read here"))
}
