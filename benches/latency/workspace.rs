//! Seeded workspaces: the same files for the same numbers, on every machine.

use std::fs;
use std::path::{Path, PathBuf};

/// How the assets lie in directories.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A hundred files a directory; one asset in ten has a directory with an `asset.json`.
    Flat,
    /// Every asset has a directory with an `asset.json`, a hundred of those a directory.
    Dirs,
}

impl Layout {
    /// Returns a word for file names.
    pub fn name(self) -> &'static str {
        if self == Self::Flat { "flat" } else { "dirs" }
    }

    /// Returns a phrase for people.
    pub fn describe(self) -> &'static str {
        if self == Self::Flat { "100 files a directory" } else { "one directory per asset" }
    }
}

/// A workspace that was made, and the files that scenarios change.
pub struct Workspace {
    /// Its directory.
    pub root: PathBuf,
    /// Number of assets.
    pub n: usize,
    /// A payload.
    pub payload: PathBuf,
    /// An `asset.json`.
    pub declaration: PathBuf,
    /// A file that is not there yet and would be an asset.
    pub newcomer: PathBuf,
}

const CONFIG: &str = r#"workspace = "0a0b0c0d-0102-8304-8506-0708090a0b0c"
[[roots]]
path = "assets"
[[rules]]
match = "**/*.png"
type = "image"
[[rules]]
match = "**/*"
type = "raw"
"#;

/// Makes a workspace of `n` assets at `root`, which must not be there.
pub fn generate(root: &Path, n: usize, layout: Layout) -> Workspace {
    let mut random = Random(7);
    fs::create_dir_all(root).expect("a new directory");
    fs::write(root.join("packwright.toml"), CONFIG).expect("a new file");
    empty_registry(root);
    let mut declaration = None;
    for i in 0..n {
        let dir = root.join(format!("assets/g{:03}/d{:05}", i / 10_000, i / 100));
        let payload = payload(&mut random);
        if i % 10 == 0 || layout == Layout::Dirs {
            let dir = dir.join(format!("a{i:06}"));
            fs::create_dir_all(&dir).expect("a new directory");
            fs::write(dir.join("data.bin"), payload).expect("a new file");
            let text = format!("{{ \"type\": \"raw\", \"inputs\": [\"data.bin\"], \"tags\": [\"t{}\"] }}\n", i % 7);
            fs::write(dir.join("asset.json"), text).expect("a new file");
            if i <= n / 2 {
                declaration = Some(dir.join("asset.json"));
            }
        } else {
            fs::create_dir_all(&dir).expect("a directory");
            fs::write(dir.join(format!("f{i:06}.bin")), payload).expect("a new file");
        }
    }
    let declaration = declaration.expect("there is one asset at least");
    let owner = declaration.parent().and_then(Path::parent).expect("it lies that deep").to_owned();
    let at = n / 2 / 100 * 100 + 5;
    let payload = match layout {
        Layout::Flat => owner.join(format!("f{at:06}.bin")),
        Layout::Dirs => declaration.with_file_name("data.bin"),
    };
    Workspace { root: root.to_owned(), n, payload, declaration, newcomer: owner.join("newcomer.bin") }
}

/// Makes the registry that of a workspace in which nothing was ever registered.
pub fn empty_registry(root: &Path) {
    let dir = root.join("packwright.registry");
    fs::create_dir_all(&dir).expect("a directory");
    for digit in "0123456789abcdef".chars() {
        fs::write(dir.join(format!("{digit}.jsonl")), "").expect("a file");
    }
}

/// Returns 1 to 4 KiB of text: compressible, but no two are equal.
fn payload(random: &mut Random) -> Vec<u8> {
    let len = 1024 + (random.next() % 3073) as usize;
    let mut text = Vec::with_capacity(len + 16);
    while text.len() < len {
        text.extend_from_slice(format!("{:016x}", random.next()).as_bytes());
    }
    text.truncate(len);
    text
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        it ^ (it >> 31)
    }
}
