//! R3: one pack, whatever the directory, the number of threads, times, order of listing, environment and cache.
//!
//! On the real file system, in this process and in others, and on the one in memory.
#![expect(clippy::disallowed_methods, reason = "what a user, a shell and another process do to a real directory")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use expect_test::expect;
use packwright::internals::system::System;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::system::os::OsSystem;
use tempfile::TempDir;

use crate::support::random::Random;
use crate::support::sample::{edited, sample};
use crate::support::tree::{Node, Tree, files_below, lay, published};
use crate::support::world::{Files, clean_build, difference, engine, options};

const PROFILES: [&str; 2] = ["dev", "release"];

/// A workspace in a directory of its own.
struct Place {
    _dir: TempDir,
    root: PathBuf,
}

impl Place {
    /// Lays a workspace onto the disk, its files in the order that `seed` says.
    fn of(tree: &Tree, below: &str, seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let root = dir.path().canonicalize().expect("it was just made").join(below);
        let place = Self { _dir: dir, root };
        let mut paths: Vec<&String> = tree.keys().collect();
        Random::new(seed).shuffle(&mut paths);
        paths.into_iter().for_each(|path| place.put(path, &tree[path]));
        place
    }

    fn put(&self, path: &str, node: &Node) {
        let Node::File(bytes) = node else { panic!("the sample has only files") };
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("it lies below the root")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }

    fn build(&self, profile: &str, jobs: usize) {
        let built = engine(Arc::new(OsSystem::new()), &self.root, jobs).build(&options(profile));
        built.expect("nothing is wrong with the sample");
    }

    fn published(&self, profile: &str) -> Files {
        published(&OsSystem::new(), &self.root.join("build").join(profile))
    }

    fn cache(&self) -> Files {
        files_below(&OsSystem::new(), &self.root.join(".packwright/cache"))
    }

    fn cache_file(&self, name: &str) -> PathBuf {
        self.root.join(".packwright/cache").join(name)
    }
}

fn expected(profile: &str) -> Files {
    clean_build(&sample(), &options(profile), 1).files
}

