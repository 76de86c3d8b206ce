//! Several builds and readers at once, on the real file system: nobody waits who need not, nobody sees a half of
//! anything, and what one made the other uses.
#![expect(clippy::disallowed_methods, reason = "the author writes files as authors do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use packwright::internals::build::{Options, Outcome, Report};
use packwright::internals::error::{Error, Result};
use packwright::internals::lane::Lane;
use packwright::internals::pack::read::PackReader;
use packwright::internals::system::System as _;
use packwright::internals::system::os::OsSystem;
use tempfile::TempDir;

use super::support::{CONFIG, ROOT, World, at, engine, entries};

/// Assets of a workspace on disk.
const N: usize = 60;

struct Home {
    dir: TempDir,
    root: PathBuf,
}

impl Home {
    /// Makes a workspace of [`N`] assets.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = dir.path().join("ws");
        fs::create_dir_all(root.join("packwright.registry")).expect("a directory");
        fs::create_dir_all(root.join("assets")).expect("a directory");
        let root = fs::canonicalize(root).expect("it was made");
        for digit in 0..16 {
            fs::write(root.join(format!("packwright.registry/{digit:x}.jsonl")), "").expect("a file");
        }
        let home = Self { dir, root };
        home.write("packwright.toml", CONFIG);
        for n in 0..N {
            home.write(&format!("assets/{n:02}.txt"), &format!("asset {n}"));
        }
        home
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.root.join(path), text).expect("the test's own file");
    }

    fn build(&self) -> Result<Report> {
        self.build_with(&Options::default())
    }

    fn build_with(&self, options: &Options) -> Result<Report> {
        engine(Arc::new(OsSystem::new()), &self.root).build(options)
    }

    fn pack(&self) -> PathBuf {
        self.root.join("build/dev/main.pack")
    }
}

#[test]
fn a_check_waits_for_nobody() {
    let home = Home::new();
    home.build().expect("a sound workspace");
    home.write("assets/00.txt", "changed");
    let system = OsSystem::new();
    let _lane = Lane::acquire(&system, &home.root, "a test", 1, Duration::ZERO).expect("it is free");
    let lock = home.root.join("build/dev/.lock");
    let _output = system.try_lock(&lock, false).expect("a lock file").expect("it is free");
    let report = engine(Arc::new(OsSystem::new()), &home.root).check(&Options::default()).expect("a sound workspace");
    assert_eq!((report.outcome, report.entries()), (Outcome::Checked, N as u64));
}

/// The lane is for registering; a build that has nothing to register does not ask for it.
#[test]
fn a_build_with_nothing_to_register_waits_for_no_lane() {
    let home = Home::new();
    home.build().expect("a sound workspace");
    home.write("assets/00.txt", "changed");
    let system = OsSystem::new();
    let _lane = Lane::acquire(&system, &home.root, "a test", 1, Duration::ZERO).expect("it is free");
    assert_eq!(home.build().expect("a sound workspace").outcome, Outcome::Written);
    assert_eq!(home.build().expect("a sound workspace").outcome, Outcome::UpToDate);
}

/// One that has something to register says who holds the lane, in the end. (In memory a wait takes no time.)
#[test]
fn a_build_says_who_holds_the_lane() {
    let world = World::new();
    world.system.write(at("/assets/a.txt"), "a");
    let _lane = Lane::acquire(&world.system, Path::new(ROOT), "packwright move", 17, Duration::ZERO).expect("free");
    let outcome = engine(Arc::new(world.system.clone()), Path::new(ROOT)).build(&Options::default());
    let Err(Error::Busy { what, holder }) = outcome else { panic!("{outcome:?}") };
    expect!["the lane: packwright move, process 17,"]
        .assert_eq(&format!("{what}: {}", holder.split(" since").next().unwrap_or(&holder)));
    assert_eq!(world.system.get(at("/build/dev/main.pack")), None);
}

