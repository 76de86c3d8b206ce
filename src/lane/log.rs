//! The operation log: what was committed, and what the files were before.
//!
//! One JSON object a line. Only a last line can be torn, and then its commit is still in the journal and
//! writes it anew; lines that say nothing are passed over.

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::{FILE_LIMIT, Home, is_absence, utc};
use crate::error::{IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::{Access, Disk, System};
use std::io;
use std::path::Path;

/// One commit, as the log tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its number: 1 for the first, and so on.
    pub sequence: u64,
    /// What it did.
    pub title: String,
    /// When the lane was taken for it, in UTC; absent in lines of versions that did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The number of the commit that it reverted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// The directories that it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<RelPath>,
    /// The files that it changed.
    pub files: Vec<LoggedChange>,
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
}

/// Returns all commits of the workspace at `root`, oldest first.
pub fn entries(sys: &dyn System, root: &Path) -> Result<Vec<Entry>> {
    Ok(parse(&read(sys, &Home::new(root))?))
}

/// Returns what the file `index` of `entry` held before that commit; `None` where there was no such file, or
/// its former contents are not kept any more.
pub fn before_contents(sys: &dyn System, root: &Path, entry: &Entry, index: usize) -> Result<Option<Vec<u8>>> {
    let Some(before) = entry.files.get(index).and_then(|it| it.before) else { return Ok(None) };
    kept(sys, &Home::new(root).undo(entry.sequence, index), before)
}

/// Returns what the file `index` of `entry` held after that commit; `None` where there was no such file, it moved there, or
/// its contents are not kept any more.
pub fn after_contents(sys: &dyn System, root: &Path, entry: &Entry, index: usize) -> Result<Option<Vec<u8>>> {
    let Some(after) = entry.files.get(index).and_then(|it| it.after) else { return Ok(None) };
    kept(sys, &Home::new(root).redo(entry.sequence, index), after)
}

fn kept(sys: &dyn System, path: &Path, digest: Digest) -> Result<Option<Vec<u8>>> {
    match sys.read(path, FILE_LIMIT) {
        Ok(bytes) => Ok((Digest::of(&bytes) == digest).then_some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error).context("read", path),
    }
}

/// Returns the number of the next commit.
pub(super) fn next_sequence(sys: &dyn System, home: &Home) -> Result<u64> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "no number is left for a commit; remove the file");
    last(&parse(&read(sys, home)?)).checked_add(1).ok_or_else(damaged).context("read", &home.log())
}

/// Appends a commit, unless it is there already, and makes it durable.
pub(super) fn append(disk: &dyn Disk, home: &Home, record: &Record) -> Result<()> {
    let path = home.log();
    let bytes = read(disk, home)?;
    let file = disk.open_random(&path, Access::Write).context("open", &path)?;
    if last(&parse(&bytes)) < record.sequence {
        // What follows the last whole line is torn. It goes first, or a longer one would outlive the new line.
        let end = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |at| at as u64 + 1);
        if bytes.len() as u64 > end {
            file.set_len(end).context("write", &path)?;
        }
        let time = disk.stat(&home.lock()).ok().map(|it| utc(it.mtime_ns));
        file.write_all_at(&line(record, time), end).context("write", &path)?;
    }
    // Also where the line was there: who wrote it may have died before it was durable. The same goes for
    // the log's name. Then the journal may go.
    file.sync().context("sync", &path)?;
    disk.sync_dir(&home.dir()).context("sync", &home.dir())
}

fn line(record: &Record, time: Option<String>) -> Vec<u8> {
    let files =
        record.changes.iter().map(|it| LoggedChange { path: it.path.clone(), before: it.before, after: it.after });
    let Record { sequence, title, undoes, made, .. } = record.clone();
    let entry = Entry { sequence, title, time, undoes, made, files: files.collect() };
    let mut line = serde_json::to_vec(&entry).expect("text, numbers and lists always serialize");
    line.push(b'\n');
    line
}

fn read(sys: &dyn System, home: &Home) -> Result<Vec<u8>> {
    match sys.read(&home.log(), FILE_LIMIT) {
        Err(error) if is_absence(&error) => Ok(Vec::new()),
        outcome => outcome.context("read", &home.log()),
    }
}

/// A line without its end is torn, even where it can be read.
fn parse(bytes: &[u8]) -> Vec<Entry> {
    let lines = bytes.split_inclusive(|it| *it == b'\n').filter(|it| it.ends_with(b"\n"));
    lines.filter_map(|it| serde_json::from_slice(it).ok()).collect()
}

fn last(entries: &[Entry]) -> u64 {
    entries.iter().map(|it| it.sequence).max().unwrap_or(0)
}
