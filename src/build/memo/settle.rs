//! Settling identities where only a part of the workspace is at hand: the same decision as over the whole registry, by
//! reading no more of its files than new lines go into.
//!
//! The live lines of a registry are those of declared places, which memos know, and of missing ones, which the frame
//! knows. What is not certain by these is left to the long way.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::build::configure::RegistryFiles;
use crate::build::identify::digests;
use crate::error::Result;
use crate::lane;
use crate::model::declaration::Declaration;
use crate::model::path::{ASSET_JSON, file_name, sidecar_owner};
use crate::model::registry::{
    ChangeNote, Digests, Line, Lines, Mark, MarkKind, N_FILES, New, Present, Stayed, decide, file_bytes, file_of,
    file_path, lines_of_file, notes,
};
use crate::model::{AssetUuid, Code, Diagnostic, Digest, RelPath};
use crate::query::declared::asset_dirs;
use crate::query::{Database, Identified, Known};
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::is_declaration;

use super::{Ledger, Lost, Memos};

/// What is to be committed before a pack is published.
#[derive(Default)]
pub struct Registration {
    /// The files of the registry that change: number and contents.
    pub files: Vec<(usize, Vec<u8>)>,
    /// What changes, by place.
    pub changes: Vec<ChangeNote>,
}

/// Declared places and what declares them, in order.
pub(super) type Places<'a> = [(Present, Option<&'a Arc<Declaration>>)];

/// What became of identities.
pub(super) struct Settled {
    /// What is to be known of the registry from now on.
    pub ledger: Ledger,
    /// What is to be committed.
    pub registration: Registration,
    /// Identities that were not known before.
    pub new: Vec<Identified>,
}

/// What identities are settled by.
pub(super) struct Ground<'a> {
    pub memos: &'a Memos,
    pub ws: &'a Workspace,
    pub files: &'a RegistryFiles,
    pub workspace: AssetUuid,
    /// The buckets that are derived.
    pub touched: &'a BTreeSet<usize>,
    /// Where they are derived.
    pub db: &'a Database,
}

/// Finds out which lines are missing now, and what would have to be registered. `before` are the identities of the
/// assets that the derived buckets had, `known` those and all missing ones. `None` where the long way has to tell.
pub(super) fn settle(
    ground: &Ground<'_>,
    places: &Places<'_>,
    before: &Known,
    known: &Known,
) -> Result<Option<Settled>> {
    let is_declared = |place: &RelPath, part: &str| {
        places.binary_search_by(|it| (&it.0.place, &*it.0.part).cmp(&(place, part))).is_ok()
    };
    let is_known = |it: &Present| known.at(&it.place, &it.part).is_some();
    let mut ledger = ground.memos.frame.ledger.clone();
    ledger.missing.retain(|it| !is_declared(&it.place, &it.part));
    let lost = before.all().iter().filter(|it| !is_declared(&it.0, &it.1)).cloned();
    ledger.missing.extend(lost.map(|(place, part, (uuid, id))| Lost { place, part, uuid, id }));
    ledger.missing.sort_by(|a, b| (&a.place, &a.part).cmp(&(&b.place, &b.part)));
    let digests_of = |declaration: Option<&Arc<Declaration>>| {
        let nothing = Digests { content: Digest::of(b""), declaration: None };
        declaration.map_or(nothing, |it| digests(it, &ground.memos.tree, asset_dirs(ground.db)))
    };
    let (here, new): (Vec<_>, Vec<_>) = places.iter().partition(|it| is_known(&it.0));
    let (outsiders, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|it| it.0.excluded);
    // All outsiders are needed to tell what they may be, or be in the way of.
    let has_changed = !new.is_empty() || !outsiders.is_empty() || ledger.missing != ground.memos.frame.ledger.missing;
    let has_outsiders = ledger.has_outsiders || !outsiders.is_empty();
    if has_outsiders && has_changed && !ledger.missing.is_empty() {
        return Ok(None);
    }
    ledger.has_outsiders = has_outsiders;
    if new.is_empty() {
        return Ok(Some(Settled { ledger, registration: Registration::default(), new: Vec::new() }));
    }
    if !ledger.is_tidy {
        return Ok(None);
    }
    let new: Vec<New<'_>> = new.into_iter().map(|it| New { at: &it.0, digests: digests_of(it.1) }).collect();
    let shelf = Shelf { ground, highest: ledger.highest, lines: Default::default(), is_lost: Cell::new(false) };
    let missing: Option<Vec<&Line>> = ledger.missing.iter().map(|it| shelf.line(it.uuid)).collect();
    let Some(missing) = missing else { return Ok(None) };
    let here = if missing.is_empty() { Vec::new() } else { here };
    let here = here.into_iter().map(|it| (&it.0, digests_of(it.1))).collect();
    let stayed = Elsewhere { ground, here, is_doubtful: Cell::new(false) };
    let decision = decide(&shelf, ground.workspace, &missing, &new, &stayed);
    let is_certain = !shelf.is_lost.get() && !stayed.is_doubtful.get() && decision.overflow.is_none();
    if !is_certain || new.iter().any(|it| shelf.holds_place(it.at)) {
        return Ok(None);
    }
    let was_at = |uuid| ledger.missing.iter().find(|it| it.uuid == uuid).map(|it| it.place.clone());
    let changes = notes(&decision.written, &was_at);
    let remaining: BTreeSet<usize> = decision.missing.into_iter().collect();
    let mut nth = 0..;
    ledger.missing.retain(|_| nth.next().is_some_and(|it| remaining.contains(&it)));
    let identified = |it: &Line| (it.place.clone(), it.part.to_string(), (it.uuid, it.id));
    let new: Vec<Identified> = decision.written.iter().map(identified).collect();
    ledger.highest = new.iter().map(|it| it.2.1.0).fold(ledger.highest, u32::max);
    let Some(files) = shelf.with(decision.written) else { return Ok(None) };
    Ok(Some(Settled { ledger, registration: Registration { files, changes }, new }))
}

