//! What all scenarios share: the language they are written in, and how builds are told.
//!
//! A scenario is a list of steps, each a line that begins with `//- `; the lines after a step that writes a file are
//! the file's contents. All paths begin with `/`, which is the workspace; one with `//` lies
//! outside of it.
//!
//! | step | what it does |
//! | --- | --- |
//! | `/path` | writes the lines that follow |
//! | `png /path 4x2 [seed]` | writes a small image, another one for each seed |
//! | `png-cut /path 4x2 30` | writes the first bytes of one |
//! | `png-lie /path 4x2 9x9` | writes one whose header says another size |
//! | `zeros /path 1000` | writes that many zero bytes |
//! | `hex /path 00 ff` | writes bytes |
//! | `on-read /path` | writes the lines that follow right before the program next reads the file |
//! | `rm-on-read /path` | removes the file right then |
//! | `rm`, `touch`, `fifo`, `mkdir /path`, `mv`, `cp /from /to`, `ln /path -> text`, `mode /path 000` | what they say |
//! | `build [profile] [flags]`, `check [profile] [flags]` | runs, and tells what was done |
//! | `write command words` | runs a write command, and tells what it did: see `writes` |
//! | `why /path [profile]` | tells what is known of why an asset was or would be made again: see `why` |
//! | `show /path` | tells what a file holds |
//! | `registry`, `pack [profile]`, `pack-of name [profile]` | tells what the registry, or a pack, holds |
//! | `stored name` | tells in what form and order a pack of `dev` holds its payloads |
//! | `outputs` | tells which files there are in the output directory of `dev` |
//! | `packs` | writes [`CONFIG`] with the lines that follow behind it |
//! | `wipe-cache`, `wipe-out`, `restart`, `reboot`, `still` | see [`World::step`] |
//!
//! Flags of a build: `--pack=name`, `--locked`, `--rehash`, `--cache=off`, `--jobs=4`, `--quiet` (the outcome alone), `--recalled` (and for how
//! many buckets memos stood), `--counts` (what
//! was asked of the file system).
//!
//! Time passes before every build, so that nothing in a workspace is racy unless a scenario says `still`. And whatever
//! a scenario is about, each of its builds is held against a clean one of the same files (R7).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::Expect;
use packwright::internals::build::{Options, Outcome, PackReport, Report, Work};
use packwright::internals::cache::CacheMode;
use packwright::internals::driver::Engine;
use packwright::internals::error::{Error, Result};
use packwright::internals::model::{Diagnostic, Digest, Location, Severity};
use packwright::internals::pack::read::{Entry, PackReader};
use packwright::internals::pack::source::{DirParts, FileSource};
use packwright::internals::pack::verify::verify;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::system::{Disk, System};
use packwright::internals::workspace::layout::Workspace;

/// Where the workspace lies.
pub const ROOT: &str = "/ws";

/// The configuration of a scenario that writes none: files become assets by their extensions.
pub const CONFIG: &str = r#"workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[[rules]]
match = "**/*.png"
type = "image"
[[rules]]
match = "**/*.{gltf,glb}"
type = "model"
[[rules]]
match = "**/*.txt"
type = "raw"
[profiles.lenient]
broken = "omit"
"#;

/// Runs a scenario with one engine, whose queries remember what they came to.
pub fn check(scenario: &str, expected: Expect) {
    expected.assert_eq(&World::new().run(scenario));
}

/// Runs a scenario with an engine of its own for every build, as the command line does.
pub fn check_cold(scenario: &str, expected: Expect) {
    let mut world = World::new();
    world.cold = true;
    expected.assert_eq(&world.run(scenario));
}

/// Runs cases, each in a workspace of its own that holds one good asset besides. A case begins with a line `## title`;
/// one without a build of its own is built as it is, and once more leaving out what is broken.
pub fn check_each(cases: &str, expected: Expect) {
    let mut told = String::new();
    for case in cases.split("\n## ").skip(1) {
        let (title, steps) = case.split_once('\n').expect("a title has a line of its own");
        let builds = if steps.contains("//- build") { "" } else { "//- build\n//- build lenient --quiet\n" };
        let mut world = World { queries: false, ..World::new() };
        world.system.write(at("/assets/good.txt"), "good");
        writeln!(told, "## {title}\n{}", world.run(&format!("{steps}\n{builds}"))).expect("text grows");
    }
    expected.assert_eq(&told);
}

