//! The author by chance: moves that change a workspace, valid ones mostly.
//!
//! Few directories, few names and few contents, so that things vanish, come back, clash, move onto each other and are
//! equal more often than in any real workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use packwright::internals::system::FileKind;

use super::content::{gltf, small_png};
use super::ground::Ground;
use super::random::Random;
use super::tree::{Node, Tree, kinds_below};
use super::world::WORKSPACE;

const DIRS: [&str; 8] = ["assets", "assets/a", "assets/a/b", "assets/ui", "assets/c", "assets/c.x", "more", "shared"];
const NAMES: [&str; 12] = [
    "one.png",
    "two.png",
    "One.png",
    "three.bin",
    "four.bin",
    "one.png-b.bin",
    "five.txt",
    "buf.bin",
    "model.gltf",
    "two.gltf",
    "sub.png",
    ".hidden.png",
];
const RULES: [&str; 14] = [
    "match = \"**/*.png\"\ntype = \"image\"\n",
    "match = \"**/*.gltf\"\ntype = \"model\"\n",
    "match = \"**/*.bin\"\ntype = \"raw\"\n",
    "match = \"ui/**\"\ntype = \"raw\"\ntags = [\"ui\"]\npreload = true\n",
    "match = \"**/*.{txt,bin}\"\ntype = \"raw\"\ncodec = \"zstd\"\n[rules.profiles.release]\nexclude = true\n",
    "match = \"**/two.*\"\ntype = \"raw\"\nexclude = true\n",
    "match = \"**/*.png\"\ntype = \"image\"\npresets = [\"loud\"]\n[rules.settings]\nformat = \"rgba8\"\n",
    "match = \"{dir}/{stem}.{ext}\"\nname = \"{ext} {stem} in {dir}\"\ntype = \"raw\"\n",
    "match = \"**/{stem}.{n}\"\ntype = \"raw\"\n",
    "match = \"{dir}/{stem}.bin\"\nwith = [\"{dir}/{stem}.png\", \"ui/buf.bin\"]\ntype = \"raw\"\n",
    "match = \"{dir}/{stem}.png\"\nwith = [\"{dir}/{stem}.txt\", \"{dir}/four.bin\"]\ntype = \"image\"\n",
    "match = \"{dir}/{stem}.bin\"\ngroup = [\"dir\"]\ntype = \"raw\"\n",
    "match = \"{dir}/{stem}.{ext}\"\ngroup = [\"stem\"]\nwith = [\"c/{stem}.txt\"]\nname = \"all {stem}\"\ntype = \"raw\"\n",
    "marker = \"three.bin\"\ntype = \"raw\"\n",
];

/// Packs, one choice of them after the other. Behind `@` stands an asset at any place.
const PACKS: [&str; 7] = [
    "",
    "[packs.main]\n",
    "[packs.main]\nmatch = [\"**\", \"!ui/**\"]\n[packs.ui]\nmatch = [\"ui/**\"]\npreload = [\"**/one.*\"]\ncodec = \"lz4\"\n",
    "[packs.main]\n[packs.images]\ntype = [\"image\", \"model\"]\ncodec = \"zstd\"\n",
    "[packs.loud]\ntags = [\"loud\", \"ui\"]\npreload = [\"**\"]\n[packs.rest]\nmatch = [\"!c/**\", \"c/t*\"]\n",
    "[packs.main]\ntype = [\"raw\"]\n[packs.reached]\nreachable_from = [\"/@\"]\ncodec = \"lz4\"\n",
    "[packs.all]\n[packs.reached]\nmatch = [\"a/**\"]\nreachable_from = [\"/@\", \"/@\"]\n",
];

/// The first so many rules make an asset of each file alone.
const ALONE: usize = 9;

/// The profiles of every configuration that [`Config`] writes.
pub const PROFILES: [&str; 4] = ["dev", "release", "slim", "lax"];

/// What `packwright.toml` says.
#[derive(Clone)]
pub struct Config {
    rules: Vec<usize>,
    more_roots: bool,
    comment: u64,
    dev_manifest: bool,
    dev_omits: bool,
    release_synced_split: bool,
    preset_codec: &'static str,
    ignore: &'static str,
    packs: usize,
    /// Where what is reached begins.
    start: String,
    broken: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: vec![0, 1, 2],
            more_roots: false,
            comment: 0,
            dev_manifest: false,
            dev_omits: true,
            release_synced_split: false,
            preset_codec: "none",
            ignore: "",
            packs: 0,
            start: String::new(),
            broken: false,
        }
    }
}

