//! Finishing a commit that is in the journal: the same code right after the commit point and after a crash.
//!
//! All of it may be interrupted anywhere and done again. The lock is held.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{self, Current, Named, current, holds, is_absent};
use super::record::{Decoded, Direction, Item, Known, Moved, Record, RecordedCommit, Standing, direction};
use super::swap::{self, Thing};
use super::{FILE_LIMIT, Home, is_absence, log, withdraw};
use crate::error::{Error, IoContext, Result};
use crate::model::path::file_name;
use crate::model::{Digest, RelPath};
use crate::system::{Disk, FileKind, System};

/// How much of a file's name is kept, in bytes.
const KEPT_NAME: usize = 200;

/// What a crash had left half done, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// There was nothing.
    Nothing,
    /// A commit, or several that arrived together, was finished.
    Finished {
        /// Its title; of several, all of them.
        title: String,
    },
    /// A commit was taken back, because somebody had edited one of its files in the meantime, or because one of them
    /// cannot be written.
    TakenBack {
        /// Its title; of several, all of them.
        title: String,
        /// That file, which was left as it is.
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
            Decoded::Record(record) => {
                let title = record.commits.iter().map(|it| it.title.as_str()).collect::<Vec<_>>().join("; ");
                match finish(disk, home, &record, Run::Later)? {
                    Finish::Applied => Recovery::Finished { title },
                    Finish::Refused(path) | Finish::Unwritable(path, _) => Recovery::TakenBack { title, path },
                }
            }
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

/// Which run over a record it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Run {
    /// Nobody has begun to apply it.
    First,
    /// Somebody has, and may have died at it.
    Later,
}

/// Why a record cannot be applied.
struct Refusal {
    /// The file that is in the way.
    path: RelPath,
    /// Whether this run has removed files already.
    has_removed: bool,
}

/// What became of a record.
#[derive(Debug)]
pub(super) enum Finish {
    /// It is applied.
    Applied,
    /// It is taken back: somebody has edited this file.
    Refused(RelPath),
    /// It is taken back: this file cannot be written, and why.
    Unwritable(RelPath, Error),
}

/// Applies a record whose journal is durable, or takes it back; removes the journal.
///
/// What fails is tried once more, because errors pass. What fails again would fail for ever, and be in everybody's way:
/// a directory that may not be written, a full disk. That is taken back too.
///
/// # Errors
///
/// Where it cannot be taken back either, or all is in place but the log: the journal stays, and whoever comes next goes on.
pub(super) fn finish(disk: &dyn Disk, home: &Home, record: &Record, first: Run) -> Result<Finish> {
    let (mut failed, mut was_applied) = (None, false);
    for run in [first, Run::Later] {
        let concluded = apply(disk, home, record).and_then(|refused| {
            was_applied |= refused.is_none();
            conclude(disk, home, record, refused, run)
        });
        match concluded {
            Ok(finish) => return Ok(finish),
            Err(error) => failed = Some(error),
        }
    }
    let error = failed.expect("it was tried");
    // The log may tell of what was applied once.
    if was_applied || is_logged(disk, home, record)? {
        return Err(error);
    }
    let standings = standings(disk, home, record)?;
    let in_the_way = record.items().zip(&standings).find(|it| *it.1 != Standing::Done);
    let Some((item, _)) = in_the_way else { return Err(error) };
    let path = item.change.path.clone();
    let taken_back = take_back(disk, home, record, false);
    if taken_back.and_then(|()| record.items().try_for_each(|it| keep_strays(disk, home, it))).is_err() {
        return Err(error);
    }
    withdraw(disk, home).context("remove", &home.journal())?;
    record.commits.iter().for_each(|it| discard_files(disk, home, it));
    Ok(Finish::Unwritable(path, error))
}

/// Returns whether the log tells of a record, or of its first commit: it does so when all files are in place. The record is
/// in force then, whatever somebody made of its files since.
pub(super) fn is_logged(sys: &dyn System, home: &Home, record: &Record) -> Result<bool> {
    let next = log::next_sequence(sys, home)?;
    Ok(record.commits.iter().any(|it| it.sequence < next))
}

