//! Identities: which declared place has which, and what would have to be registered.
//!
//! What is proposed is committed, through the lane, when the whole plan is valid.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::lane::{self, Lane};
use crate::model::declaration::{Declaration, Inputs};
use crate::model::registry::{self, ChangeNote, Digests, Present, Proposal, Registry, directory_content, propose};
use crate::model::{Code, Digest, RelPath};
use crate::query::State;
use crate::query::declared::{Declared, asset_dirs, declared};
use crate::query::issue::Problem;
use crate::query::recipes::inputs;
use crate::workspace::bucket::Tree;
use crate::workspace::config::Config;
use crate::workspace::layout::Workspace;

use super::Options;
use super::configure::{RegistryFiles, set_digest};

/// How long a build waits for whoever holds the lane.
pub const LANE_WAIT: Duration = Duration::from_secs(30);

/// Compares what is declared with what is registered.
pub fn identify(ws: &Workspace, state: &State, tree: &Tree, config: &Config, registry: &Registry) -> Proposal {
    let (present, declarations) = declared_places(ws, state, registry);
    propose(registry, config.workspace, &present, &|idx| held(&declarations, idx, state, tree))
}

/// Returns what the place at a position holds, given all of [`declared_places`].
pub fn held(declarations: &[Option<&Arc<Declaration>>], idx: usize, state: &State, tree: &Tree) -> Digests {
    let nothing = Digests { content: Digest::of(b""), declaration: None };
    declarations[idx].map_or(nothing, |it| digests(it, tree, asset_dirs(&state.db)))
}

/// Returns every declared place, strictly in order, and each one's declaration where it can be read.
pub fn declared_places<'a>(
    ws: &Workspace,
    state: &'a State,
    registry: &Registry,
) -> (Vec<Present>, Vec<Option<&'a Arc<Declaration>>>) {
    let db = &state.db;
    state.prefetch(ws, "declarations", &state.buckets(), |db, it| {
        declared(db, it);
    });
    let is_registered = |place: &RelPath, part: &str| registry.at(place, part).is_some();
    let places = places(state.buckets().into_iter().map(|it| declared(db, it)), &is_registered);
    places.into_iter().unzip()
}

/// A declared place, and what declares it; `None` where that cannot be read.
pub type Place<'a> = (Present, Option<&'a Arc<Declaration>>);

/// Returns all declared places, in order.
pub fn places<'a>(
    declared: impl Iterator<Item = &'a Declared>,
    is_registered: &dyn Fn(&RelPath, &str) -> bool,
) -> Vec<Place<'a>> {
    let mut places: Vec<Place<'a>> = Vec::new();
    let present =
        |place: &RelPath, part: &str, excluded| Present { place: place.clone(), part: part.to_owned(), excluded };
    for declared in declared {
        places.extend(unread(declared).filter(|it| is_registered(it, "")).map(|it| (present(it, "", false), None)));
        let all = declared.assets.iter().chain(&declared.broken);
        places.extend(all.map(|it| {
            let intent = &it.intent;
            (present(&intent.place, &intent.part, intent.options.is_excluded()), Some(it))
        }));
    }
    // Buckets follow one another in nearly this order. Of two claims on one place the last one counts.
    places.sort_by(|a, b| a.0.cmp(&b.0));
    places.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = later.1;
        }
        same
    });
    places
}

/// Returns the places whose declaration cannot even be read. One that is registered is still there: neither missing nor
/// to be taken over.
pub fn unread(declared: &Declared) -> impl Iterator<Item = &RelPath> {
    declared.problems.iter().filter(|it| stands_unread(it)).map(|it| &it.place)
}

/// Returns whether a problem is about something that stands at its place, in whatever state: also where it is only
/// warned of. Behind a sidecar that has lost its file nothing stands.
fn stands_unread(problem: &Problem) -> bool {
    problem.diagnostic.code != Code::DANGLING_SIDECAR
}