impl Config {
    pub fn text(&self) -> Vec<u8> {
        let mut text = format!("# {}\nworkspace = \"{WORKSPACE}\"\n", self.comment);
        text += &format!("ignore = [{}]\n", self.ignore);
        text += "[[roots]]\npath = \"assets\"\n";
        if self.more_roots {
            text += "[[roots]]\npath = \"more\"\n";
        }
        text += &format!("[presets.loud]\ntags = [\"loud\"]\ncodec = \"{}\"\n", self.preset_codec);
        for rule in &self.rules {
            text += "[[rules]]\n";
            text += RULES[*rule];
        }
        let omit = if self.dev_omits { "omit" } else { "refuse" };
        text += &format!("[profiles.dev]\nmanifest = {}\nbroken = \"{omit}\"\n", self.dev_manifest);
        let layout = if self.release_synced_split { "split" } else { "single" };
        text += &format!("[profiles.release]\nlayout = \"{layout}\"\n");
        text += "[profiles.slim]\ninherits = \"release\"\ncodec = \"lz4\"\nmanifest = true\nbroken = \"omit\"\n";
        text += "[profiles.lax]\ninherits = \"dev\"\nbroken = \"omit\"\n[profiles.lax.settings.image]\nformat = \"rgba8\"\n";
        text += &PACKS[self.packs].replace('@', &self.start);
        if self.broken {
            text += "[[rules]]\nmatch = 7\n";
        }
        text.into_bytes()
    }

    /// Returns the names of the packs.
    pub fn packs(&self) -> Vec<&'static str> {
        let names = PACKS[self.packs].lines().filter_map(|it| it.strip_prefix("[packs.")?.strip_suffix(']'));
        let names: Vec<_> = names.collect();
        if names.is_empty() { vec!["main"] } else { names }
    }

    fn change(&mut self, random: &mut Random, files: &[String]) {
        self.broken = false;
        match random.below(13) {
            10.. => {
                self.packs = random.below(PACKS.len());
                let starts: Vec<&String> =
                    files.iter().filter(|it| it.starts_with("assets/") && it.ends_with('g')).collect();
                self.start = starts.first().map_or_else(|| "assets".to_owned(), |_| random.pick(&starts).clone());
            }
            0..3 => {
                // What takes several files together goes the long way more often: not always.
                let all = if random.chance(25) { RULES.len() } else { ALONE };
                let mut rules: Vec<usize> = (0..all).collect();
                random.shuffle(&mut rules);
                rules.truncate(2 + random.below(ALONE - 1));
                self.rules = rules;
            }
            3 => random.shuffle(&mut self.rules),
            4 => self.more_roots = !self.more_roots,
            5 if random.chance(50) => {
                self.ignore =
                    random.pick(&["", "\"two.*\"", "\"/assets/c/\", \"buf.bin\"", "\"*.bin\", \"!three.bin\""]);
            }
            5 => self.comment += 1,
            6 => self.dev_manifest = !self.dev_manifest,
            7 => self.dev_omits = !self.dev_omits,
            8 => {
                self.release_synced_split = !self.release_synced_split;
                self.preset_codec = random.pick(&["none", "lz4", "zstd"]);
            }
            _ => self.broken = random.chance(30),
        }
    }
}

/// The author of one workspace.
pub struct Author {
    pub random: Random,
    pub config: Config,
    /// What lies outside of the workspace, for links to lead to.
    outside: PathBuf,
    /// Workspaces as they once were committed, to go back to.
    branches: Vec<(Tree, Config)>,
}

impl Author {
    pub fn new(seed: u64, outside: &Path) -> Self {
        let config = Config { dev_omits: seed.is_multiple_of(2), ..Config::default() };
        Self { random: Random::new(seed), config, outside: outside.to_owned(), branches: Vec::new() }
    }