/// When this fails and the change is meant, raise the version of what changed: a processor, a codec, the format.
#[test]
fn r3_the_sample_has_the_same_digest_for_ever() {
    let digest = |profile| {
        let pack = &expected(profile)["main.pack"];
        pack[16..48].iter().map(|it| format!("{it:02x}")).collect::<String>()
    };
    let digests = PROFILES.map(|it| format!("{it} {}", digest(it))).join("\n");
    expect![[r#"
        dev 6be303f19e9e3d842811f3bf5661e44bad696181c509edeb9dc8c5c7e1a5d52e
        release 35a358fdbc98143ce91d1692dc559ef7b241f2eb4d79cefc32a87c0e4d5ad324"#]]
    .assert_eq(&digests);
}

#[test]
fn r3_directories_threads_times_and_order_do_not_matter() {
    for (seed, (below, jobs)) in [("w", 1), ("elsewhere/with a blank/\u{e4}", 2), ("x", 7)].into_iter().enumerate() {
        let place = Place::of(&sample(), below, seed as u64);
        for (n, path) in sample().keys().enumerate() {
            let time = UNIX_EPOCH + Duration::from_secs((n as u64 * 7919 + seed as u64 * 104_729) % 2_000_000_000);
            let file = fs::OpenOptions::new().append(true).open(place.root.join(path)).expect("it was laid");
            file.set_modified(time).expect("a time of one's own");
        }
        for profile in PROFILES {
            place.build(profile, jobs);
            assert_eq!(difference(&place.published(profile), &expected(profile)), [""; 0], "{below}, {jobs} jobs");
        }
    }
}

#[test]
fn r3_the_order_of_listing_does_not_matter() {
    for profile in PROFILES {
        for seed in 0..8 {
            for jobs in [1, 2, 7] {
                let memory = MemorySystem::new();
                memory.scramble(seed);
                memory.set_tick(seed as i64 * 1_000_003);
                lay(&memory, Path::new("/w"), &sample());
                engine(Arc::new(memory.clone()), Path::new("/w"), jobs).build(&options(profile)).expect("a sound one");
                let got = published(&memory, &Path::new("/w/build").join(profile));
                assert_eq!(difference(&got, &expected(profile)), [""; 0], "{profile}, {seed}, {jobs} jobs");
            }
        }
    }
}

/// Runs packwright in another process, with an environment and a umask.
fn run(place: &Place, profile: &str, umask: &str, environment: &[(&str, &str)]) {
    let program = env!("CARGO_BIN_EXE_packwright");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), program, "-C"]).arg(&place.root);
    command.args(["build", "--profile", profile, "-q"]).env_clear().envs(environment.iter().copied());
    let output = command.output().expect("there is a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(unix)]
#[test]
fn r3_the_environment_does_not_matter() {
    let environments: [(&str, &[(&str, &str)]); 5] = [
        ("022", &[]),
        ("077", &[("TZ", "Pacific/Kiritimati"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")]),
        ("000", &[("TZ", "America/St_Johns"), ("LANG", "C"), ("HOME", "/nowhere"), ("USER", "nobody")]),
        ("027", &[("SOURCE_DATE_EPOCH", "1"), ("RAYON_NUM_THREADS", "1"), ("TMPDIR", "/nowhere"), ("COLUMNS", "9")]),
        ("002", &[("RUST_LOG", "trace"), ("PACKWRIGHT_LOG", "trace"), ("TERM", "dumb"), ("NO_COLOR", "1")]),
    ];
    for (umask, environment) in environments {
        let place = Place::of(&sample(), "w", 1);
        for profile in PROFILES {
            run(&place, profile, umask, environment);
            assert_eq!(difference(&place.published(profile), &expected(profile)), [""; 0], "{umask} {environment:?}");
        }
    }
}

/// Does something to a cache that was written before an edit, and builds after it.
fn with_cache(what: &str, hurt: impl Fn(&Place)) {
    let place = Place::of(&sample(), "w", 1);
    PROFILES.iter().for_each(|it| place.build(it, 2));
    let registry = files_below(&OsSystem::new(), &place.root.join("packwright.registry"));
    let mut tree = sample();
    for (name, bytes) in registry {
        tree.insert(format!("packwright.registry/{name}"), Node::File(bytes));
    }
    let now = edited(tree.clone());
    for path in tree.keys().filter(|it| !now.contains_key(*it)) {
        fs::remove_file(place.root.join(path)).expect("it was laid");
    }
    now.iter().filter(|it| tree.get(it.0) != Some(it.1)).for_each(|(path, node)| place.put(path, node));
    hurt(&place);
    let mut now = now;
    for profile in PROFILES {
        let clean = clean_build(&now, &options(profile), 9);
        now.extend(clean.registry.iter().map(|it| (it.0.clone(), Node::File(it.1.clone()))));
        run(&place, profile, "022", &[]);
        assert_eq!(difference(&place.published(profile), &clean.files), [""; 0], "{what}");
    }
}

#[cfg(unix)]
#[test]
fn r1_the_state_of_the_cache_does_not_matter() {
    with_cache("as it is", |_| {});
    with_cache("empty", |it| fs::remove_dir_all(it.root.join(".packwright/cache")).expect("it was built"));
    for name in ["index.redb", "store.redb"] {
        with_cache("cut", |it| {
            let bytes = &it.cache()[name];
            fs::write(it.cache_file(name), &bytes[..bytes.len() / 2]).expect("a file");
        });
        with_cache("flipped", |it| {
            let mut bytes = it.cache()[name].clone();
            (0..bytes.len()).step_by(997).for_each(|at| bytes[at] ^= 1);
            fs::write(it.cache_file(name), bytes).expect("a file");
        });
    }
    let other = Place::of(&edited(sample()), "w", 3);
    PROFILES.iter().for_each(|it| other.build(it, 1));
    with_cache("foreign", |it| {
        for (name, bytes) in other.cache() {
            fs::write(it.cache_file(&name), bytes).expect("a file");
        }
    });
    with_cache("read-only", |it| {
        for name in it.cache().keys() {
            let path = it.cache_file(name);
            let mut permissions = fs::metadata(&path).expect("a file").permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&path, permissions).expect("it is ours");
        }
    });
}

#[cfg(unix)]
#[test]
fn r1_a_cache_that_another_process_holds_does_not_matter() {
    let place = Place::of(&sample(), "w", 1);
    place.build("dev", 2);
    fs::write(place.root.join("assets/ship/hull.bin"), b"HULL").expect("a file");
    let index = redb::Database::open(place.cache_file("index.redb")).expect("nobody holds it yet");
    let store = redb::Database::open(place.cache_file("store.redb")).expect("nobody holds it yet");
    let mut now = sample();
    now.insert("assets/ship/hull.bin".to_owned(), Node::File(b"HULL".to_vec()));
    for (name, bytes) in files_below(&OsSystem::new(), &place.root.join("packwright.registry")) {
        now.insert(format!("packwright.registry/{name}"), Node::File(bytes));
    }
    let clean = clean_build(&now, &options("dev"), 2);
    run(&place, "dev", "022", &[]);
    assert_eq!(difference(&place.published("dev"), &clean.files), [""; 0]);
    drop((index, store));
    run(&place, "dev", "022", &[]);
    assert_eq!(difference(&place.published("dev"), &clean.files), [""; 0]);
    assert!(OsSystem::new().stat(&place.cache_file("index.redb")).is_ok());
}