#[test]
fn builds_into_one_directory_take_turns() {
    let home = Home::new();
    for round in 0..3 {
        home.write("assets/00.txt", &format!("round {round}"));
        let reports: Vec<Report> = std::thread::scope(|scope| {
            let builds: Vec<_> = (0..4).map(|_| scope.spawn(|| home.build())).collect();
            builds.into_iter().map(|it| it.join().expect("no panic").expect("a sound workspace")).collect()
        });
        let digests: Vec<_> = reports.iter().map(|it| it.content_digest()).collect();
        assert!(digests.windows(2).all(|it| it[0] == it[1]), "they build the same");
        let written = reports.iter().filter(|it| it.outcome == Outcome::Written).count();
        assert_eq!(written, 1, "the first does the work, the others find it done");
        assert_eq!(entries(&OsSystem::new(), &home.pack()).len(), N);
    }
}

/// The same with processes, which share nothing but the disk.
#[test]
fn processes_that_build_into_one_directory_take_turns() {
    let home = Home::new();
    for round in 0..3 {
        home.write("assets/00.txt", &format!("round {round}"));
        let start = |command: &str| {
            Command::new(env!("CARGO_BIN_EXE_packwright"))
                .args(["-C".as_ref(), home.root.as_os_str(), command.as_ref()])
                .env_clear()
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program")
        };
        let started: Vec<Child> = ["build", "build", "check", "build"].into_iter().map(start).collect();
        for child in started {
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(entries(&OsSystem::new(), &home.pack()).len(), N);
        assert_eq!(home.build().expect("a sound workspace").work.processed, 0);
    }
}

/// Two profiles go to two directories: neither waits for the other, and both register the same.
#[test]
fn builds_into_two_directories_agree_on_identities() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for profile in ["dev", "release"] {
            let home = &home;
            scope.spawn(move || {
                let options = Options { profile: profile.to_owned(), ..Options::default() };
                home.build_with(&options).expect("a sound workspace")
            });
        }
    });
    let of = |profile: &str| -> Vec<_> {
        let path = home.root.join(format!("build/{profile}/main.pack"));
        entries(&OsSystem::new(), &path).into_iter().map(|it| (it.id, it.uuid, it.name)).collect()
    };
    assert_eq!(of("dev"), of("release"));
    assert_eq!(of("dev").len(), N);
}

#[test]
fn workspaces_share_what_they_make() {
    let (one, two) = (Home::new(), Home::new());
    let options = Options { cache_dir: Some(one.dir.path().join("shared")), ..Options::default() };
    let first = one.build_with(&options).expect("a sound workspace");
    let second = two.build_with(&options).expect("a sound workspace");
    assert_eq!((first.work.processed, second.work.processed, second.work.reused), (N as u64, 0, N as u64));
    assert_eq!(first.content_digest(), second.content_digest());
}

#[test]
fn workspaces_share_what_they_make_at_the_same_time() {
    let shared = tempfile::tempdir().expect("a temporary directory");
    let homes: Vec<Home> = (0..3).map(|_| Home::new()).collect();
    let options = Options { cache_dir: Some(shared.path().to_owned()), ..Options::default() };
    for round in 0..3 {
        let reports: Vec<Report> = std::thread::scope(|scope| {
            let build = |home| {
                let options = &options;
                scope.spawn(move || Home::build_with(home, options))
            };
            let builds: Vec<_> = homes.iter().map(build).collect();
            builds.into_iter().map(|it| it.join().expect("no panic").expect("a sound workspace")).collect()
        });
        assert!(reports.iter().all(|it| it.content_digest() == reports[0].content_digest()), "they build the same");
        // Whatever the three did at the same time, one that comes later finds it all.
        let late = Home::new();
        (0..round).for_each(|it| late.write("assets/00.txt", &format!("round {it}")));
        let report = late.build_with(&options).expect("a sound workspace");
        assert_eq!(report.work.processed, 0, "round {round}");
        for home in &homes {
            assert_eq!(entries(&OsSystem::new(), &home.pack()).len(), N);
            home.write("assets/00.txt", &format!("round {round}"));
        }
    }
}

