//! Generated workspaces: the same files for the same wishes, on every machine.
//!
//! Pure: paths and bytes out, one asset at a time, so that a million assets need no memory at once.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::random::Random;

/// How many assets lie in one directory.
const PER_DIR: usize = 100;
/// How many of those directories lie in one directory.
const DIRS_PER_GROUP: usize = 100;
/// The preset that all declarations refer to: a setting that reaches many.
pub const PRESET: &str = "common";

/// How assets are declared and lie in directories.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A hundred files a directory; one asset in ten has a directory with an asset.json, a rule claims the others
    #[default]
    Mixed,
    /// A hundred files a directory, all claimed by a rule
    Rules,
    /// A hundred files a directory, each with a sidecar
    Declarations,
    /// A directory with an asset.json for each asset
    Dirs,
    /// A hundred pictures (PNG) a directory, all claimed by a rule
    Images,
}

/// Lengths of payloads in bytes, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sizes {
    /// The shortest.
    pub min: u64,
    /// The longest.
    pub max: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { min: 1 << 10, max: 4 << 10 }
    }
}

/// What a generated workspace is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Number of assets.
    pub assets: usize,
    /// How they are declared and lie in directories.
    pub shape: Shape,
    /// How long their payloads are.
    pub sizes: Sizes,
    /// What their bytes come from.
    pub seed: u64,
}

impl FromStr for Sizes {
    type Err = String;

    /// Reads `2k` or `1k-4M`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let sizes = Self { min: bytes(min)?, max: bytes(max)? };
        if sizes.min > sizes.max { Err("the smaller size comes first".to_owned()) } else { Ok(sizes) }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", short(self.min), short(self.max))
    }
}

/// The longest payload that is generated: it is made in memory.
const LONGEST: u64 = 1 << 30;

fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1 << 10),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1), |it| (it, 1 << 20)),
    };
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is no size; write 500, 2k or 1M"))?;
    number.checked_mul(unit).filter(|it| *it <= LONGEST).ok_or_else(|| format!("`{text}` is more than 1024M"))
}

fn short(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        it if it.is_multiple_of(1 << 20) => format!("{}M", it >> 20),
        it if it.is_multiple_of(1 << 10) => format!("{}k", it >> 10),
        it => it.to_string(),
    }
}

/// Returns the text of `packwright.toml`.
pub fn config(spec: &Spec) -> String {
    // A workspace of its own for each seed, with the digits of a uuid of version 8.
    let workspace = format!("00000000-0000-8000-8000-{:012x}", spec.seed & 0xffff_ffff_ffff);
    format!(
        "# A generated workspace: {} assets, seed {}.\n\
         workspace = \"{workspace}\"\n\n\
         [[roots]]\npath = \"assets\"\n\n\
         [presets.{PRESET}]\ntags = [\"generated\"]\n\n\
         [[rules]]\nmatch = \"**/*.png\"\ntype = \"image\"\n\n\
         [[rules]]\nmatch = \"**/*.txt\"\ntype = \"raw\"\n",
        spec.assets, spec.seed
    )
}

