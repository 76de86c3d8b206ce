//! Finishing a commit that is in the journal: the same code right after the commit point and after a crash.
//!
//! All of it may be interrupted anywhere and done again. The lock is held.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::record::{Decoded, Direction, Record, RecordedChange, Standing, direction};
use super::{FILE_LIMIT, Home, is_absence, log, withdraw};
use crate::error::{Error, IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::staged::{self, Durability};
use crate::system::{Disk, FileKind, System};

/// For so many commits it is kept what the files held before them.
pub(super) const UNDO_KEPT: u64 = 20;

/// What a crash had left half done, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// There was nothing.
    Nothing,
    /// A commit was finished.
    Finished {
        /// Its title.
        title: String,
    },
    /// A commit was taken back, because somebody had edited one of its files in the meantime.
    TakenBack {
        /// Its title.
        title: String,
        /// The edited file, which was left as it is.
        path: RelPath,
    },
    /// The journal was damaged, so that the commit never was; it is gone.
    Discarded,
    /// There is something, but another process holds the lane, or nothing may be written here.
    LeftToOthers,
}

/// Finishes or takes back what is in the journal, and clears what no journal speaks of.
pub(super) fn recover(disk: &dyn Disk, home: &Home) -> Result<Recovery> {
    let journal = home.journal();
    // What is seen there may not be durable: a journal to be followed, or the removal of an older one.
    disk.sync_dir(&home.dir()).context("sync", &home.dir())?;
    let recovery = match read_journal(disk, home)? {
        None => Recovery::Nothing,
        Some(bytes) => match Record::decode(&bytes) {
            Decoded::Record(record) => match finish(disk, home, &record)? {
                None => Recovery::Finished { title: record.title },
                Some(path) => Recovery::TakenBack { title: record.title, path },
            },
            Decoded::Damaged => {
                withdraw(disk, home).context("remove", &journal)?;
                Recovery::Discarded
            }
            Decoded::Foreign => return Err(unknown_version(&journal)),
        },
    };
    clear_stage(disk, home);
    Ok(recovery)
}

/// Returns the journal's bytes, or `None` where there is no journal.
pub(super) fn read_journal(sys: &dyn System, home: &Home) -> Result<Option<Vec<u8>>> {
    match sys.read(&home.journal(), FILE_LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error).context("read", &home.journal()),
    }
}

pub(super) fn unknown_version(journal: &Path) -> Error {
    let source = io::Error::new(
        io::ErrorKind::InvalidData,
        "a newer packwright left a commit unfinished; finish it with that one",
    );
    Error::Io { action: "read", path: journal.to_owned(), source }
}

/// Applies a record whose journal is durable, or takes it back; removes the journal.
///
/// Returns the file whose edit by somebody else was in the way, if one was.
pub(super) fn finish(disk: &dyn Disk, home: &Home, record: &Record) -> Result<Option<RelPath>> {
    let refused = apply(disk, home, record)?;
    match refused {
        None => log::append(disk, home, record)?,
        Some(_) => take_back(disk, home, record)?,
    }
    withdraw(disk, home).context("remove", &home.journal())?;
    match refused {
        None => tidy(disk, home, record),
        Some(_) => discard_files(disk, home, record),
    }
    Ok(refused)
}

/// Removes the directories that lost their last file, and what was kept to undo commits of long ago. What cannot be
/// removed stays: nothing depends on it.
fn tidy(disk: &dyn Disk, home: &Home, record: &Record) {
    for change in record.changes.iter().filter(|it| it.after.is_none()) {
        let is_below = |dir: &RelPath| record.prune.iter().any(|it| it.strip(dir.as_str()).is_some());
        let mut above = change.path.parent();
        while let Some(dir) = above.filter(is_below) {
            if disk.remove_dir(&home.target(&dir)).is_err() {
                break;
            }
            above = dir.parent();
        }
    }
    let dir = home.undo_dir();
    let entries = disk.open_dir(&dir).and_then(|it| it.list(Path::new("")));
    for entry in entries.unwrap_or_default() {
        let number = entry.name.to_str().and_then(|it| it.split_once('.')?.0.parse::<u64>().ok());
        if number.is_some_and(|it| it + UNDO_KEPT <= record.sequence) {
            let _ = disk.remove_file(&dir.join(entry.name));
        }
    }
}

/// Puts all new contents in place, unless a file is edited: then it stops and says which.
fn apply(disk: &dyn Disk, home: &Home, record: &Record) -> Result<Option<RelPath>> {
    let standings = standings(disk, home, record)?;
    if direction(&standings) == Direction::Back {
        let in_the_way = |it: &Standing| matches!(it, Standing::Edited | Standing::Stuck);
        let index = standings.iter().position(in_the_way).expect("something made the direction Back");
        return Ok(Some(record.changes[index].path.clone()));
    }
    // Before the first last look: nothing may take time between that and the rename.
    create_dirs(disk, home, record)?;
    for (index, change) in record.changes.iter().enumerate() {
        // Time has passed, other files were written: look again.
        match standing(disk, home, record, index)? {
            Standing::Done => {}
            Standing::Pending => replace(disk, home, record, index)?,
            Standing::Stuck | Standing::Edited => return Ok(Some(change.path.clone())),
        }
    }
    sync_targets(disk, home, record)?;
    Ok(None)
}

