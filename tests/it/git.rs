//! Git by chance: two branches add, move, edit, copy and remove sources and register them, and are merged in every way
//! that git knows. All ways end in the same registry, in which everybody is once and every survivor under its identity,
//! and a build of it is a clean build.
//!
//! The sources themselves are merged by a model, since what people make of a conflict is their business: git's own
//! merge of them is thrown away. The registry is what git and packwright make of it.
//!
//! A failing history tells its seed; `PACKWRIGHT_GIT_SEED` runs that one alone. `PACKWRIGHT_GIT_CASES` says how many are
//! tried, beginning with `PACKWRIGHT_GIT_FIRST`. Git must be installed: without it these tests fail.
#![expect(clippy::disallowed_methods, reason = "authors and git go through no door of packwright's")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use packwright::internals::model::AssetUuid;
use packwright::internals::model::registry::{self, GITATTRIBUTES, Line, Registry};
use packwright::internals::system::os::OsSystem;
use tempfile::TempDir;

use crate::support::random::{Random, number};
use crate::support::tree::{Node, Tree, published};
use crate::support::world::{Ending, Files, WORKSPACE, clean_build, difference, engine, options};

/// The histories of a usual run.
const USUAL: u64 = 24;

/// How git is told to merge the registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// As the registry's own attributes say.
    Union,
    /// With packwright's merge driver.
    Driver,
    /// As any text: conflicts are committed as they are, markers and all.
    Markers,
}

const MODES: [Mode; 3] = [Mode::Union, Mode::Driver, Mode::Markers];

/// How two branches become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Merge,
    Rebase,
}

/// A source, and which one it has been from the beginning.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Source {
    token: u64,
    text: String,
}

type Sources = BTreeMap<String, Source>;

/// A branch at its end.
struct Branch {
    sources: Sources,
    registry: Registry,
    /// The identity of each source that is there.
    identities: BTreeMap<u64, AssetUuid>,
}

/// A repository with a workspace at its top.
struct Repository {
    root: PathBuf,
    _dir: TempDir,
}

