//! Patching: a split pack after some of its entries changed, came or went, laid out by looking at few others.
//!
//! Each part has tables of its own, so what a part becomes follows from its old tables and the entries that are put into
//! it or taken out. All other parts stay what they were, and so do all boundaries while the greatest id asks for no
//! larger parts. The names of all entries are one file, which is laid out anew where one of them is another. The result
//! is the layout of the whole new plan, file by file; a build that cannot use this lays the whole plan out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::AssetId;

use super::format::{BLOB_MIN, PartKind, PartRow, part_shift};
use super::layout::{Kept, Laid, lay_names, lay_part, lay_root};
use super::old::OldPack;
use super::plan::PlanEntry;
use super::read::NameTable;

/// The parts of a pack that differ from its last emission.
#[derive(Debug)]
pub struct Patch {
    /// All parts, in order.
    parts: Vec<Part>,
    /// The row of the names, as it was.
    old_names: PartRow,
    /// The names, where one of them is another.
    names: Option<NameTable>,
    entry_count: u64,
}

/// A part of a pack.
#[derive(Debug)]
enum Part {
    /// It is what it was.
    Kept(PartRow),
    /// It holds these entries now; at least one.
    Made(PartRow, Vec<Arc<PlanEntry>>),
}

impl Part {
    fn last(&self) -> Option<AssetId> {
        match self {
            Self::Kept(row) => Some(row.last),
            Self::Made(_, entries) => entries.last().map(|it| it.id),
        }
    }
}

impl Patch {
    /// Puts entries into the old pack, in the place of those with the same ids where there are any, and takes others
    /// out, both by id. `names_differ` says whether an entry comes, goes or has another name. `None` where it is not as simple as
    /// that: the old pack is a single file or cannot be read, its parts would be cut elsewhere, or a payload that is a
    /// file of its own comes or goes.
    pub fn new(old: &OldPack<'_>, put: &[Arc<PlanEntry>], removed: &[AssetId], names_differ: bool) -> Option<Self> {
        let mut rows = old.part_rows();
        let old_names = rows.pop()?;
        let shift = part_shift(rows.last()?.last);
        let mut made: BTreeMap<u32, Vec<Arc<PlanEntry>>> = BTreeMap::new();
        let number = |group: u32| rows.binary_search_by_key(&group, |it| it.first.0 >> shift).ok();
        for group in put.iter().map(|it| it.id).chain(removed.iter().copied()).map(|it| it.0 >> shift) {
            if let std::collections::btree_map::Entry::Vacant(free) = made.entry(group) {
                let entries = number(group).map_or_else(|| Some(Vec::new()), |it| old.planned_in(it))?;
                free.insert(entries.into_iter().map(Arc::new).collect());
            }
        }
        // Whether another entry shares a file of its own only the whole plan tells.
        for entry in put {
            let part = made.get_mut(&(entry.id.0 >> shift))?;
            match part.binary_search_by_key(&entry.id, |it| it.id) {
                _ if has_blob(entry) => return None,
                Ok(at) if has_blob(&part[at]) => return None,
                Ok(at) => part[at] = entry.clone(),
                Err(_) if !names_differ => return None,
                Err(at) => part.insert(at, entry.clone()),
            }
        }
        for id in removed {
            let part = made.get_mut(&(id.0 >> shift))?;
            let at = part.binary_search_by_key(id, |it| it.id).ok()?;
            if has_blob(&part[at]) || !names_differ {
                return None;
            }
            part.remove(at);
        }
        let parts = parts(&rows, made, shift);
        let is_cut_alike = part_shift(parts.last()?.last()?) == shift;
        let names = if names_differ { Some(names(old, put, removed)?) } else { None };
        let entry_count = names.as_ref().map_or(old.entry_count(), |it| it.places.len() as u64);
        is_cut_alike.then_some(Self { parts, old_names, names, entry_count })
    }

    /// Returns how many entries the whole pack has.
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// Returns the layout of the whole pack. `blobs` are the payloads that are files of their own.
    pub fn lay(&self, blobs: Vec<Kept>) -> Laid<'_> {
        let (mut rows, mut laid, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        let keep = |row: &PartRow| Kept { kind: PartKind::Part, digest: row.digest, len: row.file_len };
        for part in &self.parts {
            match part {
                Part::Kept(row) => {
                    rows.push(*row);
                    kept.push(keep(row));
                }
                Part::Made(row, entries) => {
                    let part = lay_part(entries);
                    rows.push(PartRow { digest: part.digest, file_len: part.len, ..*row });
                    laid.push(part);
                }
            }
        }
        match &self.names {
            None => {
                rows.push(self.old_names);
                kept.push(keep(&self.old_names));
            }
            Some(NameTable { text, places }) => {
                let names: Vec<(AssetId, &str)> = places.iter().map(|it| (it.0, &text[it.1.clone()])).collect();
                let part = lay_names(&names);
                let (first, last) = (names.first().map(|it| it.0), names.last().map(|it| it.0));
                let row = PartRow { digest: part.digest, file_len: part.len, ..self.old_names };
                rows.push(spanning(row, first, last, names.len()));
                laid.push(part);
            }
        }
        kept.extend(blobs);
        Laid { root: lay_root(&rows, self.entry_count), parts: laid, blobs: Vec::new(), kept }
    }
}

/// Puts those parts that are made anew among the others.
fn parts(rows: &[PartRow], made: BTreeMap<u32, Vec<Arc<PlanEntry>>>, shift: u32) -> Vec<Part> {
    let mut parts: BTreeMap<u32, Part> = rows.iter().map(|it| (it.first.0 >> shift, Part::Kept(*it))).collect();
    for (group, entries) in made {
        let ids = |it: Option<&Arc<PlanEntry>>| it.map(|it| it.id);
        let row = spanning(rows[0], ids(entries.first()), ids(entries.last()), entries.len());
        if entries.is_empty() {
            parts.remove(&group)
        } else {
            parts.insert(group, Part::Made(row, entries))
        };
    }
    parts.into_values().collect()
}

/// Returns a row for so many entries between these ids.
fn spanning(row: PartRow, first: Option<AssetId>, last: Option<AssetId>, n: usize) -> PartRow {
    let id = |it: Option<AssetId>| it.unwrap_or(AssetId(0));
    let entry_count = u32::try_from(n).expect("a pack has fewer than 4,294,967,296 entries");
    PartRow { first: id(first), last: id(last), entry_count, ..row }
}

fn names(old: &OldPack<'_>, put: &[Arc<PlanEntry>], removed: &[AssetId]) -> Option<NameTable> {
    let NameTable { mut text, mut places } = old.names()?;
    places.retain(|it| removed.binary_search(&it.0).is_err());
    let mut new = Vec::new();
    for entry in put {
        let start = text.len();
        text.push_str(&entry.name);
        match places.binary_search_by_key(&entry.id, |it| it.0) {
            Ok(at) => places[at].1 = start..text.len(),
            Err(_) => new.push((entry.id, start..text.len())),
        }
    }
    places.extend(new);
    places.sort_by_key(|it| it.0);
    Some(NameTable { text, places })
}

fn has_blob(entry: &PlanEntry) -> bool {
    entry.payloads.iter().any(|it| it.stored_len >= BLOB_MIN)
}