    /// Returns a workspace to begin with, registry excepted.
    pub fn beginning(&mut self) -> Tree {
        let mut tree = Tree::from([("assets".to_owned(), Node::Dir), ("more".to_owned(), Node::Dir)]);
        tree.insert("packwright.toml".to_owned(), Node::File(self.config.text()));
        for _ in 0..6 + self.random.below(14) {
            let (dir, name) = (self.random.pick(&DIRS), self.random.pick(&NAMES));
            let content = self.content(name);
            tree.insert(format!("{dir}/{name}"), Node::File(content));
        }
        for _ in 0..self.random.below(8) {
            let path = self.end_of_bucket();
            let content = self.content(&path);
            tree.insert(path, Node::File(content));
        }
        tree
    }

    /// Returns a path where a bucket of sources ends: without these a workspace as small as this one is one bucket.
    fn end_of_bucket(&mut self) -> String {
        let (dir, stem) = (self.random.pick(&DIRS[..7]), self.random.pick(&["e", "q", "z"]));
        let extension = self.random.pick(&["txt", "bin"]);
        let path = |it: u32| format!("{dir}/{stem}{it}.{extension}");
        (0..).map(path).find(|it| blake3::hash(it.as_bytes()).as_bytes()[0] == 0).expect("one of 256 does")
    }

    fn content(&mut self, name: &str) -> Vec<u8> {
        let random = &mut self.random;
        if name.ends_with("asset.json") {
            return self.declaration(name != "asset.json");
        }
        if random.chance(4) {
            return match random.below(3) {
                0 => Vec::new(),
                1 => random.bytes(9),
                _ => small_png(random.next() % 9),
            };
        }
        if name.ends_with(".png") {
            small_png(random.next() % 6)
        } else if name.ends_with(".gltf") {
            let buffer = random.pick(&["buf.bin", "../buf.bin", "four.bin"]);
            let image =
                random.pick(&[None, Some("one.png"), Some("../ui/two.png"), Some("sub.png"), Some("../c/One.png")]);
            gltf(random.pick(&["x", "y"]), buffer, image)
        } else {
            let len = random.pick(&[0, 4, 4, 5, 8, 8, 30, 400, 5000]);
            let len = if random.chance(2) { 262_143 + random.below(3) } else { len };
            let kind = random.below(4) as u64;
            Random::new(kind).bytes(len)
        }
    }

    fn declaration(&mut self, is_sidecar: bool) -> Vec<u8> {
        let random = &mut self.random;
        let mut fields: Vec<String> = Vec::new();
        if !is_sidecar || random.chance(50) {
            let kind = random.pick(&["raw", "raw", "raw", "image", "model"]);
            fields.push(format!("\"type\": \"{kind}\""));
            if kind == "image" && random.chance(50) {
                fields.push("\"settings\": { \"format\": \"rgba8\" }".to_owned());
            }
        }
        if !is_sidecar && random.chance(60) {
            let inputs = random.pick(&[
                "\"one.png\"",
                "\"*.bin\"",
                "\"**/*.png\", \"three.bin\"",
                "\"../buf.bin\"",
                "\"../a/*.bin\"",
                "\"b/*\", \"one.png\"",
            ]);
            fields.push(format!("\"inputs\": [{inputs}]"));
        }
        let options = [
            "\"name\": \"hero\"",
            "\"name\": \"villain\"",
            "\"name\": \"one.png\"",
            "\"tags\": [\"b\", \"a\"]",
            "\"codec\": \"zstd\"",
            "\"codec\": \"lz4\", \"preload\": true",
            "\"presets\": [\"loud\"]",
            "\"exclude\": true",
            "\"profiles\": { \"dev\": { \"exclude\": true } }",
            "\"profiles\": { \"release\": { \"codec\": \"none\" } }",
            "\"dependencies\": [\"hero\"]",
            "\"dependencies\": [\"./two.png\"]",
            "\"dependencies\": [\"/assets/one.png\", \"../three.bin\"]",
            "\"unknown\": 1",
        ];
        for _ in 0..random.below(3) {
            let option = random.pick(&options);
            let key = &option[..option.find(':').expect("a field")];
            if !fields.iter().any(|it| it.contains(key)) {
                fields.push(option.to_owned());
            }
        }
        random.shuffle(&mut fields);
        let comment = if random.chance(30) { "// a comment\n" } else { "" };
        let end = if random.chance(3) { "" } else { "}" };
        format!("{comment}{{ {} {end}\n", fields.join(", ")).into_bytes()
    }

