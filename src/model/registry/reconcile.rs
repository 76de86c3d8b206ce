//! What may have become of assets that are missing, beyond what a build decides by itself.
//!
//! A build goes by what is committed alone, or a clean one elsewhere would decide otherwise. Here counts as well what
//! one machine remembers: what a place held when it vanished, and where that came up since. Where this leaves one answer it is a proposal; where it leaves several, or the asset may have been copied before it was removed,
//! they are told and nobody guesses.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{AssetUuid, Digest, RelPath};
use super::evidence::{Mark, marks};
use super::propose::{Change, Digests, Present, Proposal, find as locate, moved_line, with_lines};
use super::{Ground, Line, Registry};

/// How many places are told that may be what an asset has become.
const MOST_CANDIDATES: usize = 5;

/// What a machine remembers of a place that vanished.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// What it held last.
    pub digests: Digests,
    /// The places at which that came up when it was gone already.
    pub heirs: BTreeSet<RelPath>,
}

/// What may have become of missing assets.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Reconciliation {
    /// Those of which it is clear, by place.
    pub found: Vec<Found>,
    /// Those of which it is not, by place.
    pub open: Vec<Open>,
    /// New places that hold what a registered one holds, by place.
    pub copies: Vec<Copied>,
}

/// A missing asset, and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The asset.
    pub line: Line,
    /// Where it is.
    pub to: Present,
    /// The asset that was registered there in its stead.
    pub minted: Option<Line>,
}

/// A missing asset that nobody can find.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// The asset.
    pub line: Line,
    /// Places that hold what it held, each with the asset that is registered there: the first few.
    pub candidates: Vec<(Present, Option<Line>)>,
}

/// A new place that holds what a registered one holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// The new place.
    pub place: Present,
    /// Whose copy it is.
    pub of: Line,
}

/// Tells what may have become of the assets that a build would find missing.
pub fn reconcile(
    proposal: &Proposal,
    ground: &Ground<'_>,
    remembered: &dyn Fn(&Line) -> Option<Remembered>,
) -> Reconciliation {
    let new: BTreeSet<AssetUuid> =
        proposal.changes.iter().filter(|it| it.change == Change::New).map(|it| it.uuid).collect();
    let place = |it: &Present| proposal.registry.at(&it.place, &it.part).filter(|it| !new.contains(&it.uuid));
    let lines: Vec<Option<&Line>> = ground.present.iter().map(place).collect();
    let tree = Declared { ground, lines: &lines };
    let found = tree.find(&proposal.missing, remembered);
    let open = tree.look_for(&proposal.missing, &found, remembered);
    let copies = if new.is_empty() { Vec::new() } else { tree.copies() };
    Reconciliation { found, open, copies }
}

/// Returns the registry in which each of these assets is at its place, and whoever was registered there is a tombstone.
pub fn bind(registry: &Registry, bindings: &[(AssetUuid, Present, Digests)]) -> Registry {
    let mut written = Vec::new();
    for (uuid, to, digests) in bindings {
        let Some(line) = registry.by_uuid(*uuid) else { continue };
        if let Some(minted) = registry.at(&to.place, &to.part).filter(|it| it.uuid != *uuid) {
            let mut tombstone = Line { removed: true, ..minted.clone() };
            tombstone.supersede([minted.short_digest()]);
            written.push(tombstone);
        }
        written.push(moved_line(line, to, *digests));
    }
    with_lines(registry, written)
}

/// Returns whether one asset looks as if it had been registered in the stead of a missing one: it is younger, and never
/// was anything else.
pub fn is_stand_in(line: &Line, missing: &Line) -> bool {
    line.was.is_empty() && line.id > missing.id
}

/// The declared places, and which of them are registered.
struct Declared<'a> {
    ground: &'a Ground<'a>,
    /// For each place the line it has, unless the next build is to write that first.
    lines: &'a [Option<&'a Line>],
}

