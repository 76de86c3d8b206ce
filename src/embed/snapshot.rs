//! The workspace at one revision, as other programs see it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{AssetId, AssetUuid, Codec, Diagnostic, Digest, Reference, RelPath};
use crate::pack::plan::{PlanEntry, PlanPayload};
use crate::pack::read::{PackReader, ReadError};
use crate::query::names::Export;
use crate::snapshot;
use crate::system::Disk;

/// How often a pack is opened anew that others replace meanwhile.
const TRIES: u32 = 5;

/// The whole workspace at one revision: an immutable view that nothing changes any more. Clones are cheap.
///
/// Whoever holds one blocks nobody, and nobody blocks them. All assets and the digests of all that was made of them are
/// in memory; their bytes are in the pack that was built then.
#[derive(Clone)]
pub struct Snapshot {
    state: Arc<snapshot::Snapshot>,
    disk: Arc<dyn Disk>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = &self.state;
        let mut it = f.debug_struct("Snapshot");
        it.field("revision", &state.revision).field("profile", &self.profile()).field("pack", &state.pack);
        it.field("assets", &self.assets().len()).finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) fn new(state: Arc<snapshot::Snapshot>, disk: Arc<dyn Disk>) -> Self {
        Self { state, disk }
    }

    /// Returns its number. It counts up from one in each [`Workspace`](super::Workspace) that is opened; of two snapshots
    /// of one, the one with the higher number is the newer, and equal numbers are the same snapshot.
    pub fn revision(&self) -> u64 {
        self.state.revision
    }

    /// Returns the digest of everything that the pack could depend on: sources, configuration, registry, profile,
    /// versions. Equal on every machine.
    pub fn source_root(&self) -> Digest {
        self.state.source_root
    }

    /// Returns the name of the profile that it was built with.
    pub fn profile(&self) -> &str {
        &self.state.profile.name
    }

    /// Returns the name of the pack.
    pub fn pack(&self) -> &str {
        &self.state.pack
    }

    /// Returns where the pack lies.
    pub fn pack_file(&self) -> &Path {
        &self.state.pack_file
    }

    /// Returns what is to be said about the workspace, in the order in which it is shown.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.state.diagnostics
    }

    /// Returns all assets that are declared, by place; those that are excluded too.
    pub fn assets(&self) -> impl ExactSizeIterator<Item = Asset<'_>> {
        self.state.names.all().iter().map(|it| self.asset(it))
    }

    /// Returns the asset with a name.
    pub fn by_name(&self, name: &str) -> Option<Asset<'_>> {
        self.resolve(&Reference::Name(name.to_owned()))
    }

    /// Returns the asset with a uuid.
    pub fn by_uuid(&self, uuid: AssetUuid) -> Option<Asset<'_>> {
        self.resolve(&Reference::Uuid(uuid))
    }

    /// Returns the asset at a place: the path of the file or directory that it owns.
    pub fn by_place(&self, place: &RelPath) -> Option<Asset<'_>> {
        self.state.names.at(place).map(|it| self.asset(it))
    }

    /// Returns the asset with a number.
    pub fn by_id(&self, id: AssetId) -> Option<Asset<'_>> {
        match self.entry(id) {
            Some(entry) => self.by_uuid(entry.uuid),
            // It is in no pack: excluded, most likely.
            None => self.assets().find(|it| it.id() == Some(id)),
        }
    }

    /// Returns the bytes of an asset's main payload; see [`Snapshot::read_payload`].
    ///
    /// # Errors
    ///
    /// As [`Snapshot::read_payload`]; [`Error::Refused`] for an asset that is not in the pack.
    pub fn read(&self, asset: &Asset<'_>) -> Result<Vec<u8>> {
        match asset.payloads().next() {
            Some(payload) => self.read_payload(&payload),
            None => Err(Error::Refused(format!("`{}` is not in the pack", asset.name()))),
        }
    }

    /// Returns the bytes of a payload of this snapshot as a game gets them: decompressed, and checked against their
    /// digest.
    ///
    /// # Errors
    ///
    /// [`Error::Superseded`] when a later build wrote other bytes in their place, so that they are in no file any more;
    /// [`Error::Io`].
    pub fn read_payload(&self, payload: &Payload<'_>) -> Result<Vec<u8>> {
        for _ in 0..TRIES {
            match self.read_now(payload) {
                Ok(Some(bytes)) => return Ok(bytes),
                Ok(None) => break,
                Err(ReadError::Replaced) => {}
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        Err(Error::Superseded { asset: payload.entry.name.to_string() })
    }

    /// Looks into the pack that has this name now; `None` where it holds other bytes.
    fn read_now(&self, payload: &Payload<'_>) -> std::result::Result<Option<Vec<u8>>, ReadError> {
        let reader = PackReader::open_at(&*self.disk, &self.state.pack_file)?;
        let Some(entry) = reader.find_id(payload.entry.id)? else { return Ok(None) };
        let found = entry.payload(payload.role()).filter(|it| it.digest == payload.digest());
        found.map(|it| reader.payload_bytes(it, u64::MAX)).transpose()
    }

    fn unreadable(&self, error: ReadError) -> Error {
        let source = match error {
            ReadError::Io { source, .. } => source,
            error => std::io::Error::other(error),
        };
        Error::Io { action: "read", path: self.state.pack_file.clone(), source }
    }

    fn resolve(&self, reference: &Reference) -> Option<Asset<'_>> {
        self.state.names.resolve(&RelPath::root(), reference).map(|it| self.asset(it))
    }

    fn asset<'a>(&'a self, export: &'a Export) -> Asset<'a> {
        let entry = export.identity.and_then(|it| self.entry(it.1));
        Asset { export, entry }
    }

    fn entry(&self, id: AssetId) -> Option<&PlanEntry> {
        let entries = &self.state.plan.entries;
        entries.binary_search_by_key(&id, |it| it.id).ok().map(|at| &*entries[at])
    }
}