/// Opens a pack, changes every asset, builds, and returns what the reader that was opened before finds:
/// payloads, or nothing where it was told that they are gone.
fn read_while_a_new_pack_is_published(profile: &str) -> Vec<Option<Vec<u8>>> {
    let home = Home::new();
    let options = Options { profile: profile.to_owned(), ..Options::default() };
    home.build_with(&options).expect("a sound workspace");
    let system = OsSystem::new();
    let path = home.root.join(format!("build/{profile}/main.pack"));
    let reader = PackReader::open_at(&system, &path).expect("a pack");
    let before = reader.content_digest();
    for n in 0..N {
        home.write(&format!("assets/{n:02}.txt"), &format!("changed {n}"));
    }
    let report = home.build_with(&options).expect("a sound workspace");
    assert_ne!(report.content_digest(), Some(before));
    assert_eq!(reader.content_digest(), before);
    assert_eq!(
        PackReader::open_at(&system, &path).expect("a pack").content_digest(),
        report.content_digest().expect("one")
    );
    reader.entries().map(|it| it.and_then(|it| reader.payload_bytes(&it.payloads[0], 1 << 20)).ok()).collect()
}

#[test]
fn a_reader_keeps_the_single_pack_that_it_opened() {
    let found = read_while_a_new_pack_is_published("release");
    assert_eq!(found.len(), N);
    assert!(found.iter().all(|it| it.as_ref().is_some_and(|it| it.starts_with(b"asset "))), "{found:?}");
}

/// The parts of a split pack are swept when a new one is published: whoever has the old one open is told, and never
/// given bytes of the new one.
#[test]
fn a_reader_of_a_split_pack_is_told_when_it_is_gone() {
    let found = read_while_a_new_pack_is_published("dev");
    assert!(found.contains(&None));
    assert!(found.iter().all(|it| it.as_ref().is_none_or(|it| it.starts_with(b"asset "))), "{found:?}");
}

/// Links, FIFOs and names as the operating system has them. (Permissions do not bind a test that root runs.)
#[cfg(unix)]
#[test]
fn bad_trees_on_the_real_file_system() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let home = Home::new();
    let assets = home.root.join("assets");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        assets.join("fifo.txt"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .expect("a FIFO");
    symlink("loop.txt", assets.join("loop.txt")).expect("a link");
    symlink("/etc/hostname", assets.join("out.txt")).expect("a link");
    symlink("gone", assets.join("dangling.txt")).expect("a link");
    symlink("..", assets.join("up")).expect("a link");
    symlink("00.txt", assets.join("good.txt")).expect("a link");
    fs::create_dir(assets.join("dir.txt")).expect("a directory");
    fs::write(assets.join(OsStr::from_bytes(b"\xff.txt")), "bad").expect("a file");
    let told = |profile: &str| {
        let options = Options { profile: profile.to_owned(), ..Options::default() };
        super::support::tell_result(&home.build_with(&options))
    };
    expect![[r#"
        refused
          error[PW0103] assets/dangling.txt: `assets/dangling.txt` is a link that leads nowhere
            help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          error[PW0101] assets/fifo.txt: `assets/fifo.txt` is a FIFO, socket or device
            help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          error[PW0104] assets/loop.txt: `assets/loop.txt` is a link that leads back into itself, or through too many others
            help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          error[PW0102] assets/out.txt: `assets/out.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
            help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          error[PW0105] assets/��ff2e747874.txt: the name `\xff.txt` in `assets` is not UTF-8
            help: rename it, or exclude it with a rule that has `exclude = true` before the one that claims it
        written, 61 assets in the pack
          warning[PW0103] assets/dangling.txt: `assets/dangling.txt` is a link that leads nowhere
            help: `assets/dangling.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          warning[PW0101] assets/fifo.txt: `assets/fifo.txt` is a FIFO, socket or device
            help: `assets/fifo.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          warning[PW0104] assets/loop.txt: `assets/loop.txt` is a link that leads back into itself, or through too many others
            help: `assets/loop.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          warning[PW0102] assets/out.txt: `assets/out.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
            help: `assets/out.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
          warning[PW0105] assets/��ff2e747874.txt: the name `\xff.txt` in `assets` is not UTF-8
            help: `assets/��ff2e747874.txt` is left out of the pack; rename it, or exclude it with a rule that has `exclude = true` before the one that claims it
    "#]].assert_eq(&(told("dev") + &told("lenient")));
}
