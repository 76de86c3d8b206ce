//! The repair of a registry whose lines contradict each other: what `doctor --fix` writes.
//!
//! A function of the lines, whatever their order, and of what is declared now. So two clones that merged the same
//! branches, either into the other, come to the same registry. Three steps, each of which leaves less to the next:
//! the lines of each uuid become one, each place gets one asset, each number gets one asset.
//!
//! Nothing is repaired around a line that cannot be read: what it says might be what all of this is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::{AssetId, AssetUuid, Code, Diagnostic, Digest, RelPath, diagnostic};
use super::line::{Line, ShortDigest, shown, sorted};
use super::load::{FileSet, Form, Read, agree, distinct_forms, load, parse, presence, split_superseded};
use super::propose::{Digests, Present, find};
use super::{Registry, Residue, place_order};

/// What is declared now, for the questions that only the tree can answer.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// Every declared place, strictly in order.
    pub present: &'a [Present],
    /// What the one at a position holds.
    pub digests: &'a dyn Fn(usize) -> Digests,
}

/// What came of a repair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repair {
    /// The registry as it would be; as it was loaded where something is in the way.
    pub registry: Registry,
    /// What changes, by place. Empty where nothing is to be repaired.
    pub mended: Vec<Mended>,
    /// What must be put right by a person first.
    pub obstacles: Vec<Diagnostic>,
}

/// One change of a repair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mended {
    /// What happens.
    pub mend: Mend,
    /// The asset.
    pub uuid: AssetUuid,
    /// Its number afterwards.
    pub id: AssetId,
    /// Its place afterwards.
    pub place: RelPath,
    /// Its part, empty when there is only one.
    pub part: Box<str>,
}

/// What a repair does to an asset.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mend {
    /// Lines of it that were doubled, superseded, in the wrong file or agreed become one, with nothing lost.
    Tidied,
    /// Lines of it that contradicted each other become one.
    Settled,
    /// Another asset has its place; it was found at a new one.
    Moved {
        /// The place that the other one has.
        from: RelPath,
    },
    /// Another asset has its place, and it is nowhere else: it becomes a tombstone.
    Retired {
        /// The number of the one that has the place.
        by: AssetId,
    },
    /// Another asset has its number.
    Renumbered {
        /// That number.
        from: AssetId,
    },
}

impl Ground<'_> {
    fn find(&self, place: &RelPath, part: &str) -> Option<usize> {
        self.present.binary_search_by(|it| place_order((&it.place, &it.part), (place, part))).ok()
    }

    fn at(&self, line: &Line) -> Option<Digests> {
        self.find(&line.place, &line.part).map(|at| (self.digests)(at))
    }
}

impl Repair {
    /// Returns whether there is something to commit.
    pub fn is_change(&self) -> bool {
        !self.mended.is_empty()
    }
}

/// Repairs a registry, as far as everything in it can be read.
pub fn repair(files: &FileSet, ground: &Ground<'_>) -> Repair {
    let loaded = load(files).registry;
    let parsed = parse(files);
    let mut obstacles = presence(files).1;
    obstacles.extend(parsed.iter().flat_map(|it| it.unreadable.iter().map(|it| it.1.clone())));
    let strays: BTreeSet<AssetUuid> = parsed.iter().flat_map(|it| it.strays.iter().map(|it| it.line.uuid)).collect();
    let reads = parsed.into_iter().flat_map(|it| it.reads.into_iter().chain(it.strays));
    let mut work = Work::of(reads.collect(), ground);
    work.settle_places(ground);
    work.settle_numbers();
    work.mends.extend(strays.into_iter().map(|it| (it, Mend::Tidied)));
    if work.is_full {
        let message = "no asset_id is left for an asset whose number another one has";
        obstacles.push(Diagnostic::error(Code::REGISTRY_FULL, message));
    }
    if !obstacles.is_empty() {
        diagnostic::sort(&mut obstacles);
        return Repair { registry: loaded, mended: Vec::new(), obstacles };
    }
    work.finish()
}

