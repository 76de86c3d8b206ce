//! Taking back the last commit: a commit like any other.
//!
//! Files get back what they held before. The registry is taken back line by line, and never frees an identity: what the
//! commit registered becomes a tombstone, and a line that goes back to an earlier state is a new form of it.
//!
//! What was taken back already by other means, git perhaps, is left as it is, also where several commits were at once.
//! Whatever else was edited since is in the way: that is told, and an older commit can be undone in its place, unless one
//! that stands has changed the same since.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::lane::{self, Change, Commit, Entry, Log, Reversal};
use crate::model::path::sidecar_owner;
use crate::model::registry::{self, Line, N_FILES, Registry};
use crate::model::{AssetUuid, Diagnostic, Digest, RelPath};
use crate::workspace::layout::Workspace;

use super::{Plan, count};

/// For how long whoever is in the middle of a commit is waited for.
const COMMIT_WAIT: Duration = Duration::from_secs(1);

/// Plans to take back the last commit that was not taken back yet; of those that take back others, none.
///
/// Where somebody took all of it back by other means, git perhaps, nothing is written but in the log.
///
/// # Errors
///
/// [`Error::Refused`] where there is none, what its files held is not kept any more, or one of them was edited since;
/// [`Error::Invalid`] where the registry is damaged; [`Error::Torn`] where somebody commits without pause.
pub fn undo(ws: &Workspace) -> Result<Plan> {
    undo_one(ws, None)
}

/// Plans to take back the commit with this number; without one, as [`undo`].
///
/// # Errors
///
/// As [`undo`].
pub fn undo_one(ws: &Workspace, sequence: Option<u64>) -> Result<Plan> {
    lane::open(&*ws.disk, &ws.root, "packwright undo", std::process::id())?;
    let moment = lane::quiet_moment(&*ws.disk, &ws.root, COMMIT_WAIT)?;
    let planned = plan(ws, sequence);
    // Half of somebody else's commit is no edit, and no reason to refuse anything.
    let is_whole = moment.is_quiet() && lane::moment(&*ws.disk, &ws.root)? == moment;
    if is_whole { planned } else { Err(Error::Torn { path: ws.root.clone() }) }
}

fn plan(ws: &Workspace, sequence: Option<u64>) -> Result<Plan> {
    let log = lane::log(&*ws.disk, &ws.root)?;
    let entry = wanted(&log, sequence)?;
    if made_the_workspace(entry) {
        let message = format!("commit {} made the workspace; to be rid of it, remove its directory", entry.sequence);
        return Err(Error::Refused(message));
    }
    refuse_overtaken(ws, &log, entry)?;
    let Reversal { mut commit, n_left, n_back, obstacles } =
        lane::reversal(&*ws.disk, &ws.root, &log, entry, &|it| !is_line_file(it), &owner_of)?;
    let mut obstacles: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
    let lines = take_back_lines(ws, &log, entry, &mut commit, &mut obstacles)?;
    refuse_obstacles(ws, &log, entry, obstacles)?;
    let mut notes: Vec<String> = lines.iter().map(note).collect();
    if n_left == 0 && lines.is_empty() && !entry.files.is_empty() {
        // Empty directories are no part of what git takes back.
        commit.make.clear();
        notes.push(format!(
            "note: nothing is left of commit {}; the next `undo` takes back one before it",
            entry.sequence
        ));
    } else if n_back > 0 {
        let (files, are) = (count(n_back, "file"), if n_back == 1 { "is" } else { "are" });
        notes.push(format!("note: {files} {are} already as before commit {}", entry.sequence));
    }
    Ok(Plan { commit, notes, lines })
}

fn is_line_file(path: &RelPath) -> bool {
    (0..N_FILES).any(|it| registry::file_path(it) == *path)
}

fn made_the_workspace(entry: &Entry) -> bool {
    entry.files.iter().any(|it| it.before.is_none() && is_line_file(&it.path))
}

/// Returns the file that a sidecar speaks for.
fn owner_of(path: &RelPath) -> Option<RelPath> {
    sidecar_owner(path.as_str()).and_then(RelPath::new)
}

