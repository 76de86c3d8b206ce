//! The registry: what binds `asset_uuid` and `asset_id` to places.
//!
//! Bytes of sixteen files in, a [`Registry`] and diagnostics out; a [`Registry`] and the declared places in,
//! a [`Proposal`] out. Knows nothing of files on disk, the lane or processors. `schema/registry.md` says the
//! same for people who write another reader.
//!
//! - `line`: one line, its canonical form and its short digest
//! - `load`: parsing, supersession, what two lines may not both say
//! - `allocate`: a new uuid and the next numbers, as pure functions
//! - `evidence`: which new place takes over which missing line
//! - `propose`: what a build would write
//! - `repair`: what `doctor --fix` makes of lines that contradict each other
//! - `reconcile`: what may have become of what is missing
//! - `join`: two branches' versions of one file, for git
//! - `edit`: what a person asks for

mod allocate;
mod edit;
mod evidence;
mod join;
mod line;
mod load;
mod propose;
mod reconcile;
mod repair;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rayon::prelude::*;

use super::{AssetId, AssetUuid, Digest, KeyHasher, RelPath};

pub use allocate::{allocate_uuid, candidate_uuid};
pub use edit::{Edit, edit};
pub use evidence::{Mark, MarkKind, New, Stayed, directory_content, marks};
pub use join::{Joined, join};
pub use line::{Line, ShortDigest};
pub use load::{FileSet, Loaded, Presence, lines_of_file, load};
pub use propose::{
    Change, ChangeNote, Decision, Digests, Lines, Present, Proposal, decide, notes, place_missing, propose, replace,
};
pub use reconcile::{Copied, Found, Open, Reconciliation, Remembered, bind, is_stand_in, reconcile};
pub use repair::{Ground, Mend, Mended, Repair, repair};

/// The directory of the registry, relative to the workspace.
pub const DIRECTORY: &str = "packwright.registry";
/// How many files there are: one for each first digit of a uuid.
pub const N_FILES: usize = 16;
/// What `init` writes to the registry's own `.gitattributes`. Lines are independent, so git may keep those
/// of both sides; loading tells what that leaves behind.
pub const GITATTRIBUTES: &str = "*.jsonl text eol=lf merge=union\n";

/// Returns the path of the file at `index`, which is below [`N_FILES`].
pub fn file_path(index: usize) -> RelPath {
    RelPath::new(&format!("{DIRECTORY}/{index:x}.jsonl")).expect("a hexadecimal digit makes a normal path")
}

/// Returns a file of these lines as packwright writes it.
pub fn file_bytes(lines: &[Line]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        line.write(&mut bytes);
        bytes.push(b'\n');
    }
    bytes
}

/// Returns which file a uuid's line stands in.
pub fn file_of(uuid: AssetUuid) -> usize {
    usize::from(uuid.0[0] >> 4)
}

/// Every line of a registry, settled: one a uuid, superseded lines gone. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    /// By uuid, each once.
    lines: Vec<Line>,
    /// The live lines by their places.
    by_place: PlaceIndex,
    /// Every line by its number.
    by_id: Vec<(AssetId, usize)>,
    /// The greatest number ever seen, retired and superseded ones included; 0 when there is none.
    highest: u32,
    /// What the files hold and a commit would not write: see [`Residue`].
    residue: Residue,
}

/// What a merge or a person left in the files and the next commit tidies.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Residue {
    /// Which files are not strictly sorted, a bit each, so that a commit writes them anew.
    files: u16,
    /// The uuids that had more than one line, sorted.
    settled: Vec<AssetUuid>,
}

impl Registry {
    /// Returns a registry without lines: what `init` writes.
    pub fn empty() -> Self {
        Self::of(Vec::new(), 0, Residue::default())
    }

    /// Makes a registry of lines with different uuids. Numbers up to `seen` are never given again.
    fn of(mut lines: Vec<Line>, seen: u32, residue: Residue) -> Self {
        lines.sort_by_key(|it| it.uuid);
        let by_place = PlaceIndex::of(&lines);
        let mut by_id: Vec<_> = lines.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
        by_id.sort_unstable();
        let highest = lines.iter().map(Line::highest).max().unwrap_or(0).max(seen);
        Self(Arc::new(Inner { lines, by_place, by_id, highest, residue }))
    }

    /// Returns every line, tombstones included, by uuid.
    pub fn lines(&self) -> &[Line] {
        &self.0.lines
    }

    /// Returns the live line of a place.
    pub fn at(&self, place: &RelPath, part: &str) -> Option<&Line> {
        self.position(place.as_str(), part).map(|at| &self.0.lines[at])
    }

    /// Returns the line of a uuid, which may be a tombstone.
    pub fn by_uuid(&self, uuid: AssetUuid) -> Option<&Line> {
        let at = self.0.lines.binary_search_by_key(&uuid, |it| it.uuid).ok()?;
        Some(&self.0.lines[at])
    }

    /// Returns the line of a number, which may be a tombstone. Retired numbers select nothing.
    pub fn by_id(&self, id: AssetId) -> Option<&Line> {
        let at = self.0.by_id.partition_point(|it| it.0 < id);
        let found = self.0.by_id.get(at).filter(|it| it.0 == id)?;
        Some(&self.0.lines[found.1])
    }

    /// Returns the assets of which the files hold more than one line, or one twice: what the next commit tidies.
    pub fn settled(&self) -> impl Iterator<Item = &Line> {
        self.0.residue.settled.iter().filter_map(|it| self.by_uuid(*it))
    }

    /// Returns the number that the next new asset takes; `None` when none is left.
    pub fn next_id(&self) -> Option<AssetId> {
        self.0.highest.checked_add(1).map(AssetId)
    }

