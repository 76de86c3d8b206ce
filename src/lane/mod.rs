//! The lane: the only code that changes authoring files and the registry.
//!
//! Knows bytes, paths and [`Disk`]; knows nothing of assets, queries or the cache. One writer at a time
//! holds the lock; what it writes is a [`Commit`], a set of file changes that happen all or not at all.
//! After a crash anywhere in here, opening the workspace finds the old state or the new one. Readers never
//! wait: see [`read_through`].
//!
//! ```text
//! .packwright/lane/lock           held while somebody writes; its text says who; never removed
//! .packwright/lane/stage/7.0      new contents of the first file of commit 7, until it is renamed into place
//! .packwright/lane/undo/7.0       contents of that file before commit 7, for the last twenty commits
//! .packwright/lane/undo/7.0.after its contents after commit 7, unless it moved
//! .packwright/lane/journal        what is being applied (see `record`); it is there from the commit point on
//! .packwright/lane/log.jsonl      one line for each commit that was applied
//! ```
//!
//! A commit checks what its files must still be, writes and syncs `stage` and `undo`, checks again, and
//! publishes the journal: the commit point. Then it renames, appends to the log, and removes the journal. If
//! a file turns out to be edited by somebody after the commit point, their edit stays and the files already
//! replaced get their former contents back: the commit is refused as if it had never begun.
//!
//! # Limitations
//!
//! - Between the last look at a file and the rename over it lie some microseconds in which an edit would be
//!   overwritten; `undo` does not have it.
//! - A file that is replaced or moved gets the permissions of a new file. Links are refused, and files above 1 GiB.
//! - Directories that a removal leaves empty stay where a crash comes right after the commit.

mod log;
mod read;
mod record;
mod recover;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::staged::{self, Durability};
use crate::system::{Disk, FileKind, Lock, System};

pub use log::{Entry, LoggedChange, after_contents, before_contents, entries};
pub use read::{Moment, Overlay, journal_overlay, moment, quiet_moment, read_file_through, read_through};
use record::{Record, RecordedChange};
pub use recover::Recovery;

/// Longer authoring files are none.
const FILE_LIMIT: u64 = 1 << 30;
/// The first wait for the lock; each further one is twice as long, up to the second number.
const WAITS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(100)];

/// File changes that happen all or not at all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Commit {
    /// What the commit does, in a few words, for the log: `register 3 assets`.
    pub title: String,
    /// The changes. No file is named twice, here and in the moves together.
    pub changes: Vec<Change>,
    /// The files that get another name.
    pub moves: Vec<Move>,
    /// Directories below these that lose their last file are removed. Not these themselves.
    pub prune: Vec<RelPath>,
    /// The number of the commit that this one reverts.
    pub undoes: Option<u64>,
}

impl Commit {
    /// Returns a commit that changes nothing yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Returns whether the commit names no file and takes nothing back.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.moves.is_empty() && self.undoes.is_none()
    }
}

/// One file that gets another name. Nothing may have that. It is copied on the way, twice: into place, and for `undo`.
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
    _lock: Box<dyn Lock>,
}

/// A commit that is written but not yet in force. Dropping it removes what was written.
#[must_use = "dropping it discards the commit; publish it"]
pub struct StagedCommit<'a> {
    lane: &'a Lane<'a>,
    /// Also those files that keep their bytes: they must hold still all the same.
    expected: Vec<(RelPath, Option<Digest>)>,
    record: Record,
    fate: Fate,
}

