//! Former contents: how long they are kept, and the commit that brings them back.
//!
//! Kept are those of the newest commit, whatever their number and length, and of the commits before it as long as all of
//! them are among the last 100 commits, 8,192 files and 256 MiB. What is older can be read in the log, not undone.
//!
//! Knows nothing of what is in the files: that a registry must not simply go back to what it was is for those who call.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::file::{Current, current};
use super::log::{Entry, Log, LoggedChange};
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
    /// Gives those files their former names and contents that are still what the commit made of them. All that was looked
    /// at must hold still for it.
    pub commit: Commit,
    /// How many files these are.
    pub n_left: usize,
    /// How many files are what they were before it already, or before an earlier commit, by whatever means.
    pub n_back: usize,
    /// What is in the way.
    pub obstacles: Vec<Obstacle>,
}

/// Why a file cannot be given back what it held, and does not hold it by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// Somebody edited it since.
    Edited(RelPath),
    /// It is gone, but so is what it belongs to: perhaps somebody moved both.
    Strayed {
        /// The file.
        path: RelPath,
        /// What it belongs to.
        owner: RelPath,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited(path) => write!(f, "`{path}` was changed since"),
            Self::Strayed { path, owner } => {
                write!(f, "`{path}` is gone, and so is `{owner}`, to which it belongs: both may be elsewhere by now")
            }
        }
    }
}

/// Returns what gives the files of `entry` their former names and contents; of those files only that `is_wanted`.
/// `owner_of` says to which other file one belongs, if to any. The commit must stand, and no later one that stands may
/// have changed these files: see [`Log::changed_since`].
///
/// Looks at the files as they lie there: whoever calls must see to it that no commit is being applied.
///
/// # Errors
///
/// [`Error::Refused`] when former contents are needed that are not kept any more; [`Error::Io`].
pub fn reversal(
    sys: &dyn System,
    root: &Path,
    log: &Log,
    entry: &Entry,
    is_wanted: &dyn Fn(&RelPath) -> bool,
    owner_of: &dyn Fn(&RelPath) -> Option<RelPath>,
) -> Result<Reversal> {
    let commit = Commit {
        undoes: Some(entry.sequence),
        make: entry.emptied.clone(),
        prune: entry.made.clone(),
        ..Commit::new(format!("undo commit {}: {}", entry.sequence, entry.title))
    };
    let mut reversal = Reversal { commit, ..Reversal::default() };
    let mut past = Past::of(sys, root, log, entry.sequence, owner_of);
    for (index, file) in entry.files.iter().enumerate().filter(|it| is_wanted(&it.1.path)) {
        match file {
            LoggedChange { from: Some(from), after: Some(expect), .. } => {
                reversal.take_move(&mut past, [from, &file.path], *expect)?;
            }
            // The other half of the same.
            LoggedChange { to: Some(_), .. } => {}
            _ => reversal.take_change(&mut past, root, entry, index)?,
        }
    }
    let Commit { changes, moves, holds, .. } = &mut reversal.commit;
    let written = changes.iter().map(|it| &it.path).chain(moves.iter().flat_map(|it| [&it.from, &it.to]));
    let written: BTreeSet<&RelPath> = written.collect();
    *holds = past.seen().filter(|it| !written.contains(&it.0)).collect();
    Ok(reversal)
}

impl Reversal {
    /// Adds the change that takes one file back, where it is not back already.
    fn take_change(&mut self, past: &mut Past<'_>, root: &Path, entry: &Entry, index: usize) -> Result<()> {
        let LoggedChange { path, before, after, .. } = &entry.files[index];
        if !past.now(path)?.is(*after) {
            if past.is_back(path, past.newest)? {
                self.n_back += 1;
            } else {
                let obstacle = past.obstacle(path)?;
                self.obstacles.push(obstacle);
            }
            return Ok(());
        }
        self.n_left += 1;
        let content = before_contents(past.sys, root, entry, index)?;
        if content.is_none() && before.is_some() {
            let message = format!("what `{path}` held before commit {} is not kept any more", entry.sequence);
            return Err(Error::Refused(message));
        }
        if let (None, Some(_)) = (after, &content)
            && let Ok(kept) = past.sys.stat(&past.home.undo_of(entry.sequence, index))
        {
            self.commit.modes.insert(path.clone(), kept.mode);
        }
        self.commit.changes.push(Change { path: path.clone(), expect: *after, content });
        Ok(())
    }

    /// Adds the move that takes another one back. That there are two copies is no reason to remove either.
    fn take_move(&mut self, past: &mut Past<'_>, [before, after]: [&RelPath; 2], expect: Digest) -> Result<()> {
        let is_there = past.now(after)?.is(Some(expect));
        if is_there && past.now(before)?.is(None) {
            self.n_left += 1;
            self.commit.moves.push(Move { from: after.clone(), to: before.clone(), expect });
        } else if past.is_back(before, past.newest)? && past.is_back(after, past.newest)? {
            self.n_back += 1;
        } else {
            self.obstacles.push(Obstacle::Edited(if is_there { before } else { after }.clone()));
        }
        Ok(())
    }
}