    /// Returns whether a commit would write nothing but what it is for: no merge or person left anything to tidy.
    pub fn is_tidy(&self) -> bool {
        self.0.residue == Residue::default()
    }

    /// Returns the sixteen files as packwright writes them.
    pub fn files(&self) -> [Vec<u8>; N_FILES] {
        let mut files: [Vec<u8>; N_FILES] = Default::default();
        files.par_iter_mut().enumerate().for_each(|(index, file)| *file = self.file(index));
        files
    }

    /// Returns the digest of [`Registry::files`]: equal exactly when the lines are.
    pub fn digest(&self) -> Digest {
        let digests: Vec<_> = (0..N_FILES).into_par_iter().map(|it| Digest::of(&self.file(it))).collect();
        let mut hasher = KeyHasher::new("packwright registry v1");
        hasher.count(1, digests.len());
        for digest in digests {
            hasher.digest(2, digest);
        }
        hasher.finish()
    }

    /// Returns the files that a commit from `self` to `new` writes: index and contents. Those are the files
    /// whose lines differ, and those in which a merge left something to tidy.
    pub fn changed_files(&self, new: &Registry) -> Vec<(usize, Vec<u8>)> {
        let differs = |index: usize| {
            self.0.residue.files & (1 << index) != 0 || self.lines_of_file(index) != new.lines_of_file(index)
        };
        (0..N_FILES).filter(|it| differs(*it)).map(|it| (it, new.file(it))).collect()
    }

    fn file(&self, index: usize) -> Vec<u8> {
        file_bytes(self.lines_of_file(index))
    }

    fn lines_of_file(&self, index: usize) -> &[Line] {
        let start = self.0.lines.partition_point(|it| file_of(it.uuid) < index);
        let len = self.0.lines[start..].partition_point(|it| file_of(it.uuid) == index);
        &self.0.lines[start..start + len]
    }

    /// Returns where the live line of a place is in [`Registry::lines`].
    fn position(&self, place: &str, part: &str) -> Option<usize> {
        self.0.by_place.alike(place_hash(place, part)).find(|at| self.0.lines[*at].is_at(place, part))
    }

    /// Returns the live lines of places and parts.
    pub fn at_each(&self, places: &[(&str, &str)]) -> Vec<Option<&Line>> {
        self.positions(places).into_iter().map(|it| it.map(|at| &self.0.lines[at])).collect()
    }

    /// As [`Registry::position`], for several places at once.
    ///
    /// Lines lie in no order that any asker has, so that nearly every look at one waits for memory. Taken step by step
    /// for all of a few dozen places, these waits overlap.
    fn positions(&self, places: &[(&str, &str)]) -> Vec<Option<usize>> {
        let mut positions = Vec::with_capacity(places.len());
        for places in places.chunks(64) {
            let hashes: Vec<u64> = places.iter().map(|(place, part)| place_hash(place, part)).collect();
            let alike: Vec<Option<usize>> = hashes.iter().map(|it| self.0.by_place.alike(*it).next()).collect();
            let found = alike.iter().map(|it| it.map_or("", |at| self.0.lines[at].place.as_str()));
            let found: Vec<&str> = found.collect();
            for (((place, part), alike), found) in places.iter().zip(alike).zip(found) {
                let is_it = alike.is_some_and(|at| found == *place && *self.0.lines[at].part == **part);
                positions.push(if is_it || alike.is_none() { alike } else { self.position(place, part) });
            }
        }
        positions
    }
}

/// Finds lines by a hash of place and part.
///
/// The hash and its order stay in here; they reach no output. To sort a hundred thousand long paths would cost
/// more than to parse them.
struct PlaceIndex {
    /// Hash and position of each live line, sorted.
    entries: Vec<(u64, usize)>,
    /// Where the entries begin whose hash has these upper bits, and where the last ones end: there is about one
    /// entry for each, so that a search is one step.
    starts: Vec<u32>,
    /// How far to the right a hash is shifted to get those bits.
    shift: u32,
}

impl PlaceIndex {
    fn of(lines: &[Line]) -> Self {
        let live = lines.par_iter().enumerate().filter(|(_, it)| !it.removed);
        let mut entries: Vec<_> = live.map(|(at, it)| (place_hash(it.place.as_str(), &it.part), at)).collect();
        entries.par_sort_unstable();
        let bits = entries.len().next_power_of_two().ilog2().max(1);
        let shift = u64::BITS - bits;
        let mut starts = Vec::with_capacity((1 << bits) + 1);
        for (at, (hash, _)) in entries.iter().enumerate() {
            starts.resize((hash >> shift) as usize + 1, at as u32);
        }
        starts.resize((1 << bits) + 1, entries.len() as u32);
        Self { entries, starts, shift }
    }

    /// Returns the positions of the lines whose places have this hash.
    fn alike(&self, hash: u64) -> impl Iterator<Item = usize> {
        let slot = (hash >> self.shift) as usize;
        let alike = &self.entries[self.starts[slot] as usize..self.starts[slot + 1] as usize];
        alike.iter().filter(move |it| it.0 == hash).map(|it| it.1)
    }
}

/// A hash for lookups in memory; it is neither stored nor shown.
fn place_hash(place: &str, part: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (place, part).hash(&mut hasher);
    hasher.finish()
}

/// Orders by place, then part: the order in which numbers are given and lists are shown.
fn place_order(a: (&RelPath, &str), b: (&RelPath, &str)) -> Ordering {
    a.0.as_str().cmp(b.0.as_str()).then_with(|| a.1.cmp(b.1))
}

impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        Arc::ptr_eq(a, b) || (a.highest == b.highest && a.residue == b.residue && a.lines == b.lines)
    }
}

impl Eq for Registry {}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.0.lines).finish()
    }
}
