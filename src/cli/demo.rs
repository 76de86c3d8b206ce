//! The workspace that `init --demo` makes: small, always the same bytes, and with something in it for every built-in
//! processor and every form of declaration.

use crate::model::RelPath;

/// Returns the files of the demo, the registry apart.
pub fn files() -> Vec<(RelPath, Vec<u8>)> {
    let texts = [
        ("packwright.toml", CONFIG),
        ("assets/credits.txt", CREDITS),
        ("assets/dialog/asset.json", DIALOG),
        ("assets/dialog/intro.txt", INTRO),
        ("assets/dialog/lines/sign.txt", SIGN_LINE),
        ("assets/models/sign.gltf", SIGN),
        ("assets/sprites/coin.png.asset.json", COIN_SIDECAR),
    ];
    let binaries = [
        ("assets/models/crate.glb", glb(CRATE, &quad())),
        ("assets/models/sign.bin", quad()),
        ("assets/tunes/hum.wav", hum()),
        ("assets/sprites/coin.png", drawn(COIN, 2)),
        ("assets/sprites/hero.png", drawn(HERO, 2)),
        ("assets/tiles/checker.png", checker()),
    ];
    let texts = texts.into_iter().map(|(path, text)| (path, text.as_bytes().to_vec()));
    let path = |it| RelPath::new(it).expect("the demo's paths are in normal form");
    texts.chain(binaries).map(|(name, bytes)| (path(name), bytes)).collect()
}

const CONFIG: &str = r#"# The demo workspace of packwright: try `packwright build`, change something in assets/, and build again.

# Tells this workspace from all others. A real one gets its own from `packwright init`.
workspace = "de304de3-04de-4304-8e30-4de304de304d"

[[roots]]
path = "assets"

# Rules make assets of files that have no declaration of their own; the first that matches claims the file.
[[rules]]
match = "tiles/**/*.png"
type = "image"
presets = ["world"]

[[rules]]
match = "**/*.png"
type = "image"

# A model's buffers and images are found by themselves. `sign.bin` is no asset of its own, and nothing claims it.
[[rules]]
match = "**/*.{glb,gltf}"
type = "model"

# Of a sound the pack says how long it is, and from where to where it loops.
[[rules]]
match = "**/*.wav"
type = "audio"

[[rules]]
match = "**/*.txt"
type = "raw"

# Rules and declarations may share settings by name.
[presets.world]
tags = ["world"]
settings = { max_width = 64, max_height = 64 }

# A release holds decoded pixels; while you work, images are passed through as they are.
[profiles.release.settings.image]
format = "rgba8"

# While you work, a broken asset is left out with a warning; a release refuses to be built with one.
[profiles.dev]
broken = "omit"
"#;

const CREDITS: &str = "Everything in this demo was drawn with characters and is in the public domain.\n";

const DIALOG: &str = r#"// An asset.json makes one asset of its directory. It says intent only: numbers and uuids are in the registry.
{
  "name": "dialog/intro",
  "type": "raw",
  // In this order: the first is the main payload, the others are found by their paths.
  "inputs": ["intro.txt", "lines/*.txt"],
  // Text compresses well, whatever the profile.
  "codec": "zstd",
  "dependencies": ["coin", "../sprites/hero.png"]
}
"#;

const INTRO: &str =
    "Once upon a time there was a hero.\nThe hero had one coin.\nThere was a sign, and it could be read.\n";

const SIGN_LINE: &str = "KEEP OFF THE CHECKERED TILES\n";

const COIN_SIDECAR: &str = r#"{
  // A sidecar without a type is laid over the rule that claims its file.
  "name": "coin",
  "tags": ["pickup", "ui"],
  "preload": true
}
"#;

/// A quad with the hero on it. Its buffer is a file, its image is another asset.
const SIGN: &str = r#"{
  "asset": { "version": "2.0", "generator": "packwright demo" },
  "scene": 0,
  "scenes": [{ "nodes": [0] }],
  "nodes": [{ "name": "sign", "mesh": 0 }],
  "meshes": [
    { "primitives": [{ "attributes": { "POSITION": 1, "TEXCOORD_0": 2 }, "indices": 0, "material": 0 }] }
  ],
  "materials": [{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 }, "metallicFactor": 0 } }],
  "textures": [{ "source": 0 }],
  "images": [{ "uri": "../sprites/hero.png" }],
  "buffers": [{ "uri": "sign.bin", "byteLength": 92 }],
  "bufferViews": [
    { "buffer": 0, "byteOffset": 0, "byteLength": 12 },
    { "buffer": 0, "byteOffset": 12, "byteLength": 48 },
    { "buffer": 0, "byteOffset": 60, "byteLength": 32 }
  ],
  "accessors": [
    { "bufferView": 0, "componentType": 5123, "count": 6, "type": "SCALAR" },
    {
      "bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC3",
      "min": [0, 0, 0], "max": [1, 1, 0]
    },
    { "bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC2" }
  ]
}
"#;

