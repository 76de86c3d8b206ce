//! Replacing a file in two steps: write the new one where nobody looks, then give it the name.
//!
//! [`stage`] writes a temporary file beside the target and [`Staged::publish`] renames it; whoever opens the
//! target finds the old bytes or the new ones, never a part. What is assumed of the disk: a rename within
//! one directory is atomic; with [`Durability::Synced`] also that a synced file and a synced directory
//! survive a power loss.
//!
//! # Limitations
//!
//! - The caller holds the lock under which the target is written: there is one temporary name per target,
//!   so that what a crash left is replaced by the next writer and does not pile up.
//! - The new file has the permissions of any new file, whatever the old one had.
//! - A target that is a link is replaced by a file; what the link leads to stays as it is.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::{Disk, NewFile};
use crate::model::Digest;

/// How the name of a file begins that was staged and never published.
const STAGED_PREFIX: &str = ".packwright-staged-";

const GITIGNORE: &str = "# Made by packwright; nothing in here is for version control.\n*\n";
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory was made by packwright. See https://bford.info/cachedir/ for what the tag means.\n";

/// Whether a replacement survives a power loss from the moment it was published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The file is synced before it gets its name, the directory after.
    Synced,
    /// Nothing is synced: after a power loss the file may be old, new, torn or empty.
    Unsynced,
}

/// A new file that has not got its name yet. Dropping it removes it.
#[must_use = "dropping it removes what was staged; publish it"]
pub struct Staged<'a> {
    disk: &'a dyn Disk,
    temp: PathBuf,
    target: PathBuf,
    durability: Durability,
    published: bool,
}

/// Writes `bytes` as the file that is to become `target`.
///
/// The target's directory must exist, and the caller must hold the lock under which it is written.
pub fn stage<'a>(disk: &'a dyn Disk, target: &Path, bytes: &[u8], durability: Durability) -> io::Result<Staged<'a>> {
    stage_with(disk, target, durability, |file| file.write_all(bytes))
}

/// Like [`stage`], for contents that `write` writes piece by piece.
pub fn stage_with<'a>(
    disk: &'a dyn Disk,
    target: &Path,
    durability: Durability,
    write: impl FnOnce(&mut dyn NewFile) -> io::Result<()>,
) -> io::Result<Staged<'a>> {
    let temp = temporary(target);
    let mut file = create_anew(disk, &temp)?;
    // From here on an early return drops the staged file, and that removes it.
    let staged = Staged { disk, temp, target: target.to_owned(), durability, published: false };
    write(&mut *file)?;
    if durability == Durability::Synced {
        file.sync()?;
    }
    Ok(staged)
}

impl Staged<'_> {
    /// Returns where the staged file lies.
    pub fn path(&self) -> &Path {
        &self.temp
    }

    /// Gives the file its name, replacing what has it.
    ///
    /// After an error the target may be old or new: when only the directory's sync failed, it is new but
    /// may not survive a power loss.
    pub fn publish(self) -> io::Result<()> {
        let (disk, durability) = (self.disk, self.durability);
        let dir = self.target.parent().map(Path::to_owned);
        self.publish_name()?;
        match (durability, dir) {
            (Durability::Synced, Some(dir)) => disk.sync_dir(&dir),
            _ => Ok(()),
        }
    }

    /// Gives the file its name and leaves it to the caller to sync the directory: once, after many files.
    pub fn publish_name(mut self) -> io::Result<()> {
        self.disk.rename(&self.temp, &self.target)?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.published {
            // Nobody can be told, and the next writer of this target replaces what stays.
            let _ = self.disk.remove_file(&self.temp);
        }
    }
}

/// Returns whether a file with this name was staged by somebody; without a writer at work it is a leftover.
pub fn is_staged_name(name: &OsStr) -> bool {
    name.to_str().is_some_and(|it| it.starts_with(STAGED_PREFIX))
}

/// Creates a file; one that is there already is a leftover of a crash and is removed.
pub fn create_anew(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn NewFile>> {
    match disk.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove_file(path)?;
            disk.create(path)
        }
        outcome => outcome,
    }
}

/// Makes a directory that is packwright's own: ignored by git and by tools that make backups.
///
/// Safe to be done by many at once, without a lock.
pub fn ensure_own_dir(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    disk.create_dir_all(dir)?;
    ensure_file(disk, &dir.join(".gitignore"), GITIGNORE)?;
    ensure_file(disk, &dir.join("CACHEDIR.TAG"), CACHEDIR_TAG)
}

