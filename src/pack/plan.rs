//! What a pack will hold, before a byte of it is written.
//!
//! A plan is a value: entries in order of `asset_id`, each with the digests and lengths of its stored
//! payloads. Everything about a pack follows from its plan; nothing else is consulted to lay it out.

use std::sync::Arc;

use crate::model::{AssetId, AssetUuid, Digest};
pub use crate::model::{Codec, Layout};
use crate::process::contract::Metadata;

/// One payload of an entry.
#[derive(Clone, PartialEq, Eq, Debug, bincode::Encode, bincode::Decode)]
pub struct PlanPayload {
    /// What it is to the asset; the main payload has the empty role.
    pub role: String,
    /// Digest of the raw bytes.
    pub digest: Digest,
    /// Length of the raw bytes.
    pub raw_len: u64,
    /// Digest of the bytes as stored; equal to `digest` for [`Codec::None`].
    pub stored_digest: Digest,
    /// Length of the bytes as stored.
    pub stored_len: u64,
    /// How they are compressed.
    pub codec: Codec,
}

/// One entry: an asset, or one part of it.
#[derive(Clone, PartialEq, Debug, bincode::Encode, bincode::Decode)]
pub struct PlanEntry {
    /// The order of the pack.
    pub id: AssetId,
    /// Identity.
    pub uuid: AssetUuid,
    /// The author's name for it.
    pub name: Arc<str>,
    /// The name of the processor that made it.
    pub kind: Arc<str>,
    /// Whether its payloads lie at the front of the pack.
    pub preload: bool,
    /// The author's tags, sorted.
    pub tags: Vec<String>,
    /// Facts from the processor.
    pub metadata: Metadata,
    /// The assets it refers to, sorted, each once.
    pub references: Vec<AssetId>,
    /// At least one.
    pub payloads: Vec<PlanPayload>,
}

/// A whole pack.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// How it is cut into files.
    pub layout: Layout,
    /// Strictly ascending by id; names unique.
    ///
    /// Shared with whoever made them: a hundred thousand entries are not copied to be put in order.
    pub entries: Vec<Arc<PlanEntry>>,
}
