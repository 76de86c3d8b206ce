//! Snapshots under fire: readers hold and take them through the library while others commit, change files and build.
//!
//! Every snapshot is of one moment: one registry, one set of digests. A commit that renames an asset changes two
//! declarations, so that half of one would be seen; revisions are numbers of what they are of; and what a snapshot says
//! does not change while it is held. That nobody blocks anybody is shown by structure: whoever builds or commits is asked
//! for snapshots in between, on the very thread that works.
#![expect(clippy::disallowed_methods, reason = "the author writes files as authors do")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use packwright::{AssetRef, BuildOptions, CommitOptions, Digest, Edit, Error, RelPath, Snapshot, Workspace};

use super::support::{ROOT, World};
use super::witness::Witness;

/// Assets that depend on one another by name, each on the next.
const N: usize = 12;
/// Commits of the writer.
const COMMITS: usize = N;

const CONFIG: &str = r#"
    roots = [{ path = "assets" }]
    rules = [{ match = "**/*.txt", type = "raw" }]
"#;

fn place(nth: usize) -> RelPath {
    RelPath::new(&format!("assets/{nth:02}.txt")).expect("a path")
}

fn payload(nth: usize, round: usize) -> String {
    format!("{nth} in round {round}")
}

/// Makes a workspace whose chain of dependencies every rename goes through.
fn workspace(dir: &Path) -> Workspace {
    fs::create_dir(dir.join("assets")).expect("a directory");
    for nth in 0..N {
        let next = if nth + 1 < N { format!("\"n{}-0\"", nth + 1) } else { String::new() };
        let sidecar = format!("{{ \"name\": \"n{nth}-0\", \"dependencies\": [{next}] }}");
        fs::write(dir.join(place(nth).as_str()), payload(nth, 0)).expect("a file");
        fs::write(dir.join(format!("{}.asset.json", place(nth))), sidecar).expect("a file");
    }
    Workspace::create(dir, CONFIG).expect("a new workspace")
}

/// Checks that a snapshot is of one moment, and returns a digest of all that it says.
fn look(snapshot: &Snapshot) -> Digest {
    let chain: Vec<_> = (0..N).map(|nth| snapshot.by_place(&place(nth)).expect("it is always there")).collect();
    let mut said = format!("{:?} {}\n", snapshot.packs().next().map(|it| it.source_root()), snapshot.assets().len());
    for (nth, asset) in chain.iter().enumerate() {
        let next: Vec<_> = chain.get(nth + 1).and_then(|it| it.id()).into_iter().collect();
        assert_eq!(asset.references(), next, "a dependency of another moment than the name");
        assert!(asset.name().starts_with(&format!("n{nth}-")), "{asset:?}");
    }
    let mut ids = Vec::new();
    for asset in snapshot.assets() {
        let id = asset.id().expect("all are registered");
        assert_eq!(snapshot.by_id(id).expect("it has it").uuid(), asset.uuid());
        ids.push(id);
        let digests: Vec<Digest> = asset.payloads().map(|it| it.digest()).collect();
        said += &format!("{id} {:?} {} {} {digests:?}\n", asset.uuid(), asset.place(), asset.name());
    }
    ids.sort();
    assert!(ids.windows(2).all(|it| it[0] != it[1]), "one number for two assets");
    Digest::of(said.as_bytes())
}