impl fmt::Display for Mended {
    /// Writes the change as an infinitive: "renumber `assets/x.png` from 17 to 21".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, place) = (self.id, shown(&self.place, &self.part));
        match &self.mend {
            Mend::Tidied => write!(f, "tidy the lines of `{place}`"),
            Mend::Settled => write!(f, "make one line of those of {id} at `{place}`"),
            Mend::Moved { from } => write!(f, "move {id} from `{}` to `{place}`", shown(from, &self.part)),
            Mend::Retired { by } => write!(f, "retire {id}, whose place `{place}` is that of {by}"),
            Mend::Renumbered { from } => write!(f, "renumber `{place}` from {from} to {id}"),
        }
    }
}

/// One asset on its way to one line.
struct Asset {
    line: Line,
    /// The forms in the files that the line takes the place of; empty as long as it is the only one itself.
    forms: Vec<ShortDigest>,
    /// Where forms that contradicted the line were, in order.
    elsewhere: Vec<Site>,
}

/// A place and a part.
type Site = (RelPath, Box<str>);

fn site(line: &Line) -> Site {
    (line.place.clone(), line.part.clone())
}

impl Asset {
    fn of(line: Line, forms: Vec<ShortDigest>) -> Self {
        Self { line, forms, elsewhere: Vec::new() }
    }

    /// Returns the line, to be changed: it will say that it supersedes what stands in the file.
    fn change(&mut self) -> &mut Line {
        if self.forms.is_empty() {
            self.forms = vec![self.line.short_digest()];
        }
        &mut self.line
    }
}

/// All assets, and what was done to them.
struct Work {
    /// By uuid.
    assets: Vec<Asset>,
    /// What happens to whom.
    mends: Vec<(AssetUuid, Mend)>,
    /// The greatest number in any line.
    seen: u32,
    /// Whether the numbers ran out.
    is_full: bool,
}

impl Work {
    /// The first step: one line for each uuid.
    fn of(mut reads: Vec<Read>, ground: &Ground<'_>) -> Self {
        let seen = reads.iter().map(|it| it.line.highest()).max().unwrap_or(0);
        let mut work = Work { assets: Vec::new(), mends: Vec::new(), seen, is_full: false };
        let mut contradictions: Vec<Vec<Form>> = Vec::new();
        reads.sort_by_key(|it| it.line.uuid);
        let mut reads = reads.into_iter().peekable();
        while let Some(first) = reads.next() {
            let uuid = first.line.uuid;
            let mut group = vec![first];
            while let Some(next) = reads.next_if(|it| it.line.uuid == uuid) {
                group.push(next);
            }
            contradictions.extend(work.add(group));
        }
        // Who is where beyond doubt is known now.
        let taken: BTreeSet<Site> = work.live().map(|it| site(&work.assets[it].line)).collect();
        for parties in contradictions {
            let asset = choose(&parties, ground, &taken);
            work.mends.push((asset.line.uuid, Mend::Settled));
            work.assets.push(asset);
        }
        work.assets.sort_by_key(|it| it.line.uuid);
        work
    }

    /// Takes up the lines of one asset; returns those that contradict each other.
    fn add(&mut self, mut group: Vec<Read>) -> Option<Vec<Form>> {
        if group.len() == 1 {
            self.assets.push(Asset::of(group.remove(0).line, Vec::new()));
            return None;
        }
        let (current, superseded) = split_superseded(distinct_forms(group).0);
        // Forms that name each other as earlier ones leave nothing current.
        let mut parties = if current.is_empty() { superseded } else { current };
        let asset = match agree(&parties) {
            _ if parties.len() == 1 => Asset::of(parties.remove(0).read.line, Vec::new()),
            Some(agreed) => Asset::of(agreed.line, parties.iter().map(|it| it.short).collect()),
            None => return Some(parties),
        };
        self.mends.push((asset.line.uuid, Mend::Tidied));
        self.assets.push(asset);
        None
    }

    /// Returns the positions of the assets that are not removed.
    fn live(&self) -> impl Iterator<Item = usize> {
        (0..self.assets.len()).filter(|it| !self.assets[*it].line.removed)
    }

