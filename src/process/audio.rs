//! `audio`: a sound, validated and passed through, or decoded to integers of 16 bits.
//!
//! Read are WAV (integers, floats, A-law, mu-law, IMA's and Microsoft's ADPCM), Vorbis and Opus in Ogg, FLAC and
//! MP3; what a file is, its first bytes say. Headers and structure are read whole by readers of our own, one a
//! format: all chunks, pages or frames are walked, checksums included, and no sample is decoded for that. It is enough to
//! tell exactly how long a sound is: blocks of Vorbis and packets of Opus say in their first bits how many frames they bring.
//! No reader trusts a length, and none allocates more than the file is long.
//!
//! What is refused: other formats and codecs, limits that are exceeded, truncated files, checksums that do not hold,
//! headers that make no sense, streams in one Ogg that differ or lie side by side. What is only warned about,
//! because every player copes: bytes after the end, lengths that were never written, missing end marks, loops that lead
//! outside.
//!
//! Decoded are WAVs of all these codecs, in integers. The others are refused when that is asked for: there is no
//! decoder for them here. Loudness is not measured.

mod bytes;
mod comments;
mod flac;
mod mp3;
mod ogg;
mod opus;
mod pcm;
mod sound;
mod vorbis;
mod wav;

use crate::model::{Code, magic};

use self::sound::{Refusal, Sound, count};
use super::contract::{
    Artifact, Context, Finding, Input, MetaValue, Metadata, Outcome, Payload, Processor, Unavailable, run_alone,
};

/// Validates a sound and passes it through, or decodes it.
#[derive(Debug, Default)]
pub struct Audio;

/// What an artifact of a sound holds.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    bincode::Encode,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The file as it is.
    #[default]
    Source,
    /// The samples of each frame one after the other, integers of 16 bits with a sign, the low byte first. Of WAV
    /// only. More bits are rounded to the nearest, halves upwards, without dither.
    Pcm16,
}

/// What becomes of the channels of a sound that is decoded.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    bincode::Encode,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// They stay as they are.
    #[default]
    Source,
    /// One is made of them: their mean, rounded to the nearest, halves upwards.
    Mono,
}

/// Settings of `audio`.
#[derive(Clone, PartialEq, Eq, Debug, bincode::Encode, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What the artifact holds.
    pub format: Format,
    /// What becomes of the channels; they stay as they are where the artifact is the file.
    pub channels: Channels,
    /// Greatest length in seconds.
    pub max_seconds: u32,
    /// Greatest number of channels.
    pub max_channels: u16,
    /// Greatest number of frames in a second, in Hz.
    pub max_rate: u32,
    /// Greatest length in bytes of what is decoded, before channels are put together.
    pub max_decoded_bytes: u64,
}

impl Default for Settings {
    /// Longer than any score, as many channels as loudspeakers around a listener, and the rate of studios.
    fn default() -> Self {
        Self {
            format: Format::Source,
            channels: Channels::Source,
            max_seconds: 4 * 3600,
            max_channels: 8,
            max_rate: 192_000,
            max_decoded_bytes: 1 << 30,
        }
    }
}

impl Processor for Audio {
    type Settings = Settings;

    const KIND: &'static str = "audio";
    const VERSION: u32 = 1;
    const CODECS: &'static [&'static str] = &[];

    fn run(&self, cx: &mut dyn Context, settings: &Settings) -> Result<Outcome, Unavailable> {
        run_alone(cx, Self::KIND, |input, bytes| process(input, bytes, settings))
    }
}

fn process(input: &Input, bytes: &[u8], settings: &Settings) -> Result<(Artifact, Vec<Finding>), Finding> {
    let (mut sound, layout) = read(bytes).map_err(|it| refuse(input, it))?;
    check_limits(input, &sound, settings)?;
    sound.check_loop();
    if sound.frames == 0 {
        sound.odd.push("the sound has no samples".to_owned());
    }
    let payload = match settings.format {
        Format::Source => passed_through(input, settings)?,
        Format::Pcm16 => decoded(input, bytes, &mut sound, layout.as_ref(), settings)?,
    };
    let artifact = Artifact { metadata: metadata(&sound), ..Artifact::of(payload) };
    let warnings = sound.odd.into_iter().map(|it| Finding::warning(Code::AUDIO_ODD, &input.path, it)).collect();
    Ok((artifact, warnings))
}

fn passed_through(input: &Input, settings: &Settings) -> Result<Payload, Finding> {
    if settings.channels == Channels::Source {
        return Ok(Payload::Input(input.clone()));
    }
    let message = "channels are put together only where a sound is decoded";
    Err(Finding::error(Code::AUDIO_FORM, &input.path, message)
        .help("set `format = \"pcm16\"` besides, or leave `channels` out"))
}

/// Decodes a sound, and makes of its description that of what is made.
fn decoded(
    input: &Input,
    bytes: &[u8],
    sound: &mut Sound,
    layout: Option<&wav::Layout>,
    settings: &Settings,
) -> Result<Payload, Finding> {
    let Some(layout) = layout else {
        let message = format!("`pcm16` can be made of WAV only, and this is {}", sound.words());
        return Err(Finding::error(Code::AUDIO_FORM, &input.path, message)
            .help("set `format = \"source\"` for it, or have it exported as WAV"));
    };
    let len = sound.frames.saturating_mul(u64::from(sound.channels) * 2);
    if len > settings.max_decoded_bytes {
        let limit = settings.max_decoded_bytes;
        let message = format!("{len} bytes of samples are too many; the limit `max_decoded_bytes` is {limit}");
        return Err(Finding::error(Code::AUDIO_LIMIT, &input.path, message)
            .help("raise the setting `max_decoded_bytes` if the sound is meant to be so"));
    }
    let broken = |it| refuse(input, Refusal::Broken(it));
    let mut samples = pcm::decode(bytes, layout, sound.frames).map_err(broken)?;
    (sound.format, sound.codec) = ("pcm16", "pcm_s16le");
    sound.facts.retain(|it| matches!(it.0, "channel_mask" | "cues" | "midi_note"));
    if settings.channels == Channels::Mono {
        samples = pcm::mono(&samples, sound.channels);
        sound.channels = 1;
        sound.facts.retain(|it| it.0 != "channel_mask");
    }
    let payload: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    Ok(Payload::Made(payload.into()))
}