/// A workspace in memory and what a scenario has told of it so far.
pub struct World {
    /// The file system.
    pub system: MemorySystem,
    engine: Engine,
    /// Whether every build has an engine of its own.
    pub cold: bool,
    /// Whether to tell which queries ran then, and for how many buckets memos stood.
    pub recalls: bool,
    queries: bool,
    still: bool,
    builds: usize,
    told: String,
    /// Files that the scenario itself put where outputs lie.
    foreign: Vec<PathBuf>,
    /// Payloads by the order in which they were first told of: `A` is always the same bytes.
    payloads: Vec<Digest>,
}

impl World {
    /// Returns a workspace with a registry, [`CONFIG`] and nothing else.
    pub fn new() -> Self {
        let system = MemorySystem::new();
        for digit in 0..16 {
            system.write(format!("{ROOT}/packwright.registry/{digit:x}.jsonl"), b"");
        }
        system.write(at("/packwright.toml"), CONFIG);
        system.mkdir(at("/assets"));
        let engine = engine(Arc::new(system.clone()), Path::new(ROOT));
        Self {
            system,
            engine,
            cold: false,
            recalls: false,
            queries: true,
            still: false,
            builds: 0,
            told: String::new(),
            foreign: Vec::new(),
            payloads: Vec::new(),
        }
    }

    /// Runs all steps and returns what there was to tell.
    pub fn run(&mut self, scenario: &str) -> String {
        let mut steps: Vec<(&str, String)> = Vec::new();
        for line in scenario.lines() {
            match (line.strip_prefix("//- "), steps.last_mut()) {
                (Some(step), _) => steps.push((step.trim(), String::new())),
                (None, Some((_, text))) => *text = format!("{text}{line}\n"),
                (None, None) => assert!(line.trim().is_empty(), "text before the first step: {line}"),
            }
        }
        for (step, text) in steps {
            self.step(step, &text);
        }
        std::mem::take(&mut self.told)
    }