    /// Makes one move and says which.
    pub fn act(&mut self, ground: &dyn Ground, root: &Path) -> String {
        let kinds: BTreeMap<String, FileKind> = DIRS
            .iter()
            .filter(|it| !it.contains('/'))
            .flat_map(|top| kinds_below(&*ground.disk(), root, top))
            .collect();
        let of_kind =
            |kind: FileKind| kinds.iter().filter(|it| *it.1 == kind).map(|it| it.0.clone()).collect::<Vec<_>>();
        let (files, dirs, links) = (of_kind(FileKind::File), of_kind(FileKind::Dir), of_kind(FileKind::Link));
        let outside = self.outside.clone();
        let disk = Hand { ground, root, outside: &outside, kinds: &kinds };
        match self.random.below(100) {
            0..22 => self.write_somewhere(&disk),
            22..32 => self.declare(&disk, &files),
            32..41 => self.edit_in_place(&disk, &files),
            41..46 => self.delete(&disk, &files, &links),
            46..54 => self.rename(&disk, &files),
            54..60 => self.rename_dir(&disk, &dirs),
            60..65 => self.copy_dir(&disk, &dirs),
            65..67 => match dirs.is_empty() {
                true => "nothing".to_owned(),
                false => disk.remove(&self.random.pick(&dirs)),
            },
            67..72 => self.touch(&disk, &files),
            72..79 => {
                self.config.change(&mut self.random, &files);
                ground.write(&root.join("packwright.toml"), &self.config.text());
                "write packwright.toml".to_owned()
            }
            79..85 => self.link(&disk, &dirs),
            85..88 => self.registry(&disk),
            88..93 => self.clock(ground),
            _ => self.branch(&disk),
        }
    }

    fn somewhere(&mut self) -> String {
        if self.random.chance(10) {
            return self.end_of_bucket();
        }
        let (dir, name) = (self.random.pick(&DIRS), self.random.pick(&NAMES));
        format!("{dir}/{name}")
    }

    fn write_somewhere(&mut self, disk: &Hand<'_>) -> String {
        let path = self.somewhere();
        let content = self.content(&path);
        match self.random.below(4) {
            0 => disk.replace(&path, &content),
            _ => disk.write(&path, &content),
        }
    }

    fn declare(&mut self, disk: &Hand<'_>, files: &[String]) -> String {
        let declarations: Vec<&String> = files.iter().filter(|it| it.ends_with("asset.json")).collect();
        if !declarations.is_empty() && self.random.chance(40) {
            let path = self.random.pick(&declarations).to_string();
            let mut content = disk.read(&path);
            match self.random.below(3) {
                0 => content.extend(b"// more\n"),
                1 => content.splice(0..0, *b"  \n").for_each(drop),
                _ => content = self.content(&path),
            }
            return disk.write(&path, &content);
        }
        let path = match self.random.below(3) {
            0 => format!("{}/asset.json", self.random.pick(&DIRS[1..])),
            1 if !files.is_empty() => {
                let mut owner = self.random.pick(files);
                while let Some(it) = owner.strip_suffix(".asset.json") {
                    owner = it.to_owned();
                }
                format!("{owner}.asset.json")
            }
            _ => format!("{}.asset.json", self.somewhere()),
        };
        let content = self.content(path.rsplit('/').next().expect("a name"));
        disk.write(&path, &content)
    }

    /// Changes bytes and not their number; sometimes the mtime is set back.
    fn edit_in_place(&mut self, disk: &Hand<'_>, files: &[String]) -> String {
        let Some(path) = (!files.is_empty()).then(|| self.random.pick(files)) else { return "nothing".into() };
        let mut content = disk.read(&path);
        if path.ends_with(".png") {
            // Another of the few that is as long, if there is one.
            let same = (0..40).map(small_png).find(|it| it.len() == content.len() && *it != content);
            content = same.unwrap_or(content);
        } else if let Some(at) = (!content.is_empty()).then(|| self.random.below(content.len())) {
            content[at] = if path.ends_with("bin") || path.ends_with("txt") { content[at] ^ 1 } else { b' ' };
        }
        if self.random.chance(50) {
            disk.ground.write_keeping_times(&disk.at(&path), &content);
            return format!("edit {path}, keeping size and mtime");
        }
        disk.ground.write(&disk.at(&path), &content);
        format!("edit {path}, keeping size")
    }

