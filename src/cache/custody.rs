//! Whether a database still is as its last writer left it.
//!
//! redb trusts its pages, and there are damaged ones on which it panics while it unwinds from a panic: that ends the
//! process, whatever fence is around it, and would end the next one too. So whoever writes leaves a note of the file's
//! fingerprint beside it, and whoever is about to write and finds the file otherwise has all of it checked first: it
//! was copied from elsewhere, left by a process that was killed or by another boot, or somebody damaged it.
//!
//! Knows files and fingerprints; knows nothing of redb.
//!
//! # Limitations
//!
//! - Damage that moves no fingerprint is not seen: a disk that forgets, or a write within the same step of the clock.
//! - Where boots have no name, neither is what a power loss tore.

use std::io;
use std::path::{Path, PathBuf};

use crate::system::staged::{self, Durability};
use crate::system::{Disk, Stamp};

/// A longer note is none, in bytes.
const LIMIT: u64 = 1024;

/// Returns where the note about the database at `path` lies.
pub fn note_path(path: &Path) -> PathBuf {
    let mut note = path.as_os_str().to_owned();
    note.push(".left");
    note.into()
}

/// Returns whether nothing happened to the database at `path` since its last writer left it. There is nothing to
/// doubt where there is no database, or an empty one.
pub fn is_as_left(disk: &dyn Disk, path: &Path) -> bool {
    match disk.stat(path) {
        Ok(stamp) if stamp.size > 0 => disk.read(&note_path(path), LIMIT).is_ok_and(|it| it == note(disk, stamp)),
        _ => true,
    }
}

/// Notes how the database at `path` is left.
///
/// # Errors
///
/// The disk's. Then the next writer has the whole database checked, and nothing else happens.
pub fn leave(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let note = note(disk, disk.stat(path)?);
    staged::stage(disk, &note_path(path), &note, Durability::Unsynced)?.publish()
}

fn note(disk: &dyn Disk, stamp: Stamp) -> Vec<u8> {
    format!("{}\n{stamp:?}\n", disk.boot_id()).into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cache::testing::{DIR, Random, Sample, store};
    use crate::cache::{CacheMode, Store};
    use crate::system::memory::MemorySystem;
    use crate::system::os::OsSystem;

    const FILE: &str = "/cache/a.redb";

    fn left() -> MemorySystem {
        let memory = MemorySystem::new();
        memory.write(FILE, b"rows");
        leave(&memory, Path::new(FILE)).expect("nothing is in the way");
        memory.settle();
        memory
    }

    fn is_as_left(memory: &MemorySystem) -> bool {
        super::is_as_left(memory, Path::new(FILE))
    }

    #[test]
    fn whatever_touches_a_database_raises_a_doubt() {
        assert!(is_as_left(&left()));
        let touches: [fn(&MemorySystem); 5] = [
            |it| it.write(FILE, b"more"),
            |it| it.write_keeping_times(FILE, b"more"),
            |it| it.remove(note_path(Path::new(FILE))),
            |it| it.write(note_path(Path::new(FILE)), b"all is well"),
            MemorySystem::reboot,
        ];
        for (nth, touch) in touches.into_iter().enumerate() {
            let memory = left();
            touch(&memory);
            assert!(!is_as_left(&memory), "touch {nth}");
        }
    }

    #[test]
    fn looking_up_raises_no_doubt() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let disk = Arc::new(OsSystem::new());
        let sample = Sample::new(1, 8);
        for _ in 0..2 {
            let store = Store::new(disk.clone(), temp.path(), CacheMode::Write);
            sample.put(&store);
            store.commit();
            let reader = Store::new(disk.clone(), temp.path(), CacheMode::Read);
            assert_eq!(sample.count(&reader, "read"), sample.len());
            drop(reader);
            assert!(super::is_as_left(&*disk, &temp.path().join("store.redb")));
        }
    }

    /// Half of the bits of a database are in pages that a commit neither reads nor is harmed by; most others would
    /// have gone unnoticed too, or worse.
    #[test]
    fn damage_that_nobody_read_is_found_before_anything_is_written() {
        let file = Path::new(DIR).join("store.redb");
        let memory = MemorySystem::new();
        for round in 0..4 {
            let store = store(&memory);
            Sample::new(round, 8).put(&store);
            store.commit();
        }
        let original = memory.get(&file).expect("it was committed");
        memory.settle();
        let mut found = 0;
        for seed in 1..=60 {
            let memory = memory.fork();
            let mut random = Random(seed * 0x9e37_79b9);
            let mut bytes = original.clone();
            for _ in 0..8 {
                bytes[random.below(original.len())] ^= 1 << random.below(8);
            }
            memory.write(&file, bytes);
            let store = store(&memory);
            Sample::new(9, 1).put(&store);
            store.commit();
            found += store.warnings().len();
        }
        assert!(found > 20, "{found} of 60");
    }

    #[test]
    fn nothing_is_nothing_to_doubt() {
        let memory = MemorySystem::new();
        assert!(is_as_left(&memory));
        memory.write(FILE, b"");
        assert!(is_as_left(&memory));
    }
}