/// Does what is to be done when all is in place, or when it is not to be.
fn conclude(disk: &dyn Disk, home: &Home, record: &Record, refused: Option<Refusal>, run: Run) -> Result<Finish> {
    match &refused {
        None => {
            // Somebody may have put back what was to be, while theirs had come out already.
            if run == Run::Later {
                record.items().try_for_each(|it| keep_strays(disk, home, it))?;
            }
            remove_emptied(disk, home, record)?;
            log::append(disk, home, record)?;
        }
        Some(it) => {
            take_back(disk, home, record, run == Run::First && !it.has_removed)?;
            record.items().try_for_each(|it| keep_strays(disk, home, it))?;
        }
    }
    withdraw(disk, home).context("remove", &home.journal())?;
    let Some(refused) = refused else {
        clear_stage(disk, home);
        return Ok(Finish::Applied);
    };
    record.commits.iter().for_each(|it| discard_files(disk, home, it));
    Ok(Finish::Refused(refused.path))
}

/// Puts all new contents in place, unless a file is edited: then it stops and says which.
fn apply(disk: &dyn Disk, home: &Home, record: &Record) -> Result<Option<Refusal>> {
    if is_logged(disk, home, record)? {
        return Ok(None);
    }
    let refusal = |item: Item<'_>, has_removed| Ok(Some(Refusal { path: item.change.path.clone(), has_removed }));
    let standings = standings(disk, home, record)?;
    if direction(&standings) == Direction::Back {
        let is_in_the_way = |it: &Standing| !matches!(it, Standing::Pending | Standing::Done);
        let mut found = record.items().zip(&standings).filter(|it| is_in_the_way(it.1));
        return refusal(found.next().expect("something made the direction Back").0, false);
    }
    // Before the first last look: nothing may take time between that and the change.
    create_dirs(disk, home, record)?;
    // Nothing is removed before its bytes are safe under another name.
    for item in record.items().filter(|it| it.change.after.is_some()) {
        // Time has passed, other files were written: look again.
        let is_there = match standing(disk, home, item)? {
            Standing::Done => true,
            Standing::Pending => put(disk, home, item)? == Named::Yes,
            Standing::Stuck | Standing::Overwritten | Standing::Edited | Standing::Taken => false,
        };
        if !is_there {
            return refusal(item, false);
        }
    }
    sync_dirs(disk, home, record.items().filter(|it| it.change.after.is_some()))?;
    sync_those_left(disk, lone_dirs(record).filter_map(|it| it.parent()).map(|it| home.target(&it)).collect())?;
    let mut has_removed = false;
    for item in record.items().filter(|it| it.change.after.is_none()) {
        match standing(disk, home, item)? {
            Standing::Done => {}
            Standing::Pending if is_safe_elsewhere(disk, home, item)? && remove(disk, home, item)? => {
                has_removed = true
            }
            _ => return refusal(item, has_removed),
        }
    }
    sync_dirs(disk, home, record.items().filter(|it| it.change.after.is_none()))?;
    Ok(None)
}

/// Makes the directories of new files, and those without any.
fn create_dirs(disk: &dyn Disk, home: &Home, record: &Record) -> Result<()> {
    let new = record.items().filter(|it| it.change.before.is_none());
    let dirs = new.filter_map(|it| it.change.path.parent()).chain(lone_dirs(record).cloned());
    let dirs: BTreeSet<PathBuf> = dirs.map(|it| home.target(&it)).collect();
    dirs.iter().try_for_each(|dir| disk.create_dir_all(dir).context("create", dir))
}

/// Returns the directories that a record makes and into which no file comes.
pub(super) fn lone_dirs(record: &Record) -> impl Iterator<Item = &RelPath> {
    let mut filled: BTreeSet<RelPath> = BTreeSet::new();
    for item in record.items().filter(|it| it.change.before.is_none()) {
        let mut above = item.change.path.parent();
        while let Some(dir) = above.filter(|it| filled.insert(it.clone())) {
            above = dir.parent();
        }
    }
    record.commits.iter().flat_map(|it| &it.made).filter(move |it| !filled.contains(*it))
}