/// What files were before the commits that stand, and what they are now.
///
/// Whoever takes several commits back by other means, git perhaps, leaves a file as it was before the first of them, which
/// none but that one knows.
struct Past<'a> {
    sys: &'a dyn System,
    home: Home,
    owner_of: &'a dyn Fn(&RelPath) -> Option<RelPath>,
    /// The commit that is taken back.
    newest: u64,
    /// What it and those before it did to each file, oldest first. As many of them as could be undone are enough.
    changes: BTreeMap<&'a RelPath, Vec<(u64, &'a LoggedChange)>>,
    now: BTreeMap<RelPath, Current>,
    /// What was found out about a file and a commit.
    back: BTreeMap<(u64, RelPath), bool>,
}

impl<'a> Past<'a> {
    fn of(
        sys: &'a dyn System,
        root: &Path,
        log: &'a Log,
        newest: u64,
        owner_of: &'a dyn Fn(&RelPath) -> Option<RelPath>,
    ) -> Self {
        let mut changes: BTreeMap<&RelPath, Vec<(u64, &LoggedChange)>> = BTreeMap::new();
        let is_near = |it: &&Entry| it.sequence <= newest && it.sequence.saturating_add(COMMITS) > newest;
        for entry in log.standing().filter(is_near) {
            entry.files.iter().for_each(|it| changes.entry(&it.path).or_default().push((entry.sequence, it)));
        }
        let (now, back) = Default::default();
        Self { sys, home: Home::new(root), owner_of, newest, changes, now, back }
    }

    /// Returns what is at a path.
    fn now(&mut self, path: &RelPath) -> Result<Current> {
        if let Some(known) = self.now.get(path) {
            return Ok(*known);
        }
        let now = current(self.sys, &self.home.target(path))?;
        self.now.insert(path.clone(), now);
        Ok(now)
    }

    /// Returns all files that were looked at, and what they are.
    fn seen(self) -> impl Iterator<Item = (RelPath, Option<Digest>)> {
        let digest = |(path, now)| match now {
            Current::Absent => Some((path, None)),
            Current::File(digest) => Some((path, Some(digest))),
            Current::Odd => None,
        };
        self.now.into_iter().filter_map(digest)
    }

    /// Returns whether a file is as it was before the commit with this number, or before an earlier one.
    fn is_back(&mut self, path: &RelPath, sequence: u64) -> Result<bool> {
        let key = (sequence, path.clone());
        if let Some(known) = self.back.get(&key) {
            return Ok(*known);
        }
        let now = self.now(path)?;
        let mut is_back = false;
        for at in (0..self.changes.get(path).map_or(0, Vec::len)).rev() {
            let (number, change) = self.changes[path][at];
            let fits = number <= sequence && now.is(change.before) && self.is_all_back(number, change)?;
            if fits && self.is_undisturbed(number, change)? {
                is_back = true;
                break;
            }
        }
        self.back.insert(key, is_back);
        Ok(is_back)
    }

    /// Returns whether a file that is absent now is so because a commit was taken back that made it, and not for itself: of
    /// an earlier commit nothing that it made is there any more then.
    fn is_all_back(&mut self, sequence: u64, change: &LoggedChange) -> Result<bool> {
        if change.before.is_some() || sequence == self.newest {
            return Ok(true);
        }
        let is_made = |it: &(u64, &LoggedChange)| it.0 == sequence && it.1.before.is_none();
        let made: Vec<RelPath> =
            self.changes.iter().filter(|it| it.1.iter().any(is_made)).map(|it| (*it.0).clone()).collect();
        for path in made {
            if self.now(&path)? != Current::Absent {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether it means what it seems to mean that a file is as before a commit. That it is absent means nothing
    /// where what it comes from is not back, or what it belongs to is gone too: it may lie elsewhere.
    fn is_undisturbed(&mut self, sequence: u64, change: &LoggedChange) -> Result<bool> {
        if change.before.is_some() {
            return Ok(true);
        }
        if let Some(from) = &change.from {
            return self.is_back(from, sequence);
        }
        let Some(owner) = (self.owner_of)(&change.path) else { return Ok(true) };
        let is_its_own = self.changes.get(&owner).is_some_and(|it| it.iter().any(|it| it.0 == sequence));
        if is_its_own { self.is_back(&owner, sequence) } else { Ok(self.now(&owner)? != Current::Absent) }
    }

    /// Says what is in the way of giving a file back what it held.
    fn obstacle(&mut self, path: &RelPath) -> Result<Obstacle> {
        let path = path.clone();
        match (self.owner_of)(&path) {
            Some(owner) if self.now(&path)? == Current::Absent && self.now(&owner)? == Current::Absent => {
                Ok(Obstacle::Strayed { path, owner })
            }
            _ => Ok(Obstacle::Edited(path)),
        }
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