/// Returns the digests by which an asset is recognised should it move.
pub fn digests(declaration: &Declaration, tree: &Tree, asset_dirs: &[RelPath]) -> Digests {
    let digest_at = |path: &str| tree.find(path).map(|(bucket, idx)| bucket.content(idx).digest);
    let nothing = Digest::of(b"");
    let content = match declaration.intent.inputs {
        Inputs::Owner | Inputs::Companions(_) => {
            let found = tree.find(declaration.intent.place.as_str());
            let readable = found.filter(|(bucket, idx)| bucket.kind(*idx).is_readable());
            readable.map_or(nothing, |(bucket, idx)| bucket.content(idx).digest)
        }
        Inputs::Group(_) | Inputs::Directory | Inputs::Listed(_) => {
            let inputs = inputs(tree, asset_dirs, &declaration.intent, &mut Vec::new());
            directory_content(inputs.iter().map(|it| (it.path.as_str(), it.digest)))
        }
    };
    Digests { content, declaration: declaration.file().and_then(|it| digest_at(it.as_str())) }
}

/// Commits what is proposed, and returns the digest of the registry's files afterwards.
///
/// # Errors
///
/// [`Error::Locked`] when nothing may change, [`Error::Busy`] when somebody else keeps the lane, [`Error::Torn`] when
/// the registry is not any more what the proposal is based on: the build begins again then.
pub fn commit(
    ws: &Workspace,
    options: &Options,
    before: &Registry,
    proposal: &Proposal,
    files: &RegistryFiles,
) -> Result<Digest> {
    if !proposal.is_change() {
        files.check_unmoved(ws)?;
        return Ok(files.digest);
    }
    refuse_if_locked(options, proposal)?;
    write(ws, options, &proposal.changes, before.changed_files(&proposal.registry), files)
}

/// Commits the contents of some of the registry's files, by their numbers, and returns the digest of all sixteen
/// afterwards. `notes` tell what it is about.
///
/// # Errors
///
/// As [`commit`].
pub fn write(
    ws: &Workspace,
    options: &Options,
    notes: &[ChangeNote],
    contents: Vec<(usize, Vec<u8>)>,
    files: &RegistryFiles,
) -> Result<Digest> {
    let mut digests = files.digests.clone();
    let mut changes = Vec::new();
    for (idx, content) in contents {
        let expect = Some(digests[idx]);
        digests[idx] = Digest::of(&content);
        changes.push(lane::Change { path: registry::file_path(idx), expect, content: Some(content) });
    }
    let title = title(notes);
    files.check_unmoved(ws)?;
    let mut lane = take_lane(ws, options.wait.unwrap_or(LANE_WAIT))?;
    // The commit itself looks at the files that it changes; a number that it gives out may have been given out
    // meanwhile in one of the others.
    files.check_registry(ws)?;
    match lane.commit(lane::Commit { title, changes, ..lane::Commit::default() }) {
        Ok(_) => Ok(set_digest(&digests)),
        Err(Error::Conflict { path }) => Err(Error::Torn { path }),
        Err(error) => Err(error),
    }
}

/// Says what is registered, in a few words.
fn title(notes: &[ChangeNote]) -> String {
    let assets = |n: usize| if n == 1 { "asset" } else { "assets" };
    let n_moved = notes.iter().filter(|it| matches!(it.change, registry::Change::TakenOver { .. })).count();
    let n_new = notes.iter().filter(|it| it.change == registry::Change::New).count();
    let register = format!("register {n_new} {}", assets(n_new));
    match (n_new, n_moved) {
        (_, 0) => register,
        (0, _) => format!("follow {n_moved} moved {}", assets(n_moved)),
        _ => format!("{register}, follow {n_moved} moved {}", assets(n_moved)),
    }
}

/// Fails where nothing may change and something would have to.
///
/// # Errors
///
/// [`Error::Locked`] names every line that would be added or changed.
pub fn refuse_if_locked(options: &Options, proposal: &Proposal) -> Result<()> {
    if options.locked && proposal.is_change() { Err(Error::Locked(proposal.locked())) } else { Ok(()) }
}

/// Takes the lane; whoever waits for it is told who holds it, and can be stopped.
fn take_lane(ws: &Workspace, wait: Duration) -> Result<Lane<'_>> {
    let mut tell = |holder: &str| {
        ws.progress.waiting(holder);
        ws.check_stop()
    };
    Lane::acquire_telling(&*ws.disk, &ws.root, "packwright build", std::process::id(), wait, &mut tell)
}
