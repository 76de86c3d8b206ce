//! What the index remembers of files that went: what they held last, and which files with the same contents came since.
//!
//! Only `doctor` asks, for a proposal: a build goes by what is committed. Whoever scans takes note; an entry goes when its
//! file is back, or when whoever knows the registry sees that no missing asset was there.

use std::collections::{BTreeMap, BTreeSet};

use crate::cache::{Index, encoding};
use crate::model::path::{ASSET_JSON, SIDECAR_SUFFIX, parent, sidecar_owner};
use crate::model::registry::{Digests, Line, Remembered};
use crate::model::{Digest, RelPath};
use crate::workspace::scan::Scan;

/// The index's name for it.
pub const VANISHED_FACT: &str = "vanished";
/// Of more than so many at once nobody needs to know.
const MOST: usize = 10_000;
/// Among more than so many files with the same contents nobody could tell which one it is.
const MOST_HEIRS: usize = 16;

#[derive(Clone, PartialEq, Eq, bincode::Encode, bincode::Decode)]
struct Entry {
    path: RelPath,
    digest: Digest,
    heirs: Vec<RelPath>,
}

/// What a file held, and which ones came since that hold it.
type Legacy = (Digest, BTreeSet<RelPath>);

/// What is remembered, by path.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Vanished(BTreeMap<RelPath, Legacy>);

impl Vanished {
    /// Returns what the index remembers.
    pub fn recall(index: &Index) -> Self {
        let row: Option<Vec<Entry>> = index.fact(VANISHED_FACT).and_then(|it| encoding::decode(&it));
        let legacy = |it: Entry| (it.path, (it.digest, it.heirs.into_iter().collect()));
        Self(row.unwrap_or_default().into_iter().map(legacy).collect())
    }

    /// Returns what is to be remembered after a scan.
    #[must_use]
    pub fn after(&self, scan: &Scan) -> Self {
        let mut next = self.0.clone();
        for (path, digest) in scan.vanished.iter().filter(|it| *it.1 != Digest::of(b"")) {
            if next.len() < MOST {
                next.insert(path.clone(), (*digest, BTreeSet::new()));
            }
        }
        scan.appeared.keys().for_each(|it| {
            next.remove(it);
        });
        let mut came: BTreeMap<Digest, Vec<&RelPath>> = BTreeMap::new();
        scan.appeared.iter().for_each(|(path, digest)| came.entry(*digest).or_default().push(path));
        for (digest, heirs) in next.values_mut() {
            let news = came.get(digest).into_iter().flatten();
            heirs.extend(news.take(MOST_HEIRS.saturating_sub(heirs.len())).map(|it| (*it).clone()));
        }
        Self(next)
    }

    /// Returns what is left when only what these lines were is of interest.
    #[must_use]
    pub fn only_of(&self, missing: &[Line]) -> Self {
        let paths = missing.iter().flat_map(|it| files_of(it.place.as_str()));
        let kept = paths.filter_map(|it| self.0.get_key_value(it.as_str()));
        Self(kept.map(|(path, legacy)| (path.clone(), legacy.clone())).collect())
    }

    /// Returns what is remembered of an asset. What a directory held depends on a declaration that is gone: it is known by
    /// that alone.
    pub fn of(&self, line: &Line) -> Option<Remembered> {
        let [content, sidecar, own] = files_of(line.place.as_str()).map(|it| self.0.get(it.as_str()));
        let declaration = sidecar.or(own);
        if content.is_none() && declaration.is_none() {
            return None;
        }
        let digests =
            Digests { content: content.map_or(Digest::of(b""), |it| it.0), declaration: declaration.map(|it| it.0) };
        let heirs = content.into_iter().chain(declaration).flat_map(|it| it.1.iter().map(place_of));
        Some(Remembered { digests, heirs: heirs.collect() })
    }