/// Returns the commit that is meant.
fn wanted(log: &Log, sequence: Option<u64>) -> Result<&Entry> {
    let refused = |why: String| Err(Error::Refused(why));
    let Some(sequence) = sequence else {
        let last = log.last_standing();
        return last.ok_or_else(|| Error::Refused("there is no commit to undo".to_owned()));
    };
    let Some(entry) = log.entry(sequence) else { return refused(format!("there is no commit {sequence}")) };
    if let Some(by) = log.undone_by(sequence) {
        return refused(format!("commit {sequence} is undone already, by commit {by}"));
    }
    match entry.undoes {
        Some(other) => refused(format!("commit {sequence} took back commit {other}, and that is not taken back")),
        None => Ok(entry),
    }
}

/// Returns what later commits that stand changed of what a commit did, each with the number of such a commit.
fn overtaken(ws: &Workspace, log: &Log, entry: &Entry) -> Result<Vec<(u64, String)>> {
    let files = log.changed_since(entry).into_iter().filter(|it| !is_line_file(it.0));
    let later: Vec<&Entry> = log.standing().filter(|it| it.sequence > entry.sequence).collect();
    let mut overtaken: Vec<(u64, String)> = files.map(|(path, by)| (by.sequence, format!("`{path}`"))).collect();
    for idx in (0..N_FILES).filter(|_| !later.is_empty()) {
        let own = line_changes(ws, entry, idx)?;
        for later in later.iter().filter(|_| !own.is_empty()) {
            for (uuid, lines) in line_changes(ws, later, idx)?.iter().filter(|it| own.contains_key(it.0)) {
                let shown = lines.iter().flatten().next().map_or_else(|| uuid.to_string(), Line::shown);
                overtaken.push((later.sequence, format!("`{shown}`")));
            }
        }
    }
    // A file that moved is in both.
    overtaken.sort();
    overtaken.dedup();
    Ok(overtaken)
}

/// Fails where later commits that stand changed the same since: to be as before this one is to be as before those, and
/// that the log would not tell.
fn refuse_overtaken(ws: &Workspace, log: &Log, entry: &Entry) -> Result<()> {
    let overtaken = overtaken(ws, log, entry)?;
    let Some(newest) = overtaken.iter().map(|it| it.0).max() else { return Ok(()) };
    let mut by_newest = overtaken.iter().filter(|it| it.0 == newest).map(|it| &it.1);
    let what = by_newest.next().map_or("", String::as_str);
    let more = match by_newest.count() {
        0 => String::new(),
        n => format!(" and {}", count(n, "other")),
    };
    let title = log.entry(newest).map_or("", |it| &it.title);
    let Entry { sequence, title: own, .. } = entry;
    Err(Error::Refused(format!(
        "commit {sequence} ({own}) cannot be undone: commit {newest} ({title}) changed {what}{more} since; undo that one \
         first: `packwright undo {newest}`"
    )))
}

/// Returns an older commit that could be undone in the place of this one: the newest that no later one has to do with, if
/// it is among the next few.
fn way_past<'a>(ws: &Workspace, log: &'a Log, entry: &Entry) -> Result<Option<&'a Entry>> {
    const FEW: usize = 5;
    for older in log.standing().rev().filter(|it| it.sequence < entry.sequence).take(FEW) {
        if !made_the_workspace(older) && overtaken(ws, log, older)?.is_empty() {
            return Ok(Some(older));
        }
    }
    Ok(None)
}

/// Fails where anything is in the way, and says how to get past it.
fn refuse_obstacles(ws: &Workspace, log: &Log, entry: &Entry, mut obstacles: Vec<String>) -> Result<()> {
    const FEW: usize = 5;
    let n = obstacles.len();
    if n == 0 {
        return Ok(());
    }
    obstacles.truncate(FEW);
    if n > FEW {
        obstacles.push(format!("and so on, {n} in all"));
    }
    let Entry { sequence, title, .. } = entry;
    let past = way_past(ws, log, entry)?.map_or_else(String::new, |it| {
        format!(", or leave it and take back commit {0} ({1}): `packwright undo {0}`", it.sequence, it.title)
    });
    Err(Error::Refused(format!(
        "commit {sequence} ({title}) cannot be undone: {}; put that right by hand{past}",
        obstacles.join("; ")
    )))
}