/// Puts one new content in place.
fn put(disk: &dyn Disk, home: &Home, item: Item<'_>) -> Result<Named> {
    let (change, target, stage) = (item.change, home.target(&item.change.path), home.stage(item));
    let after = change.after.expect("only what has contents afterwards is put in place");
    match (&change.moved, change.before) {
        (Some(Moved::From(from)), _) => file::name(disk, &home.target(from), &target, after),
        (_, None) => file::name(disk, &stage, &target, after),
        (_, Some(before)) => match replace(disk, home, item, &stage, [before, after])? {
            // Where names cannot be swapped, nothing came out to be looked at; but what was written into the file is kept.
            Named::Yes if is_absent(disk, &home.taken(item))? && !holds(disk, &home.undo(item), before)? => {
                Ok(Named::Refused)
            }
            named => Ok(named),
        },
    }
}

/// Puts the file `new`, which readers still find where it is, in the place of one that holds `before`.
fn replace(disk: &dyn Disk, home: &Home, item: Item<'_>, new: &Path, [before, after]: [Digest; 2]) -> Result<Named> {
    let (target, taken) = (home.target(&item.change.path), home.taken(item));
    if file::second(disk, new, &taken, after)? == Named::Refused {
        return Err(lost(new.to_owned()));
    }
    match swap::replace(disk, &taken, &target, [before, after])? {
        Some(named) => Ok(named),
        None => file::copy_as(disk, new, &target, after),
    }
}

/// Takes a file away that is to be no more, or not under this name; returns whether it is gone.
fn remove(disk: &dyn Disk, home: &Home, item: Item<'_>) -> Result<bool> {
    let (change, target) = (item.change, home.target(&item.change.path));
    let Some(before) = change.before else { return Ok(true) };
    keep_strays(disk, home, item)?;
    swap::take_away(disk, &target, &home.taken(item), &|it| match &change.moved {
        // The last name that it has is not taken away.
        Some(Moved::To(to)) => {
            let to = home.target(to);
            Ok(!is_absent(disk, &to)? && holds_moved(disk, [it, &to], before, change.known)?)
        }
        _ => holds(disk, it, before),
    })
}

/// Returns whether a file that is about to be removed has its new name, if it is to have one.
fn is_safe_elsewhere(disk: &dyn Disk, home: &Home, item: Item<'_>) -> Result<bool> {
    match (&item.change.moved, item.change.before) {
        (Some(Moved::To(to)), Some(digest)) => {
            let names = [to, &item.change.path].map(|it| home.target(it));
            holds_moved(disk, names.each_ref().map(PathBuf::as_path), digest, item.change.known)
        }
        _ => Ok(true),
    }
}

/// Removes the directories that have lost their last file. One that cannot be removed is left as it is.
fn remove_emptied(disk: &dyn Disk, home: &Home, record: &Record) -> Result<()> {
    let mut parents = BTreeSet::new();
    for dir in record.commits.iter().flat_map(|it| &it.emptied) {
        if disk.remove_dir(&home.target(dir)).is_ok() {
            parents.extend(dir.parent().map(|it| home.target(&it)));
        }
    }
    sync_those_left(disk, parents)
}

/// Gives the files that were replaced already their former contents, and those that were moved their former names.
///
/// `sources_stand` tells that no moved file has lost its former name, unless somebody else took it.
fn take_back(disk: &dyn Disk, home: &Home, record: &Record, sources_stand: bool) -> Result<()> {
    for item in record.items().filter(|it| it.change.after.is_none()) {
        match standing(disk, home, item)? {
            Standing::Done | Standing::Overwritten => restore_removed(disk, home, item)?,
            Standing::Taken => give_back(disk, home, item)?,
            Standing::Pending | Standing::Stuck | Standing::Edited => {}
        }
    }
    sync_dirs(disk, home, record.items().filter(|it| it.change.after.is_none()))?;
    for item in record.items().filter(|it| it.change.after.is_some()) {
        match standing(disk, home, item)? {
            Standing::Taken => give_back(disk, home, item)?,
            standing => {
                let is_done = matches!(standing, Standing::Done | Standing::Overwritten);
                take_back_put(disk, home, item, is_done, sources_stand)?;
            }
        }
    }
    for dir in record.commits.iter().rev().flat_map(|it| it.made.iter().rev()) {
        // Somebody may have put something there meanwhile.
        let _ = disk.remove_dir(&home.target(dir));
    }
    sync_dirs(disk, home, record.items())
}