    fn delete(&mut self, disk: &Hand<'_>, files: &[String], links: &[String]) -> String {
        let from = if !links.is_empty() && self.random.chance(30) { links } else { files };
        if from.is_empty() { "nothing".to_owned() } else { disk.remove(&self.random.pick(from)) }
    }

    fn rename(&mut self, disk: &Hand<'_>, files: &[String]) -> String {
        if files.is_empty() {
            return "nothing".to_owned();
        }
        let from = self.random.pick(files);
        let to = match self.random.chance(50) {
            true => self.somewhere(),
            false => format!("{}/{}", self.random.pick(&DIRS), from.rsplit('/').next().expect("a name")),
        };
        let said = disk.rename(&from, &to);
        let sidecar = format!("{from}.asset.json");
        if said != "nothing" && files.contains(&sidecar) && self.random.chance(80) {
            disk.rename(&sidecar, &format!("{to}.asset.json"));
        }
        said
    }

    fn rename_dir(&mut self, disk: &Hand<'_>, dirs: &[String]) -> String {
        let dirs: Vec<&String> = dirs.iter().filter(|it| it.contains('/')).collect();
        if dirs.is_empty() {
            return "nothing".to_owned();
        }
        let (from, to) = (self.random.pick(&dirs).to_string(), self.random.pick(&DIRS));
        if to.contains('/') && !disk.kinds.contains_key(to) { disk.rename(&from, to) } else { "nothing".to_owned() }
    }

    fn copy_dir(&mut self, disk: &Hand<'_>, dirs: &[String]) -> String {
        if dirs.is_empty() {
            return "nothing".to_owned();
        }
        let (from, to) = (self.random.pick(dirs), self.random.pick(&DIRS));
        if to.starts_with(&from) || from.starts_with(to) {
            return "nothing".to_owned();
        }
        let below = format!("{from}/");
        for (path, kind) in disk.kinds {
            if let (Some(rest), FileKind::File) = (path.strip_prefix(&below), kind) {
                disk.write(&format!("{to}/{rest}"), &disk.read(path));
            }
        }
        format!("copy {from} to {to}")
    }

    fn touch(&mut self, disk: &Hand<'_>, files: &[String]) -> String {
        if files.is_empty() {
            return "nothing".to_owned();
        }
        let path = self.random.pick(files);
        let mtime = 1_600_000_000_000_000_000 + self.random.below(1 << 40) as i64;
        disk.ground.set_mtime(&disk.at(&path), mtime);
        format!("touch {path}")
    }

    fn link(&mut self, disk: &Hand<'_>, dirs: &[String]) -> String {
        let dirs: Vec<&String> = dirs.iter().filter(|it| it.contains('/')).collect();
        let [file, dir] = ["one.png", "dir"].map(|it| disk.outside.join(it).display().to_string());
        let texts = [
            "one.png",
            "../ui",
            "../a/b",
            "a",
            "two.png",
            file.as_str(),
            dir.as_str(),
            ".",
            "..",
            "gone",
            "../../shared",
        ];
        let text = self.random.pick(&texts);
        let path = match self.random.below(3) {
            // In place of a directory and all it holds, or moved away from there and linked to.
            0 if !dirs.is_empty() => {
                let dir = self.random.pick(&dirs).to_string();
                if self.random.chance(50) && !disk.kinds.contains_key("shared/moved") {
                    let up = "../".repeat(dir.matches('/').count());
                    disk.rename(&dir, "shared/moved");
                    disk.ground.symlink(format!("{up}shared/moved").as_ref(), &disk.at(&dir));
                    return format!("move {dir} to shared/moved and link to it");
                }
                dir
            }
            1 => format!("{}/linked", self.random.pick(&DIRS)),
            _ => self.somewhere(),
        };
        disk.link(text, &path)
    }

    /// What merges and editors do to the registry: lines in another order, CRLF, a line lost.
    fn registry(&mut self, disk: &Hand<'_>) -> String {
        let path = format!("packwright.registry/{:x}.jsonl", self.random.below(16));
        let content = disk.read(&path);
        let mut lines: Vec<&[u8]> = content.split(|it| *it == b'\n').filter(|it| !it.is_empty()).collect();
        self.random.shuffle(&mut lines);
        let lost = self.random.chance(20).then(|| lines.pop());
        let end: &[u8] = if self.random.chance(50) { b"\r\n" } else { b"\n" };
        let content: Vec<u8> = lines.iter().flat_map(|it| [it, end].concat()).collect();
        disk.ground.write(&disk.at(&path), &content);
        format!("shuffle {path}{}", if lost.is_some() { ", losing a line" } else { "" })
    }

