//! R7 by chance: a workspace is edited at random, its cache and outputs are damaged, builds are killed, and after each
//! build everything is held against a from-scratch build of the same committed files on another disk.
//!
//! The same histories run in memory, where clocks are moved and the power goes, and on the real disk, whose clock has
//! steps of its own: what is racy there differs from run to run. (`naive.rs` has histories of plainer workspaces, held
//! against the naive packer.)
//!
//! A failing history tells its seed and every move; `PACKWRIGHT_ORACLE_SEED` runs that one alone.
//! `PACKWRIGHT_ORACLE_CASES` says how many each test tries, beginning with `PACKWRIGHT_ORACLE_FIRST`.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use packwright::internals::build::{Options, Outcome};
use packwright::internals::cache::CacheMode;
use packwright::internals::driver::Engine;
use packwright::internals::system::memory::Unsynced;

use crate::support::author::{Author, Config, PROFILES};
use crate::support::ground::{Death, Dying, Ground, Where, on};
use crate::support::random::{Random, number};
use crate::support::tree::{Tree, committed, files_below, lay, published, registry_of};
use crate::support::world::{
    Clean, Ending, Files, clean_build_beside, difference, empty_registry, engine, options, outside, verify_pack,
};

/// Builds in one history.
const BUILDS: usize = 10;

struct History {
    author: Author,
    ground: Box<dyn Ground>,
    root: PathBuf,
    /// A workspace of its own on the same disk, for caches to be taken from.
    foreign: PathBuf,
    /// What lies outside of both.
    outside: PathBuf,
    profile: &'static str,
    jobs: usize,
    engine: Option<Engine>,
    /// The cache as it once was.
    old_cache: Option<Files>,
    /// An output directory as it once was.
    old_outputs: Option<(PathBuf, Files)>,
    /// Whether outputs may have been damaged.
    damaged: bool,
    moves: Vec<String>,
    tally: Tally,
}

/// What became of builds.
#[derive(Default, Debug)]
struct Tally {
    built: usize,
    refused: usize,
    up_to_date: usize,
    /// Those in which memos stood for some buckets.
    recalled: usize,
    /// Those of them that changed the registry besides.
    registered: usize,
    entries: u64,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.built += other.built;
        self.refused += other.refused;
        self.up_to_date += other.up_to_date;
        self.recalled += other.recalled;
        self.registered += other.registered;
        self.entries += other.entries;
    }
}

impl History {
    /// Begins a history on some ground, in the directory `home`.
    fn new(seed: u64, ground: Box<dyn Ground>, home: &Path) -> Self {
        let [root, foreign, beside] = ["work/game", "work/other", "outside"].map(|it| home.join(it));
        let mut author = Author::new(seed, &beside);
        outside(&*ground, &beside);
        let mut tree = author.beginning();
        tree.extend(empty_registry());
        lay(&*ground, &root, &tree);
        lay(&*ground, &foreign, &tree);
        ground.scramble(seed);
        let moves = tree.keys().filter(|it| it.contains('.') && !it.contains(".jsonl")).map(|it| format!("begin {it}"));
        let moves = moves.collect();
        let _ = engine(ground.disk(), &foreign, 1).build(&options("dev"));
        Self {
            author,
            ground,
            root,
            foreign,
            outside: beside,
            profile: "dev",
            jobs: 1,
            engine: None,
            old_cache: None,
            old_outputs: None,
            damaged: false,
            moves,
            tally: Tally::default(),
        }
    }

    fn random(&mut self) -> &mut Random {
        &mut self.author.random
    }

    fn say(&mut self, words: impl Into<String>) {
        self.moves.push(words.into());
    }

    fn run(&mut self) {
        for _ in 0..BUILDS {
            for _ in 0..self.random().below(6) {
                let said = self.author.act(&*self.ground, &self.root);
                self.say(said);
            }
            if self.random().chance(60) && self.ground.settle() {
                self.say("settle");
            }
            match self.random().below(10) {
                0..3 => self.hurt_cache(),
                3..5 => self.hurt_outputs(),
                5..7 => self.change_machine(),
                7 if self.author.random.chance(60) => self.crash(),
                _ => {}
            }
            self.build();
        }
    }

    fn committed(&self) -> Tree {
        committed(&*self.ground.disk(), &self.root)
    }

    fn out_dir(&self) -> PathBuf {
        self.root.join("build").join(self.profile)
    }

