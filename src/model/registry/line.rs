//! One line of the registry: its fields, its canonical form and the short digest of that.
//!
//! Knows nothing of other lines.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{AssetId, AssetUuid, Digest, RelPath, scalar};

/// What binds one asset's identity to its place. The order of the fields is that of the canonical form.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A line of packwright.registry/*.jsonl")]
pub struct Line {
    /// Identity for ever.
    #[serde(rename = "asset_uuid")]
    pub uuid: AssetUuid,
    /// The same identity as a small number, from 1.
    #[serde(rename = "asset_id")]
    #[schemars(extend("minimum" = 1))]
    pub id: AssetId,
    /// Where the asset is declared.
    pub place: RelPath,
    /// Which of the assets made out of the place; left out when there is only one.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub part: Box<str>,
    /// Digest of the owner, or of a directory's inputs, when the line was last written.
    pub content: Digest,
    /// Digest of the sidecar or `asset.json`, when the line was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<Digest>,
    /// Short digests of the line's earlier forms, sorted. All are kept: a branch may be merged late.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub was: Box<[ShortDigest]>,
    /// Numbers that the asset had on other branches, sorted. They are never given again.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub retired: Box<[AssetId]>,
    /// Whether this is a tombstone: the asset is gone, its uuid and number stay taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

impl Line {
    /// Reads a line in its canonical form that has nothing but what nearly all have; `None` for any other, right or wrong.
    /// A registry is long, and this takes a third of the time that a parser of JSON does.
    pub(super) fn plain(text: &str) -> Option<Self> {
        let (uuid, rest) = text.strip_prefix(r#"{"asset_uuid":""#)?.split_at_checked(36)?;
        let rest = rest.strip_prefix(r#"","asset_id":"#)?;
        let (id, rest) = rest.split_at(rest.bytes().position(|it| !it.is_ascii_digit())?);
        let (place, rest) = rest.strip_prefix(r#","place":""#)?.split_once('"')?;
        let (content, rest) = rest.strip_prefix(r#","content":""#)?.split_at_checked(64)?;
        let declaration = match rest {
            r#""}"# => None,
            rest => {
                let (digest, rest) = rest.strip_prefix(r#"","declaration":""#)?.split_at_checked(64)?;
                Some(rest).filter(|it| *it == r#""}"#)?;
                Some(Digest::from_hex(digest)?)
            }
        };
        let is_plain = !id.starts_with('0') && place.bytes().all(|it| it >= b' ' && it != b'\\');
        Some(Self {
            uuid: AssetUuid::parse(uuid)?,
            id: AssetId(id.parse().ok().filter(|_| is_plain)?),
            place: RelPath::new(place)?,
            part: Box::default(),
            content: Digest::from_hex(content)?,
            declaration,
            was: Box::default(),
            retired: Box::default(),
            removed: false,
        })
    }

    /// Returns the canonical form: a JSON object in one line, without the line end.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(384);
        self.write(&mut bytes);
        bytes
    }

    /// Appends the canonical form.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        serde_json::to_writer(bytes, self).expect("a line is strings and numbers, and a Vec takes all bytes");
    }

    /// Returns the digest by which a later form of this line says that it supersedes this one.
    pub fn short_digest(&self) -> ShortDigest {
        ShortDigest::of(&self.canonical())
    }

    /// Returns the place as people see it, with its part if it has one.
    pub fn shown(&self) -> String {
        shown(&self.place, &self.part)
    }

    /// Returns whether the line is at `place` and `part`, live or not.
    pub(super) fn is_at(&self, place: &str, part: &str) -> bool {
        self.place.as_str() == place && *self.part == *part
    }

    /// Returns the greatest number that the line takes up.
    pub(super) fn highest(&self) -> u32 {
        self.retired.iter().map(|it| it.0).fold(self.id.0, u32::max)
    }

    /// Adds the short digests of forms that this line takes the place of.
    pub(super) fn supersede(&mut self, forms: impl IntoIterator<Item = ShortDigest>) {
        self.was = sorted(self.was.iter().copied().chain(forms).collect());
    }

    /// Puts the lists into their canonical order, or says what is wrong with the line.
    pub(super) fn normalize(&mut self) -> Result<(), &'static str> {
        self.was = sorted(std::mem::take(&mut self.was).into_vec());
        self.retired = sorted(std::mem::take(&mut self.retired).into_vec());
        if self.id.0 == 0 || self.retired.contains(&AssetId(0)) {
            return Err("0 is no asset_id: numbers start at 1");
        }
        if self.retired.contains(&self.id) {
            return Err("`retired` holds the line's own asset_id");
        }
        Ok(())
    }
}

/// Returns a place as people see it: `place#part`.
pub(super) fn shown(place: &RelPath, part: &str) -> String {
    if part.is_empty() { place.to_string() } else { format!("{place}#{part}") }
}

/// Returns the values in order, each once.
pub(super) fn sorted<T: Ord>(mut values: Vec<T>) -> Box<[T]> {
    values.sort_unstable();
    values.dedup();
    values.into()
}

/// The first eight bytes of the digest of a line's canonical form, written as 16 hexadecimal characters.
///
/// Short because a line keeps those of all its earlier forms, and only lines of one uuid are ever compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortDigest(pub [u8; 8]);

impl ShortDigest {
    /// Returns the short digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut short = [0; 8];
        short.copy_from_slice(&Digest::of(bytes).0[..8]);
        Self(short)
    }

    /// Returns the digest written as 16 lower-case hexadecimal characters, or `None` when `text` is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        scalar::from_hex(text.as_bytes()).map(Self)
    }
}

impl fmt::Display for ShortDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ShortDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ShortDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ShortDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar::deserialize(deserializer, "16 lower-case hexadecimal characters", Self::parse)
    }
}

