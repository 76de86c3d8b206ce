//! PNGs made by hand, sample by sample, and what becomes of them.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::process::fake::{self, FakeContext};
use crate::process::kinds;

/// A PNG to be: its header's last five fields and its chunks between IHDR and IEND.
struct Sample {
    width: u32,
    height: u32,
    depth: u8,
    color: u8,
    interlace: u8,
    chunks: Vec<(&'static [u8; 4], Vec<u8>)>,
}

impl Sample {
    fn new(width: u32, height: u32, depth: u8, color: u8) -> Self {
        Self { width, height, depth, color, interlace: 0, chunks: Vec::new() }
    }

    fn chunk(mut self, kind: &'static [u8; 4], data: &[u8]) -> Self {
        self.chunks.push((kind, data.to_vec()));
        self
    }

    /// Adds image data: rows, each with its filter byte.
    fn rows(self, rows: &[&[u8]]) -> Self {
        let data = zlib(&rows.concat());
        self.chunk(b"IDAT", &data)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend([self.depth, self.color, 0, 0, self.interlace]);
        let mut bytes = chunks::SIGNATURE.to_vec();
        put_chunk(&mut bytes, b"IHDR", &header);
        for (kind, data) in &self.chunks {
            put_chunk(&mut bytes, kind, data);
        }
        put_chunk(&mut bytes, b"IEND", &[]);
        bytes
    }
}

fn put_chunk(bytes: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    bytes.extend((data.len() as u32).to_be_bytes());
    let start = bytes.len();
    bytes.extend(kind);
    bytes.extend(data);
    bytes.extend(slow_crc(&bytes[start..]).to_be_bytes());
}

/// CRC-32 bit by bit: the twin of the table.
fn slow_crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc: u32, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A zlib stream of one stored block.
fn zlib(data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).expect("samples are small");
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(len.to_le_bytes());
    stream.extend((!len).to_le_bytes());
    stream.extend(data);
    let (a, b) = data.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (a + b) % 65521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

/// 3 x 2, RGBA, compressed by the encoder, with a text and a filter of each kind that it chooses.
fn encoded() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Rgba);
    encoder.add_text_chunk("Title".to_owned(), "three by two".to_owned()).expect("a short text");
    let mut writer = encoder.write_header().expect("a Vec takes everything");
    writer.write_image_data(&(0..24).map(|it| it * 10).collect::<Vec<u8>>()).expect("the size is right");
    writer.finish().expect("a Vec takes everything");
    bytes
}

fn run(bytes: &[u8], settings: Value) -> Outcome {
    let prepared = kinds::find("image").expect("a kind").prepare(settings).expect("valid settings");
    let mut cx = FakeContext::with_input("a.png", bytes);
    let outcome = prepared.run(&mut cx).expect("everything is available");
    assert!(cx.asked.is_empty(), "an image asks for nothing but its input: {:?}", cx.asked);
    outcome
}

fn check(bytes: &[u8], settings: Value, expected: Expect) {
    expected.assert_eq(&fake::describe(&run(bytes, settings)));
}

fn rgba(bytes: &[u8]) -> Vec<[u8; 4]> {
    match run(bytes, json!({ "format": "rgba8" })) {
        Outcome::Made(artifacts, findings) => {
            assert!(findings.is_empty(), "{findings:?}");
            match &artifacts[0].payloads[0].1 {
                Payload::Made(bytes) => bytes.as_chunks::<4>().0.to_vec(),
                Payload::Input(_) => panic!("RGBA is made"),
            }
        }
        Outcome::Refused(findings) => panic!("{findings:?}"),
    }
}

