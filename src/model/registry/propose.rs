//! What a build would write to the registry, given the places that are declared now.
//!
//! Decides identities and nothing else: whether to commit, to refuse under `--locked` or only to show is the
//! caller's. A function of the registry and the tree, so that a clean build elsewhere decides alike.

use std::collections::BTreeSet;
use std::fmt;

use rayon::prelude::*;

use crate::threads::spread;

use super::super::{AssetId, AssetUuid, Code, Diagnostic, Digest, Location, RelPath};
use super::allocate::{allocate_ids, allocate_uuid};
use super::evidence::{Facts, Mark, New, Stayed, fold, marks, takeovers, under};
use super::line::shown;
use super::{Ground, Line, Registry, Residue, file_of, file_path, place_order};

/// A declared place. The derived order is the one that [`propose`] asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Present {
    /// Where the asset is declared.
    pub place: RelPath,
    /// Which of the assets made out of it; empty when there is only one.
    pub part: String,
    /// Whether its author keeps it out of all packs. It gets no identity then, but may be in the way of others that look
    /// like a missing asset, and goes along where a directory moved.
    pub excluded: bool,
}

/// What a declared place holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digests {
    /// Digest of the owner, or [`super::directory_content`] of a directory's inputs. Where the content cannot
    /// be told, the digest of nothing, which is no evidence.
    pub content: Digest,
    /// Digest of the sidecar or `asset.json`, if there is one.
    pub declaration: Option<Digest>,
}

/// What a build would write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The registry as it would be; the old one when nothing changes or there is an error.
    pub registry: Registry,
    /// What changes, by place. Empty when there is nothing to commit.
    pub changes: Vec<ChangeNote>,
    /// Live lines whose place is not declared, by place: those that nothing takes over.
    pub missing: Vec<Line>,
    /// Whether some declared places are left without a line: excluded ones.
    pub has_outsiders: bool,
    /// A warning for each missing line; an error when the numbers ran out.
    pub diagnostics: Vec<Diagnostic>,
}

/// One change to the registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeNote {
    /// What happens.
    pub change: Change,
    /// The asset.
    pub uuid: AssetUuid,
    /// Its number.
    pub id: AssetId,
    /// Its place afterwards.
    pub place: RelPath,
    /// Its part, empty when there is only one.
    pub part: Box<str>,
}

/// What happens to an asset's line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The place is registered for the first time, or after its asset was removed.
    New,
    /// A missing line moves here.
    TakenOver {
        /// Where it was.
        from: RelPath,
    },
    /// Lines that a merge left are made one. Never the only kind of change: it waits for another.
    Tidied,
}

impl Proposal {
    /// Returns whether there is something to commit.
    pub fn is_change(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Takes out what was said of lines that are not there any more once this is committed.
    pub fn forget_tidied(&self, said: &mut Vec<Diagnostic>) {
        said.retain(|it| !self.is_change() || ![Code::SUPERSEDED, Code::DOUBLED].contains(&it.code));
    }

    /// Returns the errors that `--locked` reports in place of committing: one for each line that would be added
    /// or changed.
    pub fn locked(&self) -> Vec<Diagnostic> {
        let wanted = self.changes.iter().filter(|it| it.change != Change::Tidied);
        let error = |note: &ChangeNote| {
            Diagnostic::error(Code::LOCKED, format!("--locked forbids to {note}"))
                .at(Location::file(&note.place))
                .help("build without --locked and commit `packwright.registry`")
        };
        wanted.map(error).collect()
    }
}

impl fmt::Display for ChangeNote {
    /// Writes the change as an infinitive: "register `assets/x.png` as 17".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = shown(&self.place, &self.part);
        match &self.change {
            Change::New => write!(f, "register `{place}` as {}", self.id),
            Change::TakenOver { from } => write!(f, "move {} from `{}` to `{place}`", self.id, shown(from, &self.part)),
            Change::Tidied => write!(f, "tidy the lines of `{place}`"),
        }
    }
}

