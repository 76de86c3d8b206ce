//! New identities, as pure functions: two clones that register the same asset agree without talking.
//!
//! Knows nothing of what makes a place new. `schema/registry-vectors.json` holds test vectors.

use super::super::{AssetId, AssetUuid, KeyHasher, RelPath};

/// Returns the `k`-th uuid of a place and part in a workspace, `k` from 0.
pub fn candidate_uuid(workspace: AssetUuid, place: &RelPath, part: &str, k: u64) -> AssetUuid {
    let mut hasher = KeyHasher::new("packwright asset_uuid v1");
    hasher.bytes(1, &workspace.0).text(2, place.as_str()).text(3, part).number(4, k);
    AssetUuid::v8(hasher.finish())
}

/// Returns the uuid that a new asset at a place takes: the candidate with the smallest `k` that no line of the
/// registry has, tombstones and lines that moved elsewhere included.
pub fn allocate_uuid(
    is_used: &dyn Fn(AssetUuid) -> bool,
    workspace: AssetUuid,
    place: &RelPath,
    part: &str,
) -> AssetUuid {
    let mut candidates = (0..).map(|k| candidate_uuid(workspace, place, part, k));
    candidates.find(|it| !is_used(*it)).expect("a registry has fewer lines than there are k")
}

/// Returns the `n` numbers after `highest` in order, or `None` when fewer are left.
pub(super) fn allocate_ids(highest: u32, n: usize) -> Option<impl Iterator<Item = AssetId> + use<>> {
    let n = u32::try_from(n).ok()?;
    let last = highest.checked_add(n)?;
    Some((u64::from(highest) + 1..=u64::from(last)).map(|it| AssetId(it as u32)))
}

#[cfg(test)]
mod tests {
    use super::super::{Digests, Present, Registry, propose};
    use super::*;
    use crate::model::Digest;

    #[test]
    fn place_and_part_do_not_run_together() {
        let workspace = AssetUuid([7; 16]);
        let of = |place: &str, part: &str, k| candidate_uuid(workspace, &RelPath::new(place).unwrap(), part, k);
        let all = [of("a", "b", 0), of("ab", "", 0), of("a", "b", 1), of("", "ab", 0), of("b", "a", 0)];
        for (at, uuid) in all.iter().enumerate() {
            assert!(!all[..at].contains(uuid), "{at}");
        }
        let place = RelPath::new("a").unwrap();
        assert_ne!(candidate_uuid(AssetUuid([8; 16]), &place, "b", 0), all[0]);
    }

    #[test]
    fn a_uuid_is_what_registry_md_says() {
        let workspace = AssetUuid([7; 16]);
        let mut bytes = Vec::new();
        let parts: [(u8, &[u8]); 4] = [(1, &[7; 16]), (2, b"assets/x.png"), (3, b"p"), (4, &[2, 0, 0, 0, 0, 0, 0, 0])];
        for (tag, part) in parts {
            bytes.push(tag);
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        }
        let digest = Digest(blake3::derive_key("packwright asset_uuid v1", &bytes));
        let place = RelPath::new("assets/x.png").unwrap();
        assert_eq!(candidate_uuid(workspace, &place, "p", 2), AssetUuid::v8(digest));
    }

    #[test]
    fn the_last_number_is_given_and_no_other() {
        let place = |name: &str| Present { place: RelPath::new(name).unwrap(), part: String::new(), excluded: false };
        let digests = |_| Digests { content: Digest::of(b"x"), declaration: None };
        let one = propose(&Registry::empty(), AssetUuid([7; 16]), &[place("a")], &digests).registry;
        let full = |id| {
            let line = super::super::Line { id: AssetId(id), ..one.lines()[0].clone() };
            Registry::of(vec![line], 0, Default::default())
        };
        assert_eq!(allocate_ids(u32::MAX - 1, 1).map(|it| it.collect()), Some(vec![AssetId(u32::MAX)]));
        assert!(allocate_ids(u32::MAX - 1, 2).is_none());
        assert!(allocate_ids(u32::MAX, 1).is_none());
        assert_eq!(full(u32::MAX - 1).next_id(), Some(AssetId(u32::MAX)));
        assert_eq!(full(u32::MAX).next_id(), None);
        assert_eq!(allocate_ids(u32::MAX, 0).map(Iterator::count), Some(0));
    }
}
