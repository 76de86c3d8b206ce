//! The hot parts of a build, one by one, and one `rename`.
//!
//!     cargo bench                                                # 2,000 assets: a minute or two
//!     PACKWRIGHT_BENCH_ASSETS=100000 PACKWRIGHT_BENCH_DIR=/dev/shm cargo bench --bench hot -- rename
//!
//! Everything is measured in CPU time of the whole process, user and system, all threads: wall time says little on a
//! machine that does other things too. On a file system in memory (`PACKWRIGHT_BENCH_DIR=/dev/shm`) syncs cost nothing,
//! so that what is left is what packwright does itself. Whole processes and wall time are `packwright bench`'s business.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a program of its own, not packwright")]

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use packwright::internals::bench::generate::{self, Spec};
use packwright::internals::build::configure::{Seen, Setup, configure};
use packwright::internals::build::judge::judge;
use packwright::internals::build::pass::Pass;
use packwright::internals::build::session::Session;
use packwright::internals::build::{self, Options};
use packwright::internals::cache::{CacheMode, Index};
use packwright::internals::driver::Engine;
use packwright::internals::error::Result;
use packwright::internals::lane::Lane;
use packwright::internals::model::AssetId;
use packwright::internals::model::registry::{FileSet, N_FILES, Registry, file_path, load};
use packwright::internals::pack::emit::{Durability, Options as EmitOptions, Target, emit};
use packwright::internals::pack::layout::layout;
use packwright::internals::pack::plan::{Plan, PlanEntry, PlanPayload};
use packwright::internals::pack::read::PackReader;
use packwright::internals::pack::write::{Fetched, Payloads};
use packwright::internals::query::recipes::recipes;
use packwright::internals::query::{Slot, State};
use packwright::internals::system::Bytes;
use packwright::internals::system::os::OsSystem;
use packwright::internals::workspace::config::Root;
use packwright::internals::workspace::layout::Workspace as Place;
use packwright::internals::workspace::rules::{Rule, RuleSet};
use packwright::internals::workspace::scan::{self, scan};
use packwright::internals::write::{Depth, rename};
use packwright::{AssetRef, CommitOptions, Edit, RelPath, Workspace};

/// CPU time of this process.
struct CpuTime;

impl CpuTime {
    fn now() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    }

    /// Returns what `work` takes.
    fn of<T>(work: impl FnOnce() -> T) -> (Duration, T) {
        let start = Self::now();
        let done = black_box(work());
        (Self::now() - start, done)
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now() - start
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

type Group<'a> = BenchmarkGroup<'a, CpuTime>;

/// A generated workspace that was built, and is removed in the end.
struct Home {
    _dir: tempfile::TempDir,
    root: PathBuf,
    ws: Place,
    options: Options,
    assets: usize,
}

impl Home {
    fn new() -> Self {
        let var = |name| std::env::var(name).ok();
        let assets = var("PACKWRIGHT_BENCH_ASSETS").and_then(|it| it.parse().ok()).unwrap_or(2_000);
        let base = var("PACKWRIGHT_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let dir = tempfile::tempdir_in(base).expect("a temporary directory");
        let root = fs::canonicalize(dir.path()).expect("it was made");
        let spec = Spec { assets, shape: Default::default(), sizes: Default::default(), seed: 1 };
        let write = |path: &str, bytes: &[u8]| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("it is in the workspace")).expect("a directory");
            fs::write(path, bytes).expect("a file");
        };
        write("packwright.toml", generate::config(&spec).as_bytes());
        (0..N_FILES).for_each(|it| write(file_path(it).as_str(), b""));
        for (path, bytes) in (0..assets).flat_map(|nth| generate::asset(&spec, nth)) {
            write(&path, &bytes);
        }
        let ws = Place::new(Arc::new(OsSystem::new()), root.clone());
        let home = Self { _dir: dir, root, ws, options: Options::default(), assets };
        // What was written a moment ago is doubted: the second build settles that.
        std::thread::sleep(Duration::from_millis(50));
        (0..2).for_each(|_| drop(Engine::new(home.ws.clone()).build(&home.options).expect("a sound workspace")));
        home
    }

    fn setup(&self) -> Setup {
        configure(&Seen::of(&self.ws, &self.options).expect("a lane")).expect("a sound configuration")
    }

    fn session(&self) -> Session<'_> {
        Session::open(&self.ws, &self.options, Vec::new())
    }

    fn pass(&self) -> Pass<'_> {
        let (pass, _) = Pass::open(self.session(), self.setup()).expect("a sound workspace");
        pass.load_tree().expect("the index is whole");
        pass
    }

    fn registry(&self) -> Registry {
        let mut files = FileSet::default();
        for (idx, file) in files.iter_mut().enumerate() {
            *file = Some(fs::read(self.root.join(file_path(idx).as_str())).expect("it is there"));
        }
        load(&files).registry
    }

    /// Returns a source that a rule claims.
    fn source(&self) -> RelPath {
        RelPath::new("assets/g000/d00000/f000001.txt").expect("a path")
    }

    /// Returns the plan of the whole, and an engine that has derived it.
    fn derived(&self) -> (Engine, Arc<Plan>) {
        let engine = Engine::new(self.ws.clone());
        engine.build(&Options { whole: true, ..self.options.clone() }).expect("a sound workspace");
        let plan = engine.snapshot().expect("it was asked for").packs[0].plan.clone();
        (engine, plan)
    }
}