/// Finds out what a file is by its first bytes, and reads it; of a WAV also where its samples lie.
fn read(bytes: &[u8]) -> Result<(Sound, Option<wav::Layout>), Refusal> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    if wav::is_wav(bytes) {
        return wav::read(bytes).map(|(sound, layout)| (sound, Some(layout)));
    }
    if bytes.starts_with(b"OggS") {
        return ogg::read(bytes).map(|it| (it, None));
    }
    let tags = mp3::tags_len(bytes);
    let Some(sound) = bytes.get(tags..) else {
        return Err("the file ends within its ID3 tag".into());
    };
    if sound.starts_with(flac::SIGNATURE) {
        let mut read = flac::read(sound)?;
        if tags > 0 {
            read.odd.push(format!("an ID3 tag of {} comes before the sound", count(tags as u64, "byte")));
        }
        return Ok((read, None));
    }
    if mp3::is_frame(sound) {
        return mp3::read(bytes, tags).map(|it| (it, None));
    }
    Err(unknown(bytes, tags))
}

/// Says what a file is that is none of those that are read.
fn unknown(bytes: &[u8], tags: usize) -> Refusal {
    if bytes.len() < 12 && [&b"RIFF"[..], b"OggS", b"fLaC", b"ID3", b"\xff"].iter().any(|it| begins(bytes, it)) {
        return "the file ends within its first bytes".into();
    }
    if tags > 0 {
        return format!("there is no sound after the ID3 tag of {}", count(tags as u64, "byte")).into();
    }
    let name = match bytes {
        [b'R', b'I', b'F', b'X', ..] => "a WAV with its high bytes first",
        // The header of ADTS: as MPEG audio has it, with a layer that does not exist.
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..] => "an AAC sound",
        _ => magic::describe(bytes),
    };
    Refusal::Kind(format!("this is not a WAV, Ogg, FLAC or MP3 but {name}"))
}

/// Returns whether one of two begins with the other.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.starts_with(signature) || signature.starts_with(bytes)
}

fn refuse(input: &Input, refusal: Refusal) -> Finding {
    match refusal {
        Refusal::Broken(message) => Finding::error(Code::AUDIO_BROKEN, &input.path, message)
            .help("export it anew, or fetch it again if it was cut off on its way"),
        Refusal::Kind(message) => Finding::error(Code::AUDIO_KIND, &input.path, message).help(
            "`audio` reads WAV, Ogg Vorbis, Ogg Opus, FLAC and MP3; convert the file, or give the asset the type `raw`",
        ),
    }
}

fn check_limits(input: &Input, sound: &Sound, settings: &Settings) -> Result<(), Finding> {
    let (channels, rate) = (sound.channels, sound.rate);
    let most_frames = u64::from(settings.max_seconds) * u64::from(rate);
    let (what, setting, limit) = if channels > settings.max_channels {
        (format!("{channels} channels are too many"), "max_channels", u32::from(settings.max_channels))
    } else if rate > settings.max_rate {
        (format!("a rate of {rate} Hz is too high"), "max_rate", settings.max_rate)
    } else if sound.frames > most_frames {
        let seconds = sound.frames.div_ceil(rate.into());
        (format!("a length of {} is too great", count(seconds, "second")), "max_seconds", settings.max_seconds)
    } else {
        return Ok(());
    };
    let message = format!("{what}; the limit `{setting}` is {limit}");
    Err(Finding::error(Code::AUDIO_LIMIT, &input.path, message)
        .help(format!("raise the setting `{setting}` if the sound is meant to be so")))
}

fn metadata(sound: &Sound) -> Metadata {
    let integer = |it: u64| MetaValue::Integer(i64::try_from(it).unwrap_or(i64::MAX));
    let text = |it: &str| MetaValue::Text(it.to_owned());
    let mut metadata = Metadata::from([
        ("format".into(), text(sound.format)),
        ("codec".into(), text(sound.codec)),
        ("channels".into(), integer(sound.channels.into())),
        ("rate".into(), integer(sound.rate.into())),
        ("frames".into(), integer(sound.frames)),
        ("duration_ms".into(), integer(milliseconds(sound.frames, sound.rate))),
    ]);
    if let Some(repeat) = &sound.repeat {
        metadata.insert("loop_start".into(), integer(repeat.start));
        metadata.insert("loop_end".into(), integer(repeat.end.unwrap_or(sound.frames)));
        if let Some(mode) = repeat.mode {
            metadata.insert("loop_mode".into(), text(mode));
        }
        if let Some(times) = repeat.times {
            metadata.insert("loop_count".into(), integer(times.into()));
        }
    }
    metadata.extend(sound.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    metadata
}

/// Returns how long so many frames take, rounded to the nearest millisecond.
fn milliseconds(frames: u64, rate: u32) -> u64 {
    let exact = u128::from(frames) * 1000 + u128::from(rate / 2);
    u64::try_from(exact / u128::from(rate)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