    /// The second step: one asset for each place.
    ///
    /// The one stays whose content is the place's, then the one with the smaller number. Another one goes to where a form
    /// that contradicted its line was, if that is declared and nobody's; else it is looked for at the new places. Where it
    /// is not found, it is nowhere, and becomes a tombstone.
    fn settle_places(&mut self, ground: &Ground<'_>) {
        let order = |a: &usize, b: &usize| {
            let (a, b) = (&self.assets[*a].line, &self.assets[*b].line);
            place_order((&a.place, &a.part), (&b.place, &b.part)).then(a.uuid.cmp(&b.uuid))
        };
        let mut live: Vec<usize> = self.live().collect();
        live.sort_unstable_by(order);
        let mut homeless: Vec<(usize, AssetId)> = Vec::new();
        let same = |a: &usize, b: &usize| {
            self.assets[*a].line.is_at(self.assets[*b].line.place.as_str(), &self.assets[*b].line.part)
        };
        for at_one_place in live.chunk_by(same).filter(|it| it.len() > 1) {
            let now = ground.at(&self.assets[at_one_place[0]].line).map(|it| it.content);
            let rank = |at: &&usize| {
                let line = &self.assets[**at].line;
                (now.is_some_and(|it| it != line.content), line.id, line.uuid)
            };
            let keeper = *at_one_place.iter().min_by_key(rank).expect("there are two at least");
            let by = self.assets[keeper].line.id;
            homeless.extend(at_one_place.iter().filter(|it| **it != keeper).map(|it| (*it, by)));
        }
        self.settle_elsewhere(&mut homeless, &live, ground);
        let homes = self.new_homes(&homeless, ground);
        for ((at, by), home) in homeless.into_iter().zip(homes) {
            match home {
                Some(to) => self.settle_at(at, to, ground),
                None => {
                    let line = self.assets[at].change();
                    line.removed = true;
                    let uuid = line.uuid;
                    self.mends.push((uuid, Mend::Retired { by }));
                }
            }
        }
    }

    /// Takes from `homeless` those that some other form of theirs has a place for.
    fn settle_elsewhere(&mut self, homeless: &mut Vec<(usize, AssetId)>, live: &[usize], ground: &Ground<'_>) {
        if homeless.is_empty() {
            return;
        }
        let lost: BTreeSet<usize> = homeless.iter().map(|it| it.0).collect();
        let settled = live.iter().filter(|it| !lost.contains(it));
        let mut taken: BTreeSet<Site> = settled.map(|it| site(&self.assets[*it].line)).collect();
        homeless.retain(|(at, _)| {
            let free = self.assets[*at].elsewhere.iter().filter(|it| !taken.contains(it));
            let Some(to) = free.filter_map(|(place, part)| ground.find(place, part)).next() else { return true };
            self.settle_at(*at, to, ground);
            taken.insert(site(&self.assets[*at].line));
            false
        });
    }

    /// Puts an asset at a declared place.
    fn settle_at(&mut self, at: usize, to: usize, ground: &Ground<'_>) {
        let present = &ground.present[to];
        let line = self.assets[at].change();
        let from = std::mem::replace(&mut line.place, present.place.clone());
        line.part = present.part.as_str().into();
        refresh(line, (ground.digests)(to));
        let uuid = line.uuid;
        self.mends.push((uuid, Mend::Moved { from }));
    }

    /// Returns for each of `homeless` the position of the new place at which it is found.
    fn new_homes(&self, homeless: &[(usize, AssetId)], ground: &Ground<'_>) -> Vec<Option<usize>> {
        if homeless.is_empty() {
            return Vec::new();
        }
        let line = |at: usize| &self.assets[at].line;
        let lost_theirs: BTreeSet<usize> = homeless.iter().map(|it| it.0).collect();
        let settled = (0..self.assets.len()).filter(|it| !line(*it).removed && !lost_theirs.contains(it));
        let mut taken: Vec<_> = settled.clone().map(|it| site(line(it))).collect();
        taken.sort_unstable();
        let is_taken = |it: &Present| taken.binary_search(&(it.place.clone(), it.part.as_str().into())).is_ok();
        let registered: Vec<bool> = ground.present.iter().map(is_taken).collect();
        // Two that lost one place to a third cannot be told apart by where they were.
        let mut n_lost: BTreeMap<_, usize> = BTreeMap::new();
        homeless.iter().for_each(|it| *n_lost.entry(site(line(it.0))).or_default() += 1);
        let is_alone = |at: usize| n_lost[&site(line(at))] == 1;
        let mut lost: Vec<usize> = settled.filter(|it| ground.at(line(*it)).is_none()).collect();
        lost.extend(homeless.iter().map(|it| it.0).filter(|it| is_alone(*it)));
        lost.sort_by(|a, b| place_order((&line(*a).place, &line(*a).part), (&line(*b).place, &line(*b).part)));
        let missing: Vec<&Line> = lost.iter().map(|it| line(*it)).collect();
        let found = find(&missing, &|_| None, ground, &registered).into_iter();
        let found: BTreeMap<usize, usize> = found.map(|(from, to)| (lost[from], to)).collect();
        homeless.iter().map(|it| found.get(&it.0).copied()).collect()
    }

