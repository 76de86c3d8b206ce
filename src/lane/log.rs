//! The operation log: what was committed, when and by whom.
//!
//! One JSON object a line. Only a last line can be torn by a crash, and then its commit is still in the journal and
//! writes it anew. Lines that say nothing are passed over, and told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::{Moved, Record, RecordedCommit};
use super::{FILE_LIMIT, Home, is_absence};
use crate::error::{IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::{Access, Disk, System};

/// How much of the log's end is read at first to find its last line, in bytes.
const TAIL: u64 = 1 << 16;

/// All that was committed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Log {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// The numbers, from 1, of lines that are not understood: torn, or written by something else.
    pub odd_lines: Vec<usize>,
}

/// One commit, as the log tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its number: 1 for the first, and so on.
    pub sequence: u64,
    /// What it did.
    pub title: String,
    /// Who did it: `packwright build`. Empty where that was not written down.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// When the lane was taken for it: `2025-11-23 03:44:22 UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The number of the commit that it reverted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// The files that it changed.
    pub files: Vec<LoggedChange>,
    /// The directories that it made, those above first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<RelPath>,
    /// The directories that went, those of them that were empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emptied: Vec<RelPath>,
}

/// What a commit did to one file; `None` where there was or is no file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LoggedChange {
    /// The file.
    pub path: RelPath,
    /// Its digest before.
    pub before: Option<Digest>,
    /// Its digest after.
    pub after: Option<Digest>,
    /// Where it was moved from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RelPath>,
    /// Where it was moved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RelPath>,
}

impl Log {
    /// Returns the commits that stand, those that are neither undone nor themselves an undo, oldest first.
    pub fn standing(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let undone: BTreeSet<u64> = self.entries.iter().filter_map(|it| it.undoes).collect();
        self.entries.iter().filter(move |it| it.undoes.is_none() && !undone.contains(&it.sequence))
    }

    /// Returns the newest commit that stands.
    pub fn last_standing(&self) -> Option<&Entry> {
        self.standing().next_back()
    }

    /// Returns the files of a commit that later ones changed that stand, each with the newest of those.
    pub fn changed_since<'a>(&'a self, entry: &'a Entry) -> BTreeMap<&'a RelPath, &'a Entry> {
        let own: BTreeSet<&RelPath> = entry.files.iter().map(|it| &it.path).collect();
        let mut since = BTreeMap::new();
        for later in self.standing().filter(|it| it.sequence > entry.sequence) {
            since.extend(later.files.iter().map(|it| &it.path).filter(|it| own.contains(it)).map(|it| (it, later)));
        }
        since
    }

    /// Returns the commit with this number.
    pub fn entry(&self, sequence: u64) -> Option<&Entry> {
        self.entries.iter().rev().find(|it| it.sequence == sequence)
    }

    /// Returns the number of the commit that reverted this one.
    pub fn undone_by(&self, sequence: u64) -> Option<u64> {
        self.entries.iter().find(|it| it.undoes == Some(sequence)).map(|it| it.sequence)
    }
}

impl From<&RecordedCommit> for Entry {
    fn from(commit: &RecordedCommit) -> Self {
        let files = commit.changes.iter().map(|it| {
            let (from, to) = match it.moved.clone() {
                Some(Moved::From(path)) => (Some(path), None),
                Some(Moved::To(path)) => (None, Some(path)),
                None => (None, None),
            };
            LoggedChange { path: it.path.clone(), before: it.before, after: it.after, from, to }
        });
        Self {
            sequence: commit.sequence,
            title: commit.title.clone(),
            command: commit.command.clone(),
            time: commit.time.clone(),
            undoes: commit.undoes,
            files: files.collect(),
            made: commit.made.clone(),
            emptied: commit.emptied.clone(),
        }
    }
}

/// Returns all that was committed in the workspace at `root`.
pub fn log(sys: &dyn System, root: &Path) -> Result<Log> {
    Ok(parse(&read(sys, &Home::new(root))?))
}