/// What is to become of the files that were written for a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nobody needs them.
    Discard,
    /// They are needed to finish or take back a commit that is in the journal, or to undo it.
    Keep,
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

    fn undo_dir(&self) -> PathBuf {
        self.dir().join("undo")
    }

    fn stage(&self, sequence: u64, index: usize) -> PathBuf {
        self.stage_dir().join(format!("{sequence}.{index}"))
    }

    fn undo(&self, sequence: u64, index: usize) -> PathBuf {
        self.undo_dir().join(format!("{sequence}.{index}"))
    }

    fn redo(&self, sequence: u64, index: usize) -> PathBuf {
        self.undo_dir().join(format!("{sequence}.{index}.after"))
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
        let _ = describe(disk, &home, &*lock, command, pid);
        let recovered = recover::recover(disk, &home)?;
        Ok(Self { disk, home, recovered, _lock: lock })
    }

    /// Returns what a crash had left half done, and what became of it.
    pub fn recovered(&self) -> &Recovery {
        &self.recovered
    }

    /// Does all changes of a commit or none. Returns its number in the log; `None` where every file has the
    /// wished bytes already and nothing was written.
    ///
    /// [`Error::Conflict`] when a file is not what the commit expects: nothing has changed then. After an
    /// [`Error::Io`] either nothing has changed, or all has, or whoever opens the workspace next makes it so.
    pub fn commit(&mut self, commit: Commit) -> Result<Option<u64>> {
        self.stage(commit)?.publish()
    }

    /// Writes all that a commit needs, without changing anything that others see.
    pub fn stage(&mut self, commit: Commit) -> Result<StagedCommit<'_>> {
        // An earlier commit may have failed after its commit point.
        if recover::read_journal(self.disk, &self.home)?.is_some() {
            recover::recover(self.disk, &self.home)?;
        }
        let mut expected: Vec<_> = commit.changes.iter().map(|it| (it.path.clone(), it.expect)).collect();
        let ends = |it: &Move| [(it.from.clone(), Some(it.expect)), (it.to.clone(), None)];
        expected.extend(commit.moves.iter().flat_map(ends));
        self.validate(&expected)?;
        self.check_expected(&expected)?;
        let (mut changes, mut files) = effective(commit.changes);
        for Move { from, to, expect } in commit.moves {
            // First the new name, then the old one goes: whoever looks in between finds the file.
            changes.push(RecordedChange { path: to, before: None, after: Some(expect) });
            files.push(Some(Source::At(from.clone())));
            changes.push(RecordedChange { path: from, before: Some(expect), after: None });
            files.push(None);
        }
        let sequence = log::next_sequence(self.disk, &self.home)?;
        let made = self.dirs_to_make(&changes);
        let Commit { title, prune, undoes, .. } = commit;
        let record = Record { sequence, title, changes, prune, undoes, made };
        // Made before the first file, so that it cleans up if writing the second one fails.
        let staged = StagedCommit { lane: self, expected, record, fate: Fate::Discard };
        if !staged.record.is_nothing() {
            staged.lane.write_files(&staged.record, &files)?;
        }
        Ok(staged)
    }

    /// Returns the directories that the new files of a commit need and that are not there, sorted.
    fn dirs_to_make(&self, changes: &[RecordedChange]) -> Vec<RelPath> {
        let mut made = BTreeSet::new();
        for change in changes.iter().filter(|it| it.before.is_none()) {
            let mut above = change.path.parent();
            while let Some(dir) = above.filter(|it| !it.is_root() && !made.contains(it)) {
                if self.disk.stat(&self.home.target(&dir)).is_ok() {
                    break;
                }
                above = dir.parent();
                made.insert(dir);
            }
        }
        made.into_iter().collect()
    }

    /// Refuses what is no set of changes to files of this workspace.
    fn validate(&self, expected: &[(RelPath, Option<Digest>)]) -> Result<()> {
        let refuse = |path: &RelPath, problem: &'static str| {
            let source = io::Error::new(io::ErrorKind::InvalidInput, problem);
            Err(Error::Io { action: "write", path: self.home.target(path), source })
        };
        // Sorted by component, a directory comes right before what is in it.
        let mut sorted: Vec<&RelPath> = expected.iter().map(|(path, _)| path).collect();
        sorted.sort_by(|a, b| a.as_str().split('/').cmp(b.as_str().split('/')));
        for pair in sorted.windows(2) {
            if pair[0] == pair[1] || pair[0].strip(pair[1].as_str()).is_some() {
                return refuse(pair[1], "changed twice in one commit, or both a file and a directory");
            }
        }
        let root = self.disk.canonicalize(&self.home.root).context("read", &self.home.root)?;
        for path in sorted {
            if path.is_root() || path.as_str().split('/').next() == Some(".packwright") {
                return refuse(path, "not a file that the lane may write");
            }
            if let Some(problem) = self.misplacement(&root, path)? {
                return refuse(path, problem);
            }
        }
        Ok(())
    }

    /// Says why nothing may be written at `path`: some directory above is a file, or leads out of the
    /// workspace, or the path itself is taken by something that is no file.
    fn misplacement(&self, root: &Path, path: &RelPath) -> Result<Option<&'static str>> {
        let target = self.home.target(path);
        match self.disk.stat(&target) {
            Ok(stamp) if stamp.kind != FileKind::File => return Ok(Some("not a regular file")),
            _ => {}
        }
        let mut above = path.parent();
        while let Some(dir) = above {
            let native = self.home.target(&dir);
            match self.disk.canonicalize(&native) {
                Ok(real) if !real.starts_with(root) => return Ok(Some("a link leads out of the workspace")),
                Ok(real) => {
                    let kind = self.disk.stat(&real).context("read", &real)?.kind;
                    return Ok((kind != FileKind::Dir).then_some("a file is where a directory should be"));
                }
                Err(error) if is_absence(&error) => {}
                Err(error) => return Err(error).context("read", &native),
            }
            above = dir.parent();
        }
        Ok(None)
    }

    /// Checks that every file is what the commit expects.
    fn check_expected(&self, expected: &[(RelPath, Option<Digest>)]) -> Result<()> {
        expected.iter().try_for_each(|(path, expect)| self.read_expected(path, *expect).map(|_| ()))
    }

    /// Reads a file and checks that it is what the commit expects.
    fn read_expected(&self, path: &RelPath, expect: Option<Digest>) -> Result<Option<Vec<u8>>> {
        let target = self.home.target(path);
        let bytes = match self.disk.read(&target, FILE_LIMIT) {
            Ok(bytes) => Some(bytes),
            Err(error) if is_absence(&error) => None,
            Err(error) => return Err(error).context("read", &target),
        };
        if bytes.as_deref().map(Digest::of) == expect { Ok(bytes) } else { Err(Error::Conflict { path: target }) }
    }

    /// Writes and syncs the new and the former contents, one file after the other, and all directories on the way to
    /// them.
    fn write_files(&self, record: &Record, sources: &[Option<Source>]) -> Result<()> {
        let (home, sequence) = (&self.home, record.sequence);
        for (index, (change, source)) in record.changes.iter().zip(sources).enumerate() {
            let after = match source {
                None => None,
                Some(Source::Bytes(bytes)) => Some(Cow::Borrowed(bytes)),
                Some(Source::At(from)) => self.read_expected(from, change.after)?.map(Cow::Owned),
            };
            let before = self.read_expected(&change.path, change.before)?.map(Cow::Owned);
            for (path, bytes) in [(home.stage(sequence, index), after), (home.undo(sequence, index), before)] {
                if let Some(bytes) = bytes {
                    write_synced(self.disk, &path, &bytes).context("write", &path)?;
                }
            }
            // What is needed for `undo` alone is verified when it is used.
            if let Some(Source::Bytes(bytes)) = source {
                let path = home.redo(sequence, index);
                staged::create_anew(self.disk, &path).and_then(|mut it| it.write_all(bytes)).context("write", &path)?;
            }
        }
        // The lane's own directory was synced when the lane was taken, and is again with the journal.
        for dir in [home.stage_dir(), home.undo_dir(), home.own(), home.root.clone()] {
            self.disk.sync_dir(&dir).context("sync", &dir)?;
        }
        Ok(())
    }
}