fn note(line: &Line) -> String {
    let what = if line.removed { "give up" } else { "bind again" };
    format!("{what} `{}` ({}, {})", line.shown(), line.id, line.uuid)
}

fn not_kept(entry: &Entry, path: &RelPath) -> Error {
    Error::Refused(format!("what `{path}` held before commit {} is not kept any more", entry.sequence))
}

/// Adds the files of the registry to the commit, and returns the lines that change; says what is in the way.
fn take_back_lines(
    ws: &Workspace,
    log: &Log,
    entry: &Entry,
    commit: &mut Commit,
    obstacles: &mut Vec<String>,
) -> Result<Vec<Line>> {
    let paths: Vec<RelPath> = (0..N_FILES).map(registry::file_path).collect();
    let mut files = registry::FileSet::default();
    let present = lane::read_through(&*ws.disk, &ws.root, &paths)?;
    files.iter_mut().zip(present).for_each(|(file, it)| *file = it);
    let loaded = registry::load(&files);
    if loaded.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(Error::Invalid(loaded.diagnostics));
    }
    let registry = loaded.registry;
    let mut lines = Vec::new();
    for (idx, path) in paths.iter().enumerate() {
        let Some(at) = entry.files.iter().position(|it| it.path == *path) else { continue };
        let before = lane::before_contents(&*ws.disk, &ws.root, entry, at)?;
        let after = lane::after_contents(&*ws.disk, &ws.root, entry, at)?;
        let (before, after) = before.zip(after).ok_or_else(|| not_kept(entry, path))?;
        let (taken_back, mut moved) = taken_back(&registry, [before, after].map(|it| lines_of(idx, it, entry)))?;
        lines.extend(taken_back);
        if !moved.is_empty() {
            let earlier = lines_before(ws, log, entry, idx)?;
            let stood_so = |now: &Line| {
                earlier.get(&now.uuid).is_some_and(|lines| lines.iter().any(|it| standing(it) == standing(now)))
            };
            moved.retain(|[_, now]| !stood_so(now));
        }
        let told = |[then, _]: &[Line; 2]| format!("`{}` ({}) was moved or given up since", then.shown(), then.id);
        obstacles.extend(moved.iter().map(told));
    }
    if lines.is_empty() {
        // That they are back is what the log will say.
        let present = paths.iter().zip(&files).map(|(path, it)| (path.clone(), it.as_deref().map(Digest::of)));
        commit.holds.extend(present.filter(|it| entry.files.iter().any(|own| own.path == it.0)));
    }
    if lines.is_empty() || !obstacles.is_empty() {
        return Ok(lines);
    }
    let next = registry::replace(&registry, lines.clone());
    obstacles.extend(clashes(&next, &lines));
    let mut changed: BTreeMap<usize, Vec<u8>> = registry.changed_files(&next).into_iter().collect();
    for (idx, (path, present)) in paths.into_iter().zip(files).enumerate() {
        let expect = present.as_deref().map(Digest::of);
        commit.changes.push(Change { path, expect, content: changed.remove(&idx).or(present) });
    }
    lines.sort_by(|a, b| (&a.place, &a.part).cmp(&(&b.place, &b.part)));
    Ok(lines)
}

/// Returns the lines that one of the sixteen files held, settled as a build would settle them.
fn lines_of(idx: usize, bytes: Vec<u8>, entry: &Entry) -> Result<BTreeMap<AssetUuid, Line>> {
    let mut files = registry::FileSet::default();
    files.fill(Some(Vec::new()));
    files[idx] = Some(bytes);
    let loaded = registry::load(&files);
    if loaded.diagnostics.iter().any(Diagnostic::is_error) {
        let message = format!("the registry was damaged around commit {}, which is not taken back", entry.sequence);
        return Err(Error::Refused(message));
    }
    Ok(loaded.registry.lines().iter().map(|it| (it.uuid, it.clone())).collect())
}