impl Repository {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let root = dir.path().canonicalize().expect("it was just made").join("game");
        let repository = Self { root, _dir: dir };
        let config = format!(
            "workspace = \"{WORKSPACE}\"\nroots = [{{ path = \"assets\" }}]\n\
             rules = [{{ match = \"**/*.txt\", type = \"raw\" }}]\n"
        );
        repository.write("packwright.toml", config.as_bytes());
        repository.write("packwright.registry/.gitattributes", GITATTRIBUTES.as_bytes());
        (0..registry::N_FILES).for_each(|it| repository.write(registry::file_path(it).as_str(), b""));
        repository.git(&["init", "-q", "-b", "base"]);
        repository
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("it lies in the workspace")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }

    fn run_git(&self, arguments: &[&str]) -> Output {
        let mut git = Command::new("git");
        git.current_dir(&self.root).args(["-c", "merge.directoryRenames=false", "-c", "gc.auto=0"]).args(arguments);
        let names = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
        git.envs(names.map(|it| (it, "somebody@example.org")));
        git.env("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z").env("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z");
        // Nothing of whoever runs the test.
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", &self.root);
        git.env("GIT_EDITOR", "true").env("LC_ALL", "C").stdin(Stdio::null());
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"].iter().for_each(|it| {
            git.env_remove(it);
        });
        git.output().expect("git is needed for this test and cannot be run: install git")
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = self.run_git(arguments);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {told}");
        told
    }

    /// Runs packwright; what it says is returned after its exit code.
    fn packwright(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packwright"));
        let output = command.args(arguments).current_dir(&self.root).env_clear().stdin(Stdio::null()).output();
        let output = output.expect("the program runs");
        let told = [output.stdout, output.stderr].concat();
        (output.status.code().expect("no signal"), String::from_utf8_lossy(&told).into_owned())
    }

    /// Makes the sources what they are to be.
    fn lay(&self, sources: &Sources) {
        let assets = self.root.join("assets");
        if assets.exists() {
            fs::remove_dir_all(&assets).expect("the author may remove");
        }
        fs::create_dir_all(&assets).expect("a directory");
        sources.iter().for_each(|(path, it)| self.write(path, it.text.as_bytes()));
    }

    fn build(&self) {
        let result = engine(Arc::new(OsSystem::new()), &self.root, 1).build(&options("dev"));
        assert!(Ending::of(&result, &self.root).is_built(), "{result:?}");
    }

    /// Makes `branch` begin at `start`, whatever lies around.
    fn check_out(&self, branch: &str, start: &str) {
        self.git(&["checkout", "-q", "-f", "-B", branch, start]);
        self.git(&["clean", "-q", "-f", "-d"]);
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    fn registry_files(&self) -> Files {
        let path = |it| registry::file_path(it).to_string();
        let read = |it: String| (it.clone(), fs::read(self.root.join(it)).expect("a file of the registry"));
        (0..registry::N_FILES).map(path).map(read).collect()
    }

    fn file_set(&self) -> registry::FileSet {
        let read = self.registry_files();
        std::array::from_fn(|at| Some(read[registry::file_path(at).as_str()].clone()))
    }

    fn registry(&self) -> Registry {
        let loaded = registry::load(&self.file_set());
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        loaded.registry
    }

    /// Has git merge the registry in one way from now on; nothing of it is committed.
    fn set_mode(&self, mode: Mode) {
        let driver = match mode {
            Mode::Union => "union",
            Mode::Driver => "packwright",
            Mode::Markers => "text",
        };
        let program = env!("CARGO_BIN_EXE_packwright");
        self.git(&["config", "merge.packwright.driver", &format!("'{program}' registry merge %O %A %B %P")]);
        self.write(".git/info/attributes", format!("packwright.registry/*.jsonl merge={driver}\n").as_bytes());
    }

    /// Brings `other` into `one`, both names of branches, and commits whatever git makes of it.
    fn join(&self, one: &str, other: &str, way: Way) {
        self.check_out("work", one);
        let under_way = |it: &str| self.root.join(".git").join(it).exists();
        match way {
            Way::Merge => {
                let merge = self.run_git(&["merge", "-q", "--no-edit", other]);
                if !merge.status.success() {
                    assert!(under_way("MERGE_HEAD"), "the merge does not begin: {merge:?}");
                    self.commit("merge");
                }
            }
            Way::Rebase => {
                let mut rebase = self.run_git(&["rebase", "-q", other]);
                while !rebase.status.success() {
                    assert!(under_way("rebase-merge"), "the rebase does not begin: {rebase:?}");
                    self.git(&["add", "-A"]);
                    let is_empty = self.git(&["status", "--porcelain"]).is_empty();
                    rebase = self.run_git(&["rebase", if is_empty { "--skip" } else { "--continue" }]);
                }
            }
        }
    }

    /// Puts right what git left, and returns the registry in the end.
    fn settle(&self, sources: &Sources) -> Files {
        self.lay(sources);
        let (code, told) = self.packwright(&["doctor", "--fix"]);
        assert!(code <= 1, "{told}");
        self.build();
        let (code, told) = self.packwright(&["doctor"]);
        // What is missing is nobody's fault.
        let is_fine = |it: &str| {
            !it.starts_with("error") && (!it.starts_with("warning") || it.contains("PW0206") || it.contains("PW0210"))
        };
        assert!(code <= 1 && told.lines().all(is_fine) && !told.contains("--fix` would"), "{told}");
        self.registry_files()
    }
}

/// Changes sources as an author does, and tells what was done.
fn act(random: &mut Random, sources: &mut Sources, nonce: &mut u64) -> String {
    let place = |random: &mut Random| format!("assets/d{}/f{}.txt", random.below(3), random.below(7));
    let taken: Vec<String> = sources.keys().cloned().collect();
    *nonce += 1;
    let text = format!("{nonce}\nwith a few\nlines more\nthat stay\n");
    let to = place(random);
    let Some(from) = (!taken.is_empty()).then(|| random.pick(&taken)) else {
        sources.insert(to.clone(), Source { token: *nonce, text });
        return format!("add {to}");
    };
    match random.below(12) {
        0..4 if !sources.contains_key(&to) => {
            sources.insert(to.clone(), Source { token: *nonce, text });
            format!("add {to}")
        }
        4..7 if !sources.contains_key(&to) => {
            let source = sources.remove(&from).expect("it was picked");
            sources.insert(to.clone(), source);
            format!("move {from} {to}")
        }
        7 => {
            let [from, to] = [random.below(3), random.below(4)].map(|it| format!("assets/d{it}/"));
            if sources.keys().any(|it| it.starts_with(&to)) {
                return "nothing".to_owned();
            }
            let moved = |path: String| path.replacen(&from, &to, 1);
            *sources = std::mem::take(sources).into_iter().map(|(path, it)| (moved(path), it)).collect();
            format!("move {from} {to}")
        }
        8 if !sources.contains_key(&to) => {
            let copy = Source { token: *nonce, text: sources[&from].text.clone() };
            sources.insert(to.clone(), copy);
            format!("copy {from} {to}")
        }
        9 => {
            sources.remove(&from);
            format!("remove {from}")
        }
        _ => {
            let source = sources.get_mut(&from).expect("it was picked");
            source.text = format!("{nonce} {}", source.text);
            format!("edit {from}")
        }
    }
}