    fn step(&mut self, step: &str, text: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let system = self.system.clone();
        match words[..] {
            [path] if path.starts_with('/') => {
                system.write(at(path), text);
                self.foreign.extend(path.starts_with("/build/").then(|| at(path)));
            }
            ["png", path, size] => system.write(at(path), png(size, 0)),
            ["png", path, size, seed] => system.write(at(path), png(size, seed.parse().expect("a number"))),
            ["png-cut", path, size, len] => {
                let whole = png(size, 0);
                system.write(at(path), &whole[..len.parse().expect("a number")]);
            }
            ["png-lie", path, size, said] => system.write(at(path), lying_png(size, said)),
            ["zeros", path, n] => system.write(at(path), vec![0; n.parse().expect("a number")]),
            ["hex", path, ref bytes @ ..] => {
                let bytes = bytes.iter().map(|it| u8::from_str_radix(it, 16).expect("two hexadecimal digits"));
                system.write(at(path), bytes.collect::<Vec<u8>>());
            }
            ["on-read", path] => system.on_next_read(at(path), text),
            ["rm-on-read", path] => system.remove_on_next_read(at(path)),
            ["rm", path] => system.remove(at(path)),
            ["mkdir", path] => system.mkdir(at(path)),
            ["mv", from, to] => system.rename(at(from), at(to)),
            ["cp", from, to] => self.copy(from, to),
            ["fifo", path] => system.mkfifo(at(path)),
            ["ln", path, "->", link] => system.symlink(link, at(path)),
            ["mode", path, mode] => system.set_mode(at(path), u32::from_str_radix(mode, 8).expect("octal")),
            // A newer time of change, and nothing else.
            ["touch", path] => {
                system.settle();
                let bytes = system.get(at(path)).expect("the scenario knows its files");
                system.write(at(path), bytes);
            }
            ["wipe-cache"] => system.remove(at("/.packwright/cache")),
            ["wipe-out"] => system.remove(at("/build")),
            // What only this process remembers is forgotten.
            ["restart"] => self.engine = engine(Arc::new(self.system.clone()), Path::new(ROOT)),
            ["reboot"] => system.reboot(),
            // From here on no time passes before a build.
            ["still"] => self.still = true,
            ["registry"] => self.tell_registry(),
            ["pack"] => self.tell_pack("dev", "main"),
            ["pack", profile] => self.tell_pack(profile, "main"),
            ["pack-of", name] => self.tell_pack("dev", name),
            ["pack-of", name, profile] => self.tell_pack(profile, name),
            ["stored", name] => self.tell_stored(name),
            ["outputs"] => self.tell_outputs(),
            ["packs"] => system.write(at("/packwright.toml"), format!("{CONFIG}{text}")),
            ["write", ref words @ ..] => {
                let told = super::writes::write(&self.engine, &self.system, words);
                self.told.push_str(&told);
            }
            ["show", path] => {
                let bytes = self.system.get(at(path));
                let text = bytes.map_or_else(|| "gone\n".to_owned(), |it| String::from_utf8(it).expect("text"));
                write!(self.told, "{path}:\n{text}").expect("text grows");
            }
            ["why", place, ref profile @ ..] => {
                let profile = profile.first().copied().unwrap_or("dev");
                if self.cold {
                    self.engine = engine(Arc::new(self.system.clone()), Path::new(ROOT));
                }
                self.told.push_str(&super::why::tell(&self.engine, place.trim_start_matches('/'), profile));
            }
            ["build", ref flags @ ..] => self.build(flags, true),
            ["check", ref flags @ ..] => self.build(flags, false),
            _ => panic!("no such step: {step}"),
        }
    }

    fn copy(&self, from: &str, to: &str) {
        let from = at(from);
        for (path, bytes) in self.system.snapshot() {
            if path == from {
                self.system.write(at(to), bytes);
            } else if let Ok(below) = path.strip_prefix(&from) {
                self.system.write(at(to).join(below), bytes);
            }
        }
    }

    fn build(&mut self, flags: &[&str], emits: bool) {
        self.builds += 1;
        if !self.still {
            self.system.settle();
        }
        if self.cold {
            self.engine = engine(Arc::new(self.system.clone()), Path::new(ROOT));
        }
        let mut options = Options { log: true, ..Options::default() };
        // An engine of its own has nothing to remember: it runs every query, unless memos stand for them.
        let queries = self.queries && (!self.cold || self.recalls);
        let mut recalled = false;
        let mut shown = Shown { work: true, queries, counts: false };
        for flag in flags {
            match *flag {
                "--locked" => options.locked = true,
                "--rehash" => options.rehash = true,
                "--cache=off" => options.cache = CacheMode::Off,
                "--cache=read" => options.cache = CacheMode::Read,
                flag if flag.starts_with("--pack=") => options.packs.push(flag["--pack=".len()..].to_owned()),
                "--recalled" => (shown.work, recalled) = (false, true),
                "--quiet" => shown.work = false,
                "--counts" => shown.counts = true,
                profile => options.profile = profile.to_owned(),
            }
        }
        let before = self.committed_and_published();
        let outcome = if emits { self.engine.build(&options) } else { self.engine.check(&options) };
        let what = if emits { "build" } else { "check" };
        write!(self.told, "{what} {}: ", self.builds).expect("text grows");
        match &outcome {
            Ok(report) => {
                self.told.push_str(&tell(report, shown));
                let Work { buckets_recalled, buckets, .. } = report.work;
                let line = format!("  recalled {buckets_recalled} of {buckets} buckets\n");
                self.told.push_str(if recalled { &line } else { "" });
            }
            Err(error) => self.told.push_str(&tell_error(error)),
        }
        if emits && outcome.is_ok() {
            self.compare_with_clean(&options);
        } else {
            assert_eq!(self.committed_and_published(), before, "{what} {}: nothing may be written", self.builds);
        }
    }

