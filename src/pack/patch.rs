//! Patching: a split pack after some of its entries changed, laid out by looking at no others.
//!
//! Each part has tables of its own, so what an entry's part becomes follows from that part's old tables and the new
//! entry. All other parts, the names and every boundary stay what they were. The result is the layout of the whole new
//! plan, file by file; a build that cannot use this lays the whole plan out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::format::{BLOB_MIN, PartKind, PartRow};
use super::layout::{Kept, Laid, lay_part, lay_root};
use super::old::OldPack;
use super::plan::PlanEntry;

/// The parts of a pack that differ from its last emission.
#[derive(Debug)]
pub struct Patch {
    /// Rows of all parts and of the names, as they were.
    rows: Vec<PartRow>,
    /// The number of each part that changes, and what it holds now.
    parts: BTreeMap<usize, Vec<Arc<PlanEntry>>>,
    entry_count: u64,
}

impl Patch {
    /// Puts `changed` in the place of the entries with the same ids, whose names stay. `None` where it is not as simple
    /// as that: the old pack is a single file, cannot be read or lacks one of the ids, or a payload that is a file of its
    /// own comes or goes.
    pub fn new(old: &OldPack<'_>, changed: &[Arc<PlanEntry>]) -> Option<Self> {
        let rows = old.part_rows();
        if rows.is_empty() {
            return None;
        }
        let mut parts: BTreeMap<usize, Vec<Arc<PlanEntry>>> = BTreeMap::new();
        for entry in changed {
            let number = old.part_of(entry.id)?;
            let part = match parts.entry(number) {
                std::collections::btree_map::Entry::Occupied(part) => part.into_mut(),
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(old.planned_in(number)?.into_iter().map(Arc::new).collect())
                }
            };
            let at = part.binary_search_by_key(&entry.id, |it| it.id).ok()?;
            if has_blob(entry) || has_blob(&part[at]) {
                return None; // Whether another entry shares that file only the whole plan tells.
            }
            part[at] = entry.clone();
        }
        Some(Self { rows, parts, entry_count: old.entry_count() })
    }

    /// Returns how many entries the whole pack has.
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// Returns the layout of the whole pack. `blobs` are the payloads that are files of their own.
    pub fn lay(&self, blobs: Vec<Kept>) -> Laid<'_> {
        let mut rows = self.rows.clone();
        let mut parts = Vec::with_capacity(self.parts.len());
        for (number, entries) in &self.parts {
            let part = lay_part(entries);
            rows[*number] = PartRow { digest: part.digest, file_len: part.len, ..rows[*number] };
            parts.push(part);
        }
        let stays = |it: &(usize, &PartRow)| !self.parts.contains_key(&it.0);
        let kept = rows.iter().enumerate().filter(stays);
        let kept = kept.map(|(_, it)| Kept { kind: PartKind::Part, digest: it.digest, len: it.file_len });
        let kept = kept.chain(blobs).collect();
        Laid { root: lay_root(&rows, self.entry_count), parts, blobs: Vec::new(), kept }
    }
}

fn has_blob(entry: &PlanEntry) -> bool {
    entry.payloads.iter().any(|it| it.stored_len >= BLOB_MIN)
}