/// Measures `work` alone, and not what has to be done before it.
fn timed<T>(group: &mut Group<'_>, name: &str, mut before: impl FnMut() -> T, mut work: impl FnMut(&mut T)) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|n| {
            let mut total = Duration::ZERO;
            for _ in 0..n {
                let mut input = before();
                total += CpuTime::of(|| work(&mut input)).0;
            }
            total
        });
    });
}

fn looking(criterion: &mut Criterion<CpuTime>) {
    let home = &Home::new();
    let mut group = criterion.benchmark_group(format!("look/{}", home.assets));
    let setup = &home.setup();
    timed(
        &mut group,
        "index load",
        || (),
        |()| drop(Index::load(home.ws.disk.clone(), &home.ws.cache_dir(), CacheMode::Read)),
    );
    let session = home.session();
    let look = |known: &mut Option<_>| {
        let known = known.take().expect("it was made");
        let options = scan::Options { rehash: false, ignore: None };
        let found = scan(&home.ws, &setup.roots, known, &session.sources, options).expect("a sound workspace");
        assert!(found.moved.is_empty());
    };
    timed(&mut group, "scan", || Some(session.known_tree(setup)), look);
    group.finish();
}

/// Fifty rules as they grow in a large project: by extension, by directory, by what a name begins with, with captures.
fn fifty_rules() -> RuleSet {
    let extensions = (0..15).map(|it| format!("**/*.k{it}"));
    let directories = (0..15).map(|it| format!("area{it}/**/*.png"));
    let names = (0..10).map(|it| format!("*/w{it}-*.{{png,txt}}"));
    let captures = (0..8).map(|it| format!("{{dir}}/{{stem}}_{it}.{{n}}.ogg"));
    let last = ["{dir}/{stem}.txt", "**/*"].map(str::to_owned);
    let patterns = extensions.chain(directories).chain(names).chain(captures).chain(last);
    let rules: Vec<Rule> = patterns.map(|pattern| Rule { pattern, kind: "raw".into(), ..Rule::default() }).collect();
    assert_eq!(rules.len(), 50);
    RuleSet::new(rules).expect("they are few")
}

/// What it takes to know which of fifty rules claims each file, beside what it takes to know whether the file has moved.
fn matching(criterion: &mut Criterion<CpuTime>) {
    let home = &Home::new();
    let mut group = criterion.benchmark_group(format!("match/{}", home.assets));
    let (rules, root) =
        (fifty_rules(), Root { name: "assets".to_owned(), path: home.source().parent().expect("a root") });
    let ending = ["k3", "png", "txt", "1.ogg", "gltf"];
    let paths: Vec<String> = (0..home.assets)
        .map(|nth| format!("area{}/d{:05}/f{nth:06}_{}.{}", nth % 20, nth / 16, nth % 9, ending[nth % ending.len()]))
        .collect();
    timed(
        &mut group,
        "fifty rules",
        || (),
        |()| {
            let claimed = paths.iter().filter(|it| rules.claim(&root, it).is_some()).count();
            assert_eq!(claimed, paths.len());
        },
    );
    let source = home.ws.abs(&home.source());
    let dir = home.ws.disk.open_dir(source.parent().expect("it lies in one")).expect("it is there");
    let name = std::path::Path::new(source.file_name().expect("it has one"));
    timed(
        &mut group,
        "a stat each",
        || (),
        |()| {
            (0..home.assets).for_each(|_| _ = black_box(dir.stat(name).expect("it is there")));
        },
    );
    group.finish();
}

/// Brings a workspace into the database, up to its recipes.
fn derive(
    home: &Home,
    pass: &Pass<'_>,
    texts: &[Arc<packwright::internals::query::Texts>],
    registry: &Registry,
    state: &mut State,
) -> Vec<Slot> {
    pass.change(texts.to_vec(), registry).apply(state);
    let slots = state.slots(&pass.setup.profile, &pass.setup.config.packs);
    state.prefetch(&home.ws, "recipes", &slots, |db, it| {
        recipes(db, it);
    });
    slots
}