    /// Returns the digest of every file that packwright commits or publishes.
    fn committed_and_published(&self) -> BTreeMap<PathBuf, Digest> {
        let files = self.system.snapshot().into_iter();
        let matters = |path: &Path| {
            let published = path.starts_with(at("/build")) && path.extension().is_some_and(|it| it != "TAG");
            published || path.starts_with(at("/packwright.registry"))
        };
        files.filter(|it| matters(&it.0)).map(|(path, bytes)| (path, Digest::of(&bytes))).collect()
    }

    /// R7: the pack is the one that a build without any past makes of the same files.
    pub fn compare_with_clean(&self, options: &Options) {
        let clean = self.system.fork();
        for past in ["/.packwright", "/build"] {
            if System::stat(&clean, &at(past)).is_ok() {
                clean.remove(at(past));
            }
        }
        let options = Options { cache: CacheMode::Off, locked: true, ..options.clone() };
        engine(Arc::new(clean.clone()), Path::new(ROOT)).build(&options).expect("a clean build of the same files");
        let outputs = |system: &MemorySystem| -> BTreeMap<PathBuf, Vec<u8>> {
            let dir = at(&format!("/build/{}", options.profile));
            let is_asked_for = |path: &Path| {
                let name = path.strip_prefix(&dir).ok().and_then(Path::to_str);
                name.is_some_and(|it| {
                    options.packs.is_empty() || options.packs.iter().any(|pack| it.starts_with(&format!("{pack}.")))
                })
            };
            let is_ours = |path: &PathBuf| is_asked_for(path) && !self.foreign.contains(path);
            system.snapshot().into_iter().filter(|it| is_ours(&it.0)).collect()
        };
        let (ours, clean) = (outputs(&self.system), outputs(&clean));
        let names = |it: &BTreeMap<PathBuf, Vec<u8>>| it.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&clean), "build {}: not the files of a clean build", self.builds);
        for (path, bytes) in ours {
            assert!(
                bytes == clean[&path],
                "build {}: {} is not as a clean build makes it",
                self.builds,
                path.display()
            );
        }
    }

    fn tell_registry(&mut self) {
        let mut lines = Vec::new();
        for (path, bytes) in self.system.snapshot() {
            if !path.starts_with(at("/packwright.registry")) {
                continue;
            }
            for line in String::from_utf8(bytes).expect("the registry is text").lines() {
                let line: serde_json::Value = serde_json::from_str(line).expect("the registry is JSON");
                let id = line["asset_id"].as_u64().expect("every line has a number");
                lines.push((id, format!("  {id} {}\n", line["place"].as_str().unwrap_or("removed"))));
            }
        }
        lines.sort();
        self.told.push_str("registry:\n");
        lines.into_iter().for_each(|it| self.told.push_str(&it.1));
    }

    fn tell_stored(&mut self, name: &str) {
        let entries = entries(&self.system, &at(&format!("/build/dev/{name}.pack")));
        writeln!(self.told, "stored in {name}:").expect("text grows");
        for it in &entries {
            let front = if it.preload { ", at the front" } else { "" };
            let forms = it.payloads.iter().map(|it| format!("{:?} of {} bytes", it.codec, it.raw_len));
            line(&mut self.told, &format!("{} {}{front}", it.name, forms.collect::<Vec<_>>().join(", ")));
        }
    }

    fn tell_outputs(&mut self) {
        let dir = at("/build/dev");
        let files = self.system.snapshot().into_iter().filter(|it| it.0.starts_with(&dir));
        self.told.push_str("outputs:\n");
        for (path, _) in files {
            let name = path.strip_prefix(&dir).expect("it was found in there").display().to_string();
            line(&mut self.told, &without_digests(&name));
        }
    }

    fn tell_pack(&mut self, profile: &str, name: &str) {
        let path = at(&format!("/build/{profile}/{name}.pack"));
        let title = if name == "main" { "pack:\n".to_owned() } else { format!("pack {name}:\n") };
        self.told.push_str(&title);
        for entry in entries(&self.system, &path) {
            write!(self.told, "  {} {} {}:", entry.id, entry.kind, entry.name).expect("text grows");
            for payload in &entry.payloads {
                let known = self.payloads.iter().position(|it| *it == payload.digest);
                let nth = known.unwrap_or_else(|| {
                    self.payloads.push(payload.digest);
                    self.payloads.len() - 1
                });
                let role = if payload.role.is_empty() { String::new() } else { format!("{}=", payload.role) };
                let letter = char::from(b'A' + u8::try_from(nth).expect("a few payloads"));
                write!(self.told, " {role}{letter} ({} bytes)", payload.raw_len).expect("text grows");
            }
            if !entry.references.is_empty() {
                write!(self.told, " -> {:?}", entry.references.iter().map(|it| it.0).collect::<Vec<_>>())
                    .expect("text grows");
            }
            self.told.push('\n');
        }
    }
}

