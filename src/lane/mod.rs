//! The lane: the only code that changes authoring files and the registry.
//!
//! Knows bytes, paths and [`Disk`]; knows nothing of assets, queries or the cache. One writer at a time
//! holds the lock; what it writes is a [`Commit`], a set of file changes that happen all or not at all.
//! After a crash anywhere in here, opening the workspace finds the old state or the new one. Readers never
//! wait: see [`read_through`] and [`Sight`].
//!
//! ```text
//! .packwright/lane/lock           held while somebody writes; its text says who; never removed
//! .packwright/lane/stage/7.0      new contents of the first file of commit 7, until they are in place
//! .packwright/lane/stage/7.0.taken  what was there, from that moment until it was looked at once more
//! .packwright/lane/undo/7.0       contents of that file before commit 7; kept for the last commits (see `undo`)
//! .packwright/lane/undo/7.0.after its contents after commit 7, unless it moved
//! .packwright/lane/kept/          files of somebody's that came out and could not go back; nothing removes them
//! .packwright/lane/journal        what is being applied (see `record`); it is there from the commit point on
//! .packwright/lane/log.jsonl      one line for each commit that was applied
//! ```
//!
//! A commit checks what its files must still be, writes and syncs `stage` and `undo`, checks again, and
//! publishes the journal: the commit point. Then it swaps names, removes, appends to the log, and removes the journal. If
//! a file turns out to be edited by somebody after the commit point, be it when their file has come out already, their
//! edit stays or goes back (see `swap`), and the files already replaced get their former contents back: the commit is
//! refused as if it had never begun.
//!
//! A file that moves gets its new name first, and loses the old one when the new one is durable: at every moment it has
//! one of them. Contents for `undo` are the replaced file itself under a second name. Where files have but one name,
//! they are copied, and moved files are renamed.
//!
//! # Limitations
//!
//! - Where names cannot be swapped (Windows, some network file systems, a file on another file system than the
//!   workspace's own) some microseconds lie between the last look at a file and the rename over it, in which a file that
//!   somebody puts in its place would be overwritten.
//! - Who has a file open since before it was replaced, and writes into it after it was looked at, writes into what `undo`
//!   keeps.
//! - Of a file that is replaced the permission bits are kept (on Unix), not its owner or other attributes. Links are
//!   refused.
//! - A new name that differs from the old one in case only is taken already where case does not count.

mod commit;
mod file;
mod log;
mod queue;
mod read;
mod record;
mod recover;
mod stray;
mod swap;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::staged;
use crate::system::{Disk, Lock, System};

pub use commit::StagedCommit;
pub use file::digest_of;
pub use log::{Entry, Log, LoggedChange, entries, log};
pub use queue::Queue;
pub use read::{Moment, Sight, moment, quiet_moment, read_file_through, read_through, wait_until_free};
use record::Item;
pub use recover::Recovery;
pub use stray::{Stray, strays};
pub use undo::{Obstacle, Reversal, after_contents, before_contents, reversal};

/// Longer authoring files are none.
const FILE_LIMIT: u64 = 1 << 30;
/// The first wait for the lock; each further one is twice as long, up to the second number.
const WAITS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(100)];
/// How often the lock is tried before it is given up, and how long it takes to ask for it and let it go.
const LAST_TRIES: u32 = 3;
const A_LOOK: Duration = Duration::from_millis(1);

/// File changes that happen all or not at all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Commit {
    /// What the commit does, in a few words, for the log: `register 3 assets`.
    pub title: String,
    /// The changes. No file is named twice, here and in the moves together.
    pub changes: Vec<Change>,
    /// The files that get another name.
    pub moves: Vec<Move>,
    /// Directories that are made, whatever comes into them; those of new files are made besides.
    pub make: Vec<RelPath>,
    /// Directories that are removed if nothing is left in them afterwards.
    pub prune: Vec<RelPath>,
    /// Files that must be what is said here, `None` that there is none, and stay it: conditions and nothing else.
    pub holds: Vec<(RelPath, Option<Digest>)>,
    /// The number of the commit that this one reverts.
    pub undoes: Option<u64>,
    /// Who commits it, for the log; whoever holds the lane where none is given.
    pub by: Option<String>,
    /// Permission bits of files that are made anew; those without get the usual ones. Files that are replaced keep theirs.
    pub modes: BTreeMap<RelPath, u32>,
}

