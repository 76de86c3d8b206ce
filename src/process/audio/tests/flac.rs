//! FLACs, frame by frame.

use super::made::{block, comment_list, flac, flac_frame, stream_info};
use super::*;

#[test]
fn the_whole_of_it() {
    check(
        &flac(),
        expect![[r#"
        made part ""
          payload "": input a.snd, 100 bytes
          bits = 16
          channels = 1
          codec = "flac"
          duration_ms = 3
          format = "flac"
          frames = 24
          loop_end = 24
          loop_start = 4
          rate = 8000
    "#]],
    );
}

#[test]
fn structure_is_looked_after() {
    let file = |blocks: &[Vec<u8>], frames: &[&[u8]]| [&b"fLaC"[..], &blocks.concat(), &frames.concat()].concat();
    let info = |channels, rate, frames| block(0x80, &stream_info(channels, rate, frames));
    let (a, b) = (flac_frame(0, 16, 5), flac_frame(1, 8, 9));
    let mut wrong_sum = a.clone();
    wrong_sum[9] ^= 1;
    let mut wrong_head = b.clone();
    wrong_head[5] ^= 1;
    let tag = [&b"TAG"[..], &[0; 125]].concat();
    let cases = [
        ("whole", file(&[info(1, 8000, 24)], &[&a, &b])),
        ("length not known", file(&[info(1, 8000, 0)], &[&a, &b])),
        ("no frames", file(&[info(1, 8000, 0)], &[])),
        ("too few", file(&[info(1, 8000, 25)], &[&a, &b])),
        ("too many", file(&[info(1, 8000, 23)], &[&a, &b])),
        ("cut out of another", file(&[info(1, 8000, 8)], &[&b])),
        ("wrong order", file(&[info(1, 8000, 24)], &[&b, &a])),
        ("wrong checksum", file(&[info(1, 8000, 24)], &[&wrong_sum, &b])),
        ("wrong header", file(&[info(1, 8000, 24)], &[&a, &wrong_head])),
        ("wrong form", file(&[info(2, 8000, 24)], &[&a, &b])),
        ("no rate", file(&[info(1, 0, 24)], &[&a, &b])),
        ("a tag behind", file(&[info(1, 8000, 24)], &[&a, &b, &tag])),
        ("bytes behind", file(&[info(1, 8000, 24)], &[&a, &b, &[0; 9]])),
        ("a tag before", [b"ID3\x04\0\0\0\0\0\x02xx".to_vec(), flac()].concat()),
        ("no info", file(&[block(0x84, &comment_list(&[]))], &[&a])),
        ("a short info", file(&[block(0x80, &[0; 33])], &[&a])),
        ("a kind that cannot be", file(&[block(0, &stream_info(1, 8000, 24)), block(0xff, &[])], &[&a])),
        ("comments that lead nowhere", file(&[block(0, &stream_info(1, 8000, 24)), block(0x84, &[0xff; 8])], &[&a])),
        ("a block that leads nowhere", file(&[vec![0x80, 0xff, 0xff, 0xff]], &[&b])),
    ];
    let text: String = cases.iter().map(|(name, bytes)| format!("{name}: {}", brief(bytes))).collect();
    expect![[r#"
        whole: 24 frames
        length not known: 24 frames
        no frames: 0 frames
        PW0333 the sound has no samples
        too few: PW0330 the file says 25 frames of sound and holds 24
        too many: 24 frames
        PW0333 the file says 23 frames of sound and holds 24
        cut out of another: 8 frames
        wrong order: PW0330 the file says 24 frames of sound and holds 8
        wrong checksum: PW0330 the FLAC frame at byte 42 is damaged or cut off
        wrong header: PW0330 the FLAC frame at byte 42 is damaged or cut off
        wrong form: PW0330 the frame at byte 42 has another form than STREAMINFO says: channels 1, rate the same, bits 16
        no rate: PW0330 STREAMINFO says 0 Hz and 16 bits a sample
        a tag behind: 24 frames
        PW0333 a tag of 128 bytes follows the last frame
        bytes behind: 24 frames
        PW0333 9 zeros stand at the end, most of which belong to no frame
        a tag before: 24 frames
        PW0333 an ID3 tag of 12 bytes comes before the sound
        no info: PW0330 the first block of metadata is not STREAMINFO
        a short info: PW0330 STREAMINFO has 33 bytes in place of 34
        a kind that cannot be: PW0330 there is a block of metadata of a kind that cannot be
        comments that lead nowhere: PW0330 the comments are cut off
        a block that leads nowhere: PW0330 the file ends within its metadata
    "#]]
    .assert_eq(&text);
}