impl JsonSchema for ShortDigest {
    fn schema_name() -> Cow<'static, str> {
        "ShortDigest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The first 16 characters of the digest of an earlier form of the line",
            "pattern": "^[0-9a-f]{16}$"
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn line() -> Line {
        Line {
            uuid: AssetUuid::v8(Digest::of(b"hero")),
            id: AssetId(17),
            place: RelPath::new("assets/\"h\u{fc}\".png").expect("a path"),
            part: "".into(),
            content: Digest([0x11; 32]),
            declaration: None,
            was: [].into(),
            retired: [].into(),
            removed: false,
        }
    }

    #[test]
    fn canonical_form_leaves_out_what_is_not_there() {
        let short = line();
        let long = Line {
            part: "frame 1".into(),
            declaration: Some(Digest([0x22; 32])),
            was: [ShortDigest([0; 8]), short.short_digest()].into(),
            retired: [AssetId(3), AssetId(20)].into(),
            removed: true,
            ..line()
        };
        let text: String = [short, long].iter().map(|it| String::from_utf8(it.canonical()).unwrap() + "\n").collect();
        expect![[r#"
            {"asset_uuid":"5bf60886-3dde-8124-9107-07349ef4f140","asset_id":17,"place":"assets/\"hü\".png","content":"1111111111111111111111111111111111111111111111111111111111111111"}
            {"asset_uuid":"5bf60886-3dde-8124-9107-07349ef4f140","asset_id":17,"place":"assets/\"hü\".png","part":"frame 1","content":"1111111111111111111111111111111111111111111111111111111111111111","declaration":"2222222222222222222222222222222222222222222222222222222222222222","was":["0000000000000000","8ae00734cc99150a"],"retired":[3,20],"removed":true}
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn what_is_read_as_plain_is_what_json_says() {
        let place = RelPath::new("assets/h\u{fc}#1.png").expect("a path");
        let plain = Line { place, ..line() };
        let declared = Line { declaration: Some(Digest([0x22; 32])), ..plain.clone() };
        let texts = [&plain, &declared].map(|it| String::from_utf8(it.canonical()).expect("JSON"));
        for (line, text) in [plain, declared].iter().zip(&texts) {
            assert_eq!(Line::plain(text).as_ref(), Some(line));
            for at in 0..text.len() {
                for other in ["", "\\", "\"", "0", "\n", " "] {
                    let Some((before, after)) = text.split_at_checked(at) else { continue };
                    let after = after.get(1..).unwrap_or_default();
                    let damaged = format!("{before}{other}{after}");
                    let read = Line::plain(&damaged);
                    assert!(read.is_none() || read == serde_json::from_str(&damaged).ok(), "{damaged}");
                }
            }
        }
        let changed = |from: &str, to: &str| Line::plain(&texts[0].replace(from, to));
        assert!(changed(":17,", ":18,").is_some());
        for id in [":0,", ":017,", ":-17,", ":17.0,", ":4294967296,", ":,"] {
            assert_eq!(changed(":17,", id), None, "{id}");
        }
        assert_eq!(Line::plain(&String::from_utf8(line().canonical()).expect("JSON")), None, "a quote in its place");
    }

    #[test]
    fn short_digests_read_back_and_nothing_else_does() {
        let short = ShortDigest([0, 1, 2, 3, 4, 5, 6, 0xff]);
        assert_eq!(ShortDigest::parse(&short.to_string()), Some(short));
        for bad in ["", "0", "00010203040506fF", "+001020304050607", "00010203040506ff0"] {
            assert_eq!(ShortDigest::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        assert!(Line { id: AssetId(0), ..line() }.normalize().is_err());
        assert!(Line { retired: [AssetId(0)].into(), ..line() }.normalize().is_err());
        assert!(Line { retired: [AssetId(17)].into(), ..line() }.normalize().is_err());
        assert!(Line { retired: [AssetId(18)].into(), ..line() }.normalize().is_ok());
    }
}