/// What happens to two branches.
struct History {
    repository: Repository,
    random: Random,
    nonce: u64,
    told: String,
}

impl History {
    fn new(seed: u64) -> Self {
        Self { repository: Repository::new(), random: Random::new(seed), nonce: 0, told: String::new() }
    }

    /// Goes on from `start` for a few commits, and ends with a build.
    fn branch(&mut self, name: &str, start: Option<&str>, mut sources: Sources, n_commits: usize) -> Branch {
        if let Some(start) = start {
            self.repository.check_out(name, start);
        }
        for nth in 0..n_commits {
            let mut must_build = nth + 1 == n_commits;
            for _ in 0..1 + self.random.below(4) {
                let said = act(&mut self.random, &mut sources, &mut self.nonce);
                must_build |= said.starts_with("move");
                writeln!(self.told, "  {name}: {said}").expect("text grows");
            }
            self.repository.lay(&sources);
            if must_build || self.random.chance(50) {
                self.repository.build();
                writeln!(self.told, "  {name}: build").expect("text grows");
            }
            self.repository.commit("work");
        }
        let registry = self.repository.registry();
        let line = |path: &str| registry.lines().iter().find(|it| !it.removed && it.place.as_str() == path);
        let identity = |(path, it): (&String, &Source)| (it.token, line(path).expect("it was built").uuid);
        let identities = sources.iter().map(identity).collect();
        Branch { sources, registry, identities }
    }

    fn run(&mut self) -> Tally {
        let n = 1 + self.random.below(3);
        let base = self.branch("base", None, Sources::new(), n);
        let [left, right, late] = ["left", "right", "late"].map(|name| {
            let n = 1 + self.random.below(3);
            self.branch(name, Some("base"), base.sources.clone(), n)
        });
        let merged = merge(&base.sources, &left.sources, &right.sources);
        assert_eq!(merged, merge(&base.sources, &right.sources, &left.sources), "the model is symmetric");

        // Every way ends in the same registry.
        let mut first: Option<Files> = None;
        let mut tally = Tally::default();
        let [merged_by, rebased_by, also_by] = [(); 3].map(|()| self.random.pick(&MODES));
        for (mode, way, one, other) in [
            (merged_by, Way::Merge, "left", "right"),
            (merged_by, Way::Merge, "right", "left"),
            (rebased_by, Way::Rebase, "left", "right"),
            (rebased_by, Way::Rebase, "right", "left"),
            (also_by, Way::Merge, "left", "right"),
        ] {
            self.repository.set_mode(mode);
            self.repository.join(one, other, way);
            tally.joined += 1;
            tally.in_need += usize::from(!registry::load(&self.repository.file_set()).diagnostics.is_empty());
            let settled = self.repository.settle(&merged);
            let first = first.get_or_insert_with(|| settled.clone());
            assert_eq!(difference(&settled, first), [""; 0], "{one} {other} {way:?} {mode:?}");
        }
        let after = self.repository.registry();
        self.compare_with_clean(&merged);
        tally.survivors = survivors(&left, &right, &merged, &after);

        // A branch that comes late, from either side.
        self.repository.commit("settled");
        self.repository.git(&["branch", "-f", "settled"]);
        let both = merge(&base.sources, &merged, &late.sources);
        self.repository.set_mode(self.random.pick(&MODES));
        let ends = [("settled", "late"), ("late", "settled")].map(|(one, other)| {
            self.repository.join(one, other, Way::Merge);
            self.repository.settle(&both)
        });
        assert_eq!(difference(&ends[0], &ends[1]), [""; 0], "a late branch");
        let settled = Branch { identities: identities(&merged, &after), sources: merged, registry: after };
        tally.survivors += survivors(&settled, &late, &both, &self.repository.registry());
        self.compare_with_clean(&both);
        tally
    }