/// An asset of a snapshot.
#[derive(Clone, Copy)]
pub struct Asset<'a> {
    export: &'a Export,
    entry: Option<&'a PlanEntry>,
}

impl fmt::Debug for Asset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Asset");
        it.field("id", &self.id()).field("name", &self.name()).field("place", &self.place().as_str());
        it.finish_non_exhaustive()
    }
}

impl<'a> Asset<'a> {
    /// Returns its number; `None` for one that was excluded before it had any.
    pub fn id(&self) -> Option<AssetId> {
        self.export.identity.map(|it| it.1)
    }

    /// Returns its identity everywhere and for ever; `None` for one that was excluded before it had any.
    pub fn uuid(&self) -> Option<AssetUuid> {
        self.export.identity.map(|it| it.0)
    }

    /// Returns the author's name for it.
    pub fn name(&self) -> &'a str {
        &self.export.name
    }

    /// Returns its type: the name of the processor that makes it.
    pub fn kind(&self) -> &'a str {
        &self.export.kind
    }

    /// Returns the file or directory that it owns.
    pub fn place(&self) -> &'a RelPath {
        &self.export.place
    }

    /// Returns whether it is in the pack. One that is excluded is not, nor is one that is broken and left out.
    pub fn is_packed(&self) -> bool {
        self.entry.is_some()
    }

    /// Returns the author's tags, sorted; none for one that is not in the pack.
    pub fn tags(&self) -> &'a [String] {
        self.entry.map_or(&[], |it| &it.tags)
    }

    /// Returns the assets that it refers to, sorted; none for one that is not in the pack.
    pub fn references(&self) -> &'a [AssetId] {
        self.entry.map_or(&[], |it| &it.references)
    }

    /// Returns what was made of it, the main payload first; none for one that is not in the pack.
    pub fn payloads(&self) -> impl Iterator<Item = Payload<'a>> + use<'a> {
        let entry = self.entry;
        entry.into_iter().flat_map(|entry| entry.payloads.iter().map(move |planned| Payload { entry, planned }))
    }
}

/// A payload of an asset: its bytes are read with [`Snapshot::read_payload`].
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    entry: &'a PlanEntry,
    planned: &'a PlanPayload,
}

impl<'a> Payload<'a> {
    /// Returns what it is to the asset; the main payload has the empty role.
    pub fn role(&self) -> &'a str {
        &self.planned.role
    }

    /// Returns the digest of its bytes.
    pub fn digest(&self) -> Digest {
        self.planned.digest
    }

    /// Returns its length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "whether a payload is empty is nobody's question")]
    pub fn len(&self) -> u64 {
        self.planned.raw_len
    }

    /// Returns its length in bytes as it is stored.
    pub fn stored_len(&self) -> u64 {
        self.planned.stored_len
    }

    /// Returns how it is compressed.
    pub fn codec(&self) -> Codec {
        self.planned.codec
    }
}
