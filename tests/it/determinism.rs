//! One pack, whatever the threads, the directory, the clock or the order of listing. The cache is in `up_to_date`.

use std::path::Path;
use std::sync::Arc;

use packwright::build::{Options, Outcome};
use packwright::system::memory::MemorySystem;

use crate::crash::workspace;
use crate::support::tree::{Tree, lay, published};
use crate::support::world::{Files, engine, options, outside};

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
