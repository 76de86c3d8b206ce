//! Taking back the last commit: a commit like any other.
//!
//! Files get back what they held before. The registry is taken back line by line, and never frees an identity: what the
//! commit registered becomes a tombstone, and a line that goes back to an earlier state is a new form of it.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::lane::{self, Change, Commit, Entry};
use crate::model::registry::{self, Line, N_FILES, Registry};
use crate::model::{AssetUuid, Diagnostic, Digest, RelPath};
use crate::workspace::layout::Workspace;

use super::Plan;

/// Plans to take back the last commit that was not taken back yet; of those that take back others, none.
///
/// # Errors
///
/// [`Error::Refused`] where there is none, or what its files held is not kept any more; [`Error::Conflict`] where one of
/// them was edited since; [`Error::Invalid`] where the registry is damaged.
pub fn undo(ws: &Workspace) -> Result<Plan> {
    let log = lane::log(&*ws.disk, &ws.root)?;
    let Some(entry) = log.last_standing() else { return Err(Error::Refused("there is no commit to undo".to_owned())) };
    let is_line_file = |path: &RelPath| (0..N_FILES).any(|it| registry::file_path(it) == *path);
    if entry.files.iter().any(|it| it.before.is_none() && is_line_file(&it.path)) {
        let message = format!("commit {} made the workspace; to be rid of it, remove its directory", entry.sequence);
        return Err(Error::Refused(message));
    }
    let mut commit = lane::reversal(&*ws.disk, &ws.root, entry, &|it| !is_line_file(it))?;
    let lines = take_back_lines(ws, entry, &mut commit)?;
    let mut notes: Vec<String> = lines.iter().map(note).collect();
    if commit.changes.is_empty() && commit.moves.is_empty() {
        notes.push(format!("note: nothing is left of commit {}; numbers once given out stay so", entry.sequence));
    }
    Ok(Plan { commit, notes, lines })
}

fn note(line: &Line) -> String {
    let what = if line.removed { "give up" } else { "bind again" };
    format!("{what} `{}` ({}, {})", line.shown(), line.id, line.uuid)
}

fn not_kept(entry: &Entry, path: &RelPath) -> Error {
    Error::Refused(format!("what `{path}` held before commit {} is not kept any more", entry.sequence))
}

/// Adds the files of the registry to the commit, and returns the lines that change.
fn take_back_lines(ws: &Workspace, entry: &Entry, commit: &mut Commit) -> Result<Vec<Line>> {
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
        lines.extend(taken_back(&registry, [before, after].map(|it| lines_of(idx, it, entry)))?);
    }
    if lines.is_empty() {
        return Ok(lines);
    }
    let next = registry::replace(&registry, lines.clone());
    refuse_clashes(&next, &lines)?;
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

/// Returns the lines that a commit changed as they become; those that it left alone are none of its business.
fn taken_back(registry: &Registry, [before, after]: [Result<BTreeMap<AssetUuid, Line>>; 2]) -> Result<Vec<Line>> {
    let (before, after) = (before?, after?);
    let mut lines = Vec::new();
    for (uuid, then) in after.iter().filter(|it| before.get(it.0) != Some(it.1)) {
        // Somebody else took the whole line back, by means of git perhaps.
        let Some(now) = registry.by_uuid(*uuid) else { continue };
        if (&now.place, &now.part, now.removed) != (&then.place, &then.part, then.removed) {
            let message = format!("`{}` was moved or given up since: nothing can be undone before that", then.shown());
            return Err(Error::Refused(message));
        }
        let next = match before.get(uuid) {
            None => Line { removed: true, ..now.clone() },
            Some(it) => {
                let (place, part, removed) = (it.place.clone(), it.part.clone(), it.removed);
                Line { place, part, removed, content: it.content, declaration: it.declaration, ..now.clone() }
            }
        };
        if next != *now {
            lines.push(next);
        }
    }
    Ok(lines)
}

/// Fails where a line goes back to a place that another asset has by now.
fn refuse_clashes(next: &Registry, lines: &[Line]) -> Result<()> {
    let clash = lines.iter().filter(|it| !it.removed).find_map(|line| {
        let is_other =
            |it: &&Line| !it.removed && it.uuid != line.uuid && it.place == line.place && it.part == line.part;
        next.lines().iter().find(is_other)
    });
    match clash {
        None => Ok(()),
        Some(it) => Err(Error::Refused(format!("`{}` belongs to another asset by now, {}", it.shown(), it.id))),
    }
}
