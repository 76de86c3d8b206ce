//! Former contents: how long they are kept, and the commit that brings them back.
//!
//! Kept are those of the newest commit, whatever their number and length, and of the commits before it as long as all of
//! them are among the last 100 commits, 8,192 files and 256 MiB. What is older can be read in the log, not undone.
//!
//! Knows nothing of what is in the files: that a registry must not simply go back to what it was is for those who call.

use std::path::Path;

use super::file::current;
use super::log::{Entry, LoggedChange};
use super::{Change, Commit, FILE_LIMIT, Home, Move, is_absence};
use crate::error::{Error, IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::{Disk, System};

/// How many commits can be undone.
const COMMITS: u64 = 100;
/// How many files are kept for that.
const FILES: usize = 8192;
/// How many bytes.
const BYTES: u64 = 256 << 20;

/// Returns what the file `index` of `entry` held before that commit; `None` where there was no such file, or
/// its former contents are not kept any more.
pub fn before_contents(sys: &dyn System, root: &Path, entry: &Entry, index: usize) -> Result<Option<Vec<u8>>> {
    let Some(before) = entry.files.get(index).and_then(|it| it.before) else { return Ok(None) };
    kept(sys, &Home::new(root).undo_of(entry.sequence, index), before)
}

/// Returns what the file `index` of `entry` held after that commit; `None` where there was no such file, it moved there,
/// or its contents are not kept any more.
pub fn after_contents(sys: &dyn System, root: &Path, entry: &Entry, index: usize) -> Result<Option<Vec<u8>>> {
    let Some(after) = entry.files.get(index).and_then(|it| it.after) else { return Ok(None) };
    kept(sys, &Home::new(root).redo_of(entry.sequence, index), after)
}

fn kept(sys: &dyn System, path: &Path, digest: Digest) -> Result<Option<Vec<u8>>> {
    match sys.read(path, FILE_LIMIT) {
        Ok(bytes) => Ok((Digest::of(&bytes) == digest).then_some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error).context("read", path),
    }
}

/// What takes a commit back, as far as that can be done.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Reversal {
    /// Gives those files their former names and contents that are still what the commit made of them.
    pub commit: Commit,
    /// How many files these are.
    pub n_left: usize,
    /// How many files are what they were before it already, by whatever means.
    pub n_back: usize,
    /// The files that are neither: somebody edited them since.
    pub edited: Vec<RelPath>,
}

/// Returns what gives the files of `entry` their former names and contents; of those files only that `is_wanted`.
///
/// Looks at the files as they lie there: whoever calls must see to it that no commit is being applied.
///
/// # Errors
///
/// [`Error::Refused`] when former contents are needed that are not kept any more; [`Error::Io`].
pub fn reversal(
    sys: &dyn System,
    root: &Path,
    entry: &Entry,
    is_wanted: &dyn Fn(&RelPath) -> bool,
) -> Result<Reversal> {
    let commit = Commit {
        undoes: Some(entry.sequence),
        make: entry.emptied.clone(),
        prune: entry.made.clone(),
        ..Commit::new(format!("undo commit {}: {}", entry.sequence, entry.title))
    };
    let mut reversal = Reversal { commit, ..Reversal::default() };
    for (index, file) in entry.files.iter().enumerate().filter(|it| is_wanted(&it.1.path)) {
        match file {
            LoggedChange { from: Some(from), after: Some(expect), .. } => {
                reversal.take_move(sys, root, [from, &file.path], *expect)?;
            }
            // The other half of the same.
            LoggedChange { to: Some(_), .. } => {}
            _ => reversal.take_change(sys, root, entry, index)?,
        }
    }
    Ok(reversal)
}

impl Reversal {
    /// Adds the change that takes one file back. One that is back must hold still all the same, where what it must hold
    /// is at hand.
    fn take_change(&mut self, sys: &dyn System, root: &Path, entry: &Entry, index: usize) -> Result<()> {
        let LoggedChange { path, before, after, .. } = &entry.files[index];
        let now = current(sys, &Home::new(root).target(path))?;
        if !now.is(*after) && !now.is(*before) {
            self.edited.push(path.clone());
            return Ok(());
        }
        let is_back = now.is(*before);
        *(if is_back { &mut self.n_back } else { &mut self.n_left }) += 1;
        let content = before_contents(sys, root, entry, index)?;
        if content.is_none() && before.is_some() {
            let message = format!("what `{path}` held before commit {} is not kept any more", entry.sequence);
            return if is_back { Ok(()) } else { Err(Error::Refused(message)) };
        }
        let expect = if is_back { *before } else { *after };
        if let (None, Some(_)) = (expect, &content)
            && let Ok(kept) = sys.stat(&Home::new(root).undo_of(entry.sequence, index))
        {
            self.commit.modes.insert(path.clone(), kept.mode);
        }
        self.commit.changes.push(Change { path: path.clone(), expect, content });
        Ok(())
    }

    /// Adds the move that takes another one back. That there are two copies is no reason to remove either.
    fn take_move(
        &mut self,
        sys: &dyn System,
        root: &Path,
        [before, after]: [&RelPath; 2],
        expect: Digest,
    ) -> Result<()> {
        let [was, is] = [before, after].map(|it| current(sys, &Home::new(root).target(it)));
        let (was, is) = (was?, is?);
        if is.is(Some(expect)) && was.is(None) {
            self.n_left += 1;
            self.commit.moves.push(Move { from: after.clone(), to: before.clone(), expect });
        } else if was.is(Some(expect)) && is.is(None) {
            self.n_back += 1;
        } else {
            self.edited.push(if is.is(Some(expect)) { before } else { after }.clone());
        }
        Ok(())
    }
}

/// Removes former contents that are too old, and those of commits that never were. `newest` is the last commit.
///
/// What cannot be removed now may be next time.
pub(super) fn forget_old(disk: &dyn Disk, home: &Home, newest: u64) {
    let dir = home.undo_dir();
    let Ok(names) = disk.open_dir(&dir).and_then(|it| it.list(Path::new(""))) else { return };
    let number = |it: &str| it.split_once('.').and_then(|(sequence, _)| sequence.parse::<u64>().ok());
    let mut kept: Vec<(u64, String)> = names
        .into_iter()
        .filter_map(|it| it.name.into_string().ok())
        .filter_map(|name| Some((number(&name)?, name)))
        .collect();
    kept.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let (mut files, mut bytes) = (0, 0);
    for commit in kept.chunk_by(|a, b| a.0 == b.0) {
        let sequence = commit[0].0;
        let paths = || commit.iter().map(|it| dir.join(&it.1));
        files += commit.len();
        bytes += paths().filter_map(|it| disk.stat(&it).ok()).map(|it| it.size).sum::<u64>();
        let is_recent = sequence.saturating_add(COMMITS) > newest && files <= FILES && bytes <= BYTES;
        if sequence > newest || (sequence < newest && !is_recent) {
            paths().for_each(|it| drop(disk.remove_file(&it)));
        }
    }
}
