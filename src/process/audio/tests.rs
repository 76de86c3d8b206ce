//! Sounds made by hand, byte by byte, and what becomes of them.

mod flac;
mod made;
mod mp3;
mod ogg;
mod wav;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::process::fake::{self, FakeContext};
use crate::process::kinds;

fn run(bytes: &[u8], settings: Value) -> Outcome {
    let prepared = kinds::find("audio").expect("a kind").prepare(settings).expect("valid settings");
    let mut cx = FakeContext::with_input("a.snd", bytes);
    let outcome = prepared.run(&mut cx).expect("everything is available");
    assert!(cx.asked.is_empty(), "a sound asks for nothing but its input: {:?}", cx.asked);
    outcome
}

fn check(bytes: &[u8], expected: Expect) {
    expected.assert_eq(&fake::describe(&run(bytes, json!({}))));
}

/// Returns the frames of a sound, and every finding, one a line.
fn brief(bytes: &[u8]) -> String {
    let (frames, findings) = match run(bytes, json!({})) {
        Outcome::Made(artifacts, findings) => match artifacts[0].metadata["frames"] {
            MetaValue::Integer(it) => (format!("{it} frames\n"), findings),
            _ => panic!("frames are a number"),
        },
        Outcome::Refused(findings) => (String::new(), findings),
    };
    frames + &findings.iter().map(|it| format!("{} {}\n", it.code, it.message)).collect::<String>()
}

/// Returns a sound of every kind that can be made here, none of which has anything odd.
fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("wav", made::looped_wav()),
        ("ima", made::ima_wav()),
        ("vorbis", made::vorbis()),
        ("opus", made::opus()),
        ("flac", made::flac()),
        ("mp3", made::mp3()),
    ]
}