#[test]
fn source_passes_the_file_through() {
    check(
        &encoded(),
        json!({}),
        expect![[r#"
            made part ""
              payload "": input a.png, 109 bytes
              alpha = true
              animated = false
              bit_depth = 8
              color = "rgba"
              format = "png"
              height = 2
              interlaced = false
              width = 3
        "#]],
    );
}

#[test]
fn rgba8_is_made() {
    check(
        &encoded(),
        json!({ "format": "rgba8" }),
        expect![[r#"
            made part ""
              payload "": 24 bytes made
              alpha = true
              bit_depth = 8
              color = "rgba"
              color_space = "as stored"
              format = "rgba8"
              height = 2
              width = 3
        "#]],
    );
    assert_eq!(rgba(&encoded()).as_flattened(), (0..24).map(|it| it * 10).collect::<Vec<u8>>());
}

/// When this fails and the new bytes are meant, raise `Image::VERSION` with the expectation.
#[test]
fn golden() {
    let palette = Sample::new(9, 2, 4, 3)
        .chunk(b"PLTE", &(0..48).map(|it| it * 5).collect::<Vec<u8>>())
        .chunk(b"tRNS", &[0, 128, 255])
        .rows(&[&[0, 0x01, 0x23, 0x45, 0x67, 0x89], &[2, 0x11, 0x11, 0x11, 0x11, 0x10]])
        .bytes();
    let digest = |bytes, format| fake::outcome_digest(&run(bytes, json!({ "format": format })));
    let text = format!(
        "image {} {:?}\nsource {:?}\nrgba8 {:?}\npalette {:?}\n",
        Image::VERSION,
        Image::CODECS,
        digest(&encoded(), "source"),
        digest(&encoded(), "rgba8"),
        digest(&palette, "rgba8"),
    );
    expect![[r#"
        image 1 ["png 0.18.1", "fdeflate 0.3.7"]
        source a0b9457f8f6e
        rgba8 81d9301278de
        palette b4bc83d7ddd6
    "#]]
    .assert_eq(&text);
}

#[test]
fn every_colour_and_depth_becomes_rgba() {
    const O: u8 = 255;
    let grey = |v: u8| [v, v, v, O];
    for (name, sample, expected) in [
        ("grey 1", Sample::new(3, 1, 1, 0).rows(&[&[0, 0b1010_0000]]), vec![grey(255), grey(0), grey(255)]),
        ("grey 2", Sample::new(4, 1, 2, 0).rows(&[&[0, 0b0001_1011]]), vec![grey(0), grey(85), grey(170), grey(255)]),
        ("grey 4", Sample::new(3, 1, 4, 0).rows(&[&[0, 0x0f, 0x70]]), vec![grey(0), grey(255), grey(119)]),
        ("grey 8", Sample::new(2, 1, 8, 0).rows(&[&[0, 7, 200]]), vec![grey(7), grey(200)]),
        (
            "grey 16",
            Sample::new(4, 1, 16, 0).rows(&[&[0, 0, 128, 0, 129, 0xff, 0x7e, 0xff, 0x7f]]),
            vec![grey(0), grey(1), grey(254), grey(255)],
        ),
        (
            "grey 2 with a transparent value",
            Sample::new(4, 1, 2, 0).chunk(b"tRNS", &[0, 2]).rows(&[&[0, 0b0001_1011]]),
            vec![grey(0), grey(85), [170, 170, 170, 0], grey(255)],
        ),
        (
            "grey 16 with a transparent value: all 16 bits count",
            Sample::new(2, 1, 16, 0).chunk(b"tRNS", &[1, 2]).rows(&[&[0, 1, 2, 1, 3]]),
            vec![[1, 1, 1, 0], grey(1)],
        ),
        (
            "rgb 8 with a transparent colour",
            Sample::new(2, 1, 8, 2).chunk(b"tRNS", &[0, 1, 0, 2, 0, 3]).rows(&[&[0, 1, 2, 3, 1, 2, 4]]),
            vec![[1, 2, 3, 0], [1, 2, 4, O]],
        ),
        (
            "rgb 16 with a transparent colour",
            Sample::new(2, 1, 16, 2)
                .chunk(b"tRNS", &[9, 1, 9, 2, 9, 3])
                .rows(&[&[0, 9, 1, 9, 2, 9, 3, 9, 1, 9, 2, 9, 4]]),
            vec![[9, 9, 9, 0], [9, 9, 9, O]],
        ),
        ("grey alpha 8", Sample::new(2, 1, 8, 4).rows(&[&[0, 1, 2, 3, 4]]), vec![[1, 1, 1, 2], [3, 3, 3, 4]]),
        ("grey alpha 16", Sample::new(1, 1, 16, 4).rows(&[&[0, 0x80, 0, 0xff, 0xff]]), vec![[128, 128, 128, 255]]),
        ("rgba 8", Sample::new(1, 1, 8, 6).rows(&[&[0, 1, 2, 3, 4]]), vec![[1, 2, 3, 4]]),
        ("rgba 16", Sample::new(1, 1, 16, 6).rows(&[&[0, 0x10, 0, 0x20, 0, 0x30, 0, 0x40, 0]]), vec![[16, 32, 48, 64]]),
        (
            "palette 1, short tRNS",
            Sample::new(2, 1, 1, 3).chunk(b"PLTE", &[1, 2, 3, 4, 5, 6]).chunk(b"tRNS", &[9]).rows(&[&[0, 0b0100_0000]]),
            vec![[1, 2, 3, 9], [4, 5, 6, O]],
        ),
        (
            "palette 8",
            Sample::new(2, 1, 8, 3).chunk(b"PLTE", &[1, 2, 3, 4, 5, 6]).rows(&[&[0, 1, 0]]),
            vec![[4, 5, 6, O], [1, 2, 3, O]],
        ),
    ] {
        assert_eq!(rgba(&sample.bytes()), expected, "{name}");
    }
}

#[test]
fn filters_are_undone() {
    let rows: &[&[u8]] = &[&[1, 10, 5, 5], &[2, 1, 1, 1], &[3, 10, 1, 1], &[4, 1, 1, 1], &[0, 1, 2, 3]];
    let values: Vec<u8> = rgba(&Sample::new(3, 5, 8, 0).rows(rows).bytes()).iter().map(|it| it[0]).collect();
    // Sub; Up; Average of left and above; Paeth; None.
    assert_eq!(values, [10, 15, 20, 11, 16, 21, 15, 16, 19, 16, 17, 20, 1, 2, 3]);
}

/// Adam7, written down from the picture in the specification and not from its offsets.
#[test]
fn interlaced_images_come_out_the_same() {
    const PASS_OF: [&[u8; 8]; 8] =
        [b"16462646", b"77777777", b"56565656", b"77777777", b"36463646", b"77777777", b"56565656", b"77777777"];
    for (width, height) in [(1, 1), (2, 2), (3, 5), (5, 3), (8, 8), (9, 17), (1, 9), (9, 1)] {
        for depth in [1, 2, 4, 8] {
            let value = |x: usize, y: usize| ((x * 7 + y * 3 + x * y) % (1 << depth)) as u8;
            let mut stream = Vec::new();
            for pass in b'1'..=b'7' {
                for y in 0..height {
                    let in_pass = |x: &usize| PASS_OF[y % 8][x % 8] == pass;
                    let samples: Vec<u8> = (0..width).filter(in_pass).map(|x| value(x, y)).collect();
                    if !samples.is_empty() {
                        stream.push(0);
                        stream.extend(pack(&samples, depth));
                    }
                }
            }
            let mut sample = Sample::new(width as u32, height as u32, depth, 0).rows(&[&stream]);
            sample.interlace = 1;
            let scale = 255 / ((1_u16 << depth) - 1) as u8;
            let expected: Vec<u8> = (0..height).flat_map(|y| (0..width).map(move |x| value(x, y) * scale)).collect();
            let found: Vec<u8> = rgba(&sample.bytes()).iter().map(|it| it[0]).collect();
            assert_eq!(found, expected, "{width} x {height}, {depth} bits");
        }
    }
}

fn pack(samples: &[u8], depth: u8) -> Vec<u8> {
    let per_byte = usize::from(8 / depth);
    let byte = |group: &[u8]| {
        group.iter().enumerate().fold(0, |byte, (at, sample)| byte | sample << (8 - depth * (at as u8 + 1)))
    };
    samples.chunks(per_byte).map(byte).collect()
}

#[test]
fn what_is_no_png_is_named() {
    let refused = |bytes: &[u8]| match run(bytes, json!({})) {
        Outcome::Refused(findings) => format!("{} {}\n", findings[0].code, findings[0].message),
        Outcome::Made(..) => panic!("this is no image"),
    };
    let text: String = [
        &b"\xff\xd8\xff\xe0\0\x10JFIF"[..],
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        b"hello\n",
        b"\0\x01\x02\x03",
        b"",
        b"\x89PN",
        b"\x89PNG\n\x1a\n",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\x04CgBI\x50\0\x20\x02\0\0\0\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\x00IEND\xae\x42\x60\x82",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR",
    ]
    .map(refused)
    .concat();
    expect![[r#"
        PW0312 this is not a PNG but a JPEG image
        PW0312 this is not a PNG but a Git LFS pointer, not the content
        PW0312 this is not a PNG but a text file
        PW0312 this is not a PNG but something that is not known here
        PW0310 the file is empty
        PW0310 the file ends within the PNG signature
        PW0310 the PNG signature is damaged
        PW0310 the file ends before the end of the image (`IEND`)
        PW0310 this is Apple's variant of PNG, which only its own tools read
        PW0310 the first chunk is `IEND` and not `IHDR`
        PW0310 the file ends within the chunk `IHDR` at byte 8; 4294967299 bytes are missing
    "#]]
    .assert_eq(&text);
}

#[test]
fn an_image_has_one_input() {
    let prepared = kinds::find("image").expect("a kind").prepare(json!({})).expect("valid settings");
    let mut cx = FakeContext::with_input("a.png", &encoded());
    cx.input("b.png", &encoded());
    let outcome = prepared.run(&mut cx).expect("everything is available");
    expect![[r#"
        refused
          error PW0004: an `image` asset has exactly one input; this one has 2
    "#]]
    .assert_eq(&fake::describe(&outcome));
}

#[test]
fn unavailable_bytes_are_passed_on() {
    let mut cx = FakeContext::with_input("a.png", &encoded());
    cx.unreadable("a.png");
    assert!(Image.run(&mut cx, &Settings::default()).is_err());
}

#[test]
fn limits_are_held_before_anything_is_decoded() {
    for (settings, fits) in [
        (json!({ "max_width": 3, "max_height": 2, "max_pixels": 6 }), true),
        (json!({ "max_width": 2 }), false),
        (json!({ "max_height": 1 }), false),
        (json!({ "max_pixels": 5 }), false),
    ] {
        assert_eq!(matches!(run(&encoded(), settings.clone()), Outcome::Made(..)), fits, "{settings}");
    }
    // No data at all: the size alone decides.
    let huge = Sample::new(60_000, 60_000, 8, 6).bytes();
    check(
        &huge,
        json!({}),
        expect![[r#"
        refused
          error PW0311 a.png: 60000 x 60000 pixels are too large in all; the limit `max_pixels` is 268435456
            help: raise the setting `max_pixels` if the image is meant to be so large
    "#]],
    );
    let wide = Sample::new(i32::MAX as u32, 1, 8, 6).bytes();
    check(
        &wide,
        json!({}),
        expect![[r#"
        refused
          error PW0311 a.png: 2147483647 x 1 pixels are too wide; the limit `max_width` is 65536
            help: raise the setting `max_width` if the image is meant to be so large
    "#]],
    );
}

/// Whatever an author allows, memory is taken only for images whose data could fill it.
#[test]
fn a_small_file_cannot_ask_for_much_memory() {
    let open = json!({ "format": "rgba8", "max_width": u32::MAX, "max_height": u32::MAX, "max_pixels": u64::MAX });
    let sample = |width, height| Sample::new(width, height, 8, 6).rows(&[&[0, 1, 2, 3, 4]]).bytes();
    check(
        &sample(1 << 20, 1 << 10),
        open.clone(),
        expect![[r#"
        refused
          error PW0310 a.png: 16 bytes of image data cannot hold 1048576 x 1024 pixels
    "#]],
    );
    check(
        &sample((1 << 31) - 1, (1 << 31) - 1),
        open,
        expect![[r#"
        refused
          error PW0311 a.png: 2147483647 x 2147483647 pixels are more than this machine can address
    "#]],
    );
}

#[test]
fn oddities_are_warned_about() {
    let mut bytes = Sample::new(2, 2, 2, 3)
        .chunk(b"PLTE", &[1, 2, 3, 4, 5, 6])
        .chunk(b"tEXt", b"Title\0odd")
        .rows(&[&[0, 0b0001_0000], &[0, 0b1100_1111]])
        .bytes();
    let text = bytes.windows(4).position(|it| it == b"tEXt").expect("it is there");
    bytes[text + 5] ^= 1;
    bytes.extend(b"tail");
    check(
        &bytes,
        json!({ "format": "rgba8" }),
        expect![[r#"
        made part ""
          payload "": 16 bytes made
          alpha = true
          bit_depth = 8
          color = "rgba"
          color_space = "as stored"
          format = "rgba8"
          height = 2
          width = 2
          warning PW0313 a.png: the chunk `tEXt` has a wrong CRC and is ignored
          warning PW0313 a.png: pixels use colour 3, which the palette does not have; they are shown black
          warning PW0313 a.png: 4 bytes follow the end of the image
    "#]],
    );
    check(
        &bytes,
        json!({ "format": "source" }),
        expect![[r#"
        made part ""
          payload "": input a.png, 115 bytes
          alpha = false
          animated = false
          bit_depth = 2
          color = "indexed"
          format = "png"
          height = 2
          interlaced = false
          width = 2
          warning PW0313 a.png: the chunk `tEXt` has a wrong CRC and is ignored
          warning PW0313 a.png: pixels use colour 3, which the palette does not have; they are shown black
          warning PW0313 a.png: 4 bytes follow the end of the image
    "#]],
    );
}

#[test]
fn bits_beyond_the_last_pixel_are_no_colour() {
    let sample = Sample::new(2, 1, 2, 3).chunk(b"PLTE", &[1, 2, 3, 4, 5, 6]).rows(&[&[0, 0b0001_1111]]);
    assert_eq!(rgba(&sample.bytes()), [[1, 2, 3, 255], [4, 5, 6, 255]]);
}

#[test]
fn an_indexed_image_needs_a_palette() {
    check(
        &Sample::new(1, 1, 8, 3).rows(&[&[0, 0]]).bytes(),
        json!({}),
        expect![[r#"
        refused
          error PW0310 a.png: the image has no palette (`PLTE`), and its pixels are indices into one
    "#]],
    );
}

#[test]
fn broken_data_is_named() {
    let refused = |bytes: &[u8]| match run(bytes, json!({})) {
        Outcome::Refused(findings) => format!("{} {}\n", findings[0].code, findings[0].message),
        Outcome::Made(..) => panic!("this is broken"),
    };
    let grey = || Sample::new(1, 2, 8, 0);
    let mut wrong_crc = grey().rows(&[&[0, 1], &[0, 2]]).bytes();
    let idat = wrong_crc.windows(4).position(|it| it == b"IDAT").expect("it is there");
    wrong_crc[idat + 12] ^= 1;
    let text: String = [
        grey().bytes(),
        grey().rows(&[&[0, 1]]).bytes(),
        grey().rows(&[&[0, 1], &[5, 2]]).bytes(),
        grey().chunk(b"IDAT", b"not zlib").bytes(),
        grey().chunk(b"ABCD", b"").rows(&[&[0, 1], &[0, 2]]).bytes(),
        grey().chunk(b"IHDR", b"").rows(&[&[0, 1], &[0, 2]]).bytes(),
        grey().rows(&[&[0, 1], &[0, 2]]).chunk(b"tIME", b"").rows(&[&[0, 1], &[0, 2]]).bytes(),
        wrong_crc,
    ]
    .iter()
    .map(|it| refused(it))
    .collect();
    expect![[r#"
        PW0310 there is no image data (`IDAT`)
        PW0310 the image cannot be decoded: IDAT or fDAT chunk does not have enough data for image
        PW0310 the image cannot be decoded: Unknown filter method 5
        PW0310 the image cannot be decoded: Corrupt deflate stream. BadZlibHeader
        PW0310 the image cannot be decoded: Unrecognized critical chunk: `ABCD`
        PW0310 the image cannot be decoded: Chunk length wrong: `IHDR`
        PW0310 the image cannot be decoded: Unexpected restart of `IDAT` chunk sequence
        PW0310 the image cannot be decoded: CRC error: expected 0xc14cfc68 have 0x673bf7dc while decoding `IDAT` chunk
    "#]]
    .assert_eq(&text);
}

#[test]
fn of_an_animation_the_still_image_counts() {
    // The animation is nonsense: no frame has a valid control chunk.
    let bytes = Sample::new(1, 1, 8, 0)
        .chunk(b"acTL", &[0, 0, 0, 0, 0, 0, 0, 0])
        .chunk(b"fcTL", &[1; 26])
        .rows(&[&[0, 7]])
        .chunk(b"fdAT", &[9; 7])
        .bytes();
    assert_eq!(rgba(&bytes), [[7, 7, 7, 255]]);
    check(
        &bytes,
        json!({}),
        expect![[r#"
        made part ""
          payload "": input a.png, 147 bytes
          alpha = false
          animated = true
          bit_depth = 8
          color = "grey"
          format = "png"
          height = 1
          interlaced = false
          width = 1
    "#]],
    );
}

/// Every truncation and every flipped byte is answered, and never with a panic.
#[test]
fn damage_is_answered() {
    let palette = Sample::new(3, 2, 2, 3)
        .chunk(b"gAMA", &[0, 0, 0xb1, 0x8f])
        .chunk(b"PLTE", &[1, 2, 3, 4, 5, 6, 7, 8, 9])
        .chunk(b"tRNS", &[1, 2])
        .rows(&[&[0, 0b0001_1000], &[0, 0b1001_0000]])
        .bytes();
    let animated = Sample::new(1, 1, 16, 2)
        .chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0])
        .chunk(b"fcTL", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0])
        .rows(&[&[0, 1, 2, 3, 4, 5, 6]])
        .bytes();
    for bytes in [encoded(), palette, animated] {
        for format in ["source", "rgba8"] {
            assert!(matches!(run(&bytes, json!({ "format": format })), Outcome::Made(..)));
            for len in 0..bytes.len() {
                let outcome = run(&bytes[..len], json!({ "format": format }));
                assert!(matches!(outcome, Outcome::Refused(_)), "{len} of {} bytes", bytes.len());
            }
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x20, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                // With its CRC mended too, so that the decoder meets the damage.
                for bytes in [mend_crcs(&damaged), damaged] {
                    let source = run(&bytes, json!({ "max_pixels": 1 << 20 }));
                    let rgba = run(&bytes, json!({ "max_pixels": 1 << 20, "format": "rgba8" }));
                    assert_eq!(matches!(source, Outcome::Made(..)), matches!(rgba, Outcome::Made(..)), "{at} ^ {flip}");
                }
            }
        }
    }
}

fn mend_crcs(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = chunks::SIGNATURE.len();
    while let Some(head) = bytes.get(at..at + 4) {
        let len = u32::from_be_bytes(head.try_into().expect("four bytes")) as usize;
        let Some(covered) = bytes.get(at + 4..(at + 8).saturating_add(len)) else { break };
        let (crc, end) = (slow_crc(covered), at + 8 + len);
        let Some(place) = bytes.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&crc.to_be_bytes());
        at = end + 4;
    }
    bytes
}