impl Declared<'_> {
    /// Finds what evidence settles when what is remembered counts as well, and when who was registered where that came up
    /// counts as new.
    fn find(&self, missing: &[Line], remembered: &dyn Fn(&Line) -> Option<Remembered>) -> Vec<Found> {
        let all: Vec<Remembered> = missing.iter().filter_map(remembered).collect();
        if all.is_empty() {
            return Vec::new();
        }
        let heirs: BTreeSet<&RelPath> = all.iter().flat_map(|it| &it.heirs).collect();
        let is_settled = |it: &Option<&Line>| it.is_some_and(|it| !(it.was.is_empty() && heirs.contains(&it.place)));
        let registered: Vec<bool> = self.lines.iter().map(is_settled).collect();
        let missing: Vec<&Line> = missing.iter().collect();
        let recall = |it: &Line| remembered(it).map(|it| it.digests);
        let present = self.ground.present;
        let found = |(from, to): (usize, usize)| {
            let (line, minted) = (missing[from], self.lines[to]);
            let heirs = remembered(line)?.heirs;
            let fits = minted.is_none_or(|it| is_stand_in(it, line) && heirs.contains(&it.place));
            fits.then(|| Found { line: line.clone(), to: present[to].clone(), minted: minted.cloned() })
        };
        locate(&missing, &recall, self.ground, &registered).into_iter().filter_map(found).collect()
    }

    /// Returns the assets that were not found, with the places that may be theirs: new ones, and those of assets that
    /// look as if they had been registered in their stead.
    fn look_for(
        &self,
        missing: &[Line],
        found: &[Found],
        remembered: &dyn Fn(&Line) -> Option<Remembered>,
    ) -> Vec<Open> {
        let settled: BTreeSet<AssetUuid> = found.iter().map(|it| it.line.uuid).collect();
        let taken: BTreeSet<&Present> = found.iter().map(|it| &it.to).collect();
        let lost = missing.iter().filter(|it| !settled.contains(&it.uuid));
        let mut open: Vec<Open> = lost.map(|it| Open { line: it.clone(), candidates: Vec::new() }).collect();
        let mut wanted: BTreeMap<Mark, Vec<usize>> = BTreeMap::new();
        for (at, Open { line, .. }) in open.iter().enumerate() {
            let own = Digests { content: line.content, declaration: line.declaration };
            for trace in [Some(own), remembered(line).map(|it| it.digests)].into_iter().flatten().flat_map(marks) {
                wanted.entry(trace).or_default().push(at);
            }
        }
        if wanted.is_empty() {
            return open;
        }
        for (to, present) in self.ground.present.iter().enumerate() {
            if taken.contains(present) {
                continue;
            }
            let held = marks((self.ground.digests)(to));
            let looking: BTreeSet<usize> = held.flat_map(|it| wanted.get(&it).into_iter().flatten().copied()).collect();
            for at in looking {
                let Open { line, candidates } = &mut open[at];
                let fits = self.lines[to].is_none_or(|it| is_stand_in(it, line));
                if fits && candidates.len() < MOST_CANDIDATES {
                    candidates.push((present.clone(), self.lines[to].cloned()));
                }
            }
        }
        open
    }

    /// Returns the new places that hold all that a registered one holds.
    fn copies(&self) -> Vec<Copied> {
        let is_something = |it: &Digests| it.content != Digest::of(b"");
        let key = |it: Digests| (it.content, it.declaration);
        let mut originals: BTreeMap<(Digest, Option<Digest>), &Line> = BTreeMap::new();
        for (at, line) in self.lines.iter().enumerate() {
            if let Some(line) = line {
                originals.entry(key((self.ground.digests)(at))).or_insert(line);
            }
        }
        let is_new = |it: &usize| self.lines[*it].is_none() && !self.ground.present[*it].excluded;
        let new = (0..self.lines.len()).filter(is_new);
        let copied = new.filter_map(|at| {
            let digests = Some((self.ground.digests)(at)).filter(is_something)?;
            let of = (*originals.get(&key(digests))?).clone();
            Some(Copied { place: self.ground.present[at].clone(), of })
        });
        copied.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{propose_tree, register, tree};
    use super::*;
    use expect_test::{Expect, expect};

    /// Registers `before`; then what `after` holds is compared, where `gone` is what places held last, and `heirs` are the
    /// places at which any of that came up since.
    fn check(before: &[&str], after: &str, gone: &str, heirs: &[&str], expect: Expect) {
        let mut registry = register("");
        for tree_text in before {
            registry = propose_tree(&registry, &tree(tree_text)).registry;
        }
        let (after, gone) = (tree(after), tree(gone));
        let (present, digests): (Vec<Present>, Vec<Digests>) = after.clone().into_iter().unzip();
        let ground = Ground { present: &present, digests: &|at| digests[at] };
        let remembered = |line: &Line| {
            let key = Present { place: line.place.clone(), part: line.part.to_string(), excluded: false };
            let heirs = heirs.iter().map(|it| RelPath::new(it).unwrap()).collect();
            gone.get(&key).map(|it| Remembered { digests: *it, heirs })
        };
        let proposal = propose_tree(&registry, &after);
        let result = reconcile(&proposal, &ground, &remembered);
        let mut told = String::new();
        let number = |it: &Option<Line>| it.as_ref().map_or_else(|| "new".to_owned(), |it| it.id.to_string());
        for Found { line, to, minted } in &result.found {
            told += &format!("{} `{}` is at `{}` ({})\n", line.id, line.shown(), to.place, number(minted));
        }
        for Open { line, candidates } in &result.open {
            let all: Vec<_> =
                candidates.iter().map(|(it, line)| format!("`{}` ({})", it.place, number(line))).collect();
            told += &format!("{} `{}` may be {}\n", line.id, line.shown(), all.join(", "));
        }
        for Copied { place, of } in &result.copies {
            told += &format!("`{}` is a copy of {} `{}`\n", place.place, of.id, of.shown());
        }
        expect.assert_eq(&told);
        // What is found can be written, and is not looked for again.
        let binding = |it: &Found| (it.line.uuid, it.to.clone(), digests[present.binary_search(&it.to).unwrap()]);
        let bound = bind(&registry, &result.found.iter().map(binding).collect::<Vec<_>>());
        let loaded = super::super::load(&bound.files().map(Some));
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        for Found { line, to, minted } in &result.found {
            assert_eq!(bound.at(&to.place, &to.part).map(|it| it.id), Some(line.id));
            assert!(minted.as_ref().is_none_or(|it| bound.by_uuid(it.uuid).is_some_and(|it| it.removed)));
        }
    }

    #[test]
    fn what_was_edited_and_then_moved_is_found_by_what_is_remembered() {
        check(
            &["x X\nk K"],
            "y edited\nk K",
            "x edited",
            &[],
            expect![[r#"
            2 `x` is at `y` (new)
        "#]],
        );
        // Also when the next build registered it anew.
        check(
            &["x X\nk K", "y edited\nk K"],
            "y edited\nk K",
            "x edited",
            &["y"],
            expect![[r#"
                2 `x` is at `y` (3)
            "#]],
        );
    }

    #[test]
    fn what_was_copied_before_it_was_removed_is_not_taken_for_moved() {
        check(
            &["x X", "x X\ny X"],
            "y X",
            "",
            &[],
            expect![[r#"
            1 `x` may be `y` (2)
        "#]],
        );
        check(
            &["x X", "x X\ny X"],
            "y X",
            "x X",
            &[],
            expect![[r#"
            1 `x` may be `y` (2)
        "#]],
        );
    }

    #[test]
    fn several_candidates_are_told() {
        check(
            &["x X"],
            "y X\nz X",
            "",
            &[],
            expect![[r#"
            1 `x` may be `y` (new), `z` (new)
        "#]],
        );
        check(
            &["x X"],
            "y X\nz X",
            "x X",
            &[],
            expect![[r#"
            1 `x` may be `y` (new), `z` (new)
        "#]],
        );
        check(
            &["a X\nb X"],
            "c X\nd X",
            "a X\nb X",
            &[],
            expect![[r#"
            1 `a` may be `c` (new), `d` (new)
            2 `b` may be `c` (new), `d` (new)
        "#]],
        );
        // One who was there before is none.
        check(
            &["a X\nb X"],
            "a X",
            "",
            &[],
            expect![[r#"
            2 `b` may be 
        "#]],
        );
    }

    #[test]
    fn one_of_whom_nobody_knows_is_missing() {
        check(
            &["x X"],
            "y Y",
            "",
            &[],
            expect![[r#"
            1 `x` may be 
        "#]],
        );
        check(
            &["x -"],
            "y -",
            "x -",
            &[],
            expect![[r#"
            1 `x` may be 
        "#]],
        );
    }

    #[test]
    fn copies_are_told() {
        check(
            &["d/a A side\nd/b B"],
            "d/a A side\nd/b B\ne/a A side\ne/b B\ne/c A",
            "",
            &[],
            expect![[r#"
            `e/a` is a copy of 1 `d/a`
            `e/b` is a copy of 2 `d/b`
        "#]],
        );
    }
}
