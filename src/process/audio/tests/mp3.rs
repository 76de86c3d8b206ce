//! MP3s, frame by frame.

use super::made::{MP3_HEAD, mp3, mp3_frame, mp3_info};
use super::*;

#[test]
fn the_whole_of_it() {
    check(
        &mp3(),
        expect![[r#"
        made part ""
          payload "": input a.snd, 312 bytes
          channels = 1
          codec = "mp3"
          duration_ms = 23
          encoder_delay = 576
          encoder_padding = 700
          format = "mp3"
          frames = 1028
          rate = 44100
    "#]],
    );
}

#[test]
fn frames_are_counted() {
    let (frame, info) = (mp3_frame(), |frames| mp3_info(frames, 312, 576, 700));
    let mut xing = mp3_info(2, 312, 0, 0);
    xing[21..25].copy_from_slice(b"Xing");
    xing[37..41].copy_from_slice(b"none");
    let mut vbri = mp3_frame();
    vbri[36..54].copy_from_slice(b"VBRI\0\x01\0\0\0\0\0\0\x01\x38\0\0\0\x02");
    let mut stereo = mp3_frame();
    stereo[3] = 0;
    let tag = [&b"TAG"[..], &[0; 125]].concat();
    let id3 = b"ID3\x04\0\0\0\0\0\x02xx".to_vec();
    let cases = [
        ("no table", vec![frame.clone(), frame.clone()]),
        ("a table without a delay", vec![xing, frame.clone(), frame.clone()]),
        ("Fraunhofer's table", vec![vbri, frame.clone(), frame.clone()]),
        ("the table counts itself", vec![info(3), frame.clone(), frame.clone()]),
        ("the table says too few", vec![info(0), frame.clone(), frame.clone()]),
        ("the table says too many", vec![info(5), frame.clone(), frame.clone()]),
        ("cut off", vec![info(2), frame.clone()]),
        ("cut off within a frame", vec![info(2), frame.clone(), frame[..50].to_vec()]),
        ("no more than one", vec![frame.clone()]),
        ("tags at both ends", vec![id3.clone(), id3.clone(), frame.clone(), frame.clone(), tag.clone()]),
        ("a tag of another kind", vec![frame.clone(), frame.clone(), b"APETAGEX....".to_vec(), tag.clone()]),
        (
            "two files in one",
            vec![id3.clone(), frame.clone(), frame.clone(), tag, id3.clone(), frame.clone(), frame.clone()],
        ),
        ("noise between", vec![frame.clone(), b"\xff\xfb noise".to_vec(), frame.clone(), frame.clone()]),
        ("noise behind", vec![frame.clone(), frame.clone(), b"noise".to_vec()]),
        ("channels change", vec![frame.clone(), stereo.clone(), frame.clone()]),
        ("a tag that leads nowhere", vec![frame.clone(), b"ID3\x04\0\0\x7f\x7f\x7f\x7f".to_vec()]),
    ];
    let text: String = cases.iter().map(|(name, parts)| format!("{name}: {}", brief(&parts.concat()))).collect();
    expect![[r#"
        no table: 2304 frames
        a table without a delay: 2304 frames
        Fraunhofer's table: 2304 frames
        the table counts itself: 1028 frames
        the table says too few: 1028 frames
        PW0333 the first frame says that 0 follow, and there are 2
        the table says too many: 1028 frames
        PW0333 the first frame says that 5 follow, and there are 2
        cut off: PW0330 the first frame says that 2 follow, and there are 1; the file is cut off
        cut off within a frame: PW0330 the first frame says that 2 follow, and there are 1; the file is cut off
        no more than one: 1152 frames
        tags at both ends: 2304 frames
        a tag of another kind: 2304 frames
        two files in one: 4608 frames
        PW0333 128 bytes belong to no frame and are passed over
        noise between: 3456 frames
        PW0333 8 bytes belong to no frame and are passed over
        noise behind: 2304 frames
        PW0333 5 bytes belong to no frame and are passed over
        channels change: 3456 frames
        PW0333 the number of channels is another in 1 frame
        a tag that leads nowhere: 1152 frames
        PW0333 the file ends within an ID3 tag
    "#]]
    .assert_eq(&text);
}

#[test]
fn every_version_has_its_lengths() {
    let mut text = String::new();
    for form in [0xfb, 0xf3, 0xe3, 0xfa] {
        for mode in [0x00, 0xc0] {
            let head = [0xff, form, 0x54, mode];
            let sound = |len: usize| {
                let mut frame = head.to_vec();
                frame.resize(len, 0);
                super::super::read(&frame.repeat(2))
            };
            let fits = |len: &usize| sound(*len).is_ok_and(|it| it.0.odd.is_empty());
            let len = (4..400).find(fits).expect("frames have a length");
            let (sound, _) = sound(len).expect("it is whole");
            text += &format!(
                "{form:02x}: {len} bytes, {} channels, {} Hz, {} frames\n",
                sound.channels, sound.rate, sound.frames
            );
        }
    }
    expect![[r#"
        fb: 96 bytes, 2 channels, 48000 Hz, 1152 frames
        fb: 96 bytes, 1 channels, 48000 Hz, 1152 frames
        f3: 60 bytes, 2 channels, 24000 Hz, 576 frames
        f3: 60 bytes, 1 channels, 24000 Hz, 576 frames
        e3: 120 bytes, 2 channels, 12000 Hz, 576 frames
        e3: 120 bytes, 1 channels, 12000 Hz, 576 frames
        fa: 96 bytes, 2 channels, 48000 Hz, 1152 frames
        fa: 96 bytes, 1 channels, 48000 Hz, 1152 frames
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_table_may_stand_behind_a_checksum() {
    for shift in [0, 2] {
        let mut info = mp3_info(1, 208, 100, 52);
        info[1] = 0xfa;
        let table: Vec<u8> = info.splice(21..61, vec![0; shift]).collect();
        info.splice(21 + shift..21 + shift, table);
        info.resize(104, 0);
        assert_eq!(brief(&[info, mp3_frame()].concat()), "1000 frames\n", "{shift}");
    }
    assert_eq!(MP3_HEAD[1] & 1, 1);
}