/// Keeps what came out where a file was replaced or removed, is somebody's and has no place any more to go back to, since
/// they put something else there meanwhile. Nobody removes it but they.
fn keep_strays(disk: &dyn Disk, home: &Home, item: Item<'_>) -> Result<()> {
    let (taken, target) = (home.taken(item), home.target(&item.change.path));
    if is_absent(disk, &taken)? {
        return Ok(());
    }
    // It may have its name again, or its other one, and only this one to lose.
    let mut names = vec![target];
    names.extend(item.change.moved.iter().map(|(Moved::From(other) | Moved::To(other))| home.target(other)));
    if names.iter().any(|it| file::are_one(disk, &taken, it)) || !is_somebodys(disk, home, item)? {
        return Ok(());
    }
    keep(disk, home, item, &taken)
}

/// Keeps a file that has no place any more, for whoever misses it.
fn keep(disk: &dyn Disk, home: &Home, item: Item<'_>, from: &Path) -> Result<()> {
    let dir = home.kept_dir();
    disk.create_dir_all(&dir).context("create", &dir)?;
    let name = kept_name(file_name(item.change.path.as_str()));
    let mut nth = 0;
    let kept = loop {
        let kept = dir.join(format!("{}.{nth}.{name}", item.sequence));
        if is_absent(disk, &kept)? {
            break kept;
        }
        nth += 1;
    };
    disk.rename(from, &kept).context("move", from)?;
    disk.sync_dir(&dir).context("sync", &dir)
}

/// Returns as much of a file's name as leaves room for the numbers.
pub(super) fn kept_name(name: &str) -> &str {
    &name[..name.floor_char_boundary(KEPT_NAME)]
}

/// Gives somebody's file back that was taken away in the instant in which they had saved it.
fn give_back(disk: &dyn Disk, home: &Home, item: Item<'_>) -> Result<()> {
    let (target, taken) = (home.target(&item.change.path), home.taken(item));
    let there = Thing::at(disk, &target);
    // Where a file moves, that nothing has the name is why theirs is to go back; and what is neither before nor after is
    // theirs, and newer. What came out is kept then.
    let is_ours = |it: Current| it.is(item.change.before) || it.is(item.change.after);
    match there.current() {
        Some(Current::Absent) => swap::restore(disk, &taken, &target),
        Some(current) if item.change.moved.is_none() && is_ours(current) => {
            swap::give_back(disk, &taken, &target, there)
        }
        _ => Ok(()),
    }
}

/// Brings back a file that has lost its name.
fn restore_removed(disk: &dyn Disk, home: &Home, item: Item<'_>) -> Result<()> {
    let Some(before) = item.change.before else { return Ok(()) };
    let target = home.target(&item.change.path);
    let from = match &item.change.moved {
        Some(Moved::To(to)) => home.target(to),
        _ => home.undo(item),
    };
    let before = match item.change.moved {
        None => kept(disk, &from)?,
        Some(_) if holds(disk, &from, before)? => before,
        // A moved file is removed only when it has its other name: whoever removed both was not us.
        Some(_) => return Ok(()),
    };
    if let Some(dir) = target.parent() {
        match disk.create_dir_all(dir) {
            // Somebody put a file in the directory's place. A moved file has its other name.
            Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) => {
                return if item.change.moved.is_none() { keep(disk, home, item, &from) } else { Ok(()) };
            }
            outcome => outcome.context("create", dir)?,
        }
    }
    // Should somebody have taken the name this very moment, it is theirs.
    file::name(disk, &from, &target, before).map(drop)
}

