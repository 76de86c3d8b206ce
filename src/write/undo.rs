//! Taking back the last commit: a commit like any other.
//!
//! Files get back what they held before. The registry is taken back line by line, and never frees an identity: what the
//! commit registered becomes a tombstone, and a line that goes back to an earlier state is a new form of it.
//!
//! What was taken back already by other means, git perhaps, is left as it is. Whatever else was edited since is in the
//! way: that is told, and an older commit can be undone in its place.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::lane::{self, Change, Commit, Entry, Log, Reversal};
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
    let is_line_file = |path: &RelPath| (0..N_FILES).any(|it| registry::file_path(it) == *path);
    if entry.files.iter().any(|it| it.before.is_none() && is_line_file(&it.path)) {
        let message = format!("commit {} made the workspace; to be rid of it, remove its directory", entry.sequence);
        return Err(Error::Refused(message));
    }
    let Reversal { mut commit, n_left, n_back, edited } =
        lane::reversal(&*ws.disk, &ws.root, entry, &|it| !is_line_file(it))?;
    let mut obstacles: Vec<String> = edited.iter().map(|it| format!("`{it}` was changed since")).collect();
    let lines = take_back_lines(ws, entry, &mut commit, &mut obstacles)?;
    refuse_obstacles(&log, entry, obstacles)?;
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

/// Fails where anything is in the way, and says how to get past it.
fn refuse_obstacles(log: &Log, entry: &Entry, mut obstacles: Vec<String>) -> Result<()> {
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
    let past = log.last_standing_before(*sequence).map_or_else(String::new, |it| {
        format!(
            ", or run `packwright undo {}` to leave commit {sequence} as it is and undo the one before",
            it.sequence
        )
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
        lines.extend(taken_back(&registry, [before, after].map(|it| lines_of(idx, it, entry)), obstacles)?);
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

/// Returns the lines that a commit changed as they become; those that it left alone are none of its business. Says which
/// ones were changed since.
fn taken_back(
    registry: &Registry,
    [before, after]: [Result<BTreeMap<AssetUuid, Line>>; 2],
    obstacles: &mut Vec<String>,
) -> Result<Vec<Line>> {
    let (before, after) = (before?, after?);
    let mut lines = Vec::new();
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
        let standing = |it: &Line| (it.place.clone(), it.part.clone(), it.removed);
        if standing(now) == standing(then) {
            lines.extend((next != *now).then_some(next));
        } else if standing(now) != standing(&next) {
            obstacles.push(format!("`{}` ({}) was moved or given up since", then.shown(), then.id));
        }
    }
    Ok(lines)
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
