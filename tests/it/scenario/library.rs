//! The library in the midst of another program: in tasks of rayon, beside threads that build for long, with its options.
#![expect(clippy::disallowed_methods, reason = "the author writes files as authors do")]

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use packwright::{
    AssetRef, BuildOptions, Cancel, Code, CommitOptions, Digest, Edit, Error, FileSave, RelPath, Workspace,
};
use rayon::ThreadPoolBuilder;
use tempfile::TempDir;

const CONFIG: &str = "roots = [{ path = \".\" }]\nrules = [{ match = \"**/*.txt\", type = \"raw\" }]";
/// Files enough that work on them is spread.
const N: usize = 3000;

fn workspace(n: usize) -> (TempDir, Workspace) {
    let home = tempfile::tempdir().expect("a temporary directory");
    for nth in 0..n {
        fs::write(home.path().join(format!("{nth}.txt")), nth.to_string()).expect("a file");
    }
    let workspace = Workspace::create(home.path(), CONFIG).expect("a new workspace");
    (home, workspace)
}

struct CancelInTheEnd<'a>(&'a Cancel);

impl Drop for CancelInTheEnd<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn rename(from: &str, to: &str) -> Edit {
    Edit::Rename { asset: AssetRef::Name(from.to_owned()), name: to.to_owned() }
}

/// All threads of rayon wait for the library, whose work rayon spreads; whoever waits keeps something from the others.
#[test]
fn tasks_of_rayon_build_and_commit() {
    let (_home, workspace) = &workspace(N);
    let all = |workspace: &Workspace| {
        let kept: &Mutex<()> = &Mutex::default();
        rayon::scope(|scope| {
            for nth in 0..4 {
                scope.spawn(move |_| {
                    let options = BuildOptions::new();
                    let _kept = kept.lock().expect("no panic");
                    let snapshot = workspace.snapshot(&options).expect("a sound workspace");
                    assert_eq!(snapshot.assets().len(), N);
                    workspace.check(&options).expect("a sound workspace");
                    let (edit, commit) =
                        (rename(&format!("{nth}.txt"), &format!("renamed {nth}")), CommitOptions::new());
                    workspace.preview(&edit, &commit).expect("it can be done");
                    workspace.commit(&edit, &commit).expect("it can be done");
                    workspace.commit(&Edit::Undo, &commit).expect("it can be undone");
                });
            }
        });
    };
    // Where other tests were here before, there are such threads already.
    let _ = ThreadPoolBuilder::new().num_threads(1).build_global();
    all(workspace);
    let pool = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| all(workspace));
}

