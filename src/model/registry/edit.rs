//! What a person asks of the registry: an asset that moves, one that is given up, evidence as it is now, and new
//! assets chosen one by one.
//!
//! Decides nothing: who asks has seen to it that the edits make sense together. What a build finds by itself is in
//! `propose`.

use super::super::{AssetUuid, RelPath};
use super::allocate::{allocate_ids, allocate_uuid};
use super::propose::{Lines, new_line, with_lines};
use super::{Digests, Line, Present, Registry, place_order};

/// One edit. No two of one asset.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Edit {
    /// The asset is at another place now.
    Move {
        /// The asset.
        uuid: AssetUuid,
        /// Where it is.
        to: RelPath,
    },
    /// The asset is gone for good; its uuid and number stay taken.
    Remove {
        /// The asset.
        uuid: AssetUuid,
    },
    /// The asset stays where it is and its digests are those of today.
    Refresh {
        /// The asset.
        uuid: AssetUuid,
    },
    /// A declared place without a line gets one.
    Register(Present),
}

/// Returns the registry after some edits, and tidy; `None` when no numbers are left. `digests` tells what is declared at
/// a place; where nothing is, a line keeps those that it has.
pub fn edit(
    registry: &Registry,
    workspace: AssetUuid,
    edits: &[Edit],
    digests: &dyn Fn(&RelPath, &str) -> Option<Digests>,
) -> Option<Registry> {
    let mut written: Vec<Line> = edits.iter().filter_map(|it| changed(registry, it, digests)).collect();
    let registered = edits.iter().filter_map(|it| if let Edit::Register(present) = it { Some(present) } else { None });
    let mut registered: Vec<&Present> = registered.collect();
    registered.sort_by(|a, b| place_order((&a.place, &a.part), (&b.place, &b.part)));
    let ids = allocate_ids(registry.highest(), registered.len())?;
    for (present, id) in registered.into_iter().zip(ids) {
        let uuid = allocate_uuid(&|it| registry.has(it), workspace, &present.place, &present.part);
        if let Some(digests) = digests(&present.place, &present.part) {
            written.push(new_line(uuid, id, present, digests));
        }
    }
    Some(with_lines(registry, written))
}

/// Returns the next form of a line; `None` where it stays as it is.
fn changed(registry: &Registry, edit: &Edit, digests: &dyn Fn(&RelPath, &str) -> Option<Digests>) -> Option<Line> {
    let (uuid, to, removed) = match edit {
        Edit::Move { uuid, to } => (*uuid, Some(to), false),
        Edit::Remove { uuid } => (*uuid, None, true),
        Edit::Refresh { uuid } => (*uuid, None, false),
        Edit::Register(_) => return None,
    };
    let line = registry.by_uuid(uuid).filter(|it| !it.removed)?;
    let mut next = Line { place: to.unwrap_or(&line.place).clone(), removed, ..line.clone() };
    if let Some(digests) = digests(&next.place, &next.part).filter(|_| !removed) {
        (next.content, next.declaration) = (digests.content, digests.declaration);
    }
    (next != *line).then(|| {
        next.supersede([line.short_digest()]);
        next
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::{AssetId, Digest};
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).expect("a path")
    }

    fn present(place: &str) -> Present {
        Present { place: path(place), part: String::new(), excluded: false }
    }

    /// What is declared at a place holds the place, now.
    fn digests(place: &RelPath, _: &str) -> Option<Digests> {
        let is_there = !place.as_str().starts_with("gone");
        is_there.then(|| Digests { content: Digest::of(place.as_str().as_bytes()), declaration: None })
    }

    const WORKSPACE: AssetUuid = AssetUuid([7; 16]);

    fn edited(registry: &Registry, edits: &[Edit]) -> Registry {
        edit(registry, WORKSPACE, edits, &digests).expect("numbers are left")
    }

    fn at(registry: &Registry, place: &str) -> Line {
        registry.at(&path(place), "").expect("a line").clone()
    }

    #[test]
    fn places_are_registered_in_their_order() {
        let registry = edited(&Registry::empty(), &[Edit::Register(present("b")), Edit::Register(present("a"))]);
        assert_eq!((at(&registry, "a").id, at(&registry, "b").id), (AssetId(1), AssetId(2)));
        let registry = edited(&registry, &[Edit::Register(present("0"))]);
        assert_eq!(at(&registry, "0").id, AssetId(3));
    }

    #[test]
    fn a_line_that_changes_names_its_former_form() {
        let before = edited(&Registry::empty(), &[Edit::Register(present("a"))]);
        let line = at(&before, "a");
        let after = edited(&before, &[Edit::Move { uuid: line.uuid, to: path("b") }]);
        let moved = at(&after, "b");
        assert_eq!((moved.uuid, moved.id, moved.content), (line.uuid, line.id, Digest::of(b"b")));
        assert_eq!(*moved.was, [line.short_digest()]);
        let after = edited(&after, &[Edit::Remove { uuid: line.uuid }]);
        let removed = after.by_uuid(line.uuid).expect("a tombstone").clone();
        assert!(removed.removed && removed.was.len() == 2 && after.at(&path("b"), "").is_none());
        assert_eq!((removed.content, removed.id), (moved.content, line.id));
        assert_eq!(edited(&after, &[Edit::Remove { uuid: line.uuid }]), after);
        assert_eq!(at(&edited(&after, &[Edit::Register(present("b"))]), "b").id, AssetId(2));
    }

    #[test]
    fn evidence_is_refreshed_where_it_is_stale() {
        let registry = edited(&Registry::empty(), &[Edit::Register(present("a")), Edit::Register(present("b"))]);
        let (a, b) = (at(&registry, "a"), at(&registry, "b"));
        assert_eq!(edited(&registry, &[Edit::Refresh { uuid: a.uuid }]), registry);
        let stale = |_: &RelPath, _: &str| Some(Digests { content: Digest::of(b"new"), declaration: None });
        let after = edit(&registry, WORKSPACE, &[Edit::Refresh { uuid: a.uuid }], &stale).expect("nothing new");
        assert_eq!((at(&after, "a").content, at(&after, "b")), (Digest::of(b"new"), b));
    }
}
