//! Digests of bytes, and the one way in which structured values are digested.
//!
//! A digest of plain bytes is BLAKE3. A digest of anything with structure (a recipe key, a bucket, a
//! receipt's `source_root`) goes through [`KeyHasher`]: BLAKE3's `derive_key` mode under a context
//! string that names what is being digested, over parts that each carry a tag and a length. So no two
//! different values give one stream of bytes, and no two kinds of key can be mistaken for each other.

#[expect(clippy::disallowed_types, reason = "see `DigestMap`")]
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use super::scalar;

/// BLAKE3 digest, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Returns the 64 lower-case hexadecimal characters of the digest.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Returns the digest written as 64 hexadecimal characters, or `None` when `text` is anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        scalar::from_hex(text.as_bytes()).map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex()[..12])
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar::deserialize(deserializer, "64 lower-case hexadecimal characters", Self::from_hex)
    }
}

impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "BLAKE3 digest, 64 lower-case hexadecimal characters",
            "pattern": "^[0-9a-f]{64}$"
        })
    }
}

/// Values by digest, for lookups: its order is nobody's, and whoever goes through all of it sorts first.
#[expect(clippy::disallowed_types, reason = "for lookups; whoever iterates sorts")]
pub type DigestMap<V> = HashMap<Digest, V, BuildHasherDefault<FirstBytes>>;

/// A digest is as good as random: its first bytes are all the hash that a table needs.
#[derive(Default)]
pub struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of a digest, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Digests a structured value part by part.
///
/// Each part is written as its one-byte tag, its length as a little-endian `u64`, then its bytes. A list
/// is a [`KeyHasher::count`] followed by its parts.
#[derive(Clone)]
pub struct KeyHasher {
    hasher: blake3::Hasher,
    /// What is still to be hashed: BLAKE3 takes many bytes at once several times as fast as a few at a time.
    pending: Vec<u8>,
}

/// How many bytes of parts a [`KeyHasher`] gathers: enough for all that a CPU does side by side.
const GATHERED: usize = 16 << 10;

impl KeyHasher {
    /// Starts a digest under `context`: a constant that names the kind of value and its version, such as
    /// `"packwright recipe key v1"`.
    pub fn new(context: &'static str) -> Self {
        Self { hasher: blake3::Hasher::new_derive_key(context), pending: Vec::with_capacity(256) }
    }

    /// Adds bytes under `tag`.
    pub fn bytes(&mut self, tag: u8, bytes: &[u8]) -> &mut Self {
        if self.pending.len() + bytes.len() > GATHERED {
            self.flush();
        }
        self.pending.push(tag);
        self.pending.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        if bytes.len() > GATHERED {
            self.flush();
            self.hasher.update(bytes);
        } else {
            self.pending.extend_from_slice(bytes);
        }
        self
    }

    /// Adds text under `tag`, as its UTF-8 bytes.
    pub fn text(&mut self, tag: u8, text: &str) -> &mut Self {
        self.bytes(tag, text.as_bytes())
    }

    /// Adds a number under `tag`, as eight little-endian bytes.
    pub fn number(&mut self, tag: u8, number: u64) -> &mut Self {
        self.bytes(tag, &number.to_le_bytes())
    }

    /// Adds another digest under `tag`.
    pub fn digest(&mut self, tag: u8, digest: Digest) -> &mut Self {
        self.bytes(tag, &digest.0)
    }

    /// Announces a list of `n` parts under `tag`.
    pub fn count(&mut self, tag: u8, n: usize) -> &mut Self {
        self.number(tag, n as u64)
    }

    /// Returns the digest of all parts so far.
    pub fn finish(&mut self) -> Digest {
        self.flush();
        Digest(*self.hasher.finalize().as_bytes())
    }

    fn flush(&mut self) {
        self.hasher.update(&self.pending);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let of = |parts: &[&str]| {
            let mut hasher = KeyHasher::new("packwright test v1");
            for part in parts {
                hasher.text(1, part);
            }
            hasher.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a", ""]), of(&["a"]));
    }

    #[test]
    fn how_much_is_gathered_does_not_show() {
        for len in [0, 1, GATHERED - 10, GATHERED - 9, GATHERED, GATHERED + 1, 3 * GATHERED] {
            let (long, mut plain) = (vec![7; len], blake3::Hasher::new_derive_key("packwright test v1"));
            let mut hasher = KeyHasher::new("packwright test v1");
            for part in [&b"ab"[..], &long, b"", &long, b"c"] {
                hasher.bytes(3, part);
                plain.update(&[3]).update(&(part.len() as u64).to_le_bytes()).update(part);
            }
            assert_eq!(hasher.finish().0, *plain.finalize().as_bytes(), "{len}");
            assert_eq!(hasher.number(1, 2).finish().0, {
                plain.update(&[1]).update(&8_u64.to_le_bytes()).update(&2_u64.to_le_bytes());
                *plain.finalize().as_bytes()
            });
        }
    }

    #[test]
    fn hex_round_trip() {
        let digest = Digest::of(b"packwright");
        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(Digest::from_hex(&digest.to_hex().to_uppercase()), None);
        assert_eq!(Digest::from_hex("00"), None);
    }
}