impl Commit {
    /// Returns a commit that changes nothing yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Returns whether the commit changes no file, makes no directory and takes nothing back.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.moves.is_empty() && self.make.is_empty() && self.undoes.is_none()
    }
}

/// One file that gets another name, whatever its size: it is neither copied nor held in memory where the file system
/// can do without. Nothing may have the new name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move {
    /// The file. Never below `.packwright`.
    pub from: RelPath,
    /// Its new name, for which directories are made.
    pub to: RelPath,
    /// The digest it must still have.
    pub expect: Digest,
}

/// One file's part of a [`Commit`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The file. Never below `.packwright`.
    pub path: RelPath,
    /// The digest it must still have; `None` when there must be no such file.
    pub expect: Option<Digest>,
    /// Its new contents; `None` removes it.
    pub content: Option<Vec<u8>>,
}

/// The lane of one workspace, held until it is dropped.
pub struct Lane<'a> {
    disk: &'a dyn Disk,
    home: Home,
    recovered: Recovery,
    /// Who holds it, and since when by the file system's clock.
    command: String,
    since: Option<String>,
    _lock: Box<dyn Lock>,
}

/// Where the lane keeps its things.
#[derive(Clone)]
struct Home {
    root: PathBuf,
}

impl Home {
    fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Returns the native path of a file of the workspace.
    fn target(&self, path: &RelPath) -> PathBuf {
        if path.is_root() { self.root.clone() } else { self.root.join(path.as_str()) }
    }

    fn own(&self) -> PathBuf {
        self.root.join(".packwright")
    }

    fn dir(&self) -> PathBuf {
        self.own().join("lane")
    }

    fn lock(&self) -> PathBuf {
        self.dir().join("lock")
    }

    fn journal(&self) -> PathBuf {
        self.dir().join("journal")
    }

    fn log(&self) -> PathBuf {
        self.dir().join("log.jsonl")
    }

    fn stage_dir(&self) -> PathBuf {
        self.dir().join("stage")
    }

    fn kept_dir(&self) -> PathBuf {
        self.dir().join("kept")
    }

    fn undo_dir(&self) -> PathBuf {
        self.dir().join("undo")
    }

    fn stage(&self, item: Item<'_>) -> PathBuf {
        self.stage_dir().join(format!("{}.{}", item.sequence, item.index))
    }

    /// Where that goes which had the name of a file until it was replaced or removed, to be looked at.
    fn taken(&self, item: Item<'_>) -> PathBuf {
        self.stage_dir().join(format!("{}.{}.taken", item.sequence, item.index))
    }

    fn undo(&self, item: Item<'_>) -> PathBuf {
        self.undo_of(item.sequence, item.index)
    }

    fn redo(&self, item: Item<'_>) -> PathBuf {
        self.redo_of(item.sequence, item.index)
    }

    fn redo_of(&self, sequence: u64, index: usize) -> PathBuf {
        self.undo_dir().join(format!("{sequence}.{index}.after"))
    }

    fn undo_of(&self, sequence: u64, index: usize) -> PathBuf {
        self.undo_dir().join(format!("{sequence}.{index}"))
    }
}

/// Finishes or takes back what a crash left half done, if there is anything and nobody else is at it.
///
/// Called whenever a workspace is opened. Costs one `stat` where nothing is to be done. Where it cannot be
/// done now (somebody holds the lane, the workspace is read-only) readers see through the journal.
pub fn open(disk: &dyn Disk, root: &Path, command: &str, pid: u32) -> Result<Recovery> {
    let home = Home::new(root);
    match disk.stat(&home.journal()) {
        Err(error) if is_absence(&error) => return Ok(Recovery::Nothing),
        outcome => outcome.context("read", &home.journal())?,
    };
    match Lane::acquire(disk, root, command, pid, Duration::ZERO) {
        Ok(lane) => Ok(lane.recovered.clone()),
        Err(Error::Busy { .. }) => Ok(Recovery::LeftToOthers),
        Err(Error::Io { source, .. }) if is_refusal(&source) => Ok(Recovery::LeftToOthers),
        Err(error) => Err(error),
    }
}

