//! What the index remembers of places that went missing: what they held last.
//!
//! Only `doctor` asks, for a proposal: a build goes by what is committed. An entry is made by whoever looks at the
//! workspace first after a source is gone, and goes when its asset is not missing any more.

use std::collections::BTreeMap;

use crate::cache::{Index, encoding};
use crate::model::path::{ASSET_JSON, SIDECAR_SUFFIX};
use crate::model::registry::{Digests, Line, Registry, Remembered};
use crate::model::{AssetId, AssetUuid, Digest, RelPath};

/// The index's name for it.
pub const VANISHED_FACT: &str = "vanished";
/// Of more than so many at once nobody needs to know.
const MOST: usize = 100_000;

#[derive(Clone, PartialEq, Eq, bincode::Encode, bincode::Decode)]
struct Entry {
    uuid: [u8; 16],
    content: Digest,
    declaration: Option<Digest>,
    since: u32,
}

/// What is remembered, by asset.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Vanished(BTreeMap<AssetUuid, Remembered>);

impl Vanished {
    /// Returns what the index remembers.
    pub fn recall(index: &Index) -> Self {
        let row: Option<Vec<Entry>> = index.fact(VANISHED_FACT).and_then(|it| encoding::decode(&it));
        let remembered = |it: Entry| {
            let digests = Digests { content: it.content, declaration: it.declaration };
            (AssetUuid(it.uuid), Remembered { digests, since: AssetId(it.since) })
        };
        Self(row.unwrap_or_default().into_iter().map(remembered).collect())
    }

    /// Returns what is remembered of an asset.
    pub fn of(&self, line: &Line) -> Option<Remembered> {
        self.0.get(&line.uuid).copied()
    }

    /// Returns what is to be remembered from now on: of each asset that is `missing` what was known already, or else
    /// what its place held, given what files held that are `gone`.
    #[must_use]
    pub fn next(&self, gone: &BTreeMap<RelPath, Digest>, registry: &Registry, missing: &[Line]) -> Self {
        // With no number left nobody will ever be younger.
        let since = registry.next_id().unwrap_or(AssetId(u32::MAX));
        let remembered = |line: &Line| {
            let held = || held(gone, line).map(|digests| Remembered { digests, since });
            Some((line.uuid, self.of(line).or_else(held)?))
        };
        Self(missing.iter().take(MOST).filter_map(remembered).collect())
    }

    /// Returns the index's row.
    pub fn to_row(&self) -> Vec<u8> {
        let entry = |(uuid, it): (&AssetUuid, &Remembered)| {
            let Digests { content, declaration } = it.digests;
            Entry { uuid: uuid.0, content, declaration, since: it.since.0 }
        };
        encoding::encode(&self.0.iter().map(entry).collect::<Vec<_>>())
    }
}

/// Returns what the place of a line held; `None` where nothing is known. What a directory held depends on a declaration
/// that is gone: it is known by that alone.
fn held(gone: &BTreeMap<RelPath, Digest>, line: &Line) -> Option<Digests> {
    let place = &line.place;
    let digest = |path: &str| gone.get(path).copied();
    let content = gone.get(place).copied();
    let declaration = digest(&format!("{place}{SIDECAR_SUFFIX}")).or_else(|| digest(&format!("{place}/{ASSET_JSON}")));
    if content.is_none() && declaration.is_none() {
        return None;
    }
    Some(Digests { content: content.unwrap_or(Digest::of(b"")), declaration })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::registry::{Present, propose};

    fn files(files: &[(&str, &str)]) -> BTreeMap<RelPath, Digest> {
        let file = |(path, text): &(&str, &str)| (RelPath::new(path).expect("normal"), Digest::of(text.as_bytes()));
        files.iter().map(file).collect()
    }

    fn registry(places: &[&str]) -> Registry {
        let present = |it: &&str| Present { place: RelPath::new(it).expect("normal"), part: String::new() };
        let present: Vec<Present> = places.iter().map(present).collect();
        let digests = |_| Digests { content: Digest::of(b"registered"), declaration: None };
        propose(&Registry::empty(), AssetUuid([7; 16]), &present, &digests).registry
    }

    #[test]
    fn what_was_held_last_is_remembered_until_it_is_back() {
        let registry = registry(&["a", "d", "x"]);
        let missing = registry.lines().to_vec();
        let gone = files(&[("a", "A"), ("a.asset.json", "{}"), ("d/asset.json", "intent"), ("d/f", "F")]);
        let first = Vanished::default().next(&gone, &registry, &missing);
        let by = |it: &Vanished, place: &str| {
            let line = registry.at(&RelPath::new(place).expect("normal"), "").expect("registered");
            it.of(line).map(|it| (it.digests.content, it.digests.declaration, it.since))
        };
        let since = AssetId(4);
        assert_eq!(by(&first, "a"), Some((Digest::of(b"A"), Some(Digest::of(b"{}")), since)));
        assert_eq!(by(&first, "d"), Some((Digest::of(b""), Some(Digest::of(b"intent")), since)));
        assert_eq!(by(&first, "x"), None);
        // What is known already stays as it is, and goes when it is not missing any more.
        let later = first.next(&files(&[("a", "other"), ("x", "X")]), &registry, &missing);
        assert_eq!(by(&later, "a"), by(&first, "a"));
        assert_eq!(by(&later, "x"), Some((Digest::of(b"X"), None, since)));
        assert!(first.next(&BTreeMap::new(), &registry, &[]) == Vanished::default());
        assert_eq!(first.next(&BTreeMap::new(), &registry, &missing).to_row(), first.to_row());
    }
}
