//! A build that dies at step k, for every k, and the next one at some step j: what is left is from before or from
//! after, and the build after that is as good as a clean one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use packwright::internals::model::registry;
use packwright::internals::system::faulty::FaultyDisk;
use packwright::internals::system::memory::{MemorySystem, Unsynced};
use packwright::internals::system::{Disk, System};

use crate::support::random::Random;
use crate::support::sample::{edited, sample};
use crate::support::tree::{Tree, committed, lay, published, registry_of};
use crate::support::world::{Clean, Ending, clean_build, difference, engine, options, verify_pack};

const ROOT: &str = "/w";

fn out_dir(profile: &str) -> PathBuf {
    Path::new(ROOT).join("build").join(profile)
}

fn build(disk: Arc<dyn Disk>, profile: &str) -> bool {
    engine(disk, Path::new(ROOT), 1).build(&options(profile)).is_ok()
}

/// A workspace before a build, and what the build must make of it.
struct Case {
    profile: &'static str,
    memory: MemorySystem,
    before: Tree,
    pack_before: Option<String>,
    clean: Clean,
}

impl Case {
    /// The first build, which registers everything.
    fn first(profile: &'static str) -> Self {
        let memory = MemorySystem::new();
        lay(&memory, Path::new(ROOT), &sample());
        memory.settle();
        Self::of(profile, memory)
    }

    /// A build after an edit, with a cache, a pack and a receipt.
    fn next(profile: &'static str) -> Self {
        let memory = MemorySystem::new();
        lay(&memory, Path::new(ROOT), &sample());
        memory.settle();
        assert!(build(Arc::new(memory.clone()), profile));
        let now = edited(committed(&memory, Path::new(ROOT)));
        memory.remove("/w/assets");
        lay(&memory, Path::new(ROOT), &now);
        memory.settle();
        Self::of(profile, memory)
    }

    /// A build of other packs than those before: `main` holds less, one is new, and one is not defined any more.
    fn other_packs(profile: &'static str) -> Self {
        let memory = MemorySystem::new();
        lay(&memory, Path::new(ROOT), &sample());
        let config = Path::new(ROOT).join("packwright.toml");
        let text = memory.get(&config).expect("the sample has one");
        memory.write(&config, [&text[..], b"[packs.main]\n[packs.gone]\ntype = [\"image\"]\n"].concat());
        memory.settle();
        assert!(build(Arc::new(memory.clone()), profile));
        let packs = b"[packs.main]\ntype = [\"raw\"]\n[packs.new]\ntype = [\"image\"]\ncodec = \"lz4\"\n";
        memory.write(&config, [&text[..], packs].concat());
        memory.settle();
        Self::of(profile, memory)
    }

    fn of(profile: &'static str, memory: MemorySystem) -> Self {
        let before = committed(&memory, Path::new(ROOT));
        let clean = clean_build(&before, &options(profile), 3);
        let pack_before = verify_pack(&memory, &out_dir(profile).join("main.pack")).1;
        Self { profile, memory, before, pack_before, clean }
    }

    fn pack_after(&self) -> Option<String> {
        assert!(matches!(self.clean.ending, Ending::Built { .. }), "the sample can be built");
        // The content digest, as `schema/pack.md` says where it is.
        Some(self.clean.files["main.pack"][16..48].iter().map(|it| format!("{it:02x}")).collect())
    }

    /// What a death leaves: the registry is old or new, all sixteen files of it; so is the pack, if it is said to be
    /// whole.
    fn check_left(&self, memory: &MemorySystem, pack_is_whole: bool, what: &str) {
        let now = committed(memory, Path::new(ROOT));
        let registry = registry_of(&now);
        assert_eq!(registry.len(), registry::N_FILES, "{what}");
        let is_old = registry == registry_of(&self.before);
        assert!(is_old || registry == self.clean.registry, "the registry is torn: {what}");
        let (problems, digest) = verify_pack(memory, &out_dir(self.profile).join("main.pack"));
        if digest.is_none() && self.pack_before.is_none() {
            return;
        }
        if pack_is_whole {
            assert_eq!(problems, [""; 0], "{what}");
            assert!(digest == self.pack_before || digest == self.pack_after(), "{what}");
            // An identity is registered before a pack names it.
            let registers = self.clean.registry != registry_of(&self.before);
            assert!(
                !is_old || !registers || digest == self.pack_before,
                "a pack of assets that are not registered: {what}"
            );
        }
    }

