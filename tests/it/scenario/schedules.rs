//! Builders, a writer and a reader of one workspace, interleaved at every single question to the file system, under
//! schedules that a model checker chooses: shuttle, at random and with few preemptions (PCT).
//!
//! All that processes share is the file system, and so does the model: each role has a `Workspace` of its own over one
//! file system in memory, runs on one thread, and lets the scheduler choose who goes on before each question. Nobody is
//! ever blocked anywhere else: locks are tried, and a pause yields. So shuttle is asked for nothing but choices, and the
//! program under test is the very one that is shipped, without a type of it replaced. (What threads share inside of one
//! `Workspace` is one pointer behind a mutex; `fire` has real threads for that.) What goes through rayon's pool - the
//! parts of a pack, each checked or written - is one step here.
//!
//! `PACKWRIGHT_SCHEDULES=5000` tries as many; shuttle prints the schedule of a failure, to be replayed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use packwright::internals::pack::read::{PackReader, ReadError};
use packwright::internals::system::memory::MemorySystem;
use packwright::{AssetRef, BuildOptions, CommitOptions, Edit, Error, RelPath, Snapshot, Workspace};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

use super::support::{ROOT, World, at};
use super::witness::Witness;

/// Commits of the writer in one schedule.
const COMMITS: u64 = 2;
/// Builds of each builder.
const BUILDS: usize = 2;

/// Returns how many schedules are tried.
fn n_schedules() -> usize {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests may ask for more")]
    let asked = std::env::var("PACKWRIGHT_SCHEDULES");
    asked.ok().and_then(|it| it.parse().ok()).unwrap_or(10)
}

fn explore(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 4 << 20;
    config.max_steps = shuttle::MaxSteps::FailAfter(2_000_000);
    Runner::new(scheduler, config).run(model);
}

/// Runs a model under many schedules.
fn check(model: impl Fn(&MemorySystem) + Clone + Send + Sync + 'static) {
    let start = start();
    let n = n_schedules();
    let (random, few) = (model.clone(), start.fork());
    explore(RandomScheduler::new_from_seed(17, n), move || random(&start.fork()));
    explore(PctScheduler::new_from_seed(17, 3, n), move || model(&few.fork()));
}

/// A workspace where `b.txt` depends on `a.txt` by its name, so that a rename changes two declarations at once.
fn start() -> MemorySystem {
    let mut world = World::new();
    world.run(
        r#"
//- /assets/a.txt
alpha
//- /assets/a.txt.asset.json
{ "name": "a-0" }
//- /assets/b.txt
beta
//- /assets/b.txt.asset.json
{ "dependencies": ["a-0"] }
//- /assets/c.txt
gamma
//- build --quiet
"#,
    );
    world.system.settle();
    world.system
}

/// Returns a workspace that lets others go first before every question.
fn workspace(system: &MemorySystem) -> Workspace {
    let turns = shuttle::sync::atomic::AtomicUsize::new(0);
    let home = std::thread::current().id();
    let disk = Witness::of(Arc::new(system.clone())).always(move |verb| match verb {
        _ if std::thread::current().id() != home => {}
        "pause" => thread::yield_now(),
        _ => {
            turns.fetch_add(1, Ordering::SeqCst);
        }
    });
    Workspace::on(Arc::new(disk), ROOT.into()).expect("a sound workspace")
}

fn options() -> BuildOptions {
    BuildOptions::new().jobs(1)
}

/// Returns the number of the commit that gave `a.txt` its name.
fn generation(name: &str) -> u64 {
    name.strip_prefix("a-").and_then(|it| it.parse().ok()).expect("a name that the writer gave")
}

/// What holds in every snapshot, since each commit is seen as a whole or not at all.
fn assert_coherent(snapshot: &Snapshot) -> u64 {
    let at = |path: &str| snapshot.by_place(&RelPath::new(path).expect("a path")).expect("it is always there");
    let (a, b, c) = (at("assets/a.txt"), at("assets/b.txt"), at("assets/c.txt"));
    assert_eq!(snapshot.assets().len(), 3);
    assert_eq!([a.id(), b.id(), c.id()].map(|it| it.expect("registered").0), [1, 2, 3]);
    assert_eq!(b.references(), [a.id().expect("registered")]);
    assert!(snapshot.diagnostics().is_empty(), "{:?}", snapshot.diagnostics());
    generation(a.name())
}