/// Returns a pack's entries, having verified every byte of it.
pub fn entries(system: &dyn System, path: &Path) -> Vec<Entry> {
    let source = FileSource::open(system, path).expect("there is a pack");
    let report = verify(source, DirParts::beside(system, path), u64::MAX);
    assert!(report.is_sound(), "{:?}", report.problems);
    let reader = PackReader::open_at(system, path).expect("it was verified");
    reader.entries().map(|it| it.expect("it was verified")).collect()
}

/// Returns an engine for a workspace.
pub fn engine(disk: Arc<dyn Disk>, root: &Path) -> Engine {
    Engine::new(Workspace { jobs: 2, ..Workspace::new(disk, root.to_owned()) })
}

/// Returns where a path of a scenario lies: in the workspace, or anywhere when it begins with `//`.
pub fn at(path: &str) -> PathBuf {
    path.strip_prefix('/')
        .filter(|it| it.starts_with('/'))
        .map_or_else(|| format!("{ROOT}{path}"), str::to_owned)
        .into()
}

/// What to tell of a build that ended well, besides its outcome and diagnostics.
#[derive(Clone, Copy)]
pub struct Shown {
    /// What was registered, processed and written.
    pub work: bool,
    /// Which queries ran as well.
    pub queries: bool,
    /// How often the file system was asked.
    pub counts: bool,
}

/// Tells what a build did.
pub fn tell(report: &Report, shown: Shown) -> String {
    let outcome = match report.outcome {
        Outcome::UpToDate => "up to date",
        Outcome::Unchanged => "unchanged",
        Outcome::Written => "written",
        Outcome::Checked => "checked",
        other => panic!("{other:?} is news to the scenarios"),
    };
    let mut told = format!("{outcome}, {} in the pack\n", assets(report.entries()));
    if report.packs.len() > 1 {
        let pack = |it: &PackReport| format!("{}: {}", it.name, assets(it.entries));
        told = format!("{outcome}, {}\n", report.packs.iter().map(pack).collect::<Vec<_>>().join(", "));
    }
    report.removed.iter().for_each(|it| line(&mut told, &format!("removed {it}")));
    if shown.work {
        let log = report.log.as_ref().expect("the log was asked for");
        report.registered.iter().for_each(|it| line(&mut told, &it.to_string()));
        if report.work.digested > 0 {
            line(&mut told, &format!("digested {}", report.work.digested));
        }
        if shown.queries && report.work.buckets_recalled > 0 {
            line(&mut told, &format!("recalled {} of {} buckets", report.work.buckets_recalled, report.work.buckets));
        }
        if shown.queries {
            queries(&log.queries).iter().for_each(|it| line(&mut told, &format!("ran {it}")));
        }
        log.processed.iter().for_each(|it| line(&mut told, &format!("processed {it}")));
        log.written.iter().for_each(|it| line(&mut told, &format!("wrote {}", without_digests(it))));
    }
    if shown.counts {
        let text = format!("{:?}", report.work.files).replace("Counts { ", "").replace(" }", "");
        line(&mut told, &format!("sources: {}, {text}", report.work.sources));
    }
    report.diagnostics.iter().chain(&report.cache_warnings).for_each(|it| told.push_str(&tell_diagnostic(it)));
    told
}