/// Takes back a new content or a new name.
fn take_back_put(disk: &dyn Disk, home: &Home, item: Item<'_>, is_done: bool, sources_stand: bool) -> Result<()> {
    let (change, target) = (item.change, home.target(&item.change.path));
    let after = change.after.expect("it was put in place");
    // Should somebody have saved it this very moment, it is theirs and stays.
    let remove = |is_ours: &dyn Fn(&Path) -> Result<bool>| {
        keep_strays(disk, home, item)?;
        swap::take_away(disk, &target, &home.taken(item), is_ours).map(drop)
    };
    match (&change.moved, change.before) {
        (Some(Moved::From(from)), _) => {
            let from = home.target(from);
            // The last name that the contents have is not taken away. Edited under one of two names, they are still
            // one file, and it keeps its former name.
            let has_former_name = holds_moved(disk, [&from, &target], after, change.known)?
                || (sources_stand && !is_absent(disk, &from)?);
            let is_ours = |it: &Path| Ok(file::are_one(disk, &from, it) || holds(disk, it, after)?);
            if (is_done && has_former_name) || file::are_one(disk, &from, &target) { remove(&is_ours) } else { Ok(()) }
        }
        _ if !is_done => Ok(()),
        (_, None) => remove(&|it| holds(disk, it, after)),
        (_, Some(_)) => {
            let undo = home.undo(item);
            let before = kept(disk, &undo)?;
            replace(disk, home, item, &undo, [after, before]).map(drop)
        }
    }
}

/// Returns the digest of former contents as they are kept. By a second name of the file they may be, and then hold what
/// somebody wrote into it at the last moment: that is what has to come back.
fn kept(disk: &dyn Disk, undo: &Path) -> Result<Digest> {
    match file::current(disk, undo)? {
        Current::File(digest) => Ok(digest),
        Current::Absent | Current::Odd => Err(lost(undo.to_owned())),
    }
}

fn lost(path: PathBuf) -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidData, "it does not hold what the journal says");
    Error::Io { action: "restore from", path, source }
}

/// Makes all names durable that some changes may have changed.
fn sync_dirs<'a>(disk: &dyn Disk, home: &Home, items: impl Iterator<Item = Item<'a>>) -> Result<()> {
    let mut dirs: BTreeSet<PathBuf> = BTreeSet::new();
    for item in items {
        let mut above = item.change.path.parent();
        while let Some(dir) = above {
            // Those above are there already, and so are those above a file that was there: nothing was created.
            let is_new = dirs.insert(home.target(&dir)) && item.change.before.is_none();
            above = if is_new { dir.parent() } else { None };
        }
    }
    sync_those_left(disk, dirs)
}

fn sync_those_left(disk: &dyn Disk, dirs: BTreeSet<PathBuf>) -> Result<()> {
    for dir in dirs {
        match disk.sync_dir(&dir) {
            // It was never made, or is removed already.
            Err(error) if is_absence(&error) => {}
            outcome => outcome.context("sync", &dir)?,
        }
    }
    Ok(())
}

/// Looks at every file of a record.
pub(super) fn standings(sys: &dyn System, home: &Home, record: &Record) -> Result<Vec<Standing>> {
    record.items().map(|it| standing(sys, home, it)).collect()
}

pub(super) fn standing(sys: &dyn System, home: &Home, item: Item<'_>) -> Result<Standing> {
    let change = item.change;
    let target = home.target(&change.path);
    match (&change.moved, change.before.or(change.after)) {
        (Some(Moved::From(other)), Some(digest)) => {
            standing_of_new_name(sys, [&target, &home.target(other), &home.taken(item)], digest, change.known)
        }
        (Some(Moved::To(other)), Some(digest)) => {
            standing_of_old_name(sys, [&target, &home.target(other), &home.taken(item)], digest, change.known)
        }
        _ => {
            let now = present(sys, home, item, &target)?;
            let is_ours = now == Current::Absent || now.is(change.after) || now.is(change.before);
            if is_ours && is_somebodys(sys, home, item)? {
                return Ok(Standing::Taken);
            }
            if now.is(change.after) {
                return Ok(if is_overwritten(sys, home, item)? { Standing::Overwritten } else { Standing::Done });
            }
            if !now.is(change.before) {
                return Ok(Standing::Edited);
            }
            let is_at_hand = change.after.map_or(Ok(true), |after| holds(sys, &home.stage(item), after))?;
            Ok(if is_at_hand { Standing::Pending } else { Standing::Stuck })
        }
    }
}

