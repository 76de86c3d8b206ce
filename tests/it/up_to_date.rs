//! R2: "up to date" is never claimed falsely, and R1: whatever was done to the cache, the pack is the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use packwright::internals::build::{Options, Outcome, Report};
use packwright::internals::cache::CacheMode;
use packwright::internals::system::memory::{MemorySystem, Unsynced};
use packwright::internals::system::{Access, System};

use crate::support::sample::{edited, sample};
use crate::support::tree::{Node, committed, files_below, lay, published, registry_of};
use crate::support::world::{clean_build, difference, engine, options, verify_pack};

const ROOT: &str = "/w";
/// The split layout, not synced; the single one, synced; and that with a file beside it.
const PROFILES: [&str; 3] = ["dev", "release", "strict"];

/// Returns the sample, built under `profile` until nothing is racy.
fn built(profile: &str) -> MemorySystem {
    let memory = MemorySystem::new();
    lay(&memory, Path::new(ROOT), &sample());
    for _ in 0..3 {
        memory.settle();
        build(&memory, &options(profile));
    }
    memory.settle();
    memory
}

fn build(memory: &MemorySystem, options: &Options) -> Report {
    engine(Arc::new(memory.clone()), Path::new(ROOT), 2).build(options).expect("nothing is wrong with the sample")
}

fn out_dir(profile: &str) -> PathBuf {
    Path::new(ROOT).join("build").join(profile)
}

fn cache_dir() -> PathBuf {
    Path::new(ROOT).join(".packwright/cache")
}

/// Builds and holds everything against a clean build.
fn assert_clean(memory: &MemorySystem, options: &Options, what: &str) -> Outcome {
    let before = committed(memory, Path::new(ROOT));
    let outcome = build(memory, options).outcome;
    let clean = clean_build(&before, options, 5);
    let outputs = published(memory, &out_dir(&options.profile));
    assert_eq!(difference(&outputs, &clean.files), [""; 0], "{what}");
    assert_eq!(difference(&registry_of(&committed(memory, Path::new(ROOT))), &clean.registry), [""; 0], "{what}");
    assert_eq!(verify_pack(memory, &out_dir(&options.profile).join("main.pack")).0, [""; 0], "{what}");
    outcome
}

/// Returns a file in all the ways it may be hurt: absent, empty, cut, longer, with one bit flipped somewhere.
fn hurt(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut all = vec![None, Some(Vec::new()), Some(bytes[..bytes.len() / 2].to_vec()), Some([bytes, b"\0"].concat())];
    for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)] {
        let mut flipped = bytes.to_vec();
        if let Some(byte) = flipped.get_mut(at) {
            *byte ^= 1;
            all.push(Some(flipped));
        }
    }
    all
}

fn put(memory: &MemorySystem, path: &Path, bytes: Option<Vec<u8>>) {
    match bytes {
        None => memory.remove(path),
        Some(bytes) => memory.write_keeping_times(path, bytes),
    }
}

/// What becomes of the index before the build that must notice.
const INDEX: [&str; 2] = ["kept", "removed"];

fn forget(memory: &MemorySystem, index: &str) {
    if index == "removed" {
        memory.remove(cache_dir().join("index.redb"));
    }
}

#[test]
fn r2_nothing_to_do_is_found_out_with_and_without_the_index() {
    for profile in PROFILES {
        for index in INDEX {
            let memory = built(profile);
            forget(&memory, index);
            assert_eq!(assert_clean(&memory, &options(profile), index), Outcome::UpToDate);
        }
    }
}

#[test]
fn r2_a_damaged_output_is_written_again() {
    for profile in PROFILES {
        let settled = built(profile);
        for (name, bytes) in published(&settled, &out_dir(profile)) {
            for (case, bytes) in hurt(&bytes).into_iter().enumerate() {
                for index in INDEX {
                    let memory = settled.fork();
                    put(&memory, &out_dir(profile).join(&name), bytes.clone());
                    forget(&memory, index);
                    memory.settle();
                    let what = format!("{profile}, {name}, case {case}, index {index}");
                    assert_clean(&memory, &options(profile), &what);
                    memory.settle();
                    assert_eq!(assert_clean(&memory, &options(profile), &what), Outcome::UpToDate, "{what}");
                }
            }
        }
    }
}