/// Returns what a commit did to lines of one of the sixteen files, where they stand and whether they do: each before and
/// after. Where that is not known any more, nothing.
fn line_changes(ws: &Workspace, entry: &Entry, idx: usize) -> Result<BTreeMap<AssetUuid, [Option<Line>; 2]>> {
    let path = registry::file_path(idx);
    let Some(at) = entry.files.iter().position(|it| it.path == path) else { return Ok(BTreeMap::new()) };
    let before = lane::before_contents(&*ws.disk, &ws.root, entry, at)?;
    let after = lane::after_contents(&*ws.disk, &ws.root, entry, at)?;
    let lines = |it: Option<Vec<u8>>| it.and_then(|it| lines_of(idx, it, entry).ok());
    let Some((mut before, after)) = lines(before).zip(lines(after)) else { return Ok(BTreeMap::new()) };
    let changes = after.into_iter().map(|(uuid, after)| (uuid, [before.remove(&uuid), Some(after)]));
    Ok(changes.filter(|(_, [before, after])| before.as_ref().map(standing) != after.as_ref().map(standing)).collect())
}

/// Returns how lines stood before those commits before `entry` that changed it: whoever takes several back by other means,
/// git perhaps, leaves them so.
fn lines_before(ws: &Workspace, log: &Log, entry: &Entry, idx: usize) -> Result<BTreeMap<AssetUuid, Vec<Line>>> {
    let mut all: BTreeMap<AssetUuid, Vec<Line>> = BTreeMap::new();
    for earlier in log.standing().filter(|it| it.sequence < entry.sequence) {
        for (uuid, [before, _]) in line_changes(ws, earlier, idx)? {
            all.entry(uuid).or_default().extend(before);
        }
    }
    Ok(all)
}

/// Returns what makes a line another one, as far as commits go: where it stands, and whether it does.
fn standing(line: &Line) -> (&RelPath, &str, bool) {
    (&line.place, &line.part, line.removed)
}

/// Returns the lines that a commit changed as they become; those that it left alone are none of its business. And those
/// that stand elsewhere since, each as the commit left it and as it is.
fn taken_back(
    registry: &Registry,
    [before, after]: [Result<BTreeMap<AssetUuid, Line>>; 2],
) -> Result<(Vec<Line>, Vec<[Line; 2]>)> {
    let (before, after) = (before?, after?);
    let (mut lines, mut moved) = (Vec::new(), Vec::new());
    for (uuid, then) in after.iter().filter(|it| before.get(it.0) != Some(it.1)) {
        // Somebody else took the whole line back, by means of git perhaps.
        let Some(now) = registry.by_uuid(*uuid) else { continue };
        let next = match before.get(uuid) {
            None => Line { removed: true, ..now.clone() },
            Some(it) => {
                let (place, part, removed) = (it.place.clone(), it.part.clone(), it.removed);
                Line { place, part, removed, content: it.content, declaration: it.declaration, ..now.clone() }
            }
        };
        if standing(now) == standing(then) {
            lines.extend((next != *now).then_some(next));
        } else if standing(now) != standing(&next) {
            moved.push([then.clone(), now.clone()]);
        }
    }
    Ok((lines, moved))
}

/// Says where a line goes back to a place that another asset has by now.
fn clashes(next: &Registry, lines: &[Line]) -> Vec<String> {
    let other = |line: &Line| {
        let is_other =
            |it: &&Line| !it.removed && it.uuid != line.uuid && it.place == line.place && it.part == line.part;
        next.lines().iter().find(is_other).cloned()
    };
    let taken = lines.iter().filter(|it| !it.removed).filter_map(other);
    taken.map(|it| format!("`{}` belongs to another asset by now, {}", it.shown(), it.id)).collect()
}
