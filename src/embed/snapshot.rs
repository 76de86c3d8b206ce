//! The workspace at one revision, as other programs see it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{AssetId, AssetUuid, Codec, Diagnostic, Digest, Reference, RelPath};
use crate::pack::plan::{PlanEntry, PlanPayload};
use crate::pack::read::{PackReader, ReadError};
use crate::query::names::Export;
use crate::snapshot::{self, Packed};
use crate::system::Disk;

/// How often a pack is opened anew that others replace meanwhile.
const TRIES: u32 = 5;

/// The whole workspace at one revision: an immutable view that nothing changes any more. Clones are cheap.
///
/// Whoever holds one blocks nobody, and nobody blocks them. All assets and the digests of all that was made of them are
/// in memory; their bytes are in the packs that were built then.
#[derive(Clone)]
pub struct Snapshot {
    state: Arc<snapshot::Snapshot>,
    disk: Arc<dyn Disk>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = &self.state;
        let mut it = f.debug_struct("Snapshot");
        let packs: Vec<_> = self.packs().map(|it| it.name()).collect();
        it.field("revision", &state.revision).field("profile", &self.profile()).field("packs", &packs);
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

    /// Returns the name of the profile that it was built with.
    pub fn profile(&self) -> &str {
        &self.state.profile.name
    }

    /// Returns the packs that were built, by name.
    pub fn packs(&self) -> impl ExactSizeIterator<Item = Pack<'_>> {
        self.state.packs.iter().map(|packed| Pack { packed })
    }

    /// Returns the pack with this name, if it was built.
    pub fn pack(&self, name: &str) -> Option<Pack<'_>> {
        self.packs().find(|it| it.name() == name)
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
        match self.packed(id) {
            Some((_, entry)) => self.by_uuid(entry.uuid),
            // It is in no pack: excluded, most likely.
            None => self.assets().find(|it| it.id() == Some(id)),
        }
    }

    /// Returns the bytes of an asset's main payload; see [`Snapshot::read_payload`].
    ///
    /// # Errors
    ///
    /// As [`Snapshot::read_payload`]; [`Error::Refused`] for an asset that is in no pack of this snapshot.
    pub fn read(&self, asset: &Asset<'_>) -> Result<Vec<u8>> {
        match asset.payloads().next() {
            Some(payload) => self.read_payload(&payload),
            None => Err(Error::Refused(format!("`{}` is in no pack", asset.name()))),
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
                Err(error) => return Err(unreadable(&payload.pack.file, error)),
            }
        }
        Err(Error::Superseded { asset: payload.entry.name.to_string() })
    }

    /// Looks into the pack that has that name now; `None` where it holds other bytes.
    fn read_now(&self, payload: &Payload<'_>) -> std::result::Result<Option<Vec<u8>>, ReadError> {
        let reader = PackReader::open_at(&*self.disk, &payload.pack.file)?;
        let Some(entry) = reader.find_id(payload.entry.id)? else { return Ok(None) };
        let found = entry.payload(payload.role()).filter(|it| it.digest == payload.digest());
        found.map(|it| reader.payload_bytes(it, u64::MAX)).transpose()
    }

    fn resolve(&self, reference: &Reference) -> Option<Asset<'_>> {
        self.state.names.resolve(&RelPath::root(), reference).map(|it| self.asset(it))
    }

    fn asset<'a>(&'a self, export: &'a Export) -> Asset<'a> {
        let packed = export.identity.and_then(|it| self.packed(it.1));
        Asset { export, packed }
    }

    /// Returns the first pack that an asset is in, and what it is there.
    fn packed(&self, id: AssetId) -> Option<(&Packed, &PlanEntry)> {
        self.state.packs.iter().find_map(|it| Some((it, entry(it, id)?)))
    }
}

fn entry(pack: &Packed, id: AssetId) -> Option<&PlanEntry> {
    let entries = &pack.plan.entries;
    entries.binary_search_by_key(&id, |it| it.id).ok().map(|at| &*entries[at])
}

fn unreadable(path: &Path, error: ReadError) -> Error {
    let source = match error {
        ReadError::Io { source, .. } => source,
        error => std::io::Error::other(error),
    };
    Error::Io { action: "read", path: path.to_owned(), source }
}

/// A pack of a snapshot.
#[derive(Clone, Copy)]
pub struct Pack<'a> {
    packed: &'a Packed,
}

impl fmt::Debug for Pack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack").field("name", &self.name()).field("file", &self.file()).finish_non_exhaustive()
    }
}

impl<'a> Pack<'a> {
    /// Returns its name.
    pub fn name(&self) -> &'a str {
        &self.packed.name
    }

    /// Returns where it lies.
    pub fn file(&self) -> &'a Path {
        &self.packed.file
    }

    /// Returns the digest of everything that it could depend on: sources, configuration, registry, profile, versions.
    /// Equal on every machine.
    pub fn source_root(&self) -> Digest {
        self.packed.source_root
    }

    /// Returns what it holds, by `asset_id`.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = AssetId> + use<'a> {
        self.packed.plan.entries.iter().map(|it| it.id)
    }

    /// Returns whether it holds an asset.
    pub fn holds(&self, id: AssetId) -> bool {
        entry(self.packed, id).is_some()
    }
}

/// An asset of a snapshot.
#[derive(Clone, Copy)]
pub struct Asset<'a> {
    export: &'a Export,
    packed: Option<(&'a Packed, &'a PlanEntry)>,
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

    /// Returns whether it is in any of the snapshot's packs. One that is excluded is not, nor is one that is broken and
    /// left out, or that no pack asks for.
    pub fn is_packed(&self) -> bool {
        self.packed.is_some()
    }

    fn entry(&self) -> Option<&'a PlanEntry> {
        self.packed.map(|it| it.1)
    }

    /// Returns the author's tags, sorted; none for one that is in no pack.
    pub fn tags(&self) -> &'a [String] {
        self.entry().map_or(&[], |it| &it.tags)
    }

    /// Returns the assets that it refers to, sorted; none for one that is in no pack.
    pub fn references(&self) -> &'a [AssetId] {
        self.entry().map_or(&[], |it| &it.references)
    }

    /// Returns what was made of it as the first of its packs has it, the main payload first; none for one that is in no
    /// pack.
    pub fn payloads(&self) -> impl Iterator<Item = Payload<'a>> + use<'a> {
        let of_entry = |(pack, entry): (&'a Packed, &'a PlanEntry)| {
            entry.payloads.iter().map(move |planned| Payload { pack, entry, planned })
        };
        self.packed.into_iter().flat_map(of_entry)
    }
}

/// A payload of an asset: its bytes are read with [`Snapshot::read_payload`].
#[derive(Clone, Copy)]
pub struct Payload<'a> {
    pack: &'a Packed,
    entry: &'a PlanEntry,
    planned: &'a PlanPayload,
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("asset", &self.entry.name)
            .field("payload", &self.planned)
            .finish_non_exhaustive()
    }
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