/// The index may know another set of files beside the very same pack.
#[test]
fn r2_what_the_index_does_not_know_is_read() {
    let memory = built("dev");
    let config = String::from_utf8(memory.get("/w/packwright.toml").expect("it is there")).expect("text");
    memory.write("/w/packwright.toml", config.replace("manifest = true", "manifest = false").as_bytes());
    memory.settle();
    let read_only = Options { cache: CacheMode::Read, ..options("dev") };
    assert_eq!(assert_clean(&memory, &read_only, "without"), Outcome::Unchanged);
    assert_eq!(assert_clean(&memory, &read_only, "without"), Outcome::UpToDate);
}

#[test]
fn r2_a_part_that_nobody_refers_to_is_swept() {
    for index in INDEX {
        let memory = built("dev");
        let stray = out_dir("dev").join(format!("main.parts/{}.part", "5".repeat(64)));
        memory.write(&stray, b"from nowhere");
        forget(&memory, index);
        memory.settle();
        assert_ne!(assert_clean(&memory, &options("dev"), index), Outcome::UpToDate);
        assert_eq!(memory.get(&stray), None, "index {index}");
        memory.settle();
        assert_eq!(assert_clean(&memory, &options("dev"), index), Outcome::UpToDate);
    }
}

#[test]
fn r2_where_boots_have_no_name_what_was_not_synced_is_read_every_time() {
    for (profile, synced) in [("dev", false), ("release", true)] {
        let memory = MemorySystem::new();
        memory.forget_boot_id();
        lay(&memory, Path::new(ROOT), &sample());
        for _ in 0..3 {
            memory.settle();
            build(&memory, &options(profile));
        }
        memory.settle();
        let before = memory.counters().counts();
        assert_eq!(build(&memory, &options(profile)).outcome, Outcome::UpToDate);
        let counts = memory.counters().counts().since(before);
        let len: usize = published(&memory, &out_dir(profile)).values().map(Vec::len).sum();
        assert_eq!(counts.bytes_read < len as u64, synced, "{profile}: {counts:?}");
        assert_eq!(counts.databases_opened_for_writing, 0, "there is nothing to remember");

        for unsynced in [Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn] {
            let memory = memory.after_power_loss_with(unsynced);
            memory.settle();
            assert_clean(&memory, &options(profile), &format!("{profile}, {unsynced:?}"));
        }
    }
}

#[test]
fn r2_an_output_that_changed_within_one_step_of_the_clock_is_noticed() {
    for profile in PROFILES {
        let memory = MemorySystem::new();
        lay(&memory, Path::new(ROOT), &sample());
        build(&memory, &options(profile));
        for (name, bytes) in published(&memory, &out_dir(profile)) {
            let memory = memory.fork();
            let flipped = hurt(&bytes).pop().expect("there are many ways");
            memory.write(out_dir(profile).join(&name), flipped.expect("the last way is a bit"));
            assert_clean(&memory, &options(profile), &format!("{profile}, {name}"));
        }
    }
}

#[test]
fn r2_a_receipt_with_one_wrong_byte_is_none() {
    let settled = built("dev");
    let path = out_dir("dev").join("main.receipt.json");
    let receipt = settled.get(&path).expect("it was built");
    let pack = published(&settled, &out_dir("dev"));
    for at in 0..receipt.len() {
        let memory = settled.fork();
        let mut flipped = receipt.clone();
        flipped[at] ^= 1;
        memory.write(&path, flipped);
        build(&memory, &options("dev"));
        assert_eq!(difference(&published(&memory, &out_dir("dev")), &pack), [""; 0], "byte {at}");
    }
}

