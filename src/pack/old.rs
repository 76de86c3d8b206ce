//! The previous pack as a source of stored payloads: what an edit left alone need not be fetched from
//! anywhere else. Everything it gives is verified; whatever is wrong with it is a miss.

use std::path::Path;

use crate::error::Result;
use crate::system::{Bytes, System};

use super::format;
use super::plan::{PlanEntry, PlanPayload};
use super::read::{PackReader, PayloadRef};
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