fn assets(n: u64) -> String {
    format!("{n} asset{}", if n == 1 { "" } else { "s" })
}

fn line(told: &mut String, text: &str) {
    writeln!(told, "  {text}").expect("text grows");
}

/// Returns each query once, with the buckets it ran for.
fn queries(log: &[String]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for query in log {
        let (name, bucket) = query.split_once('(').expect("a query has a bucket, or an empty one");
        by_name.entry(name).or_default().push(bucket.strip_suffix(')').expect("it was opened"));
    }
    by_name.iter().map(|(name, buckets)| format!("{name}({})", buckets.join(", "))).collect()
}

/// Tells how a build ended, and its diagnostics.
pub fn tell_result(result: &Result<Report>) -> String {
    match result {
        Ok(report) => tell(report, Shown { work: false, queries: false, counts: false }),
        Err(error) => tell_error(error),
    }
}

/// Tells why a build did not end well.
pub fn tell_error(error: &Error) -> String {
    let (word, diagnostics) = match error {
        Error::Invalid(diagnostics) => ("refused", diagnostics),
        Error::Unreadable(diagnostics) => ("unreadable", diagnostics),
        Error::Locked(diagnostics) => ("locked", diagnostics),
        other => return format!("failed: {other}\n"),
    };
    assert!(diagnostics.is_sorted(), "diagnostics are sorted");
    let mut told = format!("{word}\n");
    diagnostics.iter().for_each(|it| told.push_str(&tell_diagnostic(it)));
    told
}

/// Tells a diagnostic: code, place, message, and what belongs to it on lines of their own.
pub fn tell_diagnostic(it: &Diagnostic) -> String {
    let severity = match it.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let shown = it.location.as_ref().map_or_else(|| "-".to_owned(), place);
    let mut told = format!("  {severity}[{}] {shown}: {}\n", it.code, without_digests(&it.message));
    for related in &it.related {
        writeln!(told, "    {}: {}", place(&related.location), related.message).expect("text grows");
    }
    if let Some(help) = &it.help {
        writeln!(told, "    help: {}", without_digests(help)).expect("text grows");
    }
    told
}

fn place(location: &Location) -> String {
    let path = &location.path;
    location.span.map_or_else(|| path.to_string(), |it| format!("{path}:{}:{}", it.line, it.column))
}

/// Replaces every digest by an asterisk.
fn without_digests(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|it: char| it.is_ascii_hexdigit()) {
        let len = rest[start..].find(|it: char| !it.is_ascii_hexdigit()).unwrap_or(rest.len() - start);
        out.push_str(&rest[..start]);
        out.push_str(if len == 64 { "*" } else { &rest[start..start + len] });
        rest = &rest[start + len..];
    }
    out + rest
}

/// Returns a PNG of `WIDTHxHEIGHT` pixels; each seed has another colour.
pub fn png(size: &str, seed: u8) -> Vec<u8> {
    let (width, height) = size.split_once('x').expect("WIDTHxHEIGHT");
    let (width, height) = (width.parse().expect("a number"), height.parse().expect("a number"));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().expect("memory takes it");
    let pixels = vec![seed; (width * height * 4) as usize];
    writer.write_image_data(&pixels).expect("memory takes it");
    drop(writer);
    bytes
}

/// Returns a PNG of `size` whose header says `said`.
fn lying_png(size: &str, said: &str) -> Vec<u8> {
    let mut bytes = png(size, 0);
    let (width, height) = said.split_once('x').expect("WIDTHxHEIGHT");
    bytes[16..20].copy_from_slice(&width.parse::<u32>().expect("a number").to_be_bytes());
    bytes[20..24].copy_from_slice(&height.parse::<u32>().expect("a number").to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