#[test]
fn r2_outputs_of_another_moment_are_not_taken_for_todays() {
    for profile in PROFILES {
        let memory = built(profile);
        let old = published(&memory, &out_dir(profile));
        let now = edited(committed(&memory, Path::new(ROOT)));
        memory.remove("/w/assets");
        lay(&memory, Path::new(ROOT), &now);
        memory.settle();
        assert_eq!(assert_clean(&memory, &options(profile), "edited"), Outcome::Written);
        // All of the old outputs come back, the old receipt among them or not.
        for receipt in [true, false] {
            let memory = memory.fork();
            memory.settle();
            for (name, bytes) in &old {
                if receipt || name != "main.receipt.json" {
                    memory.write(out_dir(profile).join(name), bytes);
                }
            }
            assert_eq!(assert_clean(&memory, &options(profile), "old outputs"), Outcome::Written);
        }
    }
}

#[test]
fn r2_a_pack_torn_by_a_power_loss_is_recognised() {
    for profile in PROFILES {
        for settle in [false, true] {
            let memory = MemorySystem::new();
            lay(&memory, Path::new(ROOT), &sample());
            for _ in 0..if settle { 3 } else { 1 } {
                memory.settle();
                build(&memory, &options(profile));
            }
            let mut worlds = vec![Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn];
            worlds.extend((0..20).map(Unsynced::ByChance));
            for unsynced in worlds {
                let memory = memory.after_power_loss_with(unsynced);
                memory.settle();
                let what = format!("{profile}, {unsynced:?}, settled {settle}");
                if profile != "dev" {
                    let pack = out_dir(profile).join("main.pack");
                    assert_eq!(verify_pack(&memory, &pack).0, [""; 0], "what was synced is whole: {what}");
                }
                assert_clean(&memory, &options(profile), &what);
                memory.settle();
                assert_eq!(assert_clean(&memory, &options(profile), &what), Outcome::UpToDate, "{what}");
            }
        }
    }
}

#[test]
fn r2_sources_that_changed_within_one_step_of_the_clock_are_noticed() {
    for (path, content) in [
        ("assets/ship/hull.bin", &b"HULL"[..]),
        ("assets/map/1.tile", b"two"),
        ("assets/hero.png.asset.json", b"// the hero\n{ \"name\": \"hero\", \"tags\": [\"bass\"] }\n"),
    ] {
        let memory = MemorySystem::new();
        lay(&memory, Path::new(ROOT), &sample());
        build(&memory, &options("dev"));
        memory.write(Path::new(ROOT).join(path), content);
        assert_eq!(assert_clean(&memory, &options("dev"), path), Outcome::Written);
        // Once more, now that the file is one that was edited before; and again with its times set back.
        memory.settle();
        build(&memory, &options("dev"));
        let Node::File(first) = sample()[path].clone() else { unreachable!("it is a file") };
        memory.write_keeping_times(Path::new(ROOT).join(path), first);
        assert_eq!(assert_clean(&memory, &options("dev"), path), Outcome::Written);
    }
}

#[test]
fn r2_a_checkout_with_a_restored_cache_is_packed_from_memos() {
    for profile in PROFILES {
        let memory = built(profile);
        for (path, node) in committed(&memory, Path::new(ROOT)) {
            if let Node::File(bytes) = node {
                memory.write(Path::new(ROOT).join(path), bytes);
            }
        }
        let before = published(&memory, &out_dir(profile));
        for name in before.keys() {
            memory.remove(out_dir(profile).join(name));
        }
        memory.settle();
        let work = build(&memory, &options(profile)).work;
        assert_eq!((work.queries, work.processed, work.reused, work.compressed), (0, 0, 0, 0), "{profile}");
        assert_eq!(difference(&published(&memory, &out_dir(profile)), &before), [""; 0], "{profile}");
    }
}