/// Returns all commits of the workspace at `root`, oldest first.
pub fn entries(sys: &dyn System, root: &Path) -> Result<Vec<Entry>> {
    Ok(log(sys, root)?.entries)
}

/// Returns the number of the next commit.
pub(super) fn next_sequence(sys: &dyn System, home: &Home) -> Result<u64> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "no number is left for a commit; remove the file");
    End::of(sys, home)?.last.checked_add(1).ok_or_else(damaged).context("read", &home.log())
}

/// Appends commits, unless they are there already, and makes them durable.
pub(super) fn append(disk: &dyn Disk, home: &Home, record: &Record) -> Result<()> {
    let path = home.log();
    let end = End::of(disk, home)?;
    let file = disk.open_random(&path, Access::Write).context("open", &path)?;
    let mut lines = Vec::new();
    for commit in record.commits.iter().filter(|it| it.sequence > end.last) {
        serde_json::to_writer(&mut lines, &Entry::from(commit)).expect("text, numbers and lists always serialize");
        lines.push(b'\n');
    }
    if !lines.is_empty() {
        // What follows the last whole line is torn. It goes first, or a longer one would outlive the new line.
        if end.length > end.whole {
            file.set_len(end.whole).context("write", &path)?;
        }
        file.write_all_at(&lines, end.whole).context("write", &path)?;
    }
    // Also where the lines were there: who wrote them may have died before they were durable. The same goes for
    // the log's name. Then the journal may go.
    file.sync().context("sync", &path)?;
    disk.sync_dir(&home.dir()).context("sync", &home.dir())
}

/// The end of the log.
struct End {
    /// The number of the last commit, 0 before the first.
    last: u64,
    length: u64,
    /// The length up to the end of the last whole line.
    whole: u64,
}

impl End {
    /// Reads as much of the end as is needed.
    fn of(sys: &dyn System, home: &Home) -> Result<Self> {
        let path = home.log();
        let mut wanted = TAIL;
        loop {
            let (start, bytes) = match tail(sys, &path, wanted) {
                Err(error) if is_absence(&error) => (0, Vec::new()),
                outcome => outcome.context("read", &path)?,
            };
            // Unless it begins with the log, its first line is not whole.
            let first =
                if start == 0 { 0 } else { bytes.iter().position(|it| *it == b'\n').map_or(bytes.len(), |it| it + 1) };
            let last = parse(&bytes[first..]).entries.iter().map(|it| it.sequence).max();
            if last.is_some() || start == 0 {
                let whole = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |at| start + at as u64 + 1);
                return Ok(Self { last: last.unwrap_or(0), length: start + bytes.len() as u64, whole });
            }
            wanted = wanted.saturating_mul(8);
        }
    }
}

/// Reads the last bytes of a file; returns where they begin.
fn tail(sys: &dyn System, path: &Path, wanted: u64) -> io::Result<(u64, Vec<u8>)> {
    let file = sys.open(path)?;
    let length = file.stat()?.size;
    let start = length.saturating_sub(wanted);
    let mut bytes = vec![0; usize::try_from(length - start).map_err(|_| io::ErrorKind::FileTooLarge)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok((start, bytes))
}

fn read(sys: &dyn System, home: &Home) -> Result<Vec<u8>> {
    match sys.read(&home.log(), FILE_LIMIT) {
        Err(error) if is_absence(&error) => Ok(Vec::new()),
        outcome => outcome.context("read", &home.log()),
    }
}

/// A line without its end is torn, even where it can be read.
fn parse(bytes: &[u8]) -> Log {
    let mut log = Log::default();
    for (at, line) in bytes.split_inclusive(|it| *it == b'\n').enumerate() {
        match serde_json::from_slice(line) {
            Ok(entry) if line.ends_with(b"\n") => log.entries.push(entry),
            _ if line.trim_ascii().is_empty() => {}
            _ => log.odd_lines.push(at + 1),
        }
    }
    log
}
