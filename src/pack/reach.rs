//! What is reached: the assets that some assets refer to, and what those refer to, and so on.
//!
//! Pure: knows numbers and nothing of what they stand for.

use crate::model::AssetId;

/// Returns what is reached from `starts`, these included, ascending and each once. `references` says what an asset
/// refers to; `None` for one that is not there, which is not reached either. References may form circles.
pub fn reach<'a>(
    starts: impl IntoIterator<Item = AssetId>,
    references: impl Fn(AssetId) -> Option<&'a [AssetId]>,
) -> Vec<AssetId> {
    let mut reached = std::collections::BTreeSet::new();
    let mut open: Vec<AssetId> = starts.into_iter().collect();
    while let Some(id) = open.pop() {
        if reached.contains(&id) {
            continue;
        }
        if let Some(references) = references(id) {
            reached.insert(id);
            open.extend(references);
        }
    }
    reached.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(starts: &[u32], references: &[(u32, &[u32])]) -> Vec<u32> {
        let ids = |it: &[u32]| it.iter().copied().map(AssetId).collect::<Vec<_>>();
        let all: Vec<_> = references.iter().map(|it| (AssetId(it.0), ids(it.1))).collect();
        let of = |id| all.iter().find(|it| it.0 == id).map(|it| &it.1[..]);
        reach(ids(starts), of).into_iter().map(|it| it.0).collect()
    }

    #[test]
    fn chains_and_circles_are_followed_to_their_ends() {
        let all: &[(u32, &[u32])] = &[(1, &[2]), (2, &[3, 9]), (3, &[1]), (4, &[2]), (5, &[5])];
        assert_eq!(reached(&[1], all), [1, 2, 3]);
        assert_eq!(reached(&[4], all), [1, 2, 3, 4]);
        assert_eq!(reached(&[5, 5], all), [5]);
        assert_eq!(reached(&[9], all), [0; 0], "what is not there is not reached");
        assert_eq!(reached(&[], all), [0; 0]);
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_needs_no_stack() {
        let next: Vec<[AssetId; 1]> = (0..100_000).map(|it| [AssetId(it + 1)]).collect();
        let of = |id: AssetId| next.get(id.0 as usize).map(|it| &it[..]);
        assert_eq!(reach([AssetId(0)], of).len(), 100_000);
    }
}