/// A quad in a file of its own.
const CRATE: &str = concat!(
    r#"{"asset":{"version":"2.0","generator":"packwright demo"},"scene":0,"scenes":[{"nodes":[0]}],"#,
    r#""nodes":[{"name":"crate","mesh":0}],"meshes":[{"primitives":[{"attributes":{"POSITION":1},"indices":0}]}],"#,
    r#""buffers":[{"byteLength":92}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":12},"#,
    r#"{"buffer":0,"byteOffset":12,"byteLength":48}],"#,
    r#""accessors":[{"bufferView":0,"componentType":5123,"count":6,"type":"SCALAR"},"#,
    r#"{"bufferView":1,"componentType":5126,"count":4,"type":"VEC3","min":[0,0,0],"max":[1,1,0]}]}"#,
);

/// Returns six indices, four positions and four texture coordinates: 92 bytes.
fn quad() -> Vec<u8> {
    const INDICES: [u16; 6] = [0, 1, 2, 2, 1, 3];
    const POSITIONS: [[f32; 3]; 4] = [[0., 0., 0.], [1., 0., 0.], [0., 1., 0.], [1., 1., 0.]];
    const COORDINATES: [[f32; 2]; 4] = [[0., 1.], [1., 1.], [0., 0.], [1., 0.]];
    let floats = POSITIONS.as_flattened().iter().chain(COORDINATES.as_flattened());
    let mut bytes: Vec<u8> = INDICES.iter().flat_map(|it| it.to_le_bytes()).collect();
    bytes.extend(floats.flat_map(|it| it.to_le_bytes()));
    bytes
}

/// Returns a GLB of a JSON text and a buffer.
fn glb(json: &str, buffer: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], bytes: &[u8], filler: u8| {
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len().next_multiple_of(4), filler);
        [&(padded.len() as u32).to_le_bytes(), &kind[..], &padded].concat()
    };
    let chunks = [chunk(b"JSON", json.as_bytes(), b' '), chunk(b"BIN\0", buffer, 0)].concat();
    let len = 12 + chunks.len() as u32;
    [&b"glTF"[..], &2_u32.to_le_bytes(), &len.to_le_bytes(), &chunks].concat()
}

const HERO: &[&str] = &[
    "................",
    ".....kkkkkk.....",
    "....khhhhhhk....",
    "...khhhhhhhhk...",
    "...khssssssk....",
    "...kskssksk.....",
    "...ksssssssk....",
    "....kssrssk.....",
    ".....kkkkk......",
    "....kbbbbbk.....",
    "...kbbbbbbbk....",
    "..ksbbyybbbsk...",
    "..kskbbbbbksk...",
    "...k.kbbbk.k....",
    "....knnknnk.....",
    "....kkk.kkk.....",
];

const COIN: &[&str] = &["..kkkk..", ".kyyyyk.", "kywyyyyk", "kywyyoyk", "kyyyyoyk", "kyyyooyk", ".kyyyyk.", "..kkkk.."];

/// Returns a picture drawn with characters, each so many pixels wide and high.
fn drawn(rows: &[&str], scale: usize) -> Vec<u8> {
    let mut pixels = Vec::new();
    for row in rows {
        let line: Vec<u8> = row.chars().flat_map(|it| [color(it)].repeat(scale)).flatten().collect();
        (0..scale).for_each(|_| pixels.extend_from_slice(&line));
    }
    png((rows[0].len() * scale) as u32, (rows.len() * scale) as u32, png::ColorType::Rgba, &pixels)
}

fn color(char: char) -> [u8; 4] {
    match char {
        'k' => [0x1a, 0x1c, 0x2c, 0xff],
        'h' => [0x7a, 0x48, 0x41, 0xff],
        's' => [0xf2, 0xc9, 0x9a, 0xff],
        'r' => [0xb1, 0x3e, 0x53, 0xff],
        'b' => [0x3b, 0x5d, 0xc9, 0xff],
        'n' => [0x56, 0x3c, 0x2e, 0xff],
        'y' => [0xff, 0xcd, 0x75, 0xff],
        'o' => [0xef, 0x7d, 0x57, 0xff],
        'w' => [0xf4, 0xf4, 0xf4, 0xff],
        _ => [0, 0, 0, 0],
    }
}