/// Reads what can still be read: right, or said to be gone.
fn read(snapshot: &Snapshot, nth: usize) {
    let asset = snapshot.by_place(&place(nth)).expect("it is always there");
    match snapshot.read(&asset) {
        Ok(bytes) => {
            assert_eq!(Some(Digest::of(&bytes)), asset.payloads().next().map(|it| it.digest()));
            assert!(bytes.starts_with(format!("{nth} in round ").as_bytes()), "the bytes of another asset");
        }
        Err(Error::Superseded { .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
}

/// Does something until others hold still for long enough.
fn insist<T>(mut work: impl FnMut() -> packwright::Result<T>) -> T {
    loop {
        match work() {
            Ok(done) => return done,
            Err(Error::Torn { .. } | Error::Conflict { .. } | Error::Unreadable(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn readers_builders_and_writers_at_once() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = &fs::canonicalize(home.path()).expect("it is there");
    let here = &workspace(dir);
    let options = &BuildOptions::new();
    insist(|| here.snapshot(options));
    let done = &AtomicBool::new(false);
    let seen: &Mutex<BTreeMap<u64, Digest>> = &Mutex::default();
    let looks = &AtomicU64::new(0);

    std::thread::scope(|scope| {
        // Somebody commits, and somebody builds, through one and the same handle.
        let writer = scope.spawn(|| {
            for n in 0..COMMITS {
                let (nth, generation) = (n % N, n / N + 1);
                let name = format!("n{nth}-{generation}");
                let edit = Edit::Rename { asset: AssetRef::Place(place(nth)), name };
                let report = insist(|| here.commit(&edit, &CommitOptions::new()));
                assert!(report.commit.is_some());
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                look(&insist(|| here.snapshot(options)));
            }
        });
        // Somebody else changes files, adds some, and builds, as another process would.
        scope.spawn(|| {
            let there = Workspace::open(dir).expect("a workspace");
            for round in 1.. {
                for nth in [round % N, round * 5 % N] {
                    let temp = dir.join("assets/.temp");
                    fs::write(&temp, payload(nth, round)).expect("a file");
                    fs::rename(&temp, dir.join(place(nth).as_str())).expect("a file");
                }
                if round <= 5 {
                    fs::write(dir.join(format!("assets/new{round}.txt")), "new").expect("a file");
                }
                look(&insist(|| there.snapshot(options)));
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for reader in 0..2 {
            scope.spawn(move || {
                let mut last = here.newest().expect("there was one before");
                let mut known = look(&last);
                while !done.load(Ordering::Relaxed) {
                    let next = here.newest().expect("there was one before");
                    assert!(next.revision() >= last.revision(), "an older snapshot replaced a newer one");
                    let digest = look(&next);
                    assert_eq!(*seen.lock().expect("no panic").entry(next.revision()).or_insert(digest), digest);
                    read(&next, (next.revision() as usize + reader) % N);
                    // The one that was held meanwhile is what it was.
                    assert_eq!(look(&last), known);
                    (last, known) = (next, digest);
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let written = writer.join();
        done.store(true, Ordering::Relaxed);
        written.expect("no panic");
    });

    assert!(looks.load(Ordering::Relaxed) > 0 && !seen.lock().expect("no panic").is_empty());
    let last = insist(|| here.snapshot(options));
    for nth in 0..N {
        let asset = last.by_place(&place(nth)).expect("it is there");
        assert_eq!(asset.name(), format!("n{nth}-{}", COMMITS / N), "a commit is lost");
        read(&last, nth);
    }
    let renames = here.log().expect("a log").iter().filter(|it| it.title.starts_with("rename")).count();
    assert_eq!(renames, COMMITS);
    let clean = Workspace::open(dir).expect("a workspace");
    let apart = tempfile::tempdir().expect("a temporary directory");
    let report = clean.build(&BuildOptions::new().without_cache().locked(true).out(apart.path()));
    let again = here.build(options).expect("a sound workspace");
    assert_eq!(report.expect("a sound workspace").content_digest, again.content_digest);
}

/// At every question that a build or a commit puts to the disk, on its own thread and in the midst of what it holds, the
/// newest snapshot is there to be had and read.
#[test]
fn nobody_who_reads_waits_for_one_who_builds_or_commits() {
    let mut world = World::new();
    world.run(
        r#"
//- /assets/a.txt
alpha
//- /assets/b.txt
beta
"#,
    );
    let slot: Arc<OnceLock<Workspace>> = Arc::default();
    let (asked, is_asking) = (Arc::new(Mutex::new(Vec::new())), AtomicBool::new(false));
    let (reader, notes) = (slot.clone(), asked.clone());
    let disk = Witness::of(Arc::new(world.system.clone())).always(move |_| {
        let Some(snapshot) = reader.get().and_then(Workspace::newest) else { return };
        // What it reads asks questions of its own.
        if is_asking.swap(true, Ordering::SeqCst) {
            return;
        }
        let a = snapshot.by_place(&RelPath::new("assets/a.txt").expect("a path")).expect("it is there");
        let bytes = snapshot.read(&a);
        assert!(matches!(bytes, Ok(_) | Err(Error::Superseded { .. } | Error::Io { .. })), "{bytes:?}");
        notes.lock().expect("no panic").push((snapshot.revision(), bytes.is_ok()));
        is_asking.store(false, Ordering::SeqCst);
    });
    let workspace = Workspace::on(Arc::new(disk), ROOT.into()).expect("a sound workspace");
    assert!(slot.set(workspace).is_ok());
    let workspace = slot.get().expect("it was set");
    let options = BuildOptions::new().jobs(1);
    let held = workspace.snapshot(&options).expect("a sound workspace");
    asked.lock().expect("no panic").clear();

    // A commit while a snapshot is held, and the snapshot afterwards.
    let rename = Edit::Rename { asset: AssetRef::Name("b.txt".to_owned()), name: "bee".to_owned() };
    workspace.commit(&rename, &CommitOptions::new()).expect("a commit");
    let during = std::mem::take(&mut *asked.lock().expect("no panic"));
    assert!(during.len() > 50 && during.iter().all(|it| *it == (1, true)), "{during:?}");

    // A build while it is held: the newest is the old one until the new one's bytes are in the pack.
    world.system.write("/ws/assets/a.txt", "omega");
    let next = workspace.snapshot(&options).expect("a sound workspace");
    let during = std::mem::take(&mut *asked.lock().expect("no panic"));
    assert!(during.contains(&(1, true)) && during.iter().all(|it| it.0 == 1), "{during:?}");
    assert_eq!(workspace.newest().map(|it| it.revision()), Some(2));

    assert_eq!((held.revision(), next.revision()), (1, 2));
    assert!(held.by_name("b.txt").is_some() && held.by_name("bee").is_none());
    assert!(next.by_name("bee").is_some() && next.by_name("b.txt").is_none());
    let a = |snapshot: &Snapshot| snapshot.read(&snapshot.by_name("a.txt").expect("it is there"));
    assert_eq!(a(&next).expect("it is in the pack"), b"omega");
    assert!(matches!(a(&held), Err(Error::Superseded { .. })));
}