impl StagedCommit<'_> {
    /// Puts the commit in force; see [`Lane::commit`].
    pub fn publish(mut self) -> Result<Option<u64>> {
        let (disk, home) = (self.lane.disk, &self.lane.home);
        if self.record.is_nothing() {
            self.lane.check_expected(&self.expected)?;
            return Ok(None);
        }
        let journal = home.journal();
        let entry = staged::stage(disk, &journal, &self.record.encode(), Durability::Synced);
        let entry = entry.context("write", &journal)?;
        self.lane.check_expected(&self.expected)?;
        // From here on the commit is in force, unless it is withdrawn.
        self.fate = Fate::Keep;
        if let Err(error) = entry.publish() {
            if withdraw(disk, home).is_ok() {
                self.fate = Fate::Discard;
            }
            return Err(error).context("write", &journal);
        }
        // A second try costs nothing and spares readers a journal, where the first met a passing error.
        let refused =
            recover::finish(disk, home, &self.record).or_else(|_| recover::finish(disk, home, &self.record))?;
        match refused {
            None => Ok(Some(self.record.sequence)),
            Some(path) => Err(Error::Conflict { path: home.target(&path) }),
        }
    }
}

impl Drop for StagedCommit<'_> {
    fn drop(&mut self) {
        if self.fate == Fate::Discard {
            recover::discard_files(self.lane.disk, &self.lane.home, &self.record);
        }
    }
}

/// Takes back a journal that is perhaps not durable. Only when its removal is, may staged files go.
fn withdraw(disk: &dyn Disk, home: &Home) -> io::Result<()> {
    match disk.remove_file(&home.journal()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk.sync_dir(&home.dir()),
    }
}

/// Where the new contents of a file come from.
enum Source {
    Bytes(Vec<u8>),
    /// Another file, which is not held in memory longer than it takes to write it down.
    At(RelPath),
}

/// Drops the changes that would give a file the bytes it has.
fn effective(changes: Vec<Change>) -> (Vec<RecordedChange>, Vec<Option<Source>>) {
    let mut effective = (Vec::new(), Vec::new());
    for change in changes {
        let after = change.content.as_deref().map(Digest::of);
        if after != change.expect {
            effective.0.push(RecordedChange { path: change.path, before: change.expect, after });
            effective.1.push(change.content.map(Source::Bytes));
        }
    }
    effective
}

fn write_synced(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = staged::create_anew(disk, path)?;
    file.write_all(bytes)?;
    file.sync()
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
    loop {
        if let Some(lock) = disk.try_lock(&path, false).context("lock", &path)? {
            return Ok(lock);
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

/// Writes down who holds the lane. The lock file's own mtime, once it is written, says since when.
fn describe(disk: &dyn Disk, home: &Home, lock: &dyn Lock, command: &str, pid: u32) -> io::Result<()> {
    let who = format!("{command}, process {pid}");
    lock.describe(&who)?;
    let since = disk.stat(&home.lock())?.mtime_ns;
    lock.describe(&format!("{who}, since {}", utc(since)))
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

/// Writes a time as `2025-11-23 03:44:22 UTC`.
fn utc(nanoseconds: i64) -> String {
    let seconds = nanoseconds.div_euclid(1_000_000_000);
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