/// Writes a file where there is none, or an empty one that a power loss left.
fn ensure_file(disk: &dyn Disk, path: &Path, text: &str) -> io::Result<()> {
    match disk.stat(path) {
        Ok(stamp) if stamp.size > 0 => return Ok(()),
        Ok(_) => disk.remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match disk.write_new(path, text.as_bytes()) {
        // Somebody else was as quick.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

/// The name is made from the target's digest, because the target's own may be as long as names can be.
fn temporary(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().as_encoded_bytes();
    let digest = Digest::of(name).to_hex();
    target.with_file_name(format!("{STAGED_PREFIX}{}", &digest[..16]))
}

#[cfg(test)]
mod tests {
    use super::super::System;
    use super::super::faulty::FaultyDisk;
    use super::super::memory::{MemorySystem, Unsynced};
    use super::*;

    const TARGET: &str = "/d/out.pack";

    fn memory() -> MemorySystem {
        let memory = MemorySystem::new();
        memory.write(TARGET, b"old");
        memory
    }

    fn names(memory: &MemorySystem) -> usize {
        memory.open_dir(Path::new("/d")).and_then(|it| it.list(Path::new(""))).expect("a directory").len()
    }

    #[test]
    fn old_or_new_whatever_step_fails() {
        for torn in [false, true] {
            for k in 0.. {
                let disk = FaultyDisk::over(&memory());
                let disk = if torn { disk.fail_torn_at(k) } else { disk.fail_at(k) };
                let outcome = stage(&disk, Path::new(TARGET), b"new", Durability::Synced).and_then(Staged::publish);
                let lost = [Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn, Unsynced::ByChance(k as u64)];
                let mut worlds: Vec<_> = lost.map(|it| disk.memory().after_power_loss_with(it)).into();
                worlds.push(disk.memory().fork());
                for world in worlds {
                    let seen = world.get(TARGET).expect("it always has its name");
                    assert!(seen == b"new" || (seen == b"old" && outcome.is_err()), "step {k}: {seen:?}");
                    stage(&world, Path::new(TARGET), b"next", Durability::Synced)
                        .and_then(Staged::publish)
                        .expect("a leftover is in nobody's way");
                    assert_eq!((names(&world), world.get(TARGET)), (1, Some(b"next".to_vec())));
                }
                if outcome.is_ok() {
                    assert_eq!(k, disk.steps());
                    break;
                }
            }
        }
    }

    #[test]
    fn an_error_leaves_nothing_behind() {
        for k in 0..4 {
            let disk = FaultyDisk::over(&memory()).fail_once_at(k, io::ErrorKind::StorageFull);
            let outcome = stage(&disk, Path::new(TARGET), b"new", Durability::Synced).and_then(Staged::publish);
            assert_eq!(outcome.map_err(|it| it.kind()), Err(io::ErrorKind::StorageFull), "step {k}");
            assert_eq!((names(disk.memory()), disk.memory().get(TARGET)), (1, Some(b"old".to_vec())), "step {k}");
        }
    }

    #[test]
    fn what_is_dropped_is_gone() {
        let memory = memory();
        let staged = stage(&memory, Path::new(TARGET), b"new", Durability::Unsynced).expect("no fault");
        assert!(is_staged_name(staged.path().file_name().expect("a name")));
        assert_eq!(names(&memory), 2);
        drop(staged);
        assert_eq!((names(&memory), memory.get(TARGET)), (1, Some(b"old".to_vec())));
    }

    #[test]
    fn unsynced_means_not_one_sync() {
        let memory = memory();
        let before = memory.counters().counts();
        stage(&memory, Path::new(TARGET), b"new", Durability::Unsynced).and_then(Staged::publish).expect("no fault");
        assert_eq!(memory.counters().counts().since(before).syncs, 0);
    }

    #[test]
    fn the_longest_name_can_be_staged() {
        let target = PathBuf::from(format!("/d/{}", "x".repeat(255)));
        let memory = memory();
        stage(&memory, &target, b"new", Durability::Unsynced).and_then(Staged::publish).expect("no fault");
        assert_eq!(memory.get(&target), Some(b"new".to_vec()));
    }

    #[test]
    fn own_directories_are_marked_once() {
        let memory = MemorySystem::new();
        memory.write("/build/.gitignore", b"");
        let dir = Path::new("/build");
        ensure_own_dir(&memory, dir).expect("no fault");
        assert_eq!(memory.get("/build/.gitignore").as_deref(), Some(GITIGNORE.as_bytes()));
        assert!(memory.get("/build/CACHEDIR.TAG").is_some_and(|it| it.starts_with(b"Signature: 8a477f597d28d172")));
        let written = memory.counters().counts().files_written;
        ensure_own_dir(&memory, dir).expect("no fault");
        assert_eq!(memory.counters().counts().files_written, written);
    }
}
