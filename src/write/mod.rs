//! The write commands: from a view of the workspace to a [`Commit`], which somebody else shows or commits.
//!
//! A command decides what is to change ([`Decision`]); then the workspace is looked at as it would be afterwards, with
//! the queries of a build. So a commit brings no error into a workspace that was not there before, and the lines of the
//! registry that it writes hold the digests of what it leaves behind. Every file that it changes or goes by is a
//! precondition of the commit: whoever edits one meanwhile is told of a conflict.
//!
//! Knows nothing of terminals; reads no disk but for the registry's files and for what lies in a directory that moves
//! and is no source.
//!
//! - `rename`, `moving`, `exclusion`, `remove`, `register`: one file a command
//! - `undo`: takes the last commit back, or one before it
//! - `uses`: who needs an asset or a file
//! - `unread`: declarations that cannot be read, and what they seem to refer to
//! - `turn`: from a plan to a commit
//! - `create`: the first commit of all
//! - `inputs`: which inputs come and go with their places
//! - `rewrite`: references in declarations that follow a name or a place
//! - `json`, `toml`, `cut`: edits that leave everything else as it is

mod create;
mod cut;
mod exclusion;
mod inputs;
mod json;
mod moving;
mod register;
mod remove;
mod rename;
mod rewrite;
mod toml;
mod turn;
mod undo;
mod unread;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use crate::build::Options;
use crate::build::artifacts::Moved;
use crate::build::view::{Asset, Next, View, view};
use crate::error::{Error, Result};
use crate::lane::{self, Change, Commit, Move};
use crate::model::declaration::Form;
use crate::model::path::{SIDECAR_SUFFIX, sidecar_owner};
use crate::model::registry::{self, ChangeNote, Edit, Line, Present, Registry};
use crate::model::{AssetUuid, Code, Diagnostic, Digest, RelPath};
use crate::query::State;
use crate::workspace::bucket::Kind;
use crate::workspace::layout::{CONFIG_FILE, Workspace};
use crate::workspace::lookup::is_declaration;

pub use create::{create, new_files, random_uuid, registry_files};
pub use exclusion::{exclude, include};
pub use moving::{Destination, move_files};
pub use register::{refresh, register};
pub use remove::{Removal, remove};
pub use rename::rename;
pub use turn::{Done, look, under_lane};
pub use undo::{undo, undo_one};
pub use unread::undeclared;

/// What a command wants to change.
#[derive(Clone, Default, Debug)]
pub struct Decision {
    /// What it is, in a few words: `rename 1 asset`.
    pub title: String,
    /// What is done to what, one line each, as an infinitive; and what is to be known about it.
    pub notes: Vec<String>,
    /// The authored files and sources.
    pub next: Next,
    /// The registry.
    pub edits: Vec<Edit>,
    /// The registered assets that it is about.
    pub concerns: Vec<AssetUuid>,
    /// Files that the decision goes by and that stay as they are.
    pub relies_on: BTreeSet<RelPath>,
    /// Directories that are made, because they are empty where they come from.
    pub make: BTreeSet<RelPath>,
    /// Directories that go once nothing is left in them.
    pub prune: BTreeSet<RelPath>,
    /// Errors that the user has asked for.
    pub tolerates: Vec<Code>,
}

/// What a command is about to do.
#[derive(Clone, Default, Debug)]
pub struct Plan {
    /// All file changes. Empty where nothing is to be done.
    pub commit: Commit,
    /// What is done to what, one line each, as an infinitive; and what is to be known about it.
    pub notes: Vec<String>,
    /// The lines of the assets that are concerned as they will be, by place.
    pub lines: Vec<Line>,
}

impl AsRef<Commit> for Plan {
    fn as_ref(&self) -> &Commit {
        &self.commit
    }
}

/// What a command must know of a workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// What is declared.
    Declarations,
    /// What processors ask besides.
    Observations,
}