/// When this fails and the new bytes are meant, raise `Audio::VERSION` with the expectation.
#[test]
fn golden() {
    let mut text = format!("audio {} {:?}\n", Audio::VERSION, Audio::CODECS);
    for (name, bytes) in all() {
        text += &format!("{name} {:?}\n", fake::outcome_digest(&run(&bytes, json!({}))));
    }
    for (name, bytes) in [("pcm16 of wav", made::looped_wav()), ("pcm16 of ima", made::ima_wav())] {
        let outcome = run(&bytes, json!({ "format": "pcm16" }));
        text += &format!("{name} {:?}\n", fake::outcome_digest(&outcome));
    }
    expect![[r#"
        audio 1 []
        wav 36aa23c73b20
        ima df105f370c87
        vorbis 4daba07f775e
        opus e84cf4e4cc80
        flac faf114803047
        mp3 c3bad4895351
        pcm16 of wav 7f9fd6c82f22
        pcm16 of ima d9e04ab0aefb
    "#]]
    .assert_eq(&text);
}

#[test]
fn what_is_no_sound_is_named() {
    let text: String = [
        &b"\x89PNG\r\n\x1a\n0000"[..],
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        b"hello, this is no sound\n",
        b"RIFX\0\0\0\x04WAVEfmt ",
        b"RIFF\x04\0\0\0AVI LIST",
        b"FORM\0\0\0\x04AIFFCOMM",
        b"\xff\xf1\x50\x80\x2e\x7f\xfc\x21\x10\x05\x20\xa4\x1b",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"",
        b"RIF",
        b"RIFF\x04\0\0\0WAV",
        b"Og",
        b"fLa",
        b"ID3\x04",
        b"ID3\x04\0\0\0\0\0\x10abc",
        b"ID3\x04\0\0\0\0\0\x03abcnothing",
        b"\xff\xfd\x90\0\0\0\0\0\0\0\0\0\0",
        b"\xff\xfb\x00\0\0\0\0\0\0\0\0\0\0",
    ]
    .map(brief)
    .concat();
    expect![[r#"
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but a PNG image
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but a Git LFS pointer, not the content
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but a text file
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but a WAV with its high bytes first
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but an AVI video
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but an AIFF sound
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but an AAC sound
        PW0332 this is not a WAV, Ogg, FLAC or MP3 but something that is not known here
        PW0330 the file is empty
        PW0330 the file ends within its first bytes
        PW0330 the file ends within its first bytes
        PW0330 the file ends within its first bytes
        PW0330 the file ends within its first bytes
        PW0330 the file ends within its first bytes
        PW0330 the file ends within its ID3 tag
        PW0330 there is no sound after the ID3 tag of 13 bytes
        PW0332 this is MPEG audio of layer 2, and only MP3 (layer 3) is read here
        PW0332 this is an MP3 in free format, whose frames do not say how long they are
    "#]]
    .assert_eq(&text);
}

#[test]
fn limits_are_held() {
    let wav = made::looped_wav();
    for (settings, fits) in [
        (json!({ "max_seconds": 1, "max_channels": 2, "max_rate": 8000 }), true),
        (json!({ "max_seconds": 0 }), false),
        (json!({ "max_channels": 1 }), false),
        (json!({ "max_rate": 7999 }), false),
    ] {
        assert_eq!(matches!(run(&wav, settings.clone()), Outcome::Made(..)), fits, "{settings}");
    }
    let text: String = [json!({ "max_seconds": 0 }), json!({ "max_channels": 1 }), json!({ "max_rate": 7999 })]
        .map(|it| fake::describe(&run(&wav, it)))
        .concat();
    expect![[r#"
        refused
          error PW0331 a.snd: a length of 1 second is too great; the limit `max_seconds` is 0
            help: raise the setting `max_seconds` if the sound is meant to be so
        refused
          error PW0331 a.snd: 2 channels are too many; the limit `max_channels` is 1
            help: raise the setting `max_channels` if the sound is meant to be so
        refused
          error PW0331 a.snd: a rate of 8000 Hz is too high; the limit `max_rate` is 7999
            help: raise the setting `max_rate` if the sound is meant to be so
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_sound_has_one_input() {
    let mut cx = FakeContext::with_input("a.wav", &made::looped_wav());
    cx.input("b.wav", &made::looped_wav());
    let outcome = Audio.run(&mut cx, &Settings::default()).expect("everything is available");
    expect![[r#"
        refused
          error PW0004: an `audio` asset has exactly one input; this one has 2
    "#]]
    .assert_eq(&fake::describe(&outcome));
}

#[test]
fn unavailable_bytes_are_passed_on() {
    let mut cx = FakeContext::with_input("a.wav", &made::looped_wav());
    cx.unreadable("a.wav");
    assert!(Audio.run(&mut cx, &Settings::default()).is_err());
}

#[test]
fn durations_are_rounded() {
    for (frames, rate, expected) in
        [(0, 8000, 0), (3, 8000, 0), (4, 8000, 1), (44_100, 44_100, 1000), (u64::MAX, 1, u64::MAX), (1, u32::MAX, 0)]
    {
        assert_eq!(milliseconds(frames, rate), expected, "{frames} at {rate}");
    }
}

/// Every truncation is told of, and no flipped bit leads to a panic.
#[test]
fn damage_is_answered() {
    for (name, bytes) in all() {
        assert!(matches!(run(&bytes, json!({})), Outcome::Made(_, findings) if findings.is_empty()), "{name}");
        for len in 0..bytes.len() {
            let silent = matches!(run(&bytes[..len], json!({})), Outcome::Made(_, findings) if findings.is_empty());
            assert!(!silent, "{name}: {len} of {} bytes", bytes.len());
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                // With checksums mended too, so that what lies behind them meets the damage.
                for bytes in [made::mend_pages(&damaged), damaged] {
                    answer(&bytes);
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_named() {
    let text: String = all()
        .into_iter()
        .skip(2)
        .map(|(_, bytes)| fake::describe(&run(&bytes, json!({ "format": "pcm16" }))))
        .collect();
    expect![[r#"
        refused
          error PW0334 a.snd: `pcm16` can be made of WAV only, and this is Ogg Vorbis
            help: set `format = "source"` for it, or have it exported as WAV
        refused
          error PW0334 a.snd: `pcm16` can be made of WAV only, and this is Ogg Opus
            help: set `format = "source"` for it, or have it exported as WAV
        refused
          error PW0334 a.snd: `pcm16` can be made of WAV only, and this is FLAC
            help: set `format = "source"` for it, or have it exported as WAV
        refused
          error PW0334 a.snd: `pcm16` can be made of WAV only, and this is MP3
            help: set `format = "source"` for it, or have it exported as WAV
    "#]]
    .assert_eq(&text);
}

/// What a sound says of itself is bounded by its bytes, whatever these are.
fn answer(bytes: &[u8]) {
    let open = json!({ "max_seconds": u32::MAX, "max_channels": u16::MAX, "max_rate": u32::MAX });
    let made = matches!(run(bytes, json!({ "format": "pcm16" })), Outcome::Made(..));
    assert!(!made || matches!(run(bytes, json!({})), Outcome::Made(..)), "what is decoded can be passed through");
    if let Outcome::Made(artifacts, _) = run(bytes, open) {
        let MetaValue::Integer(frames) = artifacts[0].metadata["frames"] else { panic!("frames are a number") };
        // A frame of FLAC holds at most 65,536 in 9 bytes; nothing is denser.
        assert!(frames >= 0 && frames as usize <= bytes.len() * 65_536, "{frames} in {}", bytes.len());
    }
}

proptest::proptest! {
    /// Bytes that nobody made a sound of, behind the beginnings of all that are read.
    #[test]
    fn noise_is_answered(which in 0..6_usize, keep in 0..200_usize, noise: Vec<u8>) {
        let (_, mut bytes) = all().swap_remove(which);
        bytes.truncate(keep);
        bytes.extend(noise);
        answer(&made::mend_pages(&bytes));
        answer(&bytes);
    }
}
