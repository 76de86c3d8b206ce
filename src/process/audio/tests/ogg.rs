//! Oggs, page by page.

use super::made::{LONG, Page, SHORT, mend_pages, opus, opus_headers, pages, vorbis, vorbis_headers};
use super::*;

#[test]
fn vorbis_whole() {
    check(
        &vorbis(),
        expect![[r#"
        made part ""
          payload "": input a.snd, 284 bytes
          channels = 1
          codec = "vorbis"
          duration_ms = 29
          format = "ogg"
          frames = 228
          loop_end = 130
          loop_start = 30
          rate = 8000
          streams = 1
    "#]],
    );
}

#[test]
fn opus_whole() {
    check(
        &opus(),
        expect![[r#"
        made part ""
          payload "": input a.snd, 132 bytes
          channels = 2
          codec = "opus"
          duration_ms = 33
          format = "ogg"
          frames = 1560
          pre_skip = 312
          rate = 48000
          streams = 1
    "#]],
    );
}

#[test]
fn positions_cut_both_ends() {
    let [first, second, third] = vorbis_headers(2, 8000, &[]);
    // 16, 16, 16 frames, and once more.
    let sound = |audio: &[(u8, i64, &[&[u8]])]| {
        let head: &[(u8, i64, &[&[u8]])] = &[(2, 0, &[&first]), (0, 0, &[&second, &third])];
        brief(&pages(1, &[head, audio].concat()))
    };
    let four = &[SHORT, SHORT, SHORT, SHORT][..];
    let text: String = [
        ("all of it", sound(&[(4, 96, four)])),
        ("an end cut off", sound(&[(4, 90, four)])),
        ("more than there is", sound(&[(0, 96, four), (4, 300, four)])),
        ("cut out of another", sound(&[(0, 1096, four), (4, 1224, four)])),
        ("cut out, and an end cut off", sound(&[(0, 1096, four), (4, 1220, four)])),
        ("a beginning cut off", sound(&[(0, 90, four), (4, 218, four)])),
        ("no packet ends", sound(&[(0, -1, &[]), (4, 96, four)])),
        ("backwards", sound(&[(0, 96, four), (4, 5, four)])),
        ("far away", sound(&[(0, i64::MAX, four), (4, i64::MAX, four)])),
        ("long ones too", sound(&[(4, 16 + 80 + 128, &[SHORT, LONG, LONG])])),
        ("no decoder takes these", sound(&[(4, 32, &[SHORT, &[], &[1], SHORT])])),
        ("no sound at all", sound(&[(4, 0, &[])])),
        ("no last page", sound(&[(0, 96, four)])),
    ]
    .map(|(name, it)| format!("{name}: {it}"))
    .concat();
    expect![[r#"
        all of it: 96 frames
        an end cut off: 90 frames
        more than there is: 224 frames
        PW0333 the pages speak of 300 frames, and the packets hold 224
        cut out of another: 224 frames
        cut out, and an end cut off: 220 frames
        a beginning cut off: 218 frames
        no packet ends: 96 frames
        backwards: 5 frames
        far away: 96 frames
        long ones too: 208 frames
        no decoder takes these: 32 frames
        PW0333 2 packets cannot be decoded
        no sound at all: 0 frames
        PW0333 the sound has no samples
        no last page: 96 frames
        PW0333 the last page is not marked as such; the file may be cut off
    "#]]
    .assert_eq(&text);
}

#[test]
fn streams_follow_one_another() {
    let [first, second, third] = vorbis_headers(1, 8000, &[]);
    let other = pages(9, &[(2, 0, &[&first]), (0, 0, &[&second, &third]), (4, 20, &[SHORT, SHORT])]);
    let open = pages(9, &[(2, 0, &[&first]), (0, 0, &[&second, &third]), (0, 20, &[SHORT, SHORT])]);
    let [stereo, ..] = vorbis_headers(2, 8000, &[]);
    let stereo = pages(9, &[(2, 0, &[&stereo]), (0, 0, &[&second, &third]), (4, 20, &[SHORT, SHORT])]);
    let packets: &[&[u8]] = &[b"fishead\0..."];
    let bone = |sequence, flags| Page { flags, position: 0, serial: 3, sequence, packets, open: false }.bytes();
    let whole = vorbis();
    let (begin, rest) = whole.split_at(58);
    assert!(rest.starts_with(b"OggS"));
    let cases = [
        ("twice", [vorbis(), other.clone()].concat()),
        ("the first has no end mark", [open, vorbis()].concat()),
        ("another form", [vorbis(), stereo].concat()),
        ("another codec", [vorbis(), opus()].concat()),
        ("a skeleton", [bone(0, 2), begin.to_vec(), bone(1, 4), rest.to_vec()].concat()),
        ("side by side", [begin.to_vec(), other[..58].to_vec(), rest.to_vec()].concat()),
        ("nothing but a skeleton", bone(0, 2)),
        ("a page of nobody", bone(0, 0)),
        ("pages behind the last", [vorbis(), pages(7, &[(4, 300, &[SHORT])])].concat()),
        ("a stream cut off", [vorbis(), other[..other.len() - 1].to_vec()].concat()),
        ("a page cut off", [vorbis(), b"Ogg".to_vec()].concat()),
        ("bytes behind", [vorbis(), b"TAG".to_vec()].concat()),
    ];
    let text: String = cases.iter().map(|(name, bytes)| format!("{name}: {}", brief(bytes))).collect();
    expect![[r#"
        twice: 248 frames
        the first has no end mark: 248 frames
        PW0333 the last page is not marked as such; the file may be cut off
        another form: PW0332 streams follow one another that differ: vorbis with 1 channel at 8000 Hz, then vorbis with 2 channels at 8000 Hz
        another codec: PW0332 streams follow one another that differ: vorbis with 1 channel at 8000 Hz, then opus with 2 channels at 48000 Hz
        a skeleton: 228 frames
        side by side: PW0332 this is an Ogg with several streams side by side
        nothing but a skeleton: PW0332 this is an Ogg without a sound
        a page of nobody: PW0330 a page belongs to the stream 00000003, which never began
        pages behind the last: PW0330 pages follow the one that says that it is the last of its stream
        a stream cut off: PW0330 the file ends within the page at byte 497
        a page cut off: PW0330 the file ends within the page at byte 284
        bytes behind: 228 frames
        PW0333 3 bytes after the last page are no page
    "#]].assert_eq(&text);
}

#[test]
fn packets_go_over_pages() {
    let [first, second, third] = vorbis_headers(1, 8000, &[&"X".repeat(600)]);
    let (a, b) = second.split_at(510);
    let page = |flags, sequence, packets: &[&[u8]], open| {
        Page { flags, position: if open { -1 } else { 0 }, serial: 1, sequence, packets, open }.bytes()
    };
    let long = [&[0], &[0xff; 254][..]].concat();
    let head = [page(2, 0, &[&first], false), page(0, 1, &[a], true), page(1, 2, &[b, &third], false)].concat();
    let end = |flags, sequence, packets: &[&[u8]]| {
        Page { flags, position: 32, serial: 1, sequence, packets, open: false }.bytes()
    };
    let cases = [
        ("headers do", [head.clone(), end(4, 3, &[SHORT, SHORT])].concat()),
        ("sound does", [head.clone(), page(0, 3, &[SHORT, &long], true), end(5, 4, &[b"x"])].concat()),
        ("the end is lost", [head.clone(), page(0, 3, &[SHORT, &long], true), end(4, 4, &[SHORT])].concat()),
        ("the beginning is lost", [head.clone(), page(0, 3, &[SHORT], false), end(5, 5, &[b"x", SHORT])].concat()),
        ("a page is lost", [head.clone(), page(0, 3, &[SHORT], false), end(4, 5, &[SHORT])].concat()),
        ("the file ends within one", [head.clone(), page(0, 3, &[SHORT, &long], true)].concat()),
        ("so it was meant", [head.clone(), page(4, 3, &[SHORT, SHORT, &long], true)].concat()),
        ("no setup", [page(2, 0, &[&first], false), page(0, 1, &[a], true)].concat()),
    ];
    let text: String = cases.iter().map(|(name, bytes)| format!("{name}: {}", brief(bytes))).collect();
    expect![[r#"
        headers do: 32 frames
        sound does: 32 frames
        the end is lost: 32 frames
        PW0333 pages are missing in 1 place
        the beginning is lost: 32 frames
        PW0333 pages are missing in 1 place
        a page is lost: 32 frames
        PW0333 pages are missing in 1 place
        the file ends within one: PW0330 the file ends within a packet
        so it was meant: 0 frames
        PW0333 the last packet is not whole
        PW0333 the sound has no samples
        no setup: PW0330 the file ends before the last header of its stream
    "#]]
    .assert_eq(&text);
}

#[test]
fn headers_are_read_whole() {
    let [first, second, third] = vorbis_headers(1, 8000, &[]);
    let sound = |first: &[u8], second: &[u8], third: &[u8]| {
        brief(&pages(1, &[(2, 0, &[first]), (0, 0, &[second, third]), (4, 32, &[SHORT, SHORT])]))
    };
    let with = |at: usize, byte: u8| {
        let mut first = first.clone();
        first[at] = byte;
        first
    };
    let text: String = [
        sound(&first, &second, &third),
        sound(&with(7, 1), &second, &third),
        sound(&with(11, 0), &second, &third),
        sound(&with(28, 0x68), &second, &third),
        sound(&with(28, 0xe8), &second, &third),
        sound(&with(29, 0), &second, &third),
        sound(&first[..29], &second, &third),
        sound(&first, &third, &second),
        sound(&first, &second[..12], &third),
        sound(&first, &second, &second),
        sound(&first, &second, &third[..third.len() - 1]),
        sound(b"\x80theora", &second, &third),
        sound(b"Speex   ", &second, &third),
        sound(b"what", &second, &third),
    ]
    .concat();
    expect![[r#"
        32 frames
        PW0332 this is Vorbis of version 1, and only 0 is read here
        PW0330 the first Vorbis header says 0 channels, 8000 Hz and blocks of 2^6 and 2^8 frames
        PW0330 the first Vorbis header is damaged
        PW0330 the first Vorbis header says 1 channel, 8000 Hz and blocks of 2^8 and 2^14 frames
        PW0330 the first Vorbis header is damaged
        PW0330 the first Vorbis header is too short
        PW0330 the second Vorbis packet is not the comments
        PW0330 the comments are cut off
        PW0330 the third Vorbis packet is not the setup
        PW0330 the Vorbis setup is damaged or cut off
        PW0332 this is an Ogg that holds Theora (a film), and only Vorbis and Opus are read here
        PW0332 this is an Ogg that holds Speex, and only Vorbis and Opus are read here
        PW0332 this is an Ogg that holds something that is not known here
    "#]]
    .assert_eq(&text);
    // No bit of the setup can go: each is needed by one that follows.
    for len in 7..third.len() {
        assert!(sound(&first, &second, &third[..len]).contains("the Vorbis setup"), "{len}");
    }
}

#[test]
fn opus_packets_tell_their_length() {
    let [first, second] = opus_headers(2, &["LOOPSTART=10", "LOOPEND=200"]);
    let sound = |audio: &[(u8, i64, &[&[u8]])]| {
        let head: &[(u8, i64, &[&[u8]])] = &[(2, 0, &[&first]), (0, 0, &[&second])];
        brief(&pages(1, &[head, audio].concat()))
    };
    let packet = &[0xfc_u8, 1][..];
    let text: String = [
        sound(&[(4, 1920, &[packet, packet])]),
        sound(&[(4, 300, &[packet])]),
        sound(&[(0, 50_960, &[packet]), (4, 51_000, &[packet])]),
        sound(&[(4, 960, &[packet, &[], &[0xff, 0], &[0xff, 63]])]),
    ]
    .concat();
    expect![[r#"
        1608 frames
        0 frames
        PW0333 the loop from 10 to 200 does not fit into 0 frames; it is left out
        PW0333 the sound has no samples
        688 frames
        648 frames
        PW0333 3 packets cannot be decoded
    "#]]
    .assert_eq(&text);
    let family = |first: &[u8]| brief(&pages(1, &[(2, 0, &[first]), (0, 0, &[&second]), (4, 960, &[packet])]));
    let mut three = first.clone();
    three[9] = 3;
    let mut later = first.clone();
    later[8] = 16;
    expect![[r#"
        PW0330 the first Opus header says 3 channels, which family 0 cannot have
        PW0332 this is Opus of version 16, and only 0 and 1 are read here
        PW0330 the first Opus header is too short
    "#]]
    .assert_eq(&[family(&three), family(&later), family(&first[..18])].concat());
}

#[test]
fn pages_have_checksums() {
    let mut bytes = vorbis();
    let at = bytes.len() - 1;
    bytes[at] ^= 1;
    let mut version = vorbis();
    version[4] = 1;
    let mut capture = vorbis();
    capture[58] = b'o';
    let text = [brief(&bytes), brief(&mend_pages(&version)), brief(&capture)].concat();
    expect![[r#"
        PW0330 the page at byte 247 has a wrong CRC
        PW0330 the page at byte 0 is of version 1, and only 0 exists
        PW0330 at byte 58 there is no page where one should begin
    "#]]
    .assert_eq(&text);
}