/// Looks at the workspace, asks `decide` what to change, looks at what would come of it, and puts the commit together.
///
/// # Errors
///
/// Those of `decide`; [`Error::Invalid`] names the errors that the change would bring into the workspace.
pub fn plan(
    ws: &Workspace,
    state: &mut State,
    options: &Options,
    depth: Depth,
    decide: &dyn Fn(&View) -> Result<Decision>,
) -> std::result::Result<Plan, Moved> {
    let before = view(ws, state, options, depth == Depth::Observations)?;
    let mut decision = decide(&before)?;
    write_behind_links(&before, &mut decision);
    let is_nothing = decision.next == Next::default() && decision.edits.is_empty() && decision.make.is_empty();
    if is_nothing {
        let lines = lines(&before.registry, &before.registry, &decision.concerns);
        return Ok(Plan { commit: Commit::new(decision.title), notes: decision.notes, lines });
    }
    refuse_links(&before, &decision.next)?;
    let (mut edits, mut notes) = (decision.edits.clone(), decision.notes.clone());
    notes.retain(|it| *it != decision.title);
    let mut after = after(ws, state, &before, &decision.next, &edits)?;
    refuse_new_errors(&before, &after, &decision)?;
    notes.extend(inputs::changed(&before, &after, &decision.next));
    notes.extend(left_dangling(&before, &decision));
    let news = consequences(&before, &after);
    if !news.is_empty() {
        edits.extend(news.iter().map(settled_by));
        after = self::after(ws, state, &before, &decision.next, &edits)?;
        // Where other new places come before them, they were not given these numbers.
        let settled = |mut it: ChangeNote| {
            it.id = after.registry.at(&it.place, &it.part).map_or(it.id, |line| line.id);
            it.to_string()
        };
        notes.extend(news.into_iter().map(settled));
    }
    refuse_torn(&before, &after)?;
    notes.extend(lost(&before, &after));
    let lines = lines(&before.registry, &after.registry, &decision.concerns);
    Ok(Plan { commit: commit(ws, &before, &after, decision)?, notes, lines })
}

/// Returns the workspace as it would be.
fn after(ws: &Workspace, state: &mut State, before: &View, next: &Next, edits: &[Edit]) -> Result<View> {
    before.after(ws, state, next, &|after| {
        let digests = |place: &RelPath, part: &str| after.digests(place, part);
        let edited = registry::edit(&before.registry, before.config.workspace, edits, &digests);
        edited.ok_or_else(|| Error::Refused("no asset_id is left".to_owned()))
    })
}

/// Returns the lines that are concerned: those asked for, and those that differ.
fn lines(before: &Registry, after: &Registry, concerns: &[AssetUuid]) -> Vec<Line> {
    let concerns: BTreeSet<AssetUuid> = concerns.iter().copied().collect();
    let is_meant = |it: &&Line| concerns.contains(&it.uuid) || before.by_uuid(it.uuid) != Some(it);
    let mut lines: Vec<Line> = after.lines().iter().filter(is_meant).cloned().collect();
    lines.sort_by(|a, b| (&a.place, &a.part).cmp(&(&b.place, &b.part)));
    lines
}

/// Lets declarations be written where they are, if the workspace sees them behind a link and nowhere else.
fn write_behind_links(view: &View, decision: &mut Decision) {
    let sole = |path: &RelPath| {
        let real = view.behind_link(path).filter(|_| is_declaration(path.as_str()))?;
        (view.sights(&real).len() == 1).then_some(real)
    };
    let files = std::mem::take(&mut decision.next.files);
    decision.next.files = files.into_iter().map(|(path, it)| (sole(&path).unwrap_or(path), it)).collect();
    let relies_on = std::mem::take(&mut decision.relies_on);
    decision.relies_on = relies_on.into_iter().map(|it| sole(&it).unwrap_or(it)).collect();
}

/// What is written goes where a file is, never through a link: what lies behind one may have another place besides.
fn refuse_links(view: &View, next: &Next) -> Result<()> {
    let touched = next.files.keys().chain(next.moved.keys()).chain(next.moved.values());
    for path in touched {
        if view.find(path).is_some_and(|it| it.kind != Kind::File && !it.kind.is_dir()) {
            let message = format!("`{path}` is a link or no regular file, and packwright only writes files");
            return Err(Error::Refused(message));
        }
        let mut above = path.parent();
        while let Some(dir) = above {
            if view.find(&dir).is_some_and(|it| it.kind.is_link()) {
                return Err(Error::Refused(behind(view, path, &dir)));
            }
            above = dir.parent();
        }
    }
    Ok(())
}

/// Says what can be done about a file that lies behind a link.
fn behind(view: &View, path: &RelPath, link: &RelPath) -> String {
    let lies = format!("`{path}` lies behind the link `{link}`");
    let Some(real) = view.behind_link(path) else { return lies };
    match view.sights(&real).iter().find(|it| *it != path) {
        Some(other) => {
            let other = sidecar_owner(other.as_str()).unwrap_or(other.as_str());
            format!("{lies}, and what is done to it is done to `{other}` too: name that one, to change both")
        }
        None => format!("{lies}, where packwright only edits declarations; do it yourself at `{real}`"),
    }
}