fn deriving(criterion: &mut Criterion<CpuTime>) {
    let home = &Home::new();
    let mut group = criterion.benchmark_group(format!("derive/{}", home.assets));
    let registry = &home.registry();
    let before = home.pass();
    let texts = &before.workshop().all_texts().ok().expect("nobody edits");
    timed(&mut group, "buckets, cold", State::default, |state| drop(derive(home, &before, texts, registry, state)));

    // One edit, there and back.
    let source = home.root.join(home.source().as_str());
    fs::write(&source, "edited").expect("the benchmark's own file");
    let after = home.pass();
    assert_eq!(after.scan.moved.len(), 1);
    let mut state = State::default();
    derive(home, &before, texts, registry, &mut state);
    let mut passes = [&after, &before].into_iter().cycle();
    let mut next = || passes.next().expect("they go round");
    timed(&mut group, "buckets, one edit", &mut next, |pass| drop(derive(home, pass, texts, registry, &mut state)));

    let slots = derive(home, &after, texts, registry, &mut state);
    after.workshop().make(&mut state, &slots).ok().expect("nobody edits");
    let judge = || judge(&home.ws, &state, &slots, &after.setup, Vec::new());
    assert_eq!(judge().plans[0].entries.len(), home.assets);
    timed(&mut group, "plan", || (), |()| drop(judge()));
    group.finish();
}

/// Payloads from a pack that is there.
struct FromPack(Vec<(AssetId, Bytes)>);

impl Payloads for FromPack {
    fn stored(&self, _: &PlanPayload, entry: &PlanEntry) -> Result<Fetched> {
        let at = self.0.binary_search_by_key(&entry.id, |it| it.0).expect("every entry is in the pack");
        Ok(Fetched::Verified(self.0[at].1.clone()))
    }
}

fn packs(criterion: &mut Criterion<CpuTime>) {
    let home = &Home::new();
    let mut group = criterion.benchmark_group(format!("pack/{}", home.assets));
    let (_engine, plan) = home.derived();
    timed(
        &mut group,
        "lay out",
        || (),
        |()| {
            black_box(layout(&plan).content_digest());
        },
    );

    let path = home.ws.output_dir("dev").join("main.pack");
    let reader = PackReader::open_at(&*home.ws.disk, &path).expect("it was built");
    let stored = |it: &Arc<PlanEntry>| {
        let entry = reader.find_id(it.id).unwrap().unwrap();
        (it.id, Bytes::from(reader.stored_bytes(&entry.payloads[0], u64::MAX).unwrap()))
    };
    let payloads = FromPack(plan.entries.iter().map(stored).collect());
    let out_dir = home.root.join("build/again");
    let forget = || drop(fs::remove_dir_all(&out_dir));
    let options =
        EmitOptions { durability: Durability::Unsynced, extra: Vec::new(), previous: &[], trusted: &|_| false };
    let laid = layout(&plan);
    timed(&mut group, "emission of all", forget, |()| {
        let target = Target { disk: &*home.ws.disk, out_dir: &out_dir, pack: "main" };
        assert!(emit(target, &laid, &payloads, &options).expect("a pack").written > 0);
    });
    timed(
        &mut group,
        "emission of nothing new",
        || (),
        |()| {
            let target = Target { disk: &*home.ws.disk, out_dir: &out_dir, pack: "main" };
            assert_eq!(emit(target, &laid, &payloads, &options).expect("a pack").written, 0);
        },
    );

    timed(&mut group, "open a pack", || (), |()| drop(PackReader::open_at(&*home.ws.disk, &path)));
    let mut nth = 0;
    let mut next = || {
        nth = (nth + 7919) % plan.entries.len();
        &plan.entries[nth]
    };
    timed(&mut group, "look an id up", &mut next, |it| drop(black_box(reader.find_id(it.id))));
    timed(&mut group, "look a name up", &mut next, |it| drop(black_box(reader.find_name(&it.name))));
    group.finish();
}

fn renaming(criterion: &mut Criterion<CpuTime>) {
    let home = &Home::new();
    let mut group = criterion.benchmark_group(format!("rename/{}", home.assets));
    let open = || Workspace::on(home.ws.disk.clone(), home.root.clone()).expect("a workspace");
    let mut n = 0;
    let mut commit = |workspace: &mut Workspace| {
        n += 1;
        let edit = Edit::Rename { asset: AssetRef::Place(home.source()), name: format!("name {n}") };
        assert!(workspace.commit(&edit, &CommitOptions::new()).expect("a commit").commit.is_some());
    };
    timed(&mut group, "all of it, cold", open, &mut commit);
    let mut warm = open();
    timed(&mut group, "all of it, warm", || (), |()| commit(&mut warm));

    // What the lane does with a commit that is planned: check, stage, journal, rename, log.
    let engine = Engine::new(home.ws.clone());
    let mut n = 0;
    let plan = || {
        n += 1;
        let decide =
            |view: &build::view::View| rename(view, view.at(&home.source()).expect("it is there"), &format!("n{n}"));
        Some(engine.plan(&home.options, Depth::Declarations, &decide).expect("a plan").commit)
    };
    timed(&mut group, "the commit", plan, |commit| {
        let mut lane = Lane::acquire(&*home.ws.disk, &home.root, "a benchmark", 1, Duration::ZERO).expect("it is free");
        lane.commit(commit.take().expect("it was planned")).expect("nobody edits");
    });
    group.finish();
}

fn criterion() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group!(name = hot; config = criterion(); targets = looking, matching, deriving, packs, renaming);
criterion_main!(hot);
