//! Fail at step k of a whole build, for every k: registration, index, store and emission in both layouts, with a second
//! failure in the build that follows.
//!
//! Afterwards the registry is the one before or after; the published pack is a sound one, or recognised as torn; and a
//! build that is let through ends as a clean one does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use packwright::build::Options;
use packwright::error::Error;
use packwright::system::faulty::FaultyDisk;
use packwright::system::memory::MemorySystem;

use crate::support::content::{gltf, small_png};
use crate::support::tree::{Node, Tree, committed, lay, published, registry_of};
use crate::support::world::{WORKSPACE, clean_build, difference, empty_registry, engine, options, verify_pack};

const ROOT: &str = "/ws";

/// A small workspace of every kind of asset.
pub fn workspace() -> Tree {
    let mut tree = empty_registry();
    let mut file = |path: &str, bytes: Vec<u8>| tree.insert(path.to_owned(), Node::File(bytes));
    let config = format!(
        "workspace = \"{WORKSPACE}\"\n[[roots]]\npath = \"assets\"\n\
         [[rules]]\nmatch = \"**/*.png\"\ntype = \"image\"\n\
         [[rules]]\nmatch = \"**/*.gltf\"\ntype = \"model\"\n\
         [[rules]]\nmatch = \"**/*.txt\"\ntype = \"raw\"\n"
    );
    file("packwright.toml", config.into_bytes());
    file("assets/hero.png", small_png(1));
    file("assets/m/model.gltf", gltf("m", "m.bin", Some("../hero.png")));
    file("assets/m/m.bin", vec![7; 64]);
    file("assets/big.txt", b"big ".repeat(80_000));
    for i in 0..6 {
        file(&format!("assets/t{i}.txt"), format!("text {i}").into_bytes());
    }
    tree
}

fn disk_with(tree: &Tree) -> MemorySystem {
    let memory = MemorySystem::new();
    lay(&memory, Path::new(ROOT), tree);
    memory.settle();
    memory
}

fn out_dir(options: &Options) -> PathBuf {
    Path::new(ROOT).join("build").join(&options.profile)
}

fn build(disk: Arc<dyn packwright::system::Disk>, options: &Options) -> Result<packwright::build::Report, Error> {
    engine(disk, Path::new(ROOT), 1).build(options)
}

/// Checks a disk as a crash left it, and that a build that is let through ends as a clean one does.
fn holds(found: &MemorySystem, options: &Options, told: &str) {
    let root = Path::new(ROOT);
    let before = committed(found, root);
    let registries = [&registry_of(&workspace()), &clean_build(&workspace(), options, 1).registry];
    let seen = packwright::lane::read_through(found, root, &registry_paths()).expect("the registry can be read");
    let seen: Vec<Vec<u8>> = seen.into_iter().map(|it| it.expect("no registry file is lost")).collect();
    let is_one = registries.iter().any(|it| it.values().eq(&seen));
    assert!(is_one, "{told}: the registry is neither the one before nor the one after");
    found.settle();
    let result = build(Arc::new(found.clone()), options);
    let report = result.unwrap_or_else(|error| panic!("{told}: the next build fails: {error:?}"));
    let clean = clean_build(&before, options, 2);
    let differs = difference(&published(found, &out_dir(options)), &clean.files);
    assert!(differs.is_empty(), "{told}, then {:?}: {differs:?}", report.outcome);
    assert_eq!(registry_of(&committed(found, root)), clean_build(&workspace(), options, 1).registry, "{told}");
    let (problems, _) = verify_pack(found, &out_dir(options).join("main.pack"));
    assert!(problems.is_empty(), "{told}: {problems:?}");
}

fn registry_paths() -> Vec<packwright::model::RelPath> {
    (0..packwright::model::registry::N_FILES).map(packwright::model::registry::file_path).collect()
}

/// Fails a build of `disk` at every step, and the build after that at some; returns how many points were tried.
fn fail_everywhere(disk: &MemorySystem, options: &Options, power: bool) -> usize {
    let mut tried = 0;
    for step in 0.. {
        let first = FaultyDisk::over(&disk.fork());
        let first = Arc::new(if step % 2 == 0 { first.fail_at(step) } else { first.fail_torn_at(step) });
        let result = build(first.clone(), options);
        if first.steps() <= step {
            result.expect("nothing failed");
            return tried;
        }
        let left = if power { first.memory().after_power_loss() } else { first.memory().clone() };
        tried += 1;
        holds(&left.fork(), options, &format!("step {step}, power {power}"));
        if step % 4 != 1 {
            continue;
        }
        // The second failure moves on with the first, so that the steps of the recovering build are met as well.
        let second = Arc::new(FaultyDisk::over(&left.fork()).fail_at((step * 7 + 3) % 60));
        let _ = build(second.clone(), options);
        let left = if power { second.memory().after_power_loss() } else { second.memory().clone() };
        tried += 1;
        holds(&left, options, &format!("step {step}, then another, power {power}"));
    }
    unreachable!("a build ends")
}

#[test]
fn r5_a_first_build_fails_at_every_step_unsynced() {
    for power in [false, true] {
        assert!(fail_everywhere(&disk_with(&workspace()), &options("dev"), power) > 60);
    }
}

#[test]
fn r5_a_first_build_fails_at_every_step_synced() {
    assert!(fail_everywhere(&disk_with(&workspace()), &options("release"), true) > 60);
}

/// An edit of a workspace that has a pack: what was published stays whole until the new one is.
#[test]
fn r5_an_edit_fails_at_every_step() {
    for profile in ["dev", "release"] {
        let options = options(profile);
        let disk = disk_with(&workspace());
        build(Arc::new(disk.clone()), &options).expect("a sound workspace");
        disk.settle();
        let old = verify_pack(&disk, &out_dir(&options).join("main.pack")).1;
        disk.write("/ws/assets/t3.txt", "edited");
        disk.settle();
        let new = clean_build(&committed(&disk, Path::new(ROOT)), &options, 3);
        for step in 0.. {
            let faulty = Arc::new(FaultyDisk::over(&disk.fork()).fail_at(step));
            let result = build(faulty.clone(), &options);
            if faulty.steps() <= step {
                result.expect("nothing failed");
                break;
            }
            let left = faulty.memory();
            let (problems, digest) = verify_pack(left, &out_dir(&options).join("main.pack"));
            assert!(problems.is_empty(), "{profile}, step {step}: {problems:?}");
            assert!(digest == old || new.files.contains_key("main.pack"), "{profile}, step {step}");
            left.settle();
            build(Arc::new(left.clone()), &options).expect("nothing fails any more");
            let differs = difference(&published(left, &out_dir(&options)), &new.files);
            assert!(differs.is_empty(), "{profile}, step {step}: {differs:?}");
        }
    }
}

/// One operation fails once, for a reason that passes: the build says so, or it did without, and the next one is right.
#[test]
fn r5_a_passing_error_at_every_step() {
    let kinds = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::Other];
    for step in 0.. {
        let (disk, kind) = (disk_with(&workspace()), kinds[step % 2]);
        let faulty = Arc::new(FaultyDisk::over(&disk).fail_once_at(step, kind));
        let _ = build(faulty.clone(), &options("dev"));
        if faulty.steps() <= step {
            break;
        }
        holds(faulty.memory(), &options("dev"), &format!("{kind:?} at step {step}"));
    }
}