fn refuse_new_errors(before: &View, after: &View, decision: &Decision) -> Result<()> {
    let mut errors = after.new_errors(before, &decision.next);
    errors.retain(|it| !decision.tolerates.contains(&it.code));
    if errors.is_empty() {
        return Ok(());
    }
    // Of files that it changes, the positions are about what they are not yet.
    let changes =
        |it: &RelPath| decision.next.files.contains_key(it) || decision.next.moved.values().any(|to| to == it);
    for error in &mut errors {
        let locations = error.location.iter_mut().chain(error.related.iter_mut().map(|it| &mut it.location));
        locations.filter(|it| changes(&it.path)).for_each(|it| it.span = None);
        error.message = format!("afterwards: {}", error.message);
    }
    Err(Error::Invalid(errors))
}

/// Warns of links that lead nowhere afterwards.
fn left_dangling(before: &View, decision: &Decision) -> Vec<String> {
    let removed = decision.next.files.iter().filter(|it| it.1.is_none()).map(|it| it.0);
    let gone: BTreeSet<&RelPath> = removed.chain(decision.next.moved.keys()).chain(&decision.prune).collect();
    let links = gone.into_iter().flat_map(|to| before.links_to(to).into_iter().map(move |link| (link, to)));
    links.map(|(link, to)| format!("warning: the link `{link}` leads to `{to}`, and nowhere afterwards")).collect()
}

/// Returns the lines that a change makes missing by the way.
fn newly_missing<'a>(before: &'a View, after: &'a View) -> impl Iterator<Item = &'a Line> {
    let known: BTreeSet<AssetUuid> = before.proposal.missing.iter().map(|it| it.uuid).collect();
    after.proposal.missing.iter().filter(move |it| !known.contains(&it.uuid))
}

/// Refuses to take apart what rules take together: where a file has another path, it may be part of something else, or of
/// nothing.
fn refuse_torn(before: &View, after: &View) -> Result<()> {
    let mut torn = newly_missing(before, after).filter(|it| before.behind_link(&it.place).is_none());
    let Some(first) = torn.next().filter(|_| before.config.rules.gather()) else { return Ok(()) };
    Err(Error::Refused(format!(
        "{} `{}` would go missing: which files are part of it is decided by a rule, and by their paths; move the directory \
         that holds all of it, or change the files yourself and then run `packwright build`",
        first.id,
        first.shown()
    )))
}

/// Warns of assets that a change makes missing by the way, which nobody has named: they lie behind a link.
fn lost(before: &View, after: &View) -> Vec<String> {
    let warning = |it: &Line| {
        let why =
            before.behind_link(&it.place).map_or_else(String::new, |it| format!(": it is `{it}`, seen through a link"));
        let (id, shown) = (it.id, it.shown());
        format!("warning: {id} `{shown}` goes missing{why}; `packwright remove {id}` gives it up for good")
    };
    newly_missing(before, after).map(warning).collect()
}

/// Returns what the next build would register that it would not register without this change.
fn consequences(before: &View, after: &View) -> Vec<ChangeNote> {
    let known: BTreeSet<(&RelPath, &str)> = before.proposal.changes.iter().map(|it| (&it.place, &*it.part)).collect();
    let is_news = |it: &&ChangeNote| it.change != registry::Change::Tidied && !known.contains(&(&it.place, &*it.part));
    after.proposal.changes.iter().filter(is_news).cloned().collect()
}

/// Returns the edit that does what a build would do.
fn settled_by(note: &ChangeNote) -> Edit {
    match note.change {
        registry::Change::TakenOver { .. } => Edit::Move { uuid: note.uuid, to: note.place.clone() },
        _ => Edit::Register(Present { place: note.place.clone(), part: note.part.to_string(), excluded: false }),
    }
}

/// Puts the commit together: each file with the digest that it must still have.
fn commit(ws: &Workspace, before: &View, after: &View, decision: Decision) -> Result<Commit> {
    let [make, prune] = [decision.make, decision.prune].map(|it| it.into_iter().collect());
    let mut commit = Commit { make, prune, ..Commit::new(decision.title) };
    let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let is_config = |it: &RelPath| *it == config;
    let expect = |path: &RelPath| match is_config(path) {
        true => Some(Digest::of(&before.config_text)),
        false => before.find(path).or_else(|| before.find(before.sights(path).first()?)).map(|it| it.digest),
    };
    let mut relies_on = decision.relies_on;
    relies_on.insert(config.clone());
    for path in relies_on.iter().filter(|it| !decision.next.files.contains_key(*it)) {
        let text =
            if is_config(path) { Some(&before.config_text[..]) } else { before.texts.get(path).map(|it| &it[..]) };
        let Some(text) = text.filter(|_| !decision.next.moved.contains_key(path)) else { continue };
        commit.changes.push(Change { path: path.clone(), expect: expect(path), content: Some(text.to_vec()) });
    }
    for (path, content) in decision.next.files {
        commit.changes.push(Change { expect: expect(&path), path, content });
    }
    for (from, to) in decision.next.moved {
        let digest = decision.next.others.get(&from).copied().or_else(|| before.find(&from).map(|it| it.digest));
        let expect = digest.ok_or_else(|| Error::Torn { path: ws.abs(&from) })?;
        commit.moves.push(Move { from, to, expect });
    }
    if before.registry != after.registry {
        commit.changes.extend(registry_changes(ws, before, after)?);
    }
    Ok(commit)
}