    /// The third step: one asset for each number.
    ///
    /// A number that some asset retired is nobody's any more; of several that have it, the one with the smallest uuid
    /// keeps it. The others go back to the smallest number that they had on another branch, or take the next ones, in
    /// the order of their places.
    fn settle_numbers(&mut self) {
        let mut claims: Vec<(AssetId, bool, usize)> = Vec::new();
        for (at, Asset { line, .. }) in self.assets.iter().enumerate() {
            claims.push((line.id, false, at));
            claims.extend(line.retired.iter().map(|it| (*it, true, at)));
        }
        // Within a number: those that have it before those that retired it, each by uuid.
        claims.sort_unstable();
        let mut losers: Vec<(usize, bool)> = Vec::new();
        for same in claims.chunk_by(|a, b| a.0 == b.0).filter(|it| it.len() > 1) {
            let is_retired = same.iter().any(|it| it.1);
            let owners = same.iter().filter(|it| !it.1).skip(usize::from(!is_retired));
            losers.extend(owners.map(|it| (it.2, is_retired)));
        }
        let order = |at: usize| {
            let line = &self.assets[at].line;
            (line.place.clone(), line.part.clone(), line.uuid)
        };
        losers.sort_by_cached_key(|it| order(it.0));
        let claimed = |id: AssetId| {
            claims.iter().skip(claims.partition_point(|it| it.0 < id)).take_while(move |it| it.0 == id).count()
        };
        for (at, is_retired) in losers {
            let line = &self.assets[at].line;
            let own = line.retired.iter().find(|it| claimed(**it) == 1).copied();
            let Some(id) = own.or_else(|| self.seen.checked_add(1).map(AssetId)) else {
                self.is_full = true;
                return;
            };
            self.seen = self.seen.max(id.0);
            let line = self.assets[at].change();
            let from = std::mem::replace(&mut line.id, id);
            let kept = line.retired.iter().copied().filter(|it| *it != id);
            line.retired = sorted(kept.chain(is_retired.then_some(from)).collect());
            let uuid = line.uuid;
            self.mends.push((uuid, Mend::Renumbered { from }));
        }
    }

    fn finish(self) -> Repair {
        let Work { mut assets, mends, seen, .. } = self;
        for Asset { line, forms, .. } in &mut assets {
            line.supersede(forms.iter().copied());
        }
        let mended = |(uuid, mend): (AssetUuid, Mend)| {
            let at = assets.binary_search_by_key(&uuid, |it| it.line.uuid).expect("it was taken up from the files");
            let Line { id, place, part, .. } = assets[at].line.clone();
            Mended { mend, uuid, id, place, part }
        };
        let mut mended: Vec<Mended> = mends.into_iter().map(mended).collect();
        mended.sort_by(|a, b| {
            place_order((&a.place, &a.part), (&b.place, &b.part))
                .then_with(|| (a.uuid, &a.mend).cmp(&(b.uuid, &b.mend)))
        });
        mended.dedup();
        let lines = assets.into_iter().map(|it| it.line).collect();
        Repair { registry: Registry::of(lines, seen, Residue::default()), mended, obstacles: Vec::new() }
    }
}