    fn hurt_cache(&mut self) {
        // Damage within the same step of the clock as the commit before it could not be told from that commit.
        self.ground.advance(10_000_000);
        let dir = self.root.join(".packwright/cache");
        let files = files_below(&*self.ground.disk(), &dir);
        let names: Vec<&String> = files.keys().collect();
        if names.is_empty() {
            return;
        }
        let name = self.random().pick(&names).to_string();
        let at = dir.join(&name);
        let mut bytes = files[&name].clone();
        let said = match self.random().below(9) {
            0 => {
                self.ground.remove(&dir);
                "remove the cache".to_owned()
            }
            1 => {
                self.ground.remove(&at);
                format!("remove the cache's {name}")
            }
            2 | 3 if !bytes.is_empty() => {
                for _ in 0..1 + self.random().below(8) {
                    let bit = self.random().below(bytes.len() * 8);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                self.ground.write(&at, &bytes);
                format!("flip bits in the cache's {name}")
            }
            4 => {
                let len = self.random().below(bytes.len() + 1);
                bytes.truncate(len);
                self.ground.write(&at, &bytes);
                format!("cut the cache's {name} to {len} bytes")
            }
            5 => {
                let foreign = self.foreign.join(".packwright/cache").join(&name);
                if let Some(bytes) = self.ground.get(&foreign) {
                    self.ground.write(&at, &bytes);
                }
                format!("take the cache's {name} from another workspace")
            }
            6 => {
                self.ground.remove(&dir);
                let foreign = files_below(&*self.ground.disk(), &self.foreign.join(".packwright/cache"));
                self.put_files(&dir, &foreign);
                "take the cache from another workspace".to_owned()
            }
            7 if self.old_cache.is_some() => {
                self.ground.remove(&dir);
                let old = self.old_cache.take().expect("just looked");
                self.put_files(&dir, &old);
                "put an old cache back".to_owned()
            }
            _ => {
                self.old_cache = Some(files);
                "remember the cache".to_owned()
            }
        };
        self.say(said);
    }

    fn put_files(&self, dir: &Path, files: &Files) {
        files.iter().for_each(|(name, bytes)| self.ground.write(&dir.join(name), bytes));
    }

    fn hurt_outputs(&mut self) {
        self.damaged = true;
        let dir = self.out_dir();
        let files = published(&*self.ground.disk(), &dir);
        let names: Vec<&String> = files.keys().collect();
        if names.is_empty() {
            return;
        }
        let name = self.random().pick(&names).to_string();
        let at = dir.join(&name);
        let mut bytes = files[&name].clone();
        let said = match self.random().below(8) {
            7 => {
                let stray = format!("main.parts/{:064x}.part", self.random().next());
                self.ground.write(&dir.join(&stray), &bytes);
                format!("leave a copy of {name} as {stray}")
            }
            0 => {
                self.ground.remove(&dir);
                "remove the outputs".to_owned()
            }
            1 => {
                self.ground.remove(&at);
                format!("remove the output {name}")
            }
            2 | 3 if !bytes.is_empty() => {
                let bit = self.random().below(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                if self.random().chance(50) {
                    self.ground.write_keeping_times(&at, &bytes);
                } else {
                    self.ground.write(&at, &bytes);
                }
                format!("flip a bit in the output {name}")
            }
            4 => {
                let len = self.random().below(bytes.len() + 1);
                bytes.truncate(len);
                self.ground.write(&at, &bytes);
                format!("cut the output {name} to {len} bytes")
            }
            5 if self.old_outputs.is_some() => {
                let (dir, old) = self.old_outputs.take().expect("just looked");
                if self.ground.stat(&dir).is_some() {
                    self.ground.remove(&dir);
                }
                self.put_files(&dir, &old);
                format!("put old outputs back into {}", dir.display())
            }
            _ => {
                self.old_outputs = Some((dir, files));
                "remember the outputs".to_owned()
            }
        };
        self.say(said);
    }

    fn change_machine(&mut self) {
        match self.random().below(6) {
            0 => self.engine = None,
            1 | 2 => {
                self.profile = self.author.random.pick(&PROFILES);
                self.say(format!("profile {}", self.profile));
            }
            3 => {
                self.jobs = self.author.random.pick(&[1, 2, 7]);
                self.engine = None;
                self.say(format!("{} jobs", self.jobs));
            }
            4 => {
                let seed = self.random().next();
                self.ground.scramble(seed);
            }
            _ => self.lose_power(),
        }
    }

    fn lose_power(&mut self) {
        let seed = self.random().next();
        let unsynced = [Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn, Unsynced::ByChance(seed)];
        let unsynced = self.random().pick(&unsynced);
        if self.ground.lose_power(unsynced) {
            self.damaged = true;
            self.engine = None;
            self.say(format!("lose power: {unsynced:?}"));
        }
    }

    /// Kills a build at some step. What it leaves is from before it or from after it.
    fn crash(&mut self) {
        let before = self.committed();
        let clean = clean_build_beside(&self.outside, &before, &options(self.profile), 1);
        let names = self.author.config.packs();
        let packs = names.iter().map(|it| (*it, self.out_dir().join(format!("{it}.pack"))));
        let packs: Vec<_> = packs.map(|(name, it)| (name, verify_pack(&*self.ground.disk(), &it), it)).collect();
        let (step, torn) = (self.random().below(90), self.random().chance(50));
        self.engine = None;
        let Dying { disk, last_step } = self.ground.dying(Death { step, torn });
        let result = engine(disk.clone(), &self.root, 1).build(&options(self.profile));
        let last = last_step();
        let ending = if result.is_ok() { "too late" } else { "killed" };
        self.say(format!("{ending} at step {step} ({last})"));
        drop((result, disk));

        let registry = registry_of(&self.committed());
        let registry_before = registry_of(&before);
        assert!(registry == registry_before || registry == clean.registry, "the registry is neither old nor new");
        for (name, before, path) in packs.iter().filter(|it| it.1.0.is_empty()) {
            let after = verify_pack(&*self.ground.disk(), path);
            assert_eq!(after.0, [""; 0], "the pack was sound before");
            // The content digest as `schema/pack.md` says where it is.
            let new = clean.files.get(&format!("{name}.pack")).map(|it| hex(&it[16..48]));
            assert!(after.1 == new || after.1 == before.1, "the pack is neither old nor new");
        }
        if self.random().chance(50) {
            self.lose_power();
            let registry = registry_of(&self.committed());
            assert!(registry == registry_before || registry == clean.registry, "the registry is neither old nor new");
        }
    }

    fn options(&mut self) -> Options {
        let names = self.author.config.packs();
        let random = &mut self.author.random;
        let packs = if random.chance(15) { vec![random.pick(&names).to_owned()] } else { Vec::new() };
        let cache =
            random.pick(&[CacheMode::Write, CacheMode::Write, CacheMode::Write, CacheMode::Read, CacheMode::Off]);
        Options { cache, rehash: random.chance(5), locked: random.chance(5), packs, ..options(self.profile) }
    }

    fn build(&mut self) {
        let options = self.options();
        let before = self.committed();
        let outputs_before = published(&*self.ground.disk(), &self.out_dir());
        if self.random().chance(40) {
            self.engine = None;
        }
        let is_new = self.engine.is_none();
        let engine = self.engine.get_or_insert_with(|| engine(self.ground.disk(), &self.root, self.jobs));
        let result = engine.build(&options);
        let ending = Ending::of(&result, &self.root);
        let said = match &ending {
            Ending::Built { entries, .. } => {
                format!("{entries} entries, {:?}", result.as_ref().expect("built").outcome)
            }
            Ending::Invalid(diagnostics) => format!("{} diagnostics", diagnostics.len()),
            Ending::Failed(error) => error.clone(),
        };
        let how = if is_new { "cold" } else { "warm" };
        self.say(format!(
            "build {}{:?} {how} {:?}{}: {said}",
            self.profile,
            options.packs,
            options.cache,
            if options.rehash { " rehash" } else { "" }
        ));

        let after = self.committed();
        let seed = self.random().next();
        let clean = clean_build_beside(&self.outside, &before, &options, seed);
        assert_eq!(ending, clean.ending);
        let authored = |tree: &Tree| {
            let mut tree = tree.clone();
            tree.retain(|path, _| !path.starts_with("packwright.registry/"));
            tree
        };
        assert!(authored(&before) == authored(&after), "the author's files changed");
        let outputs = published(&*self.ground.disk(), &self.out_dir());
        match &result {
            Ok(report) => {
                self.tally.built += 1;
                self.tally.entries += report.entries();
                self.tally.up_to_date += usize::from(report.outcome == Outcome::UpToDate);
                let recalled = report.work.buckets_recalled > 0;
                self.tally.recalled += usize::from(recalled);
                self.tally.registered += usize::from(recalled && !report.registered.is_empty());
            }
            Err(_) => self.tally.refused += 1,
        }
        if !ending.is_built() {
            assert_eq!(difference(&registry_of(&after), &registry_of(&before)), [""; 0], "R5: the registry");
            assert_eq!(difference(&outputs, &outputs_before), [""; 0], "R5: the outputs");
            self.heal(&ending);
            return;
        }
        self.compare(&clean, &registry_of(&after), &outputs, &options.packs);
        if self.random().chance(30) && options.cache != CacheMode::Off {
            self.build_again(&options);
        }
    }

    /// Holds what was built against what is built from nothing; only these packs where there are any.
    fn compare(&mut self, clean: &Clean, registry: &Files, outputs: &Files, packs: &[String]) {
        assert_eq!(difference(registry, &clean.registry), [""; 0], "the registry");
        let mut outputs = outputs.clone();
        let pack_of = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
        outputs.retain(|path, _| packs.is_empty() || packs.contains(&pack_of(path)));
        // What is not wanted any more stays where nobody can tell any longer that emission wrote it: manifests, and packs
        // that are not defined any more.
        if self.damaged {
            let is_wanted = |path: &str| clean.files.keys().any(|it| pack_of(it) == pack_of(path));
            let is_right = |path: &str| !path.ends_with(".manifest.json") || clean.files.contains_key(path);
            outputs.retain(|path, _| is_wanted(path) && is_right(path));
        }
        assert_eq!(difference(&outputs, &clean.files), [""; 0], "the outputs");
        for name in clean.files.keys().filter(|it| it.ends_with(".pack")) {
            let (problems, _) = verify_pack(&*self.ground.disk(), &self.out_dir().join(name));
            assert_eq!(problems, [""; 0], "{name}");
        }
    }

    /// What was just built is up to date.
    fn build_again(&mut self, options: &Options) {
        let fresh = engine(self.ground.disk(), &self.root, self.jobs);
        let report = fresh.build(options).expect("it was just built");
        assert_eq!(report.outcome, Outcome::UpToDate);
    }

    /// Takes away some of what stands in the way of a build, sometimes: else histories end in errors.
    fn heal(&mut self, ending: &Ending) {
        let Ending::Invalid(diagnostics) = ending else { return };
        for diagnostic in diagnostics.iter().filter(|it| it.is_error()) {
            let Some(location) = &diagnostic.location else { continue };
            let at = self.root.join(location.path.as_str());
            if location.path.as_str() == "packwright.toml" {
                self.author.config = Config::default();
                self.ground.write(&at, &self.author.config.text());
                if self.ground.stat(&self.root.join("assets")).is_none() {
                    self.ground.mkdir(&self.root.join("assets"));
                }
            } else if self.author.random.chance(70) && self.ground.stat(&at).is_some() {
                self.ground.remove(&at);
                self.moves.push(format!("heal {}", location.path));
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// Runs one history; the error is what went wrong, after everything that led there.
fn check(seed: u64, ground: Box<dyn Ground>, home: &Path) -> Result<Tally, String> {
    let mut history = History::new(seed, ground, home);
    let outcome = catch_unwind(AssertUnwindSafe(|| history.run()));
    let Err(panic) = outcome else { return Ok(history.tally) };
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(|it| it.to_string()));
    match message {
        Some(message) => Err(format!("seed {seed}:\n  {}\n{message}", history.moves.join("\n  "))),
        None => resume_unwind(panic),
    }
}

/// Runs `usual` histories, or as many as the environment asks for.
fn check_many(place: Where, usual: u64) -> Tally {
    if let Some(seed) = number("PACKWRIGHT_ORACLE_SEED") {
        panic!("{:?}", on(place, |ground, home| check(seed, ground, home)).unwrap_or_else(|it| panic!("{it}")));
    }
    let first = number("PACKWRIGHT_ORACLE_FIRST").unwrap_or(0);
    let (mut all, mut failed) = (Tally::default(), Vec::new());
    for seed in first..first + number("PACKWRIGHT_ORACLE_CASES").unwrap_or(usual) {
        match on(place, |ground, home| check(seed, ground, home)) {
            Ok(tally) => all.add(&tally),
            Err(words) => failed.push((seed, words)),
        }
    }
    if let Some((_, first)) = failed.first() {
        let seeds: Vec<u64> = failed.iter().map(|it| it.0).collect();
        panic!("seeds {seeds:?}, of which the first:\n{first}");
    }
    all
}

#[test]
fn r7_incremental_is_clean_by_chance() {
    let all = check_many(Where::Memory, 100);
    // Histories that only ever fail, or never have anything to do, would say nothing; nor would those that never go the
    // short way, or never by new paths.
    assert!(
        all.built > 2 * all.refused && all.entries > 3 * all.built as u64 && all.up_to_date * 3 < all.built,
        "{all:?}"
    );
    assert!(all.recalled * 30 > all.built && all.registered * 100 > all.built, "{all:?}");
}

#[test]
#[cfg(unix)]
fn r7_incremental_is_clean_by_chance_on_the_real_disk() {
    let all = check_many(Where::Disk, 8);
    assert!(all.built > all.refused && all.entries > 2 * all.built as u64, "{all:?}");
}
