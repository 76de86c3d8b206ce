//! The lines of two branches in one file: what the merge driver `registry merge` makes.
//!
//! Keeps every line of either side that no other one supersedes, and makes none. So it does not matter in which order
//! branches are joined, nor whether they were joined by git's own `union` before: what is left to be settled, `build`
//! and `doctor --fix` settle alike. Lines are never deleted, so the common ancestor has nothing to say.

use std::collections::BTreeSet;

use super::AssetUuid;
use super::load::{Parsed, agree, distinct_forms, parse_file, split_superseded};

/// One file made of two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    /// What it holds: lines in canonical form by uuid, then what could not be read, as it stood.
    pub bytes: Vec<u8>,
    /// The assets whose lines contradict each other, by uuid.
    pub contradictions: Vec<AssetUuid>,
    /// How many lines could not be read.
    pub n_unreadable: usize,
}

impl Joined {
    /// Returns whether nothing is left for a person to look at.
    pub fn is_clean(&self) -> bool {
        self.contradictions.is_empty() && self.n_unreadable == 0
    }
}

/// Joins two versions of a file of the registry. Conflict markers that an earlier merge left are dropped.
pub fn join(ours: &[u8], theirs: &[u8]) -> Joined {
    // Which of the sixteen it is, is of no account: a line in the wrong one is found by whoever loads all of them.
    let sides: [Parsed; 2] = [ours, theirs].map(|it| parse_file(0, it));
    let mut unreadable: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut reads = Vec::new();
    for side in sides {
        unreadable.extend(side.unreadable.into_iter().map(|it| it.0));
        reads.extend(side.reads.into_iter().chain(side.strays));
    }
    reads.sort_by_key(|it| it.line.uuid);
    let mut joined = Joined { bytes: Vec::new(), contradictions: Vec::new(), n_unreadable: unreadable.len() };
    let mut reads = reads.into_iter().peekable();
    while let Some(first) = reads.next() {
        let uuid = first.line.uuid;
        let mut group = vec![first];
        while let Some(next) = reads.next_if(|it| it.line.uuid == uuid) {
            group.push(next);
        }
        let (current, superseded) = split_superseded(distinct_forms(group).0);
        let parties = if current.is_empty() { superseded } else { current };
        if parties.len() > 1 && agree(&parties).is_none() {
            joined.contradictions.push(uuid);
        }
        parties.iter().for_each(|it| joined.push(&it.bytes));
    }
    unreadable.iter().for_each(|it| joined.push(it));
    joined
}

impl Joined {
    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::*;
    use crate::model::{AssetId, Digest, RelPath};

    fn line(place: &str, id: u32, was: &[&Line]) -> Line {
        let uuid = AssetUuid([0x0a; 16]);
        let mut line = Line {
            uuid,
            id: AssetId(id),
            place: RelPath::new(place).unwrap(),
            part: "".into(),
            content: Digest::of(b"x"),
            declaration: None,
            was: Box::default(),
            retired: Box::default(),
            removed: false,
        };
        line.supersede(was.iter().map(|it| it.short_digest()));
        line
    }

    fn file(lines: &[&Line]) -> Vec<u8> {
        lines.iter().flat_map(|it| [it.canonical(), b"\n".to_vec()].concat()).collect()
    }

    #[test]
    fn what_one_side_superseded_is_gone() {
        let first = line("a", 1, &[]);
        let moved = line("b", 1, &[&first]);
        for (ours, theirs) in [(&first, &moved), (&moved, &first)] {
            let joined = join(&file(&[ours]), &file(&[theirs]));
            assert_eq!((joined.bytes.clone(), joined.is_clean()), (file(&[&moved]), true));
        }
    }

    #[test]
    fn first_registrations_stay_side_by_side_until_they_are_settled() {
        let (one, other) = (line("a", 1, &[]), line("a", 2, &[]));
        let joined = join(&file(&[&other]), &file(&[&one]));
        assert_eq!((joined.bytes.clone(), joined.is_clean()), (file(&[&one, &other]), true));
    }

    #[test]
    fn a_contradiction_is_kept_and_told() {
        let first = line("a", 1, &[]);
        let (one, other) = (line("b", 1, &[&first]), line("c", 1, &[&first]));
        let joined = join(&file(&[&other, &first]), &file(&[&one]));
        assert_eq!(joined.contradictions, [first.uuid]);
        assert_eq!(joined.bytes, file(&[&one, &other]));
        assert!(!joined.is_clean());
    }

    #[test]
    fn joining_is_of_sets() {
        let first = line("a", 1, &[]);
        let [b, c] = ["b", "c"].map(|it| line(it, 1, &[&first]));
        let d = line("d", 1, &[&first, &c]);
        let files = [file(&[&first]), file(&[&b]), file(&[&c]), file(&[&d, &first])];
        let of = |a: &[u8], b: &[u8]| join(a, b).bytes;
        for x in &files {
            assert_eq!(of(x, x), of(x, b""), "idempotent");
            for y in &files {
                assert_eq!(of(x, y), of(y, x), "commutative");
                for z in &files {
                    assert_eq!(of(&of(x, y), z), of(x, &of(y, z)), "associative");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_stays_and_markers_go() {
        let first = line("a", 1, &[]);
        let marked = [b"<<<<<<< ours\n".to_vec(), file(&[&first]), b"=======\nnonsense\n>>>>>>> theirs\n".to_vec()];
        let joined = join(&marked.concat(), b"nonsense\r\n");
        assert_eq!(joined.bytes, [file(&[&first]), b"nonsense\n".to_vec()].concat());
        assert_eq!((joined.n_unreadable, joined.is_clean()), (1, false));
        assert_eq!(join(b"", b"").bytes, b"");
    }
}