/// Returns what has to change so that every declared place has its identity.
///
/// `present` holds every declared place, strictly in order; `digests` tells what the one at a position holds. It
/// is asked about new places, and about the others only when something may have moved. `registry` was loaded
/// without errors.
pub fn propose(
    registry: &Registry,
    workspace: AssetUuid,
    present: &[Present],
    digests: &dyn Fn(usize) -> Digests,
) -> Proposal {
    debug_assert!(present.is_sorted_by(|a, b| a < b), "BUG: declared places are not in order");
    let (missing, registered) = compare(registry, present);
    let new = (0..present.len()).filter(|it| !registered[*it]);
    let new: Vec<New> = new.map(|it| New { at: &present[it], digests: digests(it) }).collect();
    let stayed = Whole { present, registered: &registered, digests };
    let decision = decide(registry, workspace, &missing, &new, &stayed);
    let missing: Vec<Line> = decision.missing.into_iter().map(|it| missing[it].clone()).collect();
    Proposal {
        has_outsiders: decision.has_outsiders,
        changes: all_notes(registry, &decision.written),
        diagnostics: decision
            .overflow
            .into_iter()
            .chain(missing.iter().map(|it| place_missing(&it.place, &it.part, it.id)))
            .collect(),
        missing,
        registry: with_lines(registry, decision.written),
    }
}

/// What is to be known of a registry's lines to decide on new ones.
pub trait Lines {
    /// Returns the greatest number that was ever given.
    fn highest(&self) -> u32;
    /// Returns whether a line has this uuid, tombstones included.
    fn has(&self, uuid: AssetUuid) -> bool;
    /// Returns the diagnostic for a registry that has no numbers left for so many new assets.
    fn full(&self, n_new: usize) -> Diagnostic;
}

impl Lines for Registry {
    fn highest(&self) -> u32 {
        self.0.highest
    }

    fn has(&self, uuid: AssetUuid) -> bool {
        self.by_uuid(uuid).is_some()
    }

    fn full(&self, n_new: usize) -> Diagnostic {
        full(self, n_new)
    }
}

/// What becomes of lines and places that have lost each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The lines to write.
    pub written: Vec<Line>,
    /// Which of the missing lines nothing takes over.
    pub missing: Vec<usize>,
    /// Whether excluded places are left without a line.
    pub has_outsiders: bool,
    /// An error when the numbers ran out: then nothing is to be written.
    pub overflow: Option<Diagnostic>,
}

/// Decides what is to be written, given the live lines without a declared place and the declared places without a live
/// line, both in order of place and part.
pub fn decide(
    lines: &dyn Lines,
    workspace: AssetUuid,
    missing: &[&Line],
    new: &[New<'_>],
    stayed: &dyn Stayed,
) -> Decision {
    let moves = match missing.is_empty() || new.is_empty() {
        true => Vec::new(),
        false => takeovers(&Facts { missing, recall: &|_| None, new, stayed }),
    };
    let moves = well_founded(missing, new, moves);
    let (mut is_missing, mut is_new) = (vec![true; missing.len()], vec![true; new.len()]);
    for (from, to) in &moves {
        (is_missing[*from], is_new[*to]) = (false, false);
    }
    let left = new.iter().zip(is_new).filter(|it| it.1).map(|it| it.0);
    let (outsiders, first): (Vec<&New<'_>>, Vec<&New<'_>>) = left.partition(|it| it.at.excluded);
    let ids = allocate_ids(lines.highest(), first.len());
    let overflow = ids.is_none().then(|| lines.full(first.len()));
    let mut written = Vec::new();
    // With too few numbers nothing at all is proposed: no change is half a change.
    if let Some(ids) = ids {
        written.extend(moves.iter().map(|(from, to)| moved_line(missing[*from], new[*to].at, new[*to].digests)));
        written.extend(first.into_iter().zip(ids).map(|(it, id)| {
            let uuid = allocate_uuid(&|it| lines.has(it), workspace, &it.at.place, &it.at.part);
            new_line(uuid, id, it.at, it.digests)
        }));
    }
    let missing = (0..missing.len()).filter(|it| is_missing[*it]).collect();
    Decision { written, missing, overflow, has_outsiders: !outsiders.is_empty() }
}

/// Leaves out excluded places that took over a line, unless something that is not excluded moved with them. Nobody knows
/// how long such a place has been there: it may be a copy that was put aside long ago.
fn well_founded(missing: &[&Line], new: &[New<'_>], moves: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let paths = |it: &(usize, usize)| (missing[it.0].place.as_str(), new[it.1].at.place.as_str());
    let (excluded, others): (Vec<_>, Vec<_>) = moves.into_iter().partition(|it| new[it.1].at.excluded);
    let along = excluded.into_iter().filter(|it| {
        let (from, to) = parted(paths(it));
        let went = |path: &str, dir: &str| path.strip_prefix(dir).filter(|it| it.starts_with('/')).map(str::to_owned);
        others.iter().map(paths).any(|(old, new)| went(old, from).is_some_and(|it| went(new, to) == Some(it)))
    });
    let mut all: Vec<(usize, usize)> = along.collect();
    all.extend(others);
    all.sort_unstable();
    all
}

/// Returns what is left of two paths without the components that they end with alike.
fn parted<'a>((mut a, mut b): (&'a str, &'a str)) -> (&'a str, &'a str) {
    while let (Some((a_dir, a_name)), Some((b_dir, b_name))) = (a.rsplit_once('/'), b.rsplit_once('/'))
        && a_name == b_name
    {
        (a, b) = (a_dir, b_dir);
    }
    (a, b)
}

/// What stayed, where all of it is at hand.
struct Whole<'a> {
    present: &'a [Present],
    registered: &'a [bool],
    digests: &'a dyn Fn(usize) -> Digests,
}