/// Makes the directories of new files.
fn create_dirs(disk: &dyn Disk, home: &Home, record: &Record) -> Result<()> {
    let new = record.changes.iter().filter(|it| it.before.is_none());
    let dirs: BTreeSet<PathBuf> = new.filter_map(|it| it.path.parent()).map(|it| home.target(&it)).collect();
    dirs.iter().try_for_each(|dir| disk.create_dir_all(dir).context("create", dir))
}

/// Puts one new content in place.
fn replace(disk: &dyn Disk, home: &Home, record: &Record, index: usize) -> Result<()> {
    let change = &record.changes[index];
    let target = home.target(&change.path);
    if change.after.is_none() {
        return disk.remove_file(&target).context("remove", &target);
    }
    let stage = home.stage(record.sequence, index);
    match disk.rename(&stage, &target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_over(disk, &stage, &target),
        outcome => outcome.context("write", &target),
    }
}

/// Gives `target` the contents of `from`, by a file staged beside it.
fn copy_over(disk: &dyn Disk, from: &Path, target: &Path) -> Result<()> {
    let bytes = disk.read(from, FILE_LIMIT).context("read", from)?;
    staged::stage(disk, target, &bytes, Durability::Synced).and_then(staged::Staged::publish).context("write", target)
}

/// Gives the files that were replaced already their former contents.
fn take_back(disk: &dyn Disk, home: &Home, record: &Record) -> Result<()> {
    for (index, change) in record.changes.iter().enumerate() {
        if standing(disk, home, record, index)? != Standing::Done {
            continue;
        }
        let target = home.target(&change.path);
        let undo = home.undo(record.sequence, index);
        match change.before {
            None => disk.remove_file(&target).context("remove", &target)?,
            Some(before) if holds(disk, &undo, before)? => copy_over(disk, &undo, &target)?,
            Some(_) => {
                let source = io::Error::new(io::ErrorKind::InvalidData, "it does not hold what the journal says");
                return Err(Error::Io { action: "restore from", path: undo, source });
            }
        }
    }
    sync_targets(disk, home, record)
}

/// Makes all names durable that a record may have changed.
fn sync_targets(disk: &dyn Disk, home: &Home, record: &Record) -> Result<()> {
    let mut dirs: BTreeSet<PathBuf> = BTreeSet::new();
    for change in &record.changes {
        let mut above = change.path.parent();
        while let Some(dir) = above {
            dirs.insert(home.target(&dir));
            // Above a file that was there, nothing was created.
            above = if change.before.is_none() { dir.parent() } else { None };
        }
    }
    for dir in dirs {
        match disk.sync_dir(&dir) {
            // The commit was taken back before the directory was made.
            Err(error) if is_absence(&error) => {}
            outcome => outcome.context("sync", &dir)?,
        }
    }
    Ok(())
}

/// Looks at every file of a record.
pub(super) fn standings(sys: &dyn System, home: &Home, record: &Record) -> Result<Vec<Standing>> {
    (0..record.changes.len()).map(|index| standing(sys, home, record, index)).collect()
}

fn standing(sys: &dyn System, home: &Home, record: &Record, index: usize) -> Result<Standing> {
    let RecordedChange { path, before, after } = &record.changes[index];
    let now = match current(sys, &home.target(path))? {
        Current::Odd => return Ok(Standing::Edited),
        Current::Absent => None,
        Current::File(digest) => Some(digest),
    };
    if now == *after {
        return Ok(Standing::Done);
    }
    if now != *before {
        return Ok(Standing::Edited);
    }
    let at_hand = match after {
        Some(after) => holds(sys, &home.stage(record.sequence, index), *after)?,
        None => true,
    };
    Ok(if at_hand { Standing::Pending } else { Standing::Stuck })
}

/// What is at a path.
enum Current {
    Absent,
    File(Digest),
    /// A directory, link or the like.
    Odd,
}

fn current(sys: &dyn System, path: &Path) -> Result<Current> {
    let bytes = match sys.stat(path) {
        Ok(stamp) if stamp.kind != FileKind::File => return Ok(Current::Odd),
        Ok(_) => sys.read(path, FILE_LIMIT),
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => Ok(Current::File(Digest::of(&bytes))),
        Err(error) if is_absence(&error) => Ok(Current::Absent),
        Err(error) => Err(error).context("read", path),
    }
}

fn holds(sys: &dyn System, path: &Path, digest: Digest) -> Result<bool> {
    Ok(matches!(current(sys, path)?, Current::File(it) if it == digest))
}

/// Removes all staged files. Without a journal nobody needs them, and what cannot be removed now is
/// removed or replaced next time.
pub(super) fn clear_stage(disk: &dyn Disk, home: &Home) {
    let dir = home.stage_dir();
    let entries = disk.open_dir(&dir).and_then(|it| it.list(Path::new("")));
    for entry in entries.unwrap_or_default() {
        let _ = disk.remove_file(&dir.join(entry.name));
    }
}

/// Removes what was written for a commit that is not to be. Nobody needs it, and what cannot be removed now
/// the next commit replaces.
pub(super) fn discard_files(disk: &dyn Disk, home: &Home, record: &Record) {
    for index in 0..record.changes.len() {
        let _ = disk.remove_file(&home.stage(record.sequence, index));
        let _ = disk.remove_file(&home.undo(record.sequence, index));
        let _ = disk.remove_file(&home.redo(record.sequence, index));
    }
}
