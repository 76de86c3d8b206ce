//! What an asset is called by machines: `asset_uuid` (for ever) and `asset_id` (small and dense).

use std::fmt;

use super::scalar;

/// A small dense number for an asset: what runtimes, packs and order use. Never reused.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    bincode::Encode,
    bincode::Decode,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct AssetId(pub u32);

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// An asset's identity everywhere and for ever; sixteen bytes, written in the usual hyphenated form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
pub struct AssetUuid(pub [u8; 16]);

impl AssetUuid {
    /// Returns the UUIDv8 (RFC 9562, section 5.8) made of the first sixteen bytes of `digest`.
    pub fn v8(digest: super::Digest) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.0[..16]);
        bytes[6] = 0x80 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }

    /// Returns the uuid written in lower-case hyphenated form, or `None` when `text` is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 36 || [8, 13, 18, 23].iter().any(|at| text[*at] != b'-') {
            return None;
        }
        let mut digits = [0; 32];
        for (start, (from, to)) in [(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)].into_iter().enumerate() {
            digits[from - start..to - start].copy_from_slice(&text[from..to]);
        }
        scalar::from_hex(&digits).map(Self)
    }
}

impl fmt::Display for AssetUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A registry writes a hundred thousand of these: no formatting byte by byte.
        let mut text = [b'-'; 36];
        for (nibble, at) in (0..36).filter(|it| !matches!(it, 8 | 13 | 18 | 23)).enumerate() {
            let byte = self.0[nibble / 2];
            let digit = if nibble % 2 == 0 { byte >> 4 } else { byte & 0x0f };
            text[at] = b"0123456789abcdef"[usize::from(digit)];
        }
        f.write_str(std::str::from_utf8(&text).expect("hexadecimal digits are ASCII"))
    }
}

impl fmt::Debug for AssetUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for AssetUuid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for AssetUuid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar::deserialize(deserializer, "a uuid in lower-case hyphenated form", Self::parse)
    }
}

impl schemars::JsonSchema for AssetUuid {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AssetUuid".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "uuid",
            "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    #[test]
    fn uuid_is_version_8_and_reads_back() {
        let uuid = AssetUuid::v8(Digest::of(b"hero"));
        let text = uuid.to_string();
        assert_eq!(&text[14..15], "8");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
        assert_eq!(AssetUuid::parse(&text), Some(uuid));
        for bad in ["", "hero", &text.to_uppercase(), &text.replace('-', ""), &format!("{text}0")] {
            assert_eq!(AssetUuid::parse(bad), None, "{bad}");
        }
    }
}
