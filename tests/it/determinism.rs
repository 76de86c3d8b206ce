//! One pack, whatever the cache, the threads, the directory, the clock or the order of listing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use packwright::build::{Options, Outcome};
use packwright::cache::CacheMode;
use packwright::system::memory::MemorySystem;

use crate::support::author::Author;
use crate::support::random::Random;
use crate::support::tree::{Tree, lay, published};
use crate::support::world::{Files, empty_registry, engine, options, outside};

fn workspace() -> Tree {
    let mut tree = empty_registry();
    tree.extend(Author::new(20).beginning());
    tree
}

fn place(tree: &Tree, root: &Path, seed: u64) -> MemorySystem {
    let memory = MemorySystem::new();
    memory.scramble(seed);
    outside(&memory);
    lay(&memory, root, tree);
    memory.settle();
    memory
}

fn built(memory: &MemorySystem, root: &Path, options: &Options, jobs: usize) -> Files {
    let report = engine(Arc::new(memory.clone()), root, jobs).build(options).expect("a sound workspace");
    assert_ne!(report.outcome, Outcome::Checked);
    published(memory, &root.join("build").join(&options.profile))
}

/// What one build in one place gives: what all others must give.
fn expected(profile: &str) -> Files {
    let root = Path::new("/one");
    built(&place(&workspace(), root, 0), root, &options(profile), 1)
}

#[test]
fn r3_nothing_of_the_machine_reaches_the_pack() {
    for profile in ["dev", "release"] {
        let expected = expected(profile);
        for (seed, (root, jobs)) in [("/one", 1), ("/two/deeper/ws", 2), ("/b", 7), ("/c", 16)].into_iter().enumerate()
        {
            let memory = place(&workspace(), Path::new(root), seed as u64 + 1);
            memory.set_tick(seed as i64 * 1_000_003);
            for (path, _) in workspace().iter().filter(|it| it.0.starts_with("assets/") && it.0.ends_with(".png")) {
                memory.set_mtime(Path::new(root).join(path), 1_000_000 * seed as i64 - 5);
            }
            memory.settle();
            assert!(built(&memory, Path::new(root), &options(profile), jobs) == expected, "{profile} in {root}");
        }
    }
}

/// Damages the cache in one way or another; `n` chooses.
fn damage(memory: &MemorySystem, cache: &Path, n: usize, foreign: &MemorySystem) {
    let mut random = Random::new(n as u64);
    let files = || memory.snapshot().into_iter().filter(|it| it.0.starts_with(cache) && !it.1.is_empty());
    match n % 6 {
        0 => files().for_each(|it| memory.remove(it.0)),
        1 => files().for_each(|(path, bytes)| memory.write(path, &bytes[..bytes.len() / 2])),
        2 => files().for_each(|(path, mut bytes)| {
            for _ in 0..12 {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            memory.write(path, bytes);
        }),
        3 => files().for_each(|(path, bytes)| memory.write(path, vec![0; bytes.len()])),
        4 => files().for_each(|it| memory.write(it.0, [])),
        _ => {
            for (path, bytes) in foreign.snapshot().into_iter().filter(|it| it.0.starts_with(cache)) {
                memory.write(path, bytes);
            }
        }
    }
}

#[test]
fn r1_no_state_of_the_cache_reaches_the_pack() {
    let root = PathBuf::from("/one");
    let cache = root.join(".packwright/cache");
    // The cache of another workspace at the same place, with other contents under the same names.
    let mut other = workspace();
    for node in other.values_mut() {
        if let crate::support::tree::Node::File(bytes) = node
            && bytes.starts_with(b"text")
        {
            bytes.push(b'!');
        }
    }
    let foreign = place(&other, &root, 9);
    let _ = engine(Arc::new(foreign.clone()), &root, 1).build(&options("dev"));
    for profile in ["dev", "release"] {
        let expected = expected(profile);
        for n in 0..24 {
            let memory = place(&workspace(), &root, n);
            let first = built(&memory, &root, &options(profile), 2);
            assert!(first == expected, "{profile} {n}");
            damage(&memory, &cache, n as usize, &foreign);
            if n % 2 == 0 {
                // Without outputs nothing can be proved from them: all of it is made again.
                memory.remove(root.join("build"));
            }
            memory.settle();
            let mode = [CacheMode::Write, CacheMode::Read, CacheMode::Off][n as usize / 6 % 3];
            let again = Options { cache: mode, ..options(profile) };
            assert!(built(&memory, &root, &again, 2) == expected, "{profile}, damage {n}");
            memory.settle();
            assert!(built(&memory, &root, &options(profile), 1) == expected, "{profile}, after damage {n}");
        }
    }
}

#[test]
fn r2_up_to_date_is_never_said_of_another_pack() {
    let root = PathBuf::from("/one");
    for profile in ["dev", "release"] {
        let expected = expected(profile);
        let out = root.join("build").join(profile);
        for (n, name) in expected.keys().enumerate() {
            for how in 0..5 {
                let memory = place(&workspace(), &root, n as u64);
                built(&memory, &root, &options(profile), 1);
                memory.settle();
                built(&memory, &root, &options(profile), 1);
                memory.settle();
                let path = out.join(name);
                let mut bytes = memory.get(&path).expect("it was published");
                match how {
                    0 => memory.remove(&path),
                    1 => memory.write(&path, &bytes[..bytes.len() - 1]),
                    2 => {
                        let at = bytes.len() / 2;
                        bytes[at] ^= 1;
                        memory.write_keeping_times(&path, bytes);
                    }
                    3 => {
                        memory.remove(root.join(".packwright/cache"));
                        let at = bytes.len() * 2 / 3;
                        bytes[at] ^= 0x80;
                        memory.write(&path, bytes);
                    }
                    _ => {
                        memory.remove(&path);
                        memory.mkdir(&path);
                    }
                }
                memory.settle();
                let result = engine(Arc::new(memory.clone()), &root, 1).build(&options(profile));
                match result {
                    // A person's directory where a file belongs is not removed: the build says so.
                    Err(_) if how == 4 => continue,
                    result => drop(result.unwrap_or_else(|error| panic!("{profile} {name} {how}: {error:?}"))),
                }
                // A receipt is words about the pack: how it is spelled is nothing that a build could notice.
                if !name.ends_with(".receipt.json") {
                    assert!(published(&memory, &out) == expected, "{profile} {name}, damage {how}");
                }
            }
        }
    }
}

#[test]
fn r2_what_was_not_synced_does_not_outlive_the_boot() {
    let root = PathBuf::from("/one");
    let expected = expected("dev");
    for seed in 0..8 {
        let memory = place(&workspace(), &root, seed);
        built(&memory, &root, &options("dev"), 1);
        memory.settle();
        built(&memory, &root, &options("dev"), 1);
        let after = memory.after_power_loss_with(packwright::system::memory::Unsynced::ByChance(seed));
        after.settle();
        assert!(built(&after, &root, &options("dev"), 1) == expected, "seed {seed}");
    }
}