    /// The pack is the one that a build without any past makes of the same files.
    fn compare_with_clean(&self, sources: &Sources) {
        let root = &self.repository.root;
        let mut tree: Tree =
            self.repository.registry_files().into_iter().map(|(it, bytes)| (it, Node::File(bytes))).collect();
        tree.insert("assets".to_owned(), Node::Dir);
        tree.extend(sources.iter().map(|(path, it)| (path.clone(), Node::File(it.text.clone().into_bytes()))));
        let config = fs::read(root.join("packwright.toml")).expect("the configuration");
        tree.insert("packwright.toml".to_owned(), Node::File(config));
        let clean = clean_build(&tree, &options("dev"), 1);
        assert!(clean.ending.is_built(), "{:?}", clean.ending);
        let mut registry = self.repository.registry_files();
        registry.retain(|path, _| clean.registry.contains_key(path));
        assert_eq!(difference(&registry, &clean.registry), [""; 0], "the registry of a clean build");
        let outputs = published(&OsSystem::new(), &root.join("build/dev"));
        assert_eq!(difference(&outputs, &clean.files), [""; 0], "the outputs of a clean build");
    }
}

fn identities(sources: &Sources, registry: &Registry) -> BTreeMap<u64, AssetUuid> {
    let line = |path: &str| registry.lines().iter().find(|it| !it.removed && it.place.as_str() == path);
    sources.iter().map(|(path, it)| (it.token, line(path).expect("it was built").uuid)).collect()
}

/// Merges sources as people would who always agree: who moved beats who stayed or removed, the first place in order
/// beats the others, and of two at one place the one stays that was there before the branches, or else the last text.
fn merge(base: &Sources, left: &Sources, right: &Sources) -> Sources {
    let by_token = |sources: &Sources| -> BTreeMap<u64, (String, String)> {
        sources.iter().map(|(path, it)| (it.token, (path.clone(), it.text.clone()))).collect()
    };
    let [base, left, right] = [base, left, right].map(by_token);
    let tokens: BTreeSet<u64> = left.keys().chain(right.keys()).copied().collect();
    let mut wanted: Vec<(String, bool, String, u64)> = Vec::new();
    for token in tokens {
        let (before, one, other) = (base.get(&token), left.get(&token), right.get(&token));
        let (place, text) = match (before, one, other) {
            (None, Some(it), None) | (None, None, Some(it)) => it.clone(),
            (Some(before), Some(it), None) | (Some(before), None, Some(it)) if before.0 != it.0 => it.clone(),
            (Some(before), Some(one), Some(other)) => {
                let places: BTreeSet<&String> = [&one.0, &other.0].into_iter().filter(|it| **it != before.0).collect();
                let texts: BTreeSet<&String> = [&one.1, &other.1].into_iter().filter(|it| **it != before.1).collect();
                let place = places.first().map_or(&before.0, |it| it);
                (place.to_string(), texts.last().map_or(&before.1, |it| it).to_string())
            }
            _ => continue,
        };
        wanted.push((place, before.is_none(), text, token));
    }
    wanted.sort_by(|a, b| (&a.0, a.1, &b.2, b.3).cmp(&(&b.0, b.1, &a.2, a.3)));
    let mut merged = Sources::new();
    for (place, _, text, token) in wanted {
        merged.entry(place).or_insert(Source { token, text });
    }
    merged
}

/// Checks that everybody is there once, and returns of how many survivors it is clear who they are; each of those is
/// under its identity.
fn survivors(one: &Branch, other: &Branch, merged: &Sources, after: &Registry) -> usize {
    let uuids = |it: &Registry| it.lines().iter().map(|it| it.uuid).collect::<BTreeSet<_>>();
    let before: BTreeSet<AssetUuid> = uuids(&one.registry).union(&uuids(&other.registry)).copied().collect();
    assert!(before.is_subset(&uuids(after)), "an asset is lost");
    assert_eq!(after.lines().len(), uuids(after).len());
    let numbers: BTreeSet<u32> = after.lines().iter().map(|it| it.id.0).collect();
    assert_eq!(after.lines().len(), numbers.len(), "a number is bound twice");

    let mut known: Vec<(&String, AssetUuid)> = Vec::new();
    let mut claims: Vec<AssetUuid> = Vec::new();
    for (place, source) in merged {
        let said = [one, other].into_iter().filter_map(|it| it.identities.get(&source.token).copied());
        let said: BTreeSet<AssetUuid> = said.collect();
        claims.extend(&said);
        if said.len() == 1 {
            known.extend(said.into_iter().map(|it| (place, it)));
        }
    }
    let lines: Vec<&Line> =
        one.registry.lines().iter().chain(other.registry.lines()).filter(|it| !it.removed).collect();
    let mut checked = 0;
    for (place, uuid) in &known {
        let is_shared = claims.iter().filter(|it| *it == uuid).count() > 1;
        let is_contended = lines.iter().any(|it| it.place.as_str() == *place && it.uuid != *uuid);
        // One side gave it up since its place was somebody else's, or lost sight of it elsewhere.
        let forms = [one, other].map(|it| it.registry.by_uuid(*uuid));
        let [mine, theirs] = forms.map(|it| it.filter(|it| it.place.as_str() == *place));
        let known_here = mine.or(theirs);
        let is_earlier = |it: &Line| known_here.is_some_and(|here| here == it || here.was.contains(&it.short_digest()));
        let is_given_up =
            forms.into_iter().flatten().any(|it| it.removed || !is_earlier(it) && it.place.as_str() != *place);
        if is_shared || is_contended || is_given_up {
            continue;
        }
        let line = after.by_uuid(*uuid).expect("just looked");
        assert!(!line.removed && line.place.as_str() == *place, "{uuid} should be at {place}: {line:?}");
        checked += 1;
    }
    checked
}

