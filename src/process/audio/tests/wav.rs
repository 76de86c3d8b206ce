//! WAVs, chunk by chunk.

use super::made::{chunk, format, ima_format, looped_wav, ms_format, riff, sampler, wav};
use super::*;

#[test]
fn the_whole_of_it() {
    check(
        &looped_wav(),
        expect![[r#"
        made part ""
          payload "": input a.snd, 164 bytes
          bits = 16
          channels = 2
          codec = "pcm_s16le"
          cues = "3"
          data_bytes = 16
          data_offset = 80
          duration_ms = 1
          format = "wav"
          frames = 4
          loop_count = 0
          loop_end = 3
          loop_mode = "forward"
          loop_start = 1
          midi_note = 60
          rate = 8000
    "#]],
    );
}

#[test]
fn every_codec_has_its_length() {
    let extensible = |tag: u8, valid: u8, bits: u16| {
        let guid = [&[tag, 0][..], b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"].concat();
        [&format(0xfffe, 2, 8000, bits / 4, bits)[..], &[22, 0, valid, 0, 3, 0, 0, 0], &guid].concat()
    };
    let codecs = [
        (format(1, 1, 8000, 1, 8), 24),
        (format(1, 2, 8000, 4, 16), 24),
        (format(1, 2, 8000, 4, 12), 24),
        (format(1, 2, 8000, 6, 24), 24),
        (format(1, 2, 8000, 8, 32), 24),
        (format(3, 1, 8000, 4, 32), 24),
        (format(3, 1, 8000, 8, 64), 24),
        (format(6, 1, 8000, 1, 8), 24),
        (format(7, 2, 8000, 2, 8), 24),
        (extensible(1, 20, 24), 24),
        (extensible(1, 0, 16), 24),
        (extensible(3, 32, 32), 24),
        (ima_format(), 72),
        (ima_format(), 36 + 12),
        (ms_format(), 32),
        (ms_format(), 16 + 9),
    ];
    let mut text = String::new();
    for (format, len) in codecs {
        let (sound, _) = super::super::read(&wav(&format, &vec![0; len])).expect("it is whole");
        assert!(sound.odd.is_empty(), "{:?}", sound.odd);
        let facts: Vec<String> = sound.facts.iter().skip(2).map(|it| format!("{} {:?}", it.0, it.1)).collect();
        text += &format!("{} {} {}\n", sound.codec, sound.frames, facts.join(", "));
    }
    expect![[r#"
        pcm_u8 24 bits Integer(8)
        pcm_s16le 6 bits Integer(16)
        pcm_s16le 6 bits Integer(12)
        pcm_s24le 4 bits Integer(24)
        pcm_s32le 3 bits Integer(32)
        pcm_f32le 6 bits Integer(32)
        pcm_f64le 3 bits Integer(64)
        pcm_alaw 24 bits Integer(8)
        pcm_mulaw 12 bits Integer(8)
        pcm_s24le 4 bits Integer(20), channel_mask Integer(3)
        pcm_s16le 6 bits Integer(16), channel_mask Integer(3)
        pcm_f32le 3 bits Integer(32), channel_mask Integer(3)
        adpcm_ima_wav 130 block_bytes Integer(36), block_frames Integer(65)
        adpcm_ima_wav 82 block_bytes Integer(36), block_frames Integer(65)
        adpcm_ms 40 block_bytes Integer(16), block_frames Integer(20)
        adpcm_ms 26 block_bytes Integer(16), block_frames Integer(20)
    "#]]
    .assert_eq(&text);
}

#[test]
fn the_chunk_fact_ends_adpcm() {
    let sound = |fact: u32, len: usize| {
        let fact = chunk(b"fact", &fact.to_le_bytes());
        brief(&riff(&[chunk(b"fmt ", &ima_format()), fact, chunk(b"data", &vec![0; len])]))
    };
    let text: String =
        [(130, 72), (66, 72), (65, 72), (131, 72), (0, 72), (1, 4), (5, 2)].map(|it| sound(it.0, it.1)).concat();
    expect![[r#"
        130 frames
        66 frames
        130 frames
        PW0333 the chunk `fact` says 65 frames, and the samples are 130
        130 frames
        PW0333 the chunk `fact` says 131 frames, and the samples are 130
        130 frames
        1 frames
        0 frames
        PW0333 the samples end with 2 bytes that are no whole block
        PW0333 the chunk `fact` says 5 frames, and the samples are 0
        PW0333 the sound has no samples
    "#]]
    .assert_eq(&text);
}

#[test]
fn formats_that_cannot_be_are_refused() {
    let with = |format: Vec<u8>| brief(&wav(&format, &[0; 24]));
    let mut ima = ima_format();
    ima[18] = 64;
    let mut coefficients = ms_format();
    coefficients[20] = 3;
    let text: String = [
        format(1, 0, 8000, 4, 16),
        format(1, 2, 0, 4, 16),
        format(1, 2, 8000, 0, 16),
        format(1, 2, 8000, 3, 16),
        format(1, 2, 8000, 16, 64),
        format(1, 2, 8000, 10, 32),
        format(1, 2, 8000, 4, 8),
        format(3, 1, 8000, 2, 16),
        format(6, 1, 8000, 2, 16),
        format(0x11, 1, 8000, 36, 4),
        ima,
        coefficients,
        format(0x55, 1, 8000, 1, 0),
        format(0x1234, 1, 8000, 1, 0),
        format(0xfffe, 1, 8000, 2, 16),
        [&format(0xfffe, 1, 8000, 2, 16)[..], &[0; 24]].concat(),
        format(1, 1, 8000, 1, 8)[..14].to_vec(),
    ]
    .map(with)
    .concat();
    expect![[r#"
        PW0330 the chunk `fmt ` says 0 channels, 8000 Hz and blocks of 4 bytes
        PW0330 the chunk `fmt ` says 2 channels, 0 Hz and blocks of 4 bytes
        PW0330 the chunk `fmt ` says 2 channels, 8000 Hz and blocks of 0 bytes
        PW0330 the chunk `fmt ` says 2 channels, 16 bits in a sample and blocks of 3 bytes, which does not go together
        PW0332 this is a WAV with integers of 64 bits
        PW0330 the chunk `fmt ` says 2 channels, 32 bits in a sample and blocks of 10 bytes, which does not go together
        PW0330 the chunk `fmt ` says 2 channels, 8 bits in a sample and blocks of 4 bytes, which does not go together
        PW0330 the chunk `fmt ` says 1 channel, 16 bits in a sample and blocks of 2 bytes, which does not go together
        PW0330 the chunk `fmt ` says 1 channel, 16 bits in a sample and blocks of 2 bytes, which does not go together
        PW0330 the chunk `fmt ` is too short for its codec
        PW0330 the chunk `fmt ` says 64 frames in blocks of 36 bytes, and with 1 channel these hold 65
        PW0330 the chunk `fmt ` says 3 pairs of coefficients and does not hold them
        PW0332 this is a WAV that holds MP3, which is not read here
        PW0332 this is a WAV with the codec 0x1234, which is not read here
        PW0330 the chunk `fmt ` is too short for its codec
        PW0332 this is a WAV with a codec that has no number
        PW0330 the chunk `fmt ` has 14 bytes in place of 16
    "#]]
    .assert_eq(&text);
}

#[test]
fn structure_is_looked_after() {
    let (fmt, data) = (chunk(b"fmt ", &format(1, 1, 8000, 2, 16)), chunk(b"data", &[1, 2, 3, 4]));
    let said = |mut bytes: Vec<u8>, riff: u32, data: u32| {
        bytes[4..8].copy_from_slice(&riff.to_le_bytes());
        bytes[40..44].copy_from_slice(&data.to_le_bytes());
        bytes
    };
    let plain = || riff(&[fmt.clone(), data.clone()]);
    let cases = [
        ("no format", riff(std::slice::from_ref(&data))),
        ("no data", riff(std::slice::from_ref(&fmt))),
        ("nothing", riff(&[])),
        ("bytes behind", [plain(), vec![0; 3]].concat()),
        ("a chunk behind", [plain(), chunk(b"LIST", &[0; 6])].concat()),
        ("head too long", said(plain(), 100, 4)),
        ("head too short", said(plain(), 38, 4)),
        ("no head", said(plain(), 0, 4)),
        ("never written: 0", said(plain(), 0, 0)),
        ("never written: -1", said(plain(), u32::MAX, u32::MAX)),
        ("never written: sox", said(plain(), 0x7fff_f024, 0x7fff_f000)),
        ("one less", said(plain(), 41, 5)),
        ("cut off", said(plain(), 42, 6)),
        ("half a frame", riff(&[fmt.clone(), chunk(b"data", &[1, 2, 3])])),
        ("no samples", riff(&[fmt.clone(), chunk(b"data", &[])])),
        ("two", riff(&[fmt.clone(), fmt.clone(), data.clone(), data.clone()])),
        ("no chunk", riff(&[b"\0\0\0\0\0\0\0\0".to_vec()])),
        ("within a head", riff(&[b"fmt".to_vec()])),
        ("a list is cut off", [plain(), chunk(b"LIST", &[0; 6])[..10].to_vec()].concat()),
        (
            "a list is cut off within the head",
            riff(&[fmt.clone(), data.clone(), chunk(b"LIST", &[0; 6])[..10].to_vec()]),
        ),
        ("a sampler is cut off", riff(&[fmt.clone(), data.clone(), chunk(b"smpl", &sampler(0, 1))[..60].to_vec()])),
    ];
    let text: String = cases.iter().map(|(name, bytes)| format!("{name}: {}", brief(bytes))).collect();
    expect![[r#"
        no format: PW0330 there is no chunk `fmt `, which says how samples are written
        no data: PW0330 there is no chunk `data`, which holds the samples
        nothing: PW0330 there is no chunk `fmt `, which says how samples are written
        bytes behind: 2 frames
        PW0333 3 bytes follow the last chunk
        a chunk behind: 2 frames
        PW0333 14 bytes follow the last chunk
        head too long: 2 frames
        PW0333 the head says a length of 108 bytes, and the file has 48
        head too short: 2 frames
        PW0333 the head says a length of 46 bytes, and the file has 48
        no head: 2 frames
        PW0333 the head says a length of 8 bytes, and the file has 48
        never written: 0: 2 frames
        PW0333 the length of the samples was never written; they go to the end of the file
        never written: -1: 2 frames
        PW0333 the length of the samples was never written; they go to the end of the file
        never written: sox: 2 frames
        PW0333 the length of the samples was never written; they go to the end of the file
        one less: 2 frames
        PW0333 the chunk `data` says 5 bytes, and the file has one less
        PW0333 the head says a length of 49 bytes, and the file has 48
        cut off: PW0330 the file ends within the chunk `data` at byte 36; 2 bytes are missing
        half a frame: 1 frames
        PW0333 the samples end with 1 byte that are no whole frame
        no samples: 0 frames
        PW0333 the sound has no samples
        two: 2 frames
        PW0333 there is a second chunk `fmt `, which is ignored
        PW0333 there is a second chunk `data`, which is ignored
        no chunk: PW0330 at byte 12 there is no chunk: `\x00\x00\x00\x00` is not the name of one
        within a head: PW0330 the file ends within the head of a chunk at byte 12
        a list is cut off: 2 frames
        PW0333 10 bytes follow the last chunk
        a list is cut off within the head: 2 frames
        PW0333 the file ends within the chunk `LIST` at byte 48; 4 bytes are missing
        a sampler is cut off: PW0330 the file ends within the chunk `smpl` at byte 48; 8 bytes are missing
    "#]]
    .assert_eq(&text);
}

#[test]
fn loops_and_points_have_bounds() {
    let with = |extra: Vec<u8>| {
        let (fmt, data) = (chunk(b"fmt ", &format(1, 1, 8000, 2, 16)), chunk(b"data", &[0; 8]));
        let Outcome::Made(artifacts, findings) = run(&riff(&[fmt, data, extra]), json!({})) else {
            panic!("it is whole")
        };
        let mut text = String::new();
        for name in ["cues", "loop_start", "loop_end", "midi_note"] {
            text += &artifacts[0].metadata.get(name).map_or(String::new(), |it| format!("{name} {it:?} "));
        }
        text + &findings.iter().map(|it| format!("({}) ", it.message)).collect::<String>() + "\n"
    };
    let none = [0_u32, 0, 0, 200, 0, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
    let missing = [0_u32, 0, 0, 0, 0, 0, 0, 2, 0].map(u32::to_le_bytes).concat();
    let text: String = [
        chunk(b"smpl", &sampler(0, 3)),
        chunk(b"smpl", &sampler(0, 4)),
        chunk(b"smpl", &sampler(0, 5)),
        chunk(b"smpl", &sampler(2, 1)),
        chunk(b"smpl", &sampler(2, 2)),
        chunk(b"smpl", &sampler(0, u32::MAX)),
        chunk(b"smpl", &none),
        chunk(b"smpl", &missing),
        chunk(b"smpl", &none[..35]),
        chunk(b"cue ", &[0, 0]),
        chunk(b"cue ", &[1, 0, 0, 0, 0, 0]),
        chunk(b"cue ", &[0xff; 28]),
        chunk(b"cue ", &[&300_u32.to_le_bytes()[..], &[0; 24 * 300]].concat()),
    ]
    .map(with)
    .map(|it| it.replace(&"0 ".repeat(200), "..."))
    .concat();
    expect![[r#"
        loop_start Integer(0) loop_end Integer(4) midi_note Integer(60) 
        loop_start Integer(0) loop_end Integer(4) midi_note Integer(60) 
        midi_note Integer(60) (the loop from 0 to 6 does not fit into 4 frames; it is left out) 
        midi_note Integer(60) (the loop from 2 to 2 does not fit into 4 frames; it is left out) 
        loop_start Integer(2) loop_end Integer(3) midi_note Integer(60) 
        midi_note Integer(60) (the loop from 0 to 4294967296 does not fit into 4 frames; it is left out) 

        midi_note Integer(0) (the chunk `smpl` says 2 loops and holds none) 
        (the chunk `smpl` is too short and is ignored) 
        (the chunk `cue ` is too short and is ignored) 
        (the chunk `cue ` says 1 point and holds 0) 
        cues Text("4294967295") (the chunk `cue ` says 4294967295 points and holds 1) 
        cues Text("...0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0") (of more than 256 cue points the first are told) 
    "#]].assert_eq(&text);
}

#[test]
fn large_files_have_wide_lengths() {
    let wide = |data: u64| {
        let sizes = [100, data, 2].map(u64::to_le_bytes).concat();
        let mut bytes =
            riff(&[chunk(b"ds64", &sizes), chunk(b"fmt ", &format(1, 1, 8000, 2, 16)), chunk(b"data", &[0; 4])]);
        bytes[..4].copy_from_slice(b"RF64");
        let len = bytes.len();
        bytes[4..8].fill(0xff);
        bytes[20..28].copy_from_slice(&(len as u64 - 8).to_le_bytes());
        bytes[len - 8..len - 4].fill(0xff);
        brief(&bytes)
    };
    expect![[r#"
        2 frames
        PW0330 the file ends within the chunk `data` at byte 68; 2 bytes are missing
        2 frames
        PW0333 the length of the samples was never written; they go to the end of the file
    "#]]
    .assert_eq(&[wide(4), wide(6), wide(u64::MAX)].concat());
}

fn pcm16(bytes: &[u8], settings: Value) -> Vec<i16> {
    match run(bytes, settings) {
        Outcome::Made(artifacts, _) => match &artifacts[0].payloads[0].1 {
            Payload::Made(bytes) => bytes.as_chunks().0.iter().map(|it| i16::from_le_bytes(*it)).collect(),
            Payload::Input(_) => panic!("samples are made"),
        },
        Outcome::Refused(findings) => panic!("{findings:?}"),
    }
}

#[test]
fn every_codec_becomes_integers() {
    let floats = [0.5_f32, -1.0, 1.5, -0.25].map(f32::to_le_bytes).concat();
    let doubles = [0.5_f64, -0.25].map(f64::to_le_bytes).concat();
    // Head: sample 100, step 0; then a step up, one down, and nothing.
    let mut ima = vec![100, 0, 0, 0, 0x84];
    ima.resize(36, 0);
    // The first pair of coefficients, a step of 16, samples 100 and 90; then 1 and -1.
    let mut ms = vec![0, 16, 0, 100, 0, 90, 0, 0x1f];
    ms.resize(16, 0);
    for (name, format, data, expected) in [
        ("8 bits", format(1, 1, 8000, 1, 8), vec![0, 128, 255], vec![-32768, 0, 32512]),
        ("16 bits", format(1, 2, 8000, 4, 16), vec![1, 2, 3, 4, 9, 9], vec![0x0201, 0x0403]),
        ("24 bits", format(1, 1, 8000, 3, 24), vec![0x80, 1, 0, 0x7f, 1, 0], vec![2, 1]),
        ("32 bits", format(1, 1, 8000, 4, 32), vec![0, 0x80, 1, 0, 0xff, 0xff, 0xff, 0x7f], vec![2, 32767]),
        ("float", format(3, 1, 8000, 4, 32), floats, vec![16384, -32768, 32767, -8192]),
        ("double", format(3, 1, 8000, 8, 64), doubles, vec![16384, -8192]),
        ("A-law", format(6, 1, 8000, 1, 8), vec![0xd5, 0x2a], vec![8, -32256]),
        ("mu-law", format(7, 1, 8000, 1, 8), vec![0xff, 0x00], vec![0, -32124]),
        ("IMA", ima_format(), ima, vec![100, 107, 106]),
        ("Microsoft", ms_format(), ms, vec![90, 100, 116, 100]),
    ] {
        let samples = pcm16(&wav(&format, &data), json!({ "format": "pcm16" }));
        assert_eq!(samples[..expected.len()], expected, "{name}");
    }
}

#[test]
fn blocks_of_two_channels_take_turns() {
    let (mut ima, mut ms) = (ima_format(), ms_format());
    (ima[2], ima[12], ima[18]) = (2, 24, 17);
    (ms[2], ms[12], ms[18]) = (2, 20, 8);
    let mut block = vec![10, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 0x40, 0, 0, 0];
    block.resize(24, 0);
    let samples = pcm16(&wav(&ima, &block), json!({ "format": "pcm16" }));
    assert_eq!((samples.len(), &samples[..6]), (34, &[10, 20, 17, 20, 18, 27][..]));
    // Both predict by the sample before; then 1 and 2 in turn.
    let block = [&[0, 0, 16, 0, 16, 0, 1, 0, 2, 0, 3, 0, 4, 0][..], &[0x12; 6]].concat();
    let samples = pcm16(&wav(&ms, &block), json!({ "format": "pcm16" }));
    assert_eq!((samples.len(), &samples[..8]), (16, &[3, 4, 1, 2, 17, 34, 33, 66][..]));
    let mut wrong = block;
    wrong[1] = 2;
    let refused = fake::describe(&run(&wav(&ms, &wrong), json!({ "format": "pcm16" })));
    assert!(refused.contains("a block chooses the pair of coefficients 2, which is not there"), "{refused}");
}

#[test]
fn what_is_made_is_described() {
    let text: String = [
        json!({ "format": "pcm16" }),
        json!({ "format": "pcm16", "channels": "mono", "max_decoded_bytes": 16 }),
        json!({ "format": "pcm16", "max_decoded_bytes": 15 }),
        json!({ "channels": "mono" }),
    ]
    .map(|it| fake::describe(&run(&looped_wav(), it)))
    .concat();
    expect![[r#"
        made part ""
          payload "": 16 bytes made
          channels = 2
          codec = "pcm_s16le"
          cues = "3"
          duration_ms = 1
          format = "pcm16"
          frames = 4
          loop_count = 0
          loop_end = 3
          loop_mode = "forward"
          loop_start = 1
          midi_note = 60
          rate = 8000
        made part ""
          payload "": 8 bytes made
          channels = 1
          codec = "pcm_s16le"
          cues = "3"
          duration_ms = 1
          format = "pcm16"
          frames = 4
          loop_count = 0
          loop_end = 3
          loop_mode = "forward"
          loop_start = 1
          midi_note = 60
          rate = 8000
        refused
          error PW0331 a.snd: 16 bytes of samples are too many; the limit `max_decoded_bytes` is 15
            help: raise the setting `max_decoded_bytes` if the sound is meant to be so
        refused
          error PW0334 a.snd: channels are put together only where a sound is decoded
            help: set `format = "pcm16"` besides, or leave `channels` out
    "#]]
    .assert_eq(&text);
    assert_eq!(pcm16(&looped_wav(), json!({ "format": "pcm16", "channels": "mono" })), [2, 4, 6, 8]);
}
