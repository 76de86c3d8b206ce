//! What an author may choose about the form of a pack: how payloads are compressed, and how it is cut into files.

/// How a stored payload is compressed.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    bincode::Encode,
    bincode::Decode,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// As it is.
    #[default]
    None,
    /// LZ4 block format, without a length prefix.
    Lz4,
    /// One Zstandard frame (RFC 8878).
    Zstd,
}

/// How a pack is cut into files.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    bincode::Encode,
    bincode::Decode,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One file.
    Single,
    /// A small root file and parts by range of `asset_id`, so that an edit rewrites one part and the root.
    Split,
}