/// Returns a tile of 32 x 32 grey pixels in squares of eight.
fn checker() -> Vec<u8> {
    let shade = |at: usize| if (at / 32 / 8 + at % 32 / 8).is_multiple_of(2) { 0x94 } else { 0x56 };
    let pixels: Vec<u8> = (0..32 * 32).map(shade).collect();
    png(32, 32, png::ColorType::Grayscale, &pixels)
}

fn png(width: u32, height: u32, color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a Vec takes all bytes");
    writer.write_image_data(pixels).expect("as many pixels as were announced");
    writer.finish().expect("a Vec takes all bytes");
    bytes
}

/// Returns a hum that fades in and then loops: a triangle of 125 Hz, 8,000 frames a second, one channel of 16 bits.
fn hum() -> Vec<u8> {
    const PERIOD: i32 = 64;
    const FADE: i32 = 4 * PERIOD;
    const LEN: i32 = 8 * PERIOD;
    let sample = |at: i32| {
        // From -16 to 16 and back within a period.
        let triangle = (at % PERIOD - PERIOD / 2).abs() - PERIOD / 4;
        (triangle * 512 * at.min(FADE) / FADE) as i16
    };
    let data: Vec<u8> = (0..LEN).flat_map(|at| sample(at).to_le_bytes()).collect();
    let words = |words: &[u32]| words.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    let chunk = |id: &[u8; 4], body: &[u8]| [&id[..], &words(&[body.len() as u32]), body].concat();
    // PCM of one channel; frames and bytes in a second; bytes in a frame, bits in a sample.
    let format = words(&[1 | 1 << 16, 8000, 16_000, 2 | 16 << 16]);
    // Its last but one word: the last frame of the loop.
    let sampler = words(&[0, 0, 125_000, 47, 0, 0, 0, 1, 0, 0, 0, FADE as u32, LEN as u32 - 1, 0, 0]);
    let chunks = [chunk(b"fmt ", &format), chunk(b"data", &data), chunk(b"smpl", &sampler)].concat();
    [&b"RIFF"[..], &words(&[chunks.len() as u32 + 4]), b"WAVE", &chunks].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    #[test]
    fn the_demo_is_always_the_same() {
        let files = files();
        let all: Vec<String> = files.iter().map(|(path, bytes)| format!("{path} {}\n", Digest::of(bytes))).collect();
        expect_test::expect![[r#"
            packwright.toml 44e3959ce1a7d18ba7ef7003f9ea126b645f3d58bb4bf9ca1557f31de50ce49e
            assets/credits.txt c2212852f15a620bdb1cc9f59891b50a9de22116a77fe4442046bb97b43c651c
            assets/dialog/asset.json 2624d3bbd1128a670587eab7d105cdeec34a45b9004056ffb5b7211fc2d134cf
            assets/dialog/intro.txt 96aceb5b1e05a386e15b8a7507b94034233ad64e127169938f040434928283f9
            assets/dialog/lines/sign.txt bfeb77b469c7ae96cc4644e2cf99e2b173b33f1d101ab98f847ffb485d3876ee
            assets/models/sign.gltf d1439220da6d235a9bef3cffc6dccf80b831d5afa3b429bb85aec3ba8675e3e3
            assets/sprites/coin.png.asset.json b1c8f11c1719d554009c1e0833bcb5c8efb2c80064b362062821f7c3750d1073
            assets/models/crate.glb d177408f95482e3783fb483b1cb881f9b5179d593a536886d43d059b52a20dba
            assets/models/sign.bin 3d55ea02d922e0aa565423c1b218b8562a4fdf24270840b4a2baf5d11ce51e1b
            assets/tunes/hum.wav 992c6d9bb903301d898331f8e5ded04128e7ecc943ce22c4e298fd0f83bb9382
            assets/sprites/coin.png 697bc515dc2d36d8e20c6f5c4b21febdadf8cc041108201d27b1ffddc71b8619
            assets/sprites/hero.png ebbe2ef3db53a5eb51d40b08ba7561cb9beeaa73d6b4345172c5358daef8c955
            assets/tiles/checker.png a14ede3b100dd50d2435c93c9497118a05d0dc11f16af8f2c4782460cc3e501e
        "#]]
        .assert_eq(&all.concat());
    }

    #[test]
    fn pictures_are_rectangles() {
        for rows in [HERO, COIN] {
            assert!(rows.iter().all(|it| it.len() == rows[0].len()));
            assert!(rows.concat().chars().all(|it| it == '.' || color(it)[3] == 0xff));
        }
        assert_eq!(quad().len(), 92);
    }
}
