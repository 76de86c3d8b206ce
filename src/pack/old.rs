//! The previous pack as a source of stored payloads: what an edit left alone need not be fetched from
//! anywhere else. Everything it gives is verified; whatever is wrong with it is a miss.

use std::path::Path;

use crate::error::Result;
use crate::model::{AssetId, Digest};
use crate::system::{Bytes, System};

use super::format::{self, PartRow};
use super::plan::{PlanEntry, PlanPayload};
use super::read::{NameTable, PackReader, PayloadRef};
use super::write::{Fetched, Payloads};

/// A pack that an earlier emission wrote, open for taking payloads out of it.
pub struct OldPack<'a> {
    reader: PackReader<'a>,
}

impl<'a> OldPack<'a> {
    /// Opens the pack `pack` in `out_dir`; `None` when there is none that can be read.
    ///
    /// Its tables are read when they are needed: only those of the parts that are asked about.
    pub fn open(system: &'a dyn System, out_dir: &Path, pack: &str) -> Option<Self> {
        let reader = PackReader::open_at(system, &out_dir.join(format::root_name(pack))).ok()?;
        Some(Self { reader })
    }

    /// Returns the digest that stands for the whole pack.
    pub fn content_digest(&self) -> Digest {
        self.reader.content_digest()
    }

    /// Returns how many entries the pack has.
    pub fn entry_count(&self) -> u64 {
        self.reader.entry_count()
    }

    /// Returns whether the pack has an entry of this id, as far as it can be read.
    pub fn has(&self, id: AssetId) -> bool {
        self.reader.has(id).unwrap_or(false)
    }

    /// Returns the rows of the parts and of the names; none where the pack is a single file.
    pub(super) fn part_rows(&self) -> Vec<PartRow> {
        self.reader.parts.iter().chain(&self.reader.names).map(|it| it.row).collect()
    }

    /// Returns the entries of a part without their names, if it can be read.
    pub(super) fn planned_in(&self, part: usize) -> Option<Vec<PlanEntry>> {
        self.reader.planned_in(part).ok()
    }

    /// Returns all names by id, if they can be read.
    pub(super) fn names(&self) -> Option<NameTable> {
        self.reader.all_names().ok()
    }

    /// Returns the stored bytes of a payload, if the entry of the same id had them already.
    pub fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Option<Bytes> {
        let payloads = self.reader.payloads_of(entry.id).ok()?;
        let same = |it: &&PayloadRef| it.stored_digest == payload.stored_digest && it.stored_len == payload.stored_len;
        let found = payloads.iter().find(same)?;
        self.reader.stored_bytes(found, payload.stored_len).ok().map(Bytes::from)
    }
}

/// Takes payloads from the previous pack where it has them, and from elsewhere otherwise.
pub struct OldFirst<'a> {
    /// The previous pack, if there is one.
    pub old: Option<OldPack<'a>>,
    /// Elsewhere.
    pub otherwise: &'a dyn Payloads,
}

impl Payloads for OldFirst<'_> {
    fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Result<Fetched> {
        let old = self.old.as_ref().and_then(|it| it.stored(payload, entry));
        old.map_or_else(|| self.otherwise.stored(payload, entry), |it| Ok(Fetched::Verified(it)))
    }
}