/// The registry's files, each read when somebody asks for a line in it.
struct Shelf<'a> {
    ground: &'a Ground<'a>,
    highest: u32,
    lines: [OnceCell<Option<Vec<Line>>>; N_FILES],
    /// Set once a file was not what it should be.
    is_lost: Cell<bool>,
}

impl Shelf<'_> {
    fn file(&self, index: usize) -> Option<&Vec<Line>> {
        let read = || {
            let Ground { ws, files, .. } = self.ground;
            let read = lane::read_through(&*ws.disk, &ws.root, &[file_path(index)]).ok()?;
            let bytes = read.into_iter().next().flatten()?;
            if Digest::of(&bytes) == files.digests[index] { lines_of_file(index, &bytes) } else { None }
        };
        let lines = self.lines[index].get_or_init(read).as_ref();
        if lines.is_none() {
            self.is_lost.set(true);
        }
        lines
    }

    fn line(&self, uuid: AssetUuid) -> Option<&Line> {
        let lines = self.file(file_of(uuid))?;
        lines.binary_search_by_key(&uuid, |it| it.uuid).ok().map(|it| &lines[it])
    }

    /// Returns whether a live line of a file that was read has a place that should have none.
    fn holds_place(&self, at: &Present) -> bool {
        let lines = self.lines.iter().filter_map(|it| it.get()?.as_ref()).flatten();
        lines.into_iter().any(|it| !it.removed && it.place == at.place && *it.part == *at.part)
    }

    /// Returns the contents of the files that change when these lines are written.
    fn with(&self, written: Vec<Line>) -> Option<Vec<(usize, Vec<u8>)>> {
        let mut changed: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
        for line in written {
            let index = file_of(line.uuid);
            if let std::collections::btree_map::Entry::Vacant(free) = changed.entry(index) {
                free.insert(self.file(index)?.clone());
            }
            let lines = changed.get_mut(&index)?;
            match lines.binary_search_by_key(&line.uuid, |it| it.uuid) {
                Ok(at) => lines[at] = line,
                Err(at) => lines.insert(at, line),
            }
        }
        Some(changed.into_iter().map(|(index, lines)| (index, file_bytes(&lines))).collect())
    }
}

impl Lines for Shelf<'_> {
    fn highest(&self) -> u32 {
        self.highest
    }

    fn has(&self, uuid: AssetUuid) -> bool {
        self.line(uuid).is_some()
    }

    fn full(&self, _: usize) -> Diagnostic {
        Diagnostic::error(Code::REGISTRY_FULL, "no asset_id is left") // The long way says more.
    }
}