    /// A build without a fault makes everything as if nothing had happened.
    fn check_recovery(&self, memory: &MemorySystem, what: &str) {
        memory.settle();
        assert!(build(Arc::new(memory.clone()), self.profile), "{what}");
        let got = published(memory, &out_dir(self.profile));
        assert_eq!(difference(&got, &self.clean.files), [""; 0], "{what}");
        let now = committed(memory, Path::new(ROOT));
        assert_eq!(difference(&registry_of(&now), &self.clean.registry), [""; 0], "{what}");
        // Nobody but a lane that died in the middle leaves files among the committed ones.
        let mut visible = Vec::new();
        for entry in memory.open_dir(&Path::new(ROOT).join(registry::DIRECTORY)).unwrap().list(Path::new("")).unwrap() {
            visible.push(entry.name.into_string().unwrap());
        }
        visible.retain(|it| !it.ends_with(".jsonl"));
        assert_eq!(visible, [""; 0], "{what}");
    }

    /// Dies at every `stride`th step.
    fn die_everywhere(&self, stride: usize, torn: bool) {
        for k in (0..).step_by(stride) {
            let memory = self.memory.fork();
            let disk = FaultyDisk::over(&memory);
            let disk = Arc::new(if torn { disk.fail_torn_at(k) } else { disk.fail_at(k) });
            let built = build(disk.clone(), self.profile);
            let what = format!("{}, step {k}, torn {torn}, {:?}", self.profile, disk.trace().last());
            let is_over = disk.steps() <= k;
            assert!(built || !is_over, "{what}");
            drop(disk);
            self.check_left(&memory, true, &what);

            let synced = self.profile != "dev";
            let unsynced = [Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn, Unsynced::ByChance(k as u64)];
            let lost = memory.after_power_loss_with(unsynced[k % 4]);
            // A pack that was not synced may be torn; the next build recognises it.
            self.check_left(&lost, synced, &format!("{what}, then no power"));
            if k % 2 == 0 {
                self.die_again(&lost, k as u64, &format!("{what}, then no power"));
                self.check_recovery(&memory, &what);
            } else {
                self.die_again(&memory, k as u64, &what);
                self.check_recovery(&lost, &format!("{what}, then no power"));
            }
            if is_over {
                return;
            }
        }
    }

    /// Dies once more, during the build that would put things right.
    fn die_again(&self, memory: &MemorySystem, seed: u64, what: &str) {
        let j = Random::new(seed).below(60);
        let pack_was_whole = verify_pack(memory, &out_dir(self.profile).join("main.pack")).0.is_empty();
        let memory_again = memory.fork();
        build(Arc::new(FaultyDisk::over(&memory_again).fail_at(j)), self.profile);
        let what = format!("{what}, then step {j}");
        self.check_left(&memory_again, pack_was_whole, &what);
        self.check_recovery(&memory_again, &what);
    }
}

#[test]
fn r5_a_first_build_may_die_anywhere_split() {
    Case::first("dev").die_everywhere(1, false);
}

#[test]
fn r5_a_first_build_may_die_anywhere_single() {
    Case::first("release").die_everywhere(1, false);
}

#[test]
fn r5_a_next_build_may_die_anywhere_split() {
    Case::next("dev").die_everywhere(1, false);
}

#[test]
fn r5_a_next_build_may_die_anywhere_single() {
    Case::next("release").die_everywhere(1, false);
}

/// After a loss of power what was never synced may be back, a pack that is not defined any more too: so only where all is.
#[test]
fn r5_a_build_of_other_packs_may_die_anywhere() {
    Case::other_packs("release").die_everywhere(1, false);
}

#[test]
fn r5_a_build_may_die_halfway_through_any_write() {
    for case in [Case::first("strict"), Case::next("dev"), Case::next("release")] {
        case.die_everywhere(3, true);
    }
}

/// One step alone fails and the process lives on: the cache does without, everything else refuses, and nothing lies.
#[test]
fn r5_any_one_step_may_fail() {
    for case in [Case::first("dev"), Case::next("release")] {
        for k in 0.. {
            let memory = case.memory.fork();
            let disk = Arc::new(FaultyDisk::over(&memory).fail_once_at(k, std::io::ErrorKind::StorageFull));
            let built = build(disk.clone(), case.profile);
            let what = format!("{}, step {k}, {:?}", case.profile, disk.trace().get(k));
            case.check_left(&memory, true, &what);
            if built {
                let got = published(&memory, &out_dir(case.profile));
                let unswept = |it: &String| it.contains(".parts/") && !case.clean.files.contains_key(it);
                let got = got.into_iter().filter(|it| !unswept(&it.0)).collect();
                assert_eq!(difference(&got, &case.clean.files), [""; 0], "{what}");
            }
            case.check_recovery(&memory, &what);
            if disk.steps() <= k {
                break;
            }
        }
    }
}