impl Whole<'_> {
    fn all(&self) -> impl Iterator<Item = (usize, &str)> {
        let present = self.present.iter().map(|it| it.place.as_str()).enumerate();
        present.zip(self.registered).filter(|it| *it.1).map(|it| it.0)
    }
}

impl Stayed for Whole<'_> {
    fn hold(&self, wanted: &BTreeSet<Mark>) -> BTreeSet<Mark> {
        self.all().flat_map(|it| marks((self.digests)(it.0))).filter(|it| wanted.contains(it)).collect()
    }

    fn spelled(&self, folded: &BTreeSet<&str>) -> BTreeSet<String> {
        self.all().map(|it| fold(it.1)).filter(|it| folded.contains(it.as_str())).collect()
    }

    fn any_under(&self, directory: &str) -> bool {
        under(self.present, |it| it.place.as_str(), directory).any(|at| self.registered[at])
    }
}

/// Returns which missing line is found at which declared place, as positions in `missing` and `ground.present`, when what
/// is recalled of lines counts as well and only those places as taken that are `registered`.
pub(super) fn find(
    missing: &[&Line],
    recall: &dyn Fn(&Line) -> Option<Digests>,
    ground: &Ground<'_>,
    registered: &[bool],
) -> Vec<(usize, usize)> {
    let Ground { present, digests } = *ground;
    let at: Vec<usize> = (0..present.len()).filter(|it| !registered[*it]).collect();
    let new: Vec<New> = at.iter().map(|it| New { at: &present[*it], digests: digests(*it) }).collect();
    let stayed = Whole { present, registered, digests };
    let found = takeovers(&Facts { missing, recall, new: &new, stayed: &stayed });
    found.into_iter().map(|(from, to)| (from, at[to])).collect()
}

/// Returns the live lines without a declared place, by place, and for each declared place whether a live line
/// has it.
fn compare<'a>(registry: &'a Registry, present: &[Present]) -> (Vec<&'a Line>, Vec<bool>) {
    let lines = registry.lines();
    let mut is_present = vec![false; lines.len()];
    let mut registered = vec![false; present.len()];
    let positions = present.par_chunks(1 << 10).flat_map_iter(|present| {
        let places: Vec<(&str, &str)> = present.iter().map(|it| (it.place.as_str(), it.part.as_str())).collect();
        registry.positions(&places)
    });
    for (at, position) in spread(|| positions.collect::<Vec<_>>()).into_iter().enumerate() {
        if let Some(position) = position {
            is_present[position] = true;
            registered[at] = true;
        }
    }
    let unclaimed = lines.iter().zip(is_present).filter(|(line, is_present)| !line.removed && !is_present);
    let mut missing: Vec<&Line> = unclaimed.map(|it| it.0).collect();
    missing.sort_unstable_by(|a, b| place_order((&a.place, &a.part), (&b.place, &b.part)));
    (missing, registered)
}