/// Returns what forms that contradict each other become.
///
/// Whoever is declared at its place is alive, before whoever was removed, before whoever is missing, before whoever is
/// where somebody else is beyond doubt. Among equals the one counts that says what its place holds, then the first by
/// place and bytes. No number is lost: the smallest stays, all others are retired.
fn choose(parties: &[Form], ground: &Ground<'_>, taken: &BTreeSet<Site>) -> Asset {
    let rank = |line: &Line| match ground.at(line) {
        _ if line.removed => (1, false),
        _ if taken.contains(&site(line)) => (3, false),
        Some(now) => (0, now.content != line.content),
        None => (2, false),
    };
    let order = |a: &&Form, b: &&Form| {
        let (one, other) = (&a.read.line, &b.read.line);
        let places = place_order((&one.place, &one.part), (&other.place, &other.part));
        rank(one).cmp(&rank(other)).then(places).then_with(|| a.bytes.cmp(&b.bytes))
    };
    let kept = &parties.iter().min_by(order).expect("a contradiction has parties").read.line;
    let lines = || parties.iter().map(|it| &it.read.line);
    let id = lines().map(|it| it.id).min().expect("a contradiction has parties");
    let numbers = lines().flat_map(|it| it.retired.iter().chain([&it.id]));
    let mut line = Line { id, retired: sorted(numbers.copied().filter(|it| *it != id).collect()), ..kept.clone() };
    line.supersede(lines().flat_map(|it| it.was.iter().copied()));
    if let (false, Some(now)) = (line.removed, ground.at(&line)) {
        refresh(&mut line, now);
    }
    let elsewhere: BTreeSet<Site> = lines().filter(|it| !it.removed).map(site).collect();
    Asset { line, forms: parties.iter().map(|it| it.short).collect(), elsewhere: elsewhere.into_iter().collect() }
}