    fn clock(&mut self, ground: &dyn Ground) -> String {
        // Never back to a moment that was before: what is written there could not be told from what was.
        let by = match self.random.below(3) {
            0 => -(self.random.below(1 << 36) as i64) - 1,
            1 => self.random.below(20_000_000) as i64,
            _ => self.random.below(1 << 36) as i64,
        };
        if ground.advance(by) { format!("put the clock by {by} ns") } else { "nothing".to_owned() }
    }

    /// Remembers the committed tree, or goes back to an earlier one as `git checkout` does.
    fn branch(&mut self, disk: &Hand<'_>) -> String {
        let now = super::tree::committed(&*disk.ground.disk(), disk.root);
        if self.branches.len() < 2 || self.random.chance(30) {
            self.branches.push((now, self.config.clone()));
            return format!("remember branch {}", self.branches.len() - 1);
        }
        let at = self.random.below(self.branches.len());
        let (tree, config) = self.branches[at].clone();
        self.config = config;
        for path in now.keys().rev().filter(|it| now.get(*it) != tree.get(*it)) {
            if disk.ground.stat(&disk.at(path)).is_some() {
                disk.remove(path);
            }
        }
        let missing = tree.iter().filter(|(path, node)| now.get(*path) != Some(node));
        let missing: Tree = missing.map(|(path, node)| (path.clone(), node.clone())).collect();
        super::tree::lay(disk.ground, disk.root, &missing);
        format!("check out branch {at}")
    }
}

/// The author's hand on the disk: does what is possible and says what it did.
struct Hand<'a> {
    ground: &'a dyn Ground,
    root: &'a Path,
    outside: &'a Path,
    /// What there is, links not followed.
    kinds: &'a BTreeMap<String, FileKind>,
}

impl Hand<'_> {
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn read(&self, path: &str) -> Vec<u8> {
        self.ground.get(&self.at(path)).unwrap_or_default()
    }

    /// Returns whether something can be put at `path` that is no directory.
    fn is_free(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|it| &path[..it.0]);
        let mut above = above.map(|it| self.kinds.get(it));
        above.all(|it| it.is_none_or(|it| *it == FileKind::Dir)) && self.kinds.get(path) != Some(&FileKind::Dir)
    }

    fn write(&self, path: &str, content: &[u8]) -> String {
        if !self.is_free(path) {
            return "nothing".to_owned();
        }
        if self.kinds.get(path).is_some_and(|it| *it != FileKind::File) {
            self.ground.remove(&self.at(path));
        }
        self.ground.write(&self.at(path), content);
        format!("write {path} ({} bytes)", content.len())
    }

    /// Writes as editors do: a new file that takes the old one's name.
    fn replace(&self, path: &str, content: &[u8]) -> String {
        if !self.is_free(path) {
            return "nothing".to_owned();
        }
        self.ground.write(&self.outside.join("new"), content);
        self.make_room(path);
        self.ground.rename(&self.outside.join("new"), &self.at(path));
        format!("replace {path} ({} bytes)", content.len())
    }

    fn make_room(&self, path: &str) {
        if let Some(dir) = self.at(path).parent() {
            self.ground.mkdir(dir);
        }
        if self.kinds.contains_key(path) {
            self.ground.remove(&self.at(path));
        }
    }

    fn remove(&self, path: &str) -> String {
        self.ground.remove(&self.at(path));
        format!("remove {path}")
    }

    fn rename(&self, from: &str, to: &str) -> String {
        if from == to || !self.is_free(to) || to.starts_with(&format!("{from}/")) {
            return "nothing".to_owned();
        }
        self.make_room(to);
        self.ground.rename(&self.at(from), &self.at(to));
        format!("rename {from} to {to}")
    }

    fn link(&self, text: &str, path: &str) -> String {
        let above = path.match_indices('/').map(|it| &path[..it.0]);
        if above.map(|it| self.kinds.get(it)).any(|it| it.is_some_and(|it| *it != FileKind::Dir)) {
            return "nothing".to_owned();
        }
        self.make_room(path);
        self.ground.symlink(text.as_ref(), &self.at(path));
        format!("link {path} to {text}")
    }
}
