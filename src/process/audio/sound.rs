//! What a reader finds out about a sound, whatever its format.
//!
//! Knows frames, loops and words for metadata; knows nothing of settings and limits.

use crate::process::contract::MetaValue;

/// A sound whose structure was found good.
#[derive(Clone, PartialEq, Debug)]
pub struct Sound {
    /// The container: `wav`, `ogg`, `flac` or `mp3`.
    pub format: &'static str,
    /// How its samples are written.
    pub codec: &'static str,
    /// Samples in a frame, at least 1.
    pub channels: u16,
    /// Frames in a second, at least 1.
    pub rate: u32,
    /// Samples of each channel, without those that a decoder drops at both ends. Never more than the bytes
    /// of the file can hold.
    pub frames: u64,
    /// The part that is played again and again.
    pub repeat: Option<Repeat>,
    /// What else a runtime may want to know.
    pub facts: Vec<(&'static str, MetaValue)>,
    /// What is not as it should be, though it can be played.
    pub odd: Vec<String>,
}

/// A loop, in frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeat {
    /// The first frame of it.
    pub start: u64,
    /// One past its last frame; absent where the loop goes to the end.
    pub end: Option<u64>,
    /// In which direction it is played, where the file says so.
    pub mode: Option<&'static str>,
    /// How often it is played, 0 for ever, where the file says so.
    pub times: Option<u32>,
}

impl Sound {
    /// Remembers something that a runtime may want to know.
    pub fn fact(&mut self, name: &'static str, value: impl Into<i64>) {
        self.facts.push((name, MetaValue::Integer(value.into())));
    }

    /// Returns what it is, for messages.
    pub fn words(&self) -> &'static str {
        match (self.format, self.codec) {
            ("wav", _) => "WAV",
            ("flac", _) => "FLAC",
            ("mp3", _) => "MP3",
            (_, "opus") => "Ogg Opus",
            _ => "Ogg Vorbis",
        }
    }

    /// Takes a loop that does not fit into the sound away, and says so.
    pub fn check_loop(&mut self) {
        let Some(repeat) = &mut self.repeat else { return };
        let end = repeat.end.unwrap_or(self.frames);
        if repeat.start < end && end <= self.frames {
            repeat.end = Some(end);
            return;
        }
        let (start, frames) = (repeat.start, self.frames);
        self.odd.push(format!("the loop from {start} to {end} does not fit into {frames} frames; it is left out"));
        self.repeat = None;
    }
}

/// Why a file is not passed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It is damaged, in words.
    Broken(String),
    /// It is something that is not read here, in words.
    Kind(String),
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::Broken(message)
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        Self::Broken(message.to_owned())
    }
}

/// Remembers something odd, each once and not without end: a file may be made of oddities.
pub fn remark(odd: &mut Vec<String>, message: impl Into<String>) {
    let message = message.into();
    if odd.len() < MOST_ODD && !odd.contains(&message) {
        odd.push(message);
    }
}

const MOST_ODD: usize = 20;

/// Returns `n` things in words: `1 byte`, `2 bytes`.
pub fn count(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}