/// Has a line say what its place holds now, where that can be told.
fn refresh(line: &mut Line, now: Digests) {
    if now.content != Digest::of(b"") {
        (line.content, line.declaration) = (now.content, now.declaration);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files_of, path, register, text, tree};
    use super::*;
    use expect_test::{Expect, expect};

    /// Repairs a registry of these lines in a tree, and tells what happens and what comes out.
    fn check(lines: &[&Line], declared: &str, expect: Expect) -> Registry {
        let declared = tree(declared);
        let (present, digests): (Vec<Present>, Vec<Digests>) = declared.into_iter().unzip();
        let ground = Ground { present: &present, digests: &|at| digests[at] };
        let texts: Vec<String> = lines.iter().map(|it| text(it)).collect();
        let files = files_of(texts.iter().map(String::as_str));
        let repaired = repair(&files, &ground);
        let turned = files_of(texts.iter().rev().map(String::as_str));
        assert_eq!(repair(&turned, &ground), repaired, "from the other side");
        let loaded = load(&repaired.registry.files().map(Some));
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        assert!(!repair(&repaired.registry.files().map(Some), &ground).is_change(), "it is whole now");
        let mut told: String = repaired.mended.iter().map(|it| format!("{it}\n")).collect();
        let mut lines: Vec<&Line> = repaired.registry.lines().iter().collect();
        lines.sort_by_key(|it| it.id);
        for line in lines {
            let retired: Vec<u32> = line.retired.iter().map(|it| it.0).collect();
            let gone = if line.removed { ", removed" } else { "" };
            told += &format!("  {} {} {retired:?}, {} forms before{gone}\n", line.id, line.shown(), line.was.len());
        }
        expect.assert_eq(&told);
        repaired.registry
    }

    fn at(registry: &Registry, place: &str) -> Line {
        registry.at(&path(place), "").unwrap().clone()
    }

    /// Returns the line as it is written next, at another place.
    fn moved(line: &Line, place: &str) -> Line {
        let mut moved = Line { place: path(place), ..line.clone() };
        moved.supersede([line.short_digest()]);
        moved
    }

    fn numbered(line: &Line, id: u32) -> Line {
        Line { id: AssetId(id), ..line.clone() }
    }

    #[test]
    fn of_two_with_one_number_the_smaller_uuid_keeps_it() {
        let registry = register("x X\ny Y\nz Z");
        let [x, y, z] = ["x", "y", "z"].map(|it| at(&registry, it));
        check(
            &[&x, &numbered(&y, 1), &numbered(&z, 1)],
            "x X\ny Y\nz Z",
            expect![[r#"
                renumber `y` from 1 to 2
                renumber `z` from 1 to 3
                  1 x [], 0 forms before
                  2 y [], 1 forms before
                  3 z [], 1 forms before
            "#]],
        );
    }

    #[test]
    fn a_retired_number_is_nobodys() {
        let registry = register("x X\ny Y");
        let [x, y] = ["x", "y"].map(|it| at(&registry, it));
        check(
            &[&x, &Line { retired: [AssetId(1)].into(), ..y.clone() }],
            "x X\ny Y",
            expect![[r#"
                renumber `x` from 1 to 3
                  2 y [1], 0 forms before
                  3 x [1], 1 forms before
            "#]],
        );
        // Whoever loses a number goes back to one that it had on another branch.
        check(
            &[&numbered(&x, 2), &Line { retired: [AssetId(1)].into(), ..y }],
            "x X\ny Y",
            expect![[r#"
                renumber `y` from 2 to 1
                  1 y [], 1 forms before
                  2 x [], 0 forms before
            "#]],
        );
    }

    #[test]
    fn who_is_declared_is_alive() {
        let x = at(&register("x X"), "x");
        let (one, other) = (moved(&x, "y"), moved(&x, "z"));
        let mut removed = Line { removed: true, ..x.clone() };
        removed.supersede([x.short_digest()]);
        check(
            &[&one, &other],
            "z edited",
            expect![[r#"
                make one line of those of 1 at `z`
                  1 z [], 3 forms before
            "#]],
        );
        check(
            &[&one, &other],
            "",
            expect![[r#"
                make one line of those of 1 at `y`
                  1 y [], 3 forms before
            "#]],
        );
        check(
            &[&one, &other],
            "y edited\nz X",
            expect![[r#"
                make one line of those of 1 at `z`
                  1 z [], 3 forms before
            "#]],
        );
        check(
            &[&one, &removed],
            "y X",
            expect![[r#"
                make one line of those of 1 at `y`
                  1 y [], 3 forms before
            "#]],
        );
        check(
            &[&one, &removed],
            "x X",
            expect![[r#"
                make one line of those of 1 at `x`
                  1 x [], 3 forms before, removed
            "#]],
        );
        check(
            &[&one, &numbered(&x, 7), &x],
            "y X",
            expect![[r#"
                make one line of those of 1 at `y`
                  1 y [7], 3 forms before
            "#]],
        );
    }

    #[test]
    fn a_place_has_one_asset() {
        let registry = register("a A\nb B");
        let [a, b] = ["a", "b"].map(|it| at(&registry, it));
        // The content tells whose place it is.
        check(
            &[&moved(&a, "p"), &moved(&b, "p")],
            "p B",
            expect![[r#"
                retire 1, whose place `p` is that of 2
                  1 p [], 2 forms before, removed
                  2 p [], 1 forms before
            "#]],
        );
        // It tells nothing: the older one.
        check(
            &[&moved(&a, "p"), &moved(&b, "p")],
            "p new",
            expect![[r#"
                retire 2, whose place `p` is that of 1
                  1 p [], 1 forms before
                  2 p [], 2 forms before, removed
            "#]],
        );
        check(
            &[&moved(&a, "p"), &moved(&b, "p")],
            "",
            expect![[r#"
                retire 2, whose place `p` is that of 1
                  1 p [], 1 forms before
                  2 p [], 2 forms before, removed
            "#]],
        );
        // The other one is somewhere else.
        check(
            &[&moved(&a, "p"), &moved(&b, "p")],
            "p A\nq B",
            expect![[r#"
                move 2 from `p` to `q`
                  1 p [], 1 forms before
                  2 q [], 2 forms before
            "#]],
        );
        // Two are lost at one place: nobody guesses.
        let c = at(&register("a A\nb B\nc C"), "c");
        check(
            &[&moved(&a, "p"), &moved(&b, "p"), &moved(&c, "p")],
            "p A\nq B\nr C",
            expect![[r#"
                retire 3, whose place `p` is that of 1
                retire 2, whose place `p` is that of 1
                  1 p [], 1 forms before
                  2 p [], 2 forms before, removed
                  3 p [], 2 forms before, removed
            "#]],
        );
    }

    #[test]
    fn who_contradicts_itself_makes_room_for_who_does_not() {
        let registry = register("a A\nb B\nn N");
        let [a, b, n] = ["a", "b", "n"].map(|it| at(&registry, it));
        // Moved to two places, at one of which another one was registered; both edited since.
        let [p, q] = ["p", "q"].map(|it| moved(&a, it));
        let new = Line { place: path("p"), ..n };
        check(
            &[&p, &q, &new],
            "p 1\nq 2",
            expect![[r#"
                make one line of those of 1 at `q`
                  1 q [], 3 forms before
                  3 p [], 0 forms before
            "#]],
        );
        // It goes rather to where it is missing than to where somebody else is.
        check(
            &[&p, &q, &new],
            "p 1",
            expect![[r#"
                make one line of those of 1 at `q`
                  1 q [], 3 forms before
                  3 p [], 0 forms before
            "#]],
        );
        // Two that contradict themselves meet: the second best of one is free.
        check(
            &[&p, &q, &moved(&b, "p"), &moved(&b, "r")],
            "p 1\nq 2\nr 3",
            expect![[r#"
                make one line of those of 1 at `p`
                make one line of those of 2 at `r`
                move 2 from `p` to `r`
                  1 p [], 3 forms before
                  2 r [], 3 forms before
            "#]],
        );
    }

    #[test]
    fn markers_strays_and_doubled_lines_go() {
        let registry = register("x X\ny Y");
        let [x, y] = ["x", "y"].map(|it| text(&at(&registry, it)));
        let mut files: FileSet = std::array::from_fn(|_| Some(Vec::new()));
        files[1] = Some(format!("<<<<<<< ours\n{y}\n=======\n{x}\n>>>>>>> theirs\n{x}\r\n").into_bytes());
        let repaired = repair(&files, &Ground { present: &[], digests: &|_| unreachable!() });
        let told: Vec<String> = repaired.mended.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["tidy the lines of `x`", "tidy the lines of `y`"]);
        assert_eq!(repaired.registry.files(), registry.files());
        let written = load(&files).registry.changed_files(&repaired.registry);
        assert_eq!(written.iter().map(|it| it.0).collect::<Vec<_>>(), [1, 5, 14]);
    }

    #[test]
    fn nothing_is_repaired_around_what_cannot_be_read() {
        let x = at(&register("x X"), "x");
        let [one, other] = ["y", "z"].map(|it| text(&moved(&x, it)));
        let mut files = files_of([one.as_str(), &other]);
        files[0] = Some(b"nonsense\n".to_vec());
        let ground = Ground { present: &[], digests: &|_| unreachable!() };
        let repaired = repair(&files, &ground);
        assert_eq!((repaired.is_change(), repaired.obstacles.len()), (false, 1));
        assert_eq!(repaired.registry, load(&files).registry);
        files[0] = None;
        assert_eq!(repair(&files, &ground).obstacles[0].code, Code::REGISTRY_MISSING);
    }

    #[test]
    fn a_late_branch_changes_only_what_it_must() {
        let base = register("x X\ny Y");
        let [x, y] = ["x", "y"].map(|it| at(&base, it));
        let y_as_1 = numbered(&y, 1);
        let repaired = check(
            &[&x, &y_as_1],
            "x X\ny Y",
            expect![[r#"
                renumber `y` from 1 to 2
                  1 x [], 0 forms before
                  2 y [], 1 forms before
            "#]],
        );
        // A branch that knows nothing of this moved it meanwhile.
        let late = moved(&y_as_1, "w");
        let lines = [at(&repaired, "x"), at(&repaired, "y"), late];
        check(
            &[&lines[0], &lines[1], &lines[2]],
            "x X\nw Y",
            expect![[r#"
                make one line of those of 2 at `w`
                renumber `w` from 1 to 2
                  1 x [], 0 forms before
                  2 w [], 3 forms before
            "#]],
        );
    }
}