/// Reads the pack that is published, as a game would; `None` where it was replaced meanwhile.
fn read_pack(system: &MemorySystem) -> Option<u64> {
    let read = || -> std::result::Result<u64, ReadError> {
        let reader = PackReader::open_at(system, &at("/build/dev/main.pack"))?;
        let entries = reader.entries().collect::<std::result::Result<Vec<_>, _>>()?;
        assert_eq!(entries.iter().map(|it| it.id.0).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(entries[1].references, [entries[0].id]);
        for entry in &entries {
            reader.payload_bytes(&entry.payloads[0], 1 << 20)?;
        }
        Ok(generation(&entries[0].name))
    };
    match read() {
        Ok(generation) => Some(generation),
        Err(ReadError::Replaced) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Renames `a.txt` again and again, and says how far it is.
fn write(workspace: &Workspace, committed: &AtomicU64) {
    for n in 1..=COMMITS {
        let asset = AssetRef::Place(RelPath::new("assets/a.txt").expect("a path"));
        let edit = Edit::Rename { asset, name: format!("a-{n}") };
        let report = workspace.commit(&edit, &CommitOptions::new().wait(Duration::from_secs(3600))).expect("a commit");
        assert!(report.commit.is_some());
        committed.store(n, Ordering::SeqCst);
    }
}

/// Builds, and holds every snapshot against what was committed before it.
fn build(workspace: &Workspace, committed: &AtomicU64) -> u64 {
    let mut last = 0;
    for _ in 0..BUILDS {
        let before = committed.load(Ordering::SeqCst);
        match workspace.snapshot(&options()) {
            Ok(snapshot) => {
                let seen = assert_coherent(&snapshot);
                assert!(seen >= before.max(last), "a build that began after commit {before} knows of {seen}");
                last = seen;
            }
            // Somebody wrote again and again while it looked.
            Err(Error::Torn { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    last
}

/// What holds when all is done: nothing is lost, and the next build is a clean build.
fn assert_settled(system: &MemorySystem, least: u64) {
    assert!(read_pack(system).expect("nobody builds") >= least, "an older pack replaced a newer one");
    let last = workspace_at_rest(system);
    assert_eq!(assert_coherent(&last.snapshot(&options()).expect("a sound workspace")), COMMITS);
    let titles: Vec<String> = last.log().expect("a log").into_iter().map(|it| it.title).collect();
    let renames = (1..=COMMITS).map(|n| format!("rename `a-{}` to `a-{n}`", n - 1));
    assert_eq!(
        titles.iter().filter(|it| it.starts_with("rename")).cloned().collect::<Vec<_>>(),
        renames.collect::<Vec<_>>()
    );
    let mut world = World::new();
    world.system = system.clone();
    world.compare_with_clean(&packwright::internals::build::Options::default());
}

fn workspace_at_rest(system: &MemorySystem) -> Workspace {
    Workspace::on(Arc::new(system.clone()), Path::new(ROOT).to_owned()).expect("a sound workspace")
}

#[test]
fn a_builder_a_writer_and_a_reader() {
    check(|system| {
        let committed = Arc::new(AtomicU64::new(0));
        let builder = {
            let (system, committed) = (system.clone(), committed.clone());
            thread::spawn(move || build(&workspace(&system), &committed))
        };
        let writer = {
            let (system, committed) = (system.clone(), committed.clone());
            thread::spawn(move || write(&workspace(&system), &committed))
        };
        let reader = {
            let system = system.clone();
            thread::spawn(move || {
                let mut last = 0;
                for _ in 0..3 {
                    thread::yield_now();
                    let seen = read_pack(&system).unwrap_or(last);
                    assert!(seen >= last, "an older pack replaced a newer one");
                    last = seen;
                }
            })
        };
        let last = builder.join().expect("no panic");
        writer.join().expect("no panic");
        reader.join().expect("no panic");
        assert_settled(system, last);
    });
}

#[test]
fn two_builders_and_a_writer() {
    check(|system| {
        let committed = Arc::new(AtomicU64::new(0));
        let build = || {
            let (system, committed) = (system.clone(), committed.clone());
            thread::spawn(move || build(&workspace(&system), &committed))
        };
        let builders = [build(), build()];
        let writer = {
            let (system, committed) = (system.clone(), committed.clone());
            thread::spawn(move || write(&workspace(&system), &committed))
        };
        let last = builders.map(|it| it.join().expect("no panic")).into_iter().max().expect("there are two");
        writer.join().expect("no panic");
        assert_settled(system, last);
    });
}