/// What histories came to.
#[derive(Default, Debug)]
struct Tally {
    /// Merges and rebases.
    joined: usize,
    /// Those after which the registry was not whole.
    in_need: usize,
    /// Assets of which it was clear who they are.
    survivors: usize,
}

fn check(seed: u64) -> Result<Tally, String> {
    let mut history = History::new(seed);
    catch_unwind(AssertUnwindSafe(|| history.run())).map_err(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|it| it.to_string()));
        format!("seed {seed}:\n{}{}", history.told, message.unwrap_or_default())
    })
}

#[test]
#[expect(clippy::print_stderr, reason = "whoever runs many wants to know what they came to")]
fn all_ways_to_merge_end_in_the_same_registry() {
    if let Some(seed) = number("PACKWRIGHT_GIT_SEED") {
        panic!("{:?}", check(seed).unwrap_or_else(|it| panic!("{it}")));
    }
    let first = number("PACKWRIGHT_GIT_FIRST").unwrap_or(0);
    let n = number("PACKWRIGHT_GIT_CASES").unwrap_or(USUAL);
    let (mut all, mut failed) = (Tally::default(), Vec::new());
    for seed in first..first + n {
        match check(seed) {
            Ok(it) => {
                all.joined += it.joined;
                all.in_need += it.in_need;
                all.survivors += it.survivors;
            }
            Err(words) => failed.push((seed, words)),
        }
    }
    if let Some((_, first)) = failed.first() {
        let seeds: Vec<u64> = failed.iter().map(|it| it.0).collect();
        panic!("seeds {seeds:?}, of which the first:\n{first}");
    }
    eprintln!("{n} histories: {all:?}");
    // Histories in which nothing meets would say nothing.
    assert!(all.in_need * 4 > all.joined && all.survivors > all.joined / 2, "{all:?}");
}

/// A person's own way of looking at it: what git says of a repository does not depend on where the workspace lies in it.
#[test]
fn a_workspace_below_the_top_is_found_in_git() {
    let repository = Repository::new();
    let told = |it: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packwright"));
        let output = command.args(["-C", it.to_str().expect("a plain path"), "doctor", "--format", "json"]).env_clear();
        String::from_utf8(output.output().expect("the program runs").stdout).expect("text")
    };
    fs::create_dir_all(repository.root.join("assets")).expect("a directory");
    repository.write("notes.txt", b"to be added");
    repository.git(&["add", "notes.txt"]);
    assert!(told(&repository.root).contains("PW0212"), "{}", told(&repository.root));
    repository.commit("all");
    assert!(!told(&repository.root).contains("PW0212"));
    let game = repository.root.join("inner/game");
    fs::create_dir_all(game.join("assets")).expect("a directory");
    let mut copied: Vec<String> = (0..registry::N_FILES).map(|it| registry::file_path(it).to_string()).collect();
    copied.extend(["packwright.toml".to_owned(), "packwright.registry/.gitattributes".to_owned()]);
    for path in &copied {
        let bytes = fs::read(repository.root.join(path)).expect("a file");
        repository.write(&format!("inner/game/{path}"), &bytes);
    }
    assert!(told(&game).contains("PW0212"));
    repository.commit("inner");
    assert!(!told(&game).contains("PW0212"));
}