/// Returns all sixteen files: a number that one of them is given must not be given out meanwhile by another.
fn registry_changes(ws: &Workspace, before: &View, after: &View) -> Result<Vec<Change>> {
    let mut changed: BTreeMap<usize, Vec<u8>> = before.registry.changed_files(&after.registry).into_iter().collect();
    let paths: Vec<RelPath> = (0..registry::N_FILES).map(registry::file_path).collect();
    let present = lane::read_through(&*ws.disk, &ws.root, &paths)?;
    let mut changes = Vec::with_capacity(paths.len());
    for (idx, (path, present)) in paths.into_iter().zip(present).enumerate() {
        let expect = before.registry_digests[idx];
        if present.as_deref().map(Digest::of) != Some(expect) {
            return Err(Error::Torn { path: ws.abs(&path) });
        }
        let content = changed.remove(&idx).or(present);
        changes.push(Change { path, expect: Some(expect), content });
    }
    Ok(changes)
}

/// The longest name that most systems hold, in bytes.
const LONGEST_NAME: usize = 255;

/// Returns the sidecar of a file.
fn sidecar(place: &RelPath) -> Result<RelPath> {
    let path = RelPath::new(&format!("{place}{SIDECAR_SUFFIX}")).filter(|it| it.name().len() <= LONGEST_NAME);
    path.ok_or_else(|| {
        Error::Refused(format!(
            "`{place}` leaves no room for a sidecar, `{SIDECAR_SUFFIX}` after its name: most systems hold names of up to \
             {LONGEST_NAME} bytes; write a rule for it, or give the file a shorter name"
        ))
    })
}

/// Returns the text of the file that declares an asset.
fn declared_text<'a>(view: &'a View, asset: &Asset, file: &RelPath) -> Result<&'a str> {
    view.text(file).ok_or_else(|| unreadable(view, asset, file))
}

/// Returns the error for a declaration that cannot be edited: what is wrong with it, and where.
fn unreadable(view: &View, asset: &Asset, file: &RelPath) -> Error {
    let place = asset.place();
    let problem = view.errors.iter().find(|it| it.location.as_ref().is_some_and(|it| it.path == *file));
    let problem = problem.map_or_else(String::new, |it| {
        let line =
            it.location.as_ref().and_then(|it| it.span).map_or_else(String::new, |it| format!("line {}: ", it.line));
        format!(" ({line}{})", it.message)
    });
    Error::Refused(format!(
        "`{file}`, which declares `{place}`, cannot be edited as it is{problem}; mend it first, or give the asset up: \
         `packwright remove {place}`"
    ))
}

/// Sets a field of an asset's own declaration, which becomes a sidecar where a rule makes the asset.
fn set_field(view: &View, asset: &Asset, field: &str, value: &serde_json::Value, next: &mut Next) -> Result<()> {
    let (file, text) = match &asset.declaration.origin.form {
        Form::Directory(file) | Form::Sidecar(file) => {
            let text = declared_text(view, asset, file)?;
            (file.clone(), json::set(text, field, value).ok_or_else(|| unreadable(view, asset, file))?)
        }
        Form::Rule(_) => (sidecar(asset.place())?, json::fresh(field, value)),
    };
    next.files.insert(file, Some(text.into_bytes()));
    Ok(())
}

/// Settles what a build would settle about an asset that is edited: that it is a missing one, found again.
fn settle(view: &View, asset: &Asset, decision: &mut Decision) {
    let Some(line) = view.line(asset) else { return };
    let Some(registered) = view.registry.by_uuid(line.uuid) else { return };
    decision.concerns.push(line.uuid);
    if registered.place != line.place {
        decision.edits.push(Edit::Move { uuid: line.uuid, to: line.place.clone() });
        decision.notes.push(format!("note: {} moved from `{}` to `{}`", line.id, registered.place, line.place));
    }
    decision.relies_on.extend(asset.declaration.file().cloned());
}

/// Returns `1 asset`, `2 assets`.
fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Ends a command because of what is wrong, in the order in which it is shown.
fn refuse(mut diagnostics: Vec<Diagnostic>) -> Result<()> {
    crate::model::diagnostic::sort(&mut diagnostics);
    if diagnostics.is_empty() { Ok(()) } else { Err(Error::Invalid(diagnostics)) }
}
