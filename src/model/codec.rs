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

/// Some codecs, each once.
#[derive(Clone, Copy, PartialEq, Eq, Default, bincode::Encode, bincode::Decode)]
pub struct Codecs(u8);

impl std::fmt::Debug for Codecs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Codecs {
    /// Returns these.
    pub fn of(codecs: impl IntoIterator<Item = Codec>) -> Self {
        codecs.into_iter().fold(Self::default(), |all, it| Self(all.0 | 1 << it as u8))
    }

    /// Returns all of them, always in the same order.
    pub fn iter(self) -> impl Iterator<Item = Codec> {
        [Codec::None, Codec::Lz4, Codec::Zstd].into_iter().filter(move |it| self.0 & 1 << *it as u8 != 0)
    }

    /// Returns how many they are.
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns where in [`Codecs::iter`] a codec comes.
    pub fn position(self, codec: Codec) -> Option<usize> {
        self.iter().position(|it| it == codec)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_keep_their_order() {
        let some = Codecs::of([Codec::Zstd, Codec::None, Codec::Zstd]);
        assert_eq!(some.iter().collect::<Vec<_>>(), [Codec::None, Codec::Zstd]);
        assert_eq!((some.count(), Codecs::default().count()), (2, 0));
        assert_eq!([Codec::None, Codec::Lz4, Codec::Zstd].map(|it| some.position(it)), [Some(0), None, Some(1)]);
        assert_eq!(Codecs::of([Codec::Lz4, Codec::Zstd]).position(Codec::Zstd), Some(1));
    }
}