    /// Returns the index's row.
    pub fn to_row(&self) -> Vec<u8> {
        let entry = |(path, (digest, heirs)): (&RelPath, &Legacy)| Entry {
            path: path.clone(),
            digest: *digest,
            heirs: heirs.iter().cloned().collect(),
        };
        encoding::encode(&self.0.iter().map(entry).collect::<Vec<_>>())
    }
}

/// Returns the files that may tell what was at a place: itself, its sidecar, and a directory's own declaration.
fn files_of(place: &str) -> [String; 3] {
    [place.to_owned(), format!("{place}{SIDECAR_SUFFIX}"), format!("{place}/{ASSET_JSON}")]
}

/// Returns the place that a file speaks for.
fn place_of(file: &RelPath) -> RelPath {
    let text = file.as_str();
    let is_own = text.ends_with(&format!("/{ASSET_JSON}"));
    let place = sidecar_owner(text).or_else(|| is_own.then(|| parent(text)));
    place.and_then(RelPath::new).unwrap_or_else(|| file.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AssetUuid;
    use crate::model::registry::{Present, Registry, propose};
    use crate::workspace::bucket::Tree;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).expect("normal")
    }

    /// A scan that found these files new and those gone.
    fn scan(appeared: &[(&str, &str)], vanished: &[(&str, &str)]) -> Scan {
        let files = |it: &[(&str, &str)]| it.iter().map(|it| (path(it.0), Digest::of(it.1.as_bytes()))).collect();
        let (tree, moved, gone) = (Tree::default(), Vec::new(), Vec::new());
        Scan { tree, moved, gone, appeared: files(appeared), vanished: files(vanished) }
    }

    fn registry(places: &[&str]) -> Registry {
        let present: Vec<Present> =
            places.iter().map(|it| Present { place: path(it), part: String::new(), excluded: false }).collect();
        let digests = |_| Digests { content: Digest::of(b"registered"), declaration: None };
        propose(&Registry::empty(), AssetUuid([7; 16]), &present, &digests).registry
    }

    #[test]
    fn what_was_held_last_is_remembered_until_it_is_back() {
        let registry = registry(&["a", "d", "x"]);
        let gone = [("a", "A"), ("a.asset.json", "{}"), ("d/asset.json", "intent"), ("d/f", "F"), ("e", "")];
        let first = Vanished::default().after(&scan(&[("b", "A"), ("c", "C")], &gone));
        let by = |it: &Vanished, place: &str| {
            let remembered = it.of(registry.at(&path(place), "").expect("registered"))?;
            let heirs: Vec<String> = remembered.heirs.iter().map(ToString::to_string).collect();
            Some((remembered.digests.content, remembered.digests.declaration, heirs.join(" ")))
        };
        let (a, d) = (Digest::of(b"A"), Digest::of(b"intent"));
        assert_eq!(by(&first, "a"), Some((a, Some(Digest::of(b"{}")), "b".to_owned())));
        assert_eq!(by(&first, "d"), Some((Digest::of(b""), Some(d), String::new())));
        assert_eq!((by(&first, "x"), first.0.len()), (None, 4), "nothing is no legacy");
        // Heirs come later too, and speak for their places.
        let later = first.after(&scan(&[("e/asset.json", "intent"), ("f.asset.json", "{}")], &[]));
        assert_eq!(by(&later, "d"), Some((Digest::of(b""), Some(d), "e".to_owned())));
        assert_eq!(by(&later, "a").map(|it| it.2), Some("b f".to_owned()));
        // Who is back is not remembered any more, nor who is nobody's business.
        assert_eq!(by(&later.after(&scan(&[("a", "A")], &[])), "a").map(|it| it.0), Some(Digest::of(b"")));
        let pruned = later.only_of(registry.lines());
        assert_eq!((pruned.0.len(), by(&pruned, "a")), (3, by(&later, "a")));
        assert!(later.only_of(&[]) == Vanished::default());
    }
}