/// Returns the files of one asset, paths relative to the workspace.
pub fn asset(spec: &Spec, nth: usize) -> Vec<(String, Vec<u8>)> {
    // Each asset has a sequence of its own: what one is does not depend on how many there are.
    let mut random = Random::new(spec.seed ^ (nth as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
    random.next();
    let dir = format!("assets/g{:03}/d{:05}", nth / (PER_DIR * DIRS_PER_GROUP), nth / PER_DIR);
    let tags = format!("\"presets\": [\"{PRESET}\"], \"tags\": [\"t{}\"]", random.below(7));
    let len = spec.sizes.min + random.next() % (spec.sizes.max - spec.sizes.min + 1);
    let has_dir = match spec.shape {
        Shape::Mixed => nth.is_multiple_of(10),
        shape => shape == Shape::Dirs,
    };
    if spec.shape == Shape::Images {
        return vec![(format!("{dir}/p{nth:06}.png"), picture(&mut random, len))];
    }
    let payload = text(&mut random, len as usize);
    if has_dir {
        let declaration = format!("{{ \"type\": \"raw\", \"inputs\": [\"data.txt\"], {tags} }}\n");
        let dir = format!("{dir}/a{nth:06}");
        return vec![(format!("{dir}/asset.json"), declaration.into_bytes()), (format!("{dir}/data.txt"), payload)];
    }
    let path = format!("{dir}/f{nth:06}.txt");
    let sidecar = (format!("{path}.asset.json"), format!("{{ \"type\": \"raw\", {tags} }}\n").into_bytes());
    let has_sidecar = spec.shape == Shape::Declarations;
    std::iter::once((path, payload)).chain(has_sidecar.then_some(sidecar)).collect()
}

/// Returns so many bytes of text: compressible like prose, but no two are equal.
fn text(random: &mut Random, len: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "the", "hero", "of", "stone", "light", "finds", "river", "and", "sword", "castle", "under", "a", "dragon",
        "night", "sings", "gold",
    ];
    let mut text = Vec::with_capacity(len + 32);
    while text.len() < len {
        // One draw for eight words and a number that tells this text from all others.
        let draw = random.next();
        for nth in 0..8 {
            text.extend_from_slice(WORDS[(draw >> (nth * 4)) as usize & 15].as_bytes());
            text.push(b' ');
        }
        text.extend_from_slice(format!("{:x}\n", draw >> 40).as_bytes());
    }
    text.truncate(len);
    text
}

/// Returns a picture whose pixels are about so many bytes: a slope of colours with some noise.
fn picture(random: &mut Random, len: u64) -> Vec<u8> {
    let side = ((len / 3) as f64).sqrt().max(1.0) as u32;
    let base = random.next().to_le_bytes();
    let mut pixels = Vec::with_capacity((side * side * 3) as usize);
    for y in 0..side {
        for x in 0..side {
            let noise = random.next() as u8 & 7;
            pixels.extend([(x, 0), (y, 1), (x + y, 2)].map(|(at, n)| base[n].wrapping_add(at as u8 / 2) ^ noise));
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a Vec takes all bytes");
    writer.write_image_data(&pixels).expect("as many pixels as were announced");
    writer.finish().expect("a Vec takes all bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use crate::process::kinds;
    use crate::workspace::config::Config;

    fn spec(shape: Shape) -> Spec {
        Spec { assets: 20, shape, sizes: Sizes::default(), seed: 7 }
    }

    /// When this fails, figures of earlier versions cannot be compared with those of this one.
    #[test]
    fn a_generated_workspace_is_always_the_same() {
        let digest = |shape| {
            let files = (0..20).flat_map(|it| asset(&spec(shape), it));
            let all: Vec<u8> = files.flat_map(|(path, bytes)| [path.into_bytes(), bytes].concat()).collect();
            format!("{shape:?} {}\n", Digest::of(&all))
        };
        let shapes = [Shape::Mixed, Shape::Rules, Shape::Declarations, Shape::Dirs, Shape::Images];
        expect_test::expect![[r#"
            Mixed acfdbb713baa23c9f4f613563a9a0244a6b4bd471b180ed2af451716303517e3
            Rules a206b77bf85a166f9e84bb9b74c93874d0d04f3466aa0098929208cf509586ee
            Declarations b0381d4fee405f8b5a96e9f5bf5c8a023b914682ebcdc5637895beefff6bfca3
            Dirs cc9c5f975e4e59a2b67fbc7785b247e47d18d4a29edf2b7475ec371332f159be
            Images 1fe91738597f9980b53ea8506aac16de6accaed9ff0b7c793a5c8a9d9b492dc5
        "#]]
        .assert_eq(&shapes.map(digest).concat());
    }

    #[test]
    fn an_asset_does_not_depend_on_how_many_there_are() {
        let many = Spec { assets: 1_000_000, ..spec(Shape::Mixed) };
        assert_eq!(asset(&many, 3), asset(&spec(Shape::Mixed), 3));
        assert_ne!(asset(&many, 3)[0].1, asset(&Spec { seed: 8, ..many }, 3)[0].1);
    }

    #[test]
    fn shapes_are_what_they_say() {
        let paths = |shape, nth| asset(&spec(shape), nth).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(paths(Shape::Mixed, 11), ["assets/g000/d00000/f000011.txt"]);
        let own = ["assets/g000/d00000/a000010/asset.json", "assets/g000/d00000/a000010/data.txt"];
        assert_eq!(paths(Shape::Mixed, 10), own);
        assert_eq!(paths(Shape::Dirs, 10), own);
        assert_eq!(paths(Shape::Rules, 10), ["assets/g000/d00000/f000010.txt"]);
        let sidecar = ["assets/g001/d00100/f010000.txt", "assets/g001/d00100/f010000.txt.asset.json"];
        assert_eq!(paths(Shape::Declarations, 10_000), sidecar);
        assert_eq!(paths(Shape::Images, 0), ["assets/g000/d00000/p000000.png"]);
    }

    #[test]
    fn lengths_are_as_asked() {
        let sizes = Sizes { min: 3, max: 5 };
        let lens: Vec<usize> = (0..50).map(|it| asset(&Spec { sizes, ..spec(Shape::Rules) }, it)[0].1.len()).collect();
        assert!((3..=5).all(|it| lens.contains(&it)) && lens.iter().all(|it| (3..=5).contains(it)));
        let empty = Spec { sizes: Sizes { min: 0, max: 0 }, ..spec(Shape::Rules) };
        assert_eq!(asset(&empty, 0)[0].1, b"");
        assert!(asset(&Spec { shape: Shape::Images, ..empty }, 0)[0].1.starts_with(b"\x89PNG"));
    }

    #[test]
    fn sizes_are_written_shortly() {
        for (text, shown) in
            [("2048", "2k-2k"), ("1k-4M", "1k-4M"), ("0-1", "0-1"), ("5-5", "5-5"), ("1024M", "1024M-1024M")]
        {
            assert_eq!(text.parse::<Sizes>().expect("a size").to_string(), shown);
        }
        for text in ["", "k", "1-", "4k-1k", "-1", "1.5k", "1025M", "99999999999999999999"] {
            assert!(text.parse::<Sizes>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_configuration_is_one() {
        let (config, problems) = Config::parse(config(&spec(Shape::Mixed)).as_bytes(), &kinds::Check);
        assert_eq!(problems, []);
        assert_eq!(config.expect("it is one").rules.all().len(), 2);
    }
}