/// While a thread builds, others preview, and are told for whom they wait in vain.
#[test]
fn nobody_waits_longer_than_they_want() {
    let (home, workspace) = &workspace(3);
    let options = BuildOptions::new();
    workspace.build(&options).expect("a sound workspace");
    // A build that waits for somebody else has its turn meanwhile.
    let lock = packwright::internals::system::os::OsSystem::new();
    let held = packwright::internals::system::System::try_lock(&lock, &home.path().join("build/dev/.lock"), false);
    let held = held.expect("a lock file").expect("it is free");
    let cancel = &Cancel::new();
    std::thread::scope(|scope| {
        // Also where this fails, the build is to end.
        let _end = CancelInTheEnd(cancel);
        let build = BuildOptions::new().wait(Duration::from_secs(3600)).cancel(cancel);
        let (begin, begun) = channel();
        let builder = scope.spawn(move || {
            begin.send(()).expect("it is waited for");
            workspace.build(&build)
        });
        begun.recv().expect("it begins");
        let at_once = CommitOptions::new().wait(Duration::ZERO);
        let edit = rename("0.txt", "zero");
        // It has its turn when others do not get one.
        let told = loop {
            match workspace.check(&BuildOptions::new().wait(Duration::ZERO)) {
                Ok(_) => {}
                Err(Error::Busy { holder, .. }) => break holder,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(told, "a build of this program");
        assert!(matches!(workspace.commit(&edit, &at_once), Err(Error::Busy { .. })));
        let stopped = Cancel::new();
        stopped.cancel();
        let outcome = workspace.commit(&edit, &CommitOptions::new().cancel(&stopped));
        assert!(matches!(outcome, Err(Error::Interrupted)));
        let preview = workspace.preview(&edit, &CommitOptions::new()).expect("it waits for nobody");
        assert_eq!((preview.commit, preview.title.as_str()), (None, "rename `0.txt` to `zero`"));
        cancel.cancel();
        assert!(matches!(builder.join().expect("no panic"), Err(Error::Interrupted)));
    });
    drop(held);
    workspace.commit(&rename("0.txt", "zero"), &CommitOptions::new()).expect("nobody is in the way");
}

#[test]
fn the_log_tells_who_did_what() {
    let (home, workspace) = workspace(2);
    workspace.build(&BuildOptions::new()).expect("a sound workspace");
    let save = FileSave::create(RelPath::new("2.txt").expect("a path"), "two");
    workspace.save("a new text", vec![save], &CommitOptions::new().holder("my editor")).expect("nobody is in the way");
    fs::rename(home.path().join("1.txt"), home.path().join("one.txt")).expect("renamed");
    workspace.build(&BuildOptions::new()).expect("a sound workspace");
    fs::rename(home.path().join("one.txt"), home.path().join("1.txt")).expect("renamed");
    workspace.build(&BuildOptions::new()).expect("a sound workspace");
    workspace.commit(&rename("0.txt", "zero"), &CommitOptions::new().holder("my plugin")).expect("a commit");
    let log = workspace.log().expect("a log");
    let told: Vec<_> = log.iter().map(|it| (it.command.as_str(), it.title.as_str())).collect();
    assert_eq!(
        told,
        [
            ("packwright init", "make a workspace"),
            ("packwright build", "register 2 assets"),
            ("my editor", "a new text"),
            ("packwright build", "register 1 asset, follow 1 moved asset"),
            ("packwright build", "follow 1 moved asset"),
            ("my plugin", "rename `0.txt` to `zero`"),
        ]
    );
}

#[test]
fn an_edit_is_planned_as_a_build_is_done() {
    let (home, workspace) = workspace(2);
    let shared = home.path().join(".shared");
    let build = BuildOptions::new().cache_dir(&shared).jobs(1);
    let edit = Edit::Exclude { assets: vec![AssetRef::Name("0.txt".to_owned())], force: false };
    // To know whether anybody needs it is to run processors.
    workspace.commit(&edit, &CommitOptions::new().planned_as(&build)).expect("a commit");
    assert!(shared.join("store.redb").exists() && !home.path().join(".packwright/cache/store.redb").exists());
    assert_eq!(workspace.build(&build).expect("a sound workspace").processed, 0);
    let unknown = CommitOptions::new().planned_as(&BuildOptions::new().profile("nightly"));
    let Err(Error::Invalid(told)) = workspace.preview(&rename("1.txt", "one"), &unknown) else {
        panic!("there is none")
    };
    assert_eq!(told[0].code, Code::UNKNOWN_PROFILE);
}

#[test]
fn no_workspace_is_made_of_a_broken_configuration() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path().join("new");
    for broken in ["roots = [", "root = []", "roots = [{ path = \"..\" }]"] {
        let Err(Error::Invalid(told)) = Workspace::create(&dir, broken) else { panic!("{broken}") };
        assert!(told.iter().any(|it| it.location.as_ref().is_some_and(|it| it.path.as_str() == "packwright.toml")));
        assert!(!dir.exists());
    }
    Workspace::create(&dir, CONFIG).expect("a new workspace");
    let before = Digest::of(&fs::read(dir.join("packwright.toml")).expect("it was made"));
    assert!(matches!(Workspace::create(&dir, CONFIG), Err(Error::Conflict { .. })));
    assert_eq!(Digest::of(&fs::read(Path::new(&dir).join("packwright.toml")).expect("it is there")), before);
}

#[test]
fn a_snapshot_is_of_the_packs_that_were_asked_for() {
    let home = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in [("a.txt", "a"), ("b.txt", "bb"), ("c.txt", "ccc")] {
        fs::write(home.path().join(path), text).expect("a file");
    }
    let packs = "[packs.first]\nmatch = [\"a.*\", \"b.*\"]\ncodec = \"lz4\"\n[packs.second]\nmatch = [\"b.*\"]\n";
    let workspace = Workspace::create(home.path(), &format!("{CONFIG}\n{packs}")).expect("a new workspace");

    let report = workspace.build(&BuildOptions::new()).expect("a sound workspace");
    let told: Vec<_> = report.packs.iter().map(|it| (it.name.as_str(), it.entries)).collect();
    assert_eq!(told, [("first", 2), ("second", 1)]);
    assert!(report.pack("second").and_then(|it| it.file.as_ref()).is_some_and(|it| it.ends_with("second.pack")));
    assert_eq!((report.entries, report.removed_packs.len()), (3, 0));

    let all = workspace.snapshot(&BuildOptions::new()).expect("a sound workspace");
    let [a, b, c] = ["a.txt", "b.txt", "c.txt"].map(|it| all.by_name(it).expect("it is declared"));
    assert_eq!([a, b, c].map(|it| it.is_packed()), [true, true, false]);
    assert_eq!(
        (all.read(&b).expect("it is in both"), all.read(&a).expect("it is in one")),
        (b"bb".into(), b"a".into())
    );
    assert!(matches!(all.read(&c), Err(Error::Refused(_))));
    let holds = |name: &str| all.pack(name).is_some_and(|it| it.holds(b.id().expect("it is registered")));
    assert_eq!(["first", "second", "third"].map(holds), [true, true, false]);

    let some = workspace.snapshot(&BuildOptions::new().pack("second")).expect("a sound workspace");
    assert!(some.revision() > all.revision());
    let a = some.by_name("a.txt").expect("it is declared");
    assert!(!a.is_packed() && some.pack("first").is_none());
    let unknown = workspace.build(&BuildOptions::new().pack("third"));
    assert!(matches!(unknown, Err(Error::Invalid(problems)) if problems[0].code == Code::UNKNOWN_PACK));

    fs::write(home.path().join("packwright.toml"), {
        let config = fs::read_to_string(home.path().join("packwright.toml")).expect("it is there");
        config.replace("[packs.second]", "[packs.third]")
    })
    .expect("a file");
    let report = workspace.build(&BuildOptions::new()).expect("a sound workspace");
    assert_eq!(report.removed_packs, ["second"]);
}