#[test]
fn r1_a_cache_hurt_in_any_way_changes_nothing() {
    let settled = built("dev");
    build(&settled, &options("release"));
    let other = built("release");
    let foreign = files_below(&other, &cache_dir());
    let caches = files_below(&settled, &cache_dir());
    // The sources are edited besides, so that there is something to do.
    let now = edited(committed(&settled, Path::new(ROOT)));
    settled.remove("/w/assets");
    lay(&settled, Path::new(ROOT), &now);
    for (name, bytes) in &caches {
        let mut cases = hurt(bytes);
        for part in 1..10 {
            let mut flipped = bytes.clone();
            if let Some(byte) = flipped.get_mut(part * bytes.len() / 10) {
                *byte ^= 0x10;
            }
            cases.push(Some(flipped));
        }
        cases.extend(foreign.get(name).map(|it| Some(it.clone())));
        for (case, bytes) in cases.into_iter().enumerate() {
            let memory = settled.fork();
            put(&memory, &cache_dir().join(name), bytes);
            memory.settle();
            let profile = if case % 2 == 0 { "dev" } else { "release" };
            let what = format!("{name}, case {case}, {profile}");
            assert_clean(&memory, &options(profile), &what);
            let again = build(&memory, &options(profile)).outcome;
            assert_eq!(again, Outcome::UpToDate, "{what}");
        }
    }
}

#[test]
fn r1_the_cache_of_another_workspace_changes_nothing() {
    let memory = built("dev");
    // Another workspace with the same uuid, the same paths and mostly other contents.
    let mut other = edited(sample());
    other.insert("assets/hero.png".to_owned(), Node::File(crate::support::content::small_png(8)));
    lay(&memory, Path::new("/other"), &other);
    memory.settle();
    engine(Arc::new(memory.clone()), Path::new("/other"), 1).build(&options("dev")).expect("nothing is wrong with it");
    let foreign = files_below(&memory, Path::new("/other/.packwright/cache"));
    assert!(foreign.contains_key("index.redb") && foreign.contains_key("store.redb"), "{:?}", foreign.keys());
    for only in [None, Some("index.redb"), Some("store.redb")] {
        let memory = memory.fork();
        for (name, bytes) in foreign.iter().filter(|it| only.is_none_or(|only| only == *it.0)) {
            memory.write(cache_dir().join(name), bytes);
        }
        memory.settle();
        assert_clean(&memory, &options("dev"), "the foreign cache");
        memory.write("/w/assets/ship/hull.bin", b"HULL");
        assert_clean(&memory, &options("dev"), "an edit after that");
        memory.remove("/w/build");
        assert_clean(&memory, &options("dev"), "without outputs");
    }
}

#[test]
fn r1_a_cache_that_cannot_be_had_changes_nothing() {
    for profile in PROFILES {
        for edit in [false, true] {
            let settled = built(profile);
            if edit {
                settled.write("/w/assets/ship/hull.bin", b"HULL");
            }
            for mode in [CacheMode::Read, CacheMode::Off] {
                let memory = settled.fork();
                let options = Options { cache: mode, ..options(profile) };
                let before = files_below(&memory, &cache_dir());
                assert_clean(&memory, &options, &format!("{profile}, {mode:?}"));
                let after = files_below(&memory, &cache_dir());
                assert_eq!(difference(&after, &before), [""; 0], "{mode:?} does not write");
            }
            // Somebody else has the databases open for writing, or they cannot be read.
            for name in ["index.redb", "store.redb"] {
                let memory = settled.fork();
                let held = memory.open_random(&cache_dir().join(name), Access::Write).expect("it is there");
                let lock = memory.try_lock(&cache_dir().join(format!("{name}.lock")), false);
                assert_clean(&memory, &options(profile), "held");
                drop((held, lock));
                memory.set_mode(cache_dir().join(name), 0);
                assert_clean(&memory, &options(profile), "unreadable");
            }
        }
    }
}

#[test]
fn r2_a_stray_part_is_swept() {
    let settled = built("dev");
    build(&settled, &options("dev"));
    settled.settle();
    let stray = out_dir("dev").join("main.parts").join(format!("{}.part", "a".repeat(64)));
    settled.write(&stray, "stray");
    settled.settle();
    build(&settled, &options("dev"));
    assert!(settled.get(&stray).is_none(), "the output directory is not what emission left");
    settled.settle();
    assert_eq!(assert_clean(&settled, &options("dev"), "swept"), Outcome::UpToDate);
}