impl<'a> Lane<'a> {
    /// Takes the lane of the workspace at `root`, and finishes or takes back what a crash left half done.
    ///
    /// `command` and `pid` are told to those who must wait. [`Error::Busy`] when somebody else holds the
    /// lane for longer than `wait`.
    pub fn acquire(disk: &'a dyn Disk, root: &Path, command: &str, pid: u32, wait: Duration) -> Result<Self> {
        Self::acquire_telling(disk, root, command, pid, wait, &mut |_| Ok(()))
    }

    /// As [`Lane::acquire`], and tells who holds the lane: at first, and again and again while it waits. An error that
    /// `tell` returns ends the wait.
    pub fn acquire_telling(
        disk: &'a dyn Disk,
        root: &Path,
        command: &str,
        pid: u32,
        wait: Duration,
        tell: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<Self> {
        let home = Home::new(root);
        staged::ensure_own_dir(disk, &home.own()).context("write", &home.own())?;
        for dir in [home.stage_dir(), home.undo_dir()] {
            disk.create_dir_all(&dir).context("create", &dir)?;
        }
        let lock = wait_for_lock(disk, &home, wait, tell)?;
        // Who holds it is a courtesy to others: failing to say so is no reason to fail.
        let since = describe(disk, &home, &*lock, command, pid).ok();
        let recovered = recover::recover(disk, &home)?;
        Ok(Self { disk, home, recovered, command: command.to_owned(), since, _lock: lock })
    }

    /// Returns what a crash had left half done, and what became of it.
    pub fn recovered(&self) -> &Recovery {
        &self.recovered
    }
}

/// Takes back a journal that is perhaps not durable. Only when its removal is, may staged files go.
fn withdraw(disk: &dyn Disk, home: &Home) -> io::Result<()> {
    match disk.remove_file(&home.journal()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk.sync_dir(&home.dir()),
    }
}

fn wait_for_lock(
    disk: &dyn Disk,
    home: &Home,
    wait: Duration,
    tell: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<Box<dyn Lock>> {
    let path = home.lock();
    let mut waited = Duration::ZERO;
    let mut next = WAITS[0];
    // Who only asks whether somebody is at work has the lock for a moment, and is nobody to give up for.
    let mut last_tries = LAST_TRIES;
    loop {
        if let Some(lock) = disk.try_lock(&path, false).context("lock", &path)? {
            return Ok(lock);
        }
        if waited >= wait && last_tries > 0 {
            last_tries -= 1;
            disk.pause(A_LOOK);
            continue;
        }
        if waited >= wait {
            return Err(Error::Busy { what: "the lane".to_owned(), holder: holder(disk, &path) });
        }
        tell(&holder(disk, &path))?;
        let now = next.min(wait - waited);
        disk.pause(now);
        waited += now;
        next = (next * 2).min(WAITS[1]);
    }
}

/// Writes down who holds the lane; returns since when. The lock file's own mtime, once it is written, says since when.
fn describe(disk: &dyn Disk, home: &Home, lock: &dyn Lock, command: &str, pid: u32) -> io::Result<String> {
    let who = format!("{command}, process {pid}");
    lock.describe(&who)?;
    let since = disk.stat(&home.lock())?.mtime_ns;
    let since = utc(since.div_euclid(1_000_000_000));
    lock.describe(&format!("{who}, since {since}"))?;
    Ok(since)
}

/// Returns who holds the lane of the workspace at `root`, or held it last, as it said of itself.
pub fn holder_of(sys: &dyn System, root: &Path) -> String {
    holder(sys, &Home::new(root).lock())
}

/// Returns what the lock file says, fit to be printed.
fn holder(sys: &dyn System, lock: &Path) -> String {
    let text = sys.read(lock, 4096).unwrap_or_default();
    let text: String = String::from_utf8_lossy(&text).chars().filter(|it| !it.is_control()).collect();
    if text.is_empty() { "it does not say who it is".to_owned() } else { text }
}

/// Writes a time, in seconds since 1970, as `2025-11-23 03:44:22 UTC`.
fn utc(seconds: i64) -> String {
    let (mut day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut year = 1970;
    let days_in = |year: i64| if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 366 } else { 365 };
    while day < 0 {
        year -= 1;
        day += days_in(year);
    }
    while day >= days_in(year) {
        day -= days_in(year);
        year += 1;
    }
    let february = days_in(year) - 337;
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02} UTC", day + 1)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}