/// The declared places that have a live line: those of the derived buckets, and those that memos know.
struct Elsewhere<'a> {
    ground: &'a Ground<'a>,
    here: Vec<(&'a Present, Digests)>,
    /// Set once a memo was lost, or an answer is not certain.
    is_doubtful: Cell<bool>,
}

impl Elsewhere<'_> {
    /// Adds which of `wanted` the assets of one bucket hold.
    fn held_in(&self, new: usize, old: usize, wanted: &BTreeSet<Mark>, held: &mut BTreeSet<Mark>) -> Option<()> {
        let memos = self.ground.memos;
        let is_wanted =
            |digest| [MarkKind::Content, MarkKind::Declaration].iter().any(|it| wanted.contains(&(*it, digest)));
        let contents = memos.marks(old)?.contents;
        let mut found = Vec::new();
        let bucket = &memos.tree.buckets()[new];
        for idx in (0..bucket.len()).filter(|it| is_wanted(bucket.content(*it).digest)) {
            let path = bucket.path(idx);
            let digest = bucket.content(idx).digest;
            if !is_declaration(path.as_str()) {
                found.push((path, MarkKind::Content, digest));
            } else if file_name(path.as_str()) == ASSET_JSON {
                found.extend(path.parent().map(|it| (it, MarkKind::Declaration, digest)));
            } else {
                let owner = sidecar_owner(path.as_str()).and_then(RelPath::new);
                found.extend(owner.map(|it| (it, MarkKind::Declaration, digest)));
            }
        }
        let is_of_many = |idx: usize| contents.binary_search_by_key(&(idx as u32), |it| it.0).is_ok();
        if found.is_empty() && !contents.iter().any(|it| is_wanted(it.1)) {
            return Some(());
        }
        let exports = memos.exports(old)?;
        for (idx, export) in exports.iter().enumerate().filter(|it| it.1.identity.is_some()) {
            let at_place = found.iter().filter(|it| it.0 == export.place);
            let own = at_place.filter(|it| it.1 == MarkKind::Declaration || !is_of_many(idx));
            held.extend(own.map(|it| (it.1, it.2)).filter(|it| wanted.contains(it)));
        }
        for (idx, digest) in contents {
            let has_line = exports.get(idx as usize)?.identity.is_some();
            held.extend(Some((MarkKind::Content, digest)).filter(|it| has_line && wanted.contains(it)));
        }
        Some(())
    }

    fn has_under(&self, old: usize, dir: &RelPath) -> Option<bool> {
        let memos = self.ground.memos;
        let is_under = |it: &RelPath| dir.strip(it.as_str()).is_some();
        let declared = memos.exports(old)?.iter().any(|it| it.identity.is_some() && is_under(&it.place));
        Some(declared || memos.ties(old)?.unread.iter().any(|it| is_under(&it.0)))
    }
}

impl Stayed for Elsewhere<'_> {
    fn hold(&self, wanted: &BTreeSet<Mark>) -> BTreeSet<Mark> {
        let here = self.here.iter().flat_map(|it| crate::model::registry::marks(it.1));
        let mut held: BTreeSet<Mark> = here.filter(|it| wanted.contains(it)).collect();
        for (new, old) in self.ground.memos.standing(self.ground.touched) {
            if self.held_in(new, old, wanted, &mut held).is_none() {
                self.is_doubtful.set(true);
                break;
            }
        }
        held
    }

    fn spelled(&self, _: &BTreeSet<&str>) -> BTreeSet<String> {
        self.is_doubtful.set(true); // Something was renamed in case or normalization alone, which is rare.
        BTreeSet::new()
    }

    fn any_under(&self, directory: &str) -> bool {
        let Some(dir) = RelPath::new(directory) else { return false };
        if self.here.iter().any(|it| dir.strip(it.0.place.as_str()).is_some()) {
            return true;
        }
        let Ground { memos, touched, .. } = self.ground;
        let below = memos.tree.buckets_below(&dir).filter(|it| !touched.contains(it));
        let old = below.filter_map(|it| memos.drift.from[it]);
        for old in old {
            match self.has_under(old, &dir) {
                Some(false) => {}
                Some(true) => return true,
                None => self.is_doubtful.set(true),
            }
        }
        false
    }
}
