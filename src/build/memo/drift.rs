//! Drift: which buckets of a tree are not what they were in a frame, and which look into those.
//!
//! Knows paths and digests; knows nothing of assets. A question about a path is one about the bucket of the frame that
//! holds it, or would: where none of the buckets that it concerns moved, its answer did not.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::RelPath;
use crate::model::path::{ASSET_JSON, SIDECAR_SUFFIX, order_key};
use crate::query::End;
use crate::query::declared::{asset_dirs_of, lone_sidecars_of};
use crate::workspace::bucket::{Bucket, holder, range_below};

use super::{Memos, Outline, Ties, found_at};

/// How a tree's buckets differ from those of a frame.
pub(super) struct Drift {
    /// For each bucket of the tree its number in the frame; `None` where it is another one.
    pub from: Vec<Option<usize>>,
    /// Which buckets of the frame are not what they were, and at last whether something is behind all of them now.
    pub left: Vec<bool>,
}

impl Drift {
    /// Compares the buckets of a frame with those of a tree.
    pub fn between(old: &[Outline], new: &[Arc<Bucket>]) -> Self {
        let mut drift = Self { from: vec![None; new.len()], left: vec![false; old.len() + 1] };
        let (mut was, mut is) = (0, 0);
        while was < old.len() || is < new.len() {
            let ends = (old.get(was).map(|it| order(&it.end)), new.get(is).map(|it| order(&it.end)));
            match ends {
                (Some(before), Some(now)) if before == now => {
                    let stands = old[was].contents == new[is].digest();
                    drift.from[is] = stands.then_some(was);
                    drift.left[was] |= !stands;
                    (was, is) = (was + 1, is + 1);
                }
                (Some(before), now) if now.is_none_or(|it| before < it) => {
                    drift.left[was] = true;
                    was += 1;
                }
                // A new end: something was added to the bucket that it cuts, whether that bucket shows it or not.
                _ => {
                    drift.left[was] = true;
                    is += 1;
                }
            }
        }
        let Self { from, left } = &mut drift;
        from.iter_mut().for_each(|it| *it = it.filter(|it| !left[*it]));
        drift
    }

    /// Returns the numbers of the tree's buckets that are not in the frame.
    pub fn moved(&self) -> impl Iterator<Item = usize> {
        self.from.iter().enumerate().filter(|it| it.1.is_none()).map(|it| it.0)
    }

    /// Returns the numbers of the frame's buckets that are not in the tree.
    pub fn gone(&self) -> impl Iterator<Item = usize> {
        (0..self.left.len() - 1).filter(|it| self.left[*it])
    }

    /// Returns whether so many of `all` buckets are few.
    pub fn is_little(n: usize, all: usize) -> bool {
        n * 32 <= all
    }
}

/// Orders ends: the last bucket may have none.
pub(super) fn order(end: &End) -> (bool, &[u8]) {
    (end.is_none(), end.as_deref().unwrap_or_default())
}

impl Memos {
    /// Returns the numbers of the buckets that are to be derived anew as far as sources tell: those that moved, those
    /// whose assets look into them, and those whose sources another directory governs now. `None` when a memo is lost.
    pub(super) fn touched(&self) -> Option<BTreeSet<usize>> {
        let Self { drift, tree, .. } = self;
        let mut touched: BTreeSet<usize> = drift.moved().collect();
        for (new, old) in drift.from.iter().enumerate().filter_map(|(new, old)| Some((new, (*old)?))) {
            let into = self.frame.looks_into.get(&(old as u32));
            if into.is_some_and(|it| it.iter().any(|it| drift.left[*it as usize])) && self.sees_another(self.ties(old)?)
            {
                touched.insert(new);
            }
        }
        let (mut dirs, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for old in drift.gone() {
            let ties = self.ties(old)?;
            ties.asset_dirs.iter().for_each(|it| toggle(&mut dirs, it));
            ties.lone_sidecars.iter().for_each(|it| toggle(&mut owners, it));
        }
        for bucket in drift.moved().map(|it| &tree.buckets()[it]) {
            asset_dirs_of(bucket.members()).iter().for_each(|it| toggle(&mut dirs, it));
            lone_sidecars_of(bucket.members()).iter().for_each(|it| toggle(&mut owners, it));
        }
        let holder = |path: &str| tree.bucket_of(&order_key(path));
        for dir in &dirs {
            touched.extend(tree.buckets_below(dir));
            touched.extend(holder(&format!("{dir}{SIDECAR_SUFFIX}")));
        }
        touched.extend(owners.iter().filter_map(|it| holder(it.child(ASSET_JSON).as_str())));
        Some(touched)
    }

    /// Returns whether any question about sources may have another answer now.
    fn sees_another(&self, ties: &Ties) -> bool {
        let is_left = |dir: &RelPath| reach(&self.frame.buckets, dir).any(|it| self.drift.left[it]);
        ties.searched.iter().any(is_left) || ties.found.iter().any(|(path, then)| found_at(&self.tree, path) != *then)
    }
}

/// Returns the numbers of the buckets that may hold something below a directory; what lies behind the last one counts
/// as one more.
pub(super) fn reach(buckets: &[Outline], dir: &RelPath) -> impl Iterator<Item = usize> + use<> {
    let range = range_below(buckets.len(), |it| buckets[it].end.as_deref(), dir);
    // Where the range ends with the last bucket, it may be that one's end or nobody's.
    let behind = (range.end == buckets.len()).then_some(buckets.len());
    range.chain(behind)
}

/// Returns the numbers of the buckets that a bucket's assets look into.
pub(super) fn concerned(ties: &Ties, buckets: &[Outline], own: usize) -> BTreeSet<u32> {
    let holder = |path: &RelPath| holder_of(buckets, path);
    let mut into: BTreeSet<usize> = ties.found.iter().map(|it| holder(&it.0)).collect();
    into.extend(ties.searched.iter().flat_map(|it| reach(buckets, it)));
    into.extend(ties.asked.iter().flat_map(|it| declaring(buckets, it)));
    into.remove(&own);
    into.into_iter().map(|it| it as u32).collect()
}

/// Returns the numbers of the buckets that an asset at a place could be declared in.
pub(super) fn declaring(buckets: &[Outline], place: &RelPath) -> [usize; 2] {
    [holder_of(buckets, place), holder_of(buckets, &place.child(ASSET_JSON))]
}

fn holder_of(buckets: &[Outline], path: &RelPath) -> usize {
    let key = order_key(path.as_str());
    holder(buckets.len(), |it| buckets[it].end.as_deref(), &key).unwrap_or(buckets.len())
}

/// Adds what is not there, and takes out what is: what is left in the end was there an odd number of times.
fn toggle(set: &mut BTreeSet<RelPath>, path: &RelPath) {
    if !set.remove(path) {
        set.insert(path.clone());
    }
}