/// Looks at the name that a file gets; the second is the one that it has, the third the one by which it is taken away when
/// it is taken back.
fn standing_of_new_name(
    sys: &dyn System,
    [new, old, taken]: [&Path; 3],
    digest: Digest,
    known: Option<Known>,
) -> Result<Standing> {
    let kind = match sys.stat(new) {
        Ok(stamp) => Some(stamp.kind),
        Err(error) if is_absence(&error) => None,
        Err(error) => return Err(error).context("read", new),
    };
    let is_theirs = |taken: &Path| {
        Ok(!is_absent(sys, taken)?
            && !file::are_one(sys, taken, old)
            && !holds_moved(sys, [taken, old], digest, known)?)
    };
    Ok(match kind {
        None if is_theirs(taken)? => Standing::Taken,
        None if holds_moved(sys, [old, new], digest, known)? => Standing::Pending,
        None => Standing::Stuck,
        // Also where it was edited since it has its new name and no other: then it is where it belongs.
        Some(FileKind::File) if is_absent(sys, old)? => Standing::Done,
        Some(FileKind::File) if holds_moved(sys, [new, old], digest, known)? => Standing::Done,
        Some(_) => Standing::Edited,
    })
}

/// Returns whether what came out as a file was replaced or taken away is neither what was there nor what was to be.
fn is_somebodys(sys: &dyn System, home: &Home, item: Item<'_>) -> Result<bool> {
    let (change, came_out) = (item.change, present(sys, home, item, &home.taken(item))?);
    Ok(came_out != Current::Absent && !came_out.is(change.before) && !came_out.is(change.after))
}

/// Returns whether somebody wrote into the former file once it had lost its name: what is kept is not what it was.
fn is_overwritten(sys: &dyn System, home: &Home, item: Item<'_>) -> Result<bool> {
    let Some(before) = item.change.before else { return Ok(false) };
    let kept = current(sys, &home.undo(item))?;
    Ok(kept != Current::Absent && !kept.is(Some(before)))
}

/// Returns what is at a path of an item. What may not be read is none of what a commit wrote, unless it is one file with
/// what was staged or kept: that we wrote, and whoever recovers it has not the right to.
fn present(sys: &dyn System, home: &Home, item: Item<'_>, path: &Path) -> Result<Current> {
    match current(sys, path) {
        Err(Error::Io { source, .. })
            if source.kind() == io::ErrorKind::PermissionDenied
                && sys.stat(path).is_ok()
                && ![home.stage(item), home.undo(item)].iter().any(|it| file::are_one(sys, path, it)) =>
        {
            Ok(Current::Odd)
        }
        outcome => outcome,
    }
}

/// Looks at the name that a file loses; the second is the one that it gets, the third the one by which it is taken away.
fn standing_of_old_name(
    sys: &dyn System,
    [old, new, taken]: [&Path; 3],
    digest: Digest,
    known: Option<Known>,
) -> Result<Standing> {
    if !is_absent(sys, old)? {
        if holds_moved(sys, [old, new], digest, known)? {
            return Ok(Standing::Pending);
        }
        // Unless somebody has just removed it.
        if !is_absent(sys, old)? {
            return Ok(Standing::Edited);
        }
    }
    // Whoever applies it may remove it between two looks.
    let is_gone = is_absent(sys, taken)? || holds_moved(sys, [taken, new], digest, known)? || is_absent(sys, taken)?;
    Ok(if is_gone { Standing::Done } else { Standing::Taken })
}

/// Returns whether a file that moves still is what it was under the first of its two names. It is read only where its
/// stamp does not tell.
///
/// To get a second name moves its change time. Should somebody write into it just then and set its time of modification
/// back, that would not be seen; what they wrote moves with it.
fn holds_moved(sys: &dyn System, [name, other]: [&Path; 2], digest: Digest, known: Option<Known>) -> Result<bool> {
    if let (Some(known), Ok(stamp)) = (known, sys.stat(name))
        && (known.is(&stamp) || known.is_renamed(&stamp) && sys.stat(other).is_ok_and(|it| known.is_renamed(&it)))
    {
        return Ok(true);
    }
    holds(sys, name, digest)
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
pub(super) fn discard_files(disk: &dyn Disk, home: &Home, commit: &RecordedCommit) {
    for item in commit.items() {
        let _ = disk.remove_file(&home.stage(item));
        let _ = disk.remove_file(&home.taken(item));
        let _ = disk.remove_file(&home.undo(item));
        let _ = disk.remove_file(&home.redo(item));
    }
}