pub(super) fn new_line(uuid: AssetUuid, id: AssetId, present: &Present, digests: Digests) -> Line {
    Line {
        uuid,
        id,
        place: present.place.clone(),
        part: present.part.as_str().into(),
        content: digests.content,
        declaration: digests.declaration,
        was: Box::default(),
        retired: Box::default(),
        removed: false,
    }
}

/// Returns the next form of `line`, at another place.
pub(super) fn moved_line(line: &Line, present: &Present, digests: Digests) -> Line {
    let place = present.place.clone();
    let mut moved = Line { place, content: digests.content, declaration: digests.declaration, ..line.clone() };
    moved.supersede([line.short_digest()]);
    moved
}

/// Returns the registry with the lines that a commit writes, and tidy.
pub(super) fn with_lines(registry: &Registry, written: Vec<Line>) -> Registry {
    if written.is_empty() {
        return registry.clone();
    }
    let mut lines = registry.lines().to_vec();
    for line in written {
        match registry.lines().binary_search_by_key(&line.uuid, |it| it.uuid) {
            Ok(at) => lines[at] = line,
            Err(_) => lines.push(line),
        }
    }
    Registry::of(lines, registry.0.highest, Residue::default())
}

/// Returns the registry with other states of some lines: each becomes a later form of the one that is there.
pub fn replace(registry: &Registry, lines: Vec<Line>) -> Registry {
    let later = |mut line: Line| {
        if let Some(now) = registry.by_uuid(line.uuid) {
            line.supersede([now.short_digest()]);
        }
        line
    };
    with_lines(registry, lines.into_iter().map(later).collect())
}

/// Returns what writing lines changes, by place. `before` tells where the line of a uuid was, if there was one.
pub fn notes(written: &[Line], before: &dyn Fn(AssetUuid) -> Option<RelPath>) -> Vec<ChangeNote> {
    let change = |line: &Line| match before(line.uuid) {
        Some(from) => note(line, Change::TakenOver { from }),
        None => note(line, Change::New),
    };
    let mut notes: Vec<ChangeNote> = written.iter().map(change).collect();
    notes.sort_by(|a, b| place_order((&a.place, &a.part), (&b.place, &b.part)).then(a.uuid.cmp(&b.uuid)));
    notes
}

fn all_notes(registry: &Registry, written: &[Line]) -> Vec<ChangeNote> {
    if written.is_empty() {
        return Vec::new();
    }
    let mut notes = notes(written, &|it| registry.by_uuid(it).map(|it| it.place.clone()));
    let settled = registry.0.residue.settled.iter().filter_map(|it| registry.by_uuid(*it));
    notes.extend(settled.map(|it| note(it, Change::Tidied)));
    notes.sort_by(|a, b| place_order((&a.place, &a.part), (&b.place, &b.part)).then(a.uuid.cmp(&b.uuid)));
    notes
}

fn note(line: &Line, change: Change) -> ChangeNote {
    ChangeNote { change, uuid: line.uuid, id: line.id, place: line.place.clone(), part: line.part.clone() }
}

/// Returns the warning for a live line whose place is not declared.
pub fn place_missing(place: &RelPath, part: &str, id: AssetId) -> Diagnostic {
    let message = format!("`{}` is registered as {id} and not declared any more", shown(place, part));
    Diagnostic::warning(Code::PLACE_MISSING, message)
        .at(Location::file(place))
        .help(format!("bring it back, or run `packwright remove {id}` to give it up for good"))
}

fn full(registry: &Registry, n_new: usize) -> Diagnostic {
    let highest = registry.0.highest;
    let diagnostic = Diagnostic::error(
        Code::REGISTRY_FULL,
        format!("no asset_id is left for {n_new} new assets: {highest} is taken, and numbers go up to {}", u32::MAX),
    );
    let holder = registry.lines().iter().find(|it| it.highest() == highest);
    let location = holder.map(|it| Location::file(&file_path(file_of(it.uuid))));
    Diagnostic { location, ..diagnostic }
        .help("numbers are given densely: look for a line with one that is far too great")
}
