//! Evidence: which new place takes over which missing line.
//!
//! Judges only by what is committed: digests in lines, and those of the tree. Every rule makes claims, pairs of
//! an old and a new path; a claim counts when no other claim names either path. So rules are never weighed
//! against each other, and their order is of no account.
//!
//! All rules look at paths, because the assets made out of one source move together; parts are matched by their
//! names at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;

use crate::threads::spread;

use super::super::{Digest, KeyHasher};
use super::{Digests, Line, Present};

/// How many directories are looked at as the new place of one that moved. Where more look alike, there is no
/// telling them apart, and the work stays bounded.
const MAX_CANDIDATES: usize = 64;

/// Returns the `content` of an asset that is a directory: its inputs, each by its path relative to the directory
/// and the digest of its bytes, in byte order of the paths.
///
/// Inputs that are all empty have no content: the result is the digest of nothing, which is no evidence.
pub fn directory_content<'a>(inputs: impl IntoIterator<Item = (&'a str, Digest)>) -> Digest {
    let mut inputs: Vec<_> = inputs.into_iter().collect();
    if inputs.iter().all(|(_, digest)| is_nothing(*digest)) {
        return Digest::of(b"");
    }
    inputs.sort_unstable();
    let mut hasher = KeyHasher::new("packwright directory content v1");
    hasher.count(1, inputs.len());
    for (path, digest) in inputs {
        hasher.text(2, path).digest(3, digest);
    }
    hasher.finish()
}

fn is_nothing(digest: Digest) -> bool {
    digest == Digest::of(b"")
}

/// What evidence is judged by.
pub(super) struct Facts<'a> {
    /// Live lines without a declared place, by place and part.
    pub missing: &'a [&'a Line],
    /// What is known besides of what a missing line's place held last. Only what is committed counts in a build.
    pub recall: &'a dyn Fn(&Line) -> Option<Digests>,
    /// Declared places without a live line, by place and part.
    pub new: &'a [New<'a>],
    /// Declared places with a live line.
    pub stayed: &'a dyn Stayed,
}

/// A declared place that no live line has, and what it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct New<'a> {
    /// Where it is.
    pub at: &'a Present,
    /// What it holds.
    pub digests: Digests,
}

/// The declared places that have a live line, as far as evidence asks about them.
pub trait Stayed {
    /// Returns which of these digests any of them holds.
    fn hold(&self, marks: &BTreeSet<Mark>) -> BTreeSet<Mark>;
    /// Returns which of these folded paths any of them has.
    fn spelled(&self, folded: &BTreeSet<&str>) -> BTreeSet<String>;
    /// Returns whether any of them lies under a directory.
    fn any_under(&self, directory: &str) -> bool;
}

/// Returns the pairs of a missing line and the new place that takes it over, as positions in `facts.missing` and
/// `facts.new`, in order. Each position occurs once.
pub(super) fn takeovers(facts: &Facts) -> Vec<(usize, usize)> {
    let missing = missing_sites(facts);
    let new = new_sites(facts);
    if missing.is_empty() || new.is_empty() {
        return Vec::new();
    }
    let mut claims = claims_by_digest(facts, &missing, &new);
    claims.extend(claims_by_spelling(facts, &missing, &new));
    claims.extend(claims_by_directory(facts, &missing, &new));
    let undisputed = undisputed(&claims);
    let pairs = undisputed.into_iter().flat_map(|(from, to)| match_parts(facts, &missing[from], &new[to]));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    pairs
}

/// A path at which lines are missing, or at which places are new: all its parts together.
struct Site<'a> {
    path: &'a str,
    /// Positions in `missing` or `new`.
    members: Vec<usize>,
    /// Digests that are evidence, sorted.
    marks: Vec<Mark>,
}

/// A digest and what it is a digest of: a content never speaks for a declaration.
pub type Mark = (MarkKind, Digest);

/// What a [`Mark`] is a digest of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MarkKind {
    /// Of the owner, or of a directory's inputs.
    Content,
    /// Of a sidecar or an `asset.json`.
    Declaration,
}

/// An old and a new site, by position.
type Claim = (usize, usize);

fn missing_sites<'a>(facts: &Facts<'a>) -> Vec<Site<'a>> {
    let said = |line: &Line| {
        let committed = Digests { content: line.content, declaration: line.declaration };
        [Some(committed), (facts.recall)(line)].into_iter().flatten().flat_map(marks)
    };
    sites(facts.missing.iter().enumerate().map(|(at, it)| (it.place.as_str(), at, said(it).collect())))
}

fn new_sites<'a>(facts: &Facts<'a>) -> Vec<Site<'a>> {
    sites(facts.new.iter().enumerate().map(|(at, it)| (it.at.place.as_str(), at, marks(it.digests).collect())))
}

fn sites<'a>(members: impl Iterator<Item = (&'a str, usize, Vec<Mark>)>) -> Vec<Site<'a>> {
    let mut sites: Vec<Site> = Vec::new();
    for (path, at, marks) in members {
        if sites.last().is_none_or(|it| it.path != path) {
            sites.push(Site { path, members: Vec::new(), marks: Vec::new() });
        }
        let site = sites.last_mut().expect("one was pushed when there was none");
        site.members.push(at);
        site.marks.extend(marks);
    }
    for site in &mut sites {
        site.marks.sort_unstable();
        site.marks.dedup();
    }
    sites
}

/// Returns the digests that are evidence.
pub fn marks(digests: Digests) -> impl Iterator<Item = Mark> {
    let declaration = digests.declaration.map(|it| (MarkKind::Declaration, it));
    [(MarkKind::Content, digests.content)].into_iter().chain(declaration).filter(|it| !is_nothing(it.1))
}

/// Rule (a): they share a digest that no other missing line, new place or present place has.
fn claims_by_digest(facts: &Facts, missing: &[Site], new: &[Site]) -> Vec<Claim> {
    let mut holders: Vec<(Mark, Side, usize)> = Vec::new();
    for (side, sites) in [(Side::Missing, missing), (Side::New, new)] {
        let of_site = |(at, site): (usize, &Site)| site.marks.iter().map(move |it| (*it, side, at)).collect::<Vec<_>>();
        holders.extend(sites.iter().enumerate().flat_map(of_site));
    }
    let mut shared = one_to_one(holders);
    if !shared.is_empty() {
        let held = facts.stayed.hold(&shared.keys().copied().collect());
        shared.retain(|mark, _| !held.contains(mark));
    }
    shared.into_values().collect()
}

/// Rule (b): they differ only in case or normalization, one to one.
fn claims_by_spelling(facts: &Facts, missing: &[Site], new: &[Site]) -> Vec<Claim> {
    let mut spellings: Vec<(String, Side, usize)> = Vec::new();
    for (side, sites) in [(Side::Missing, missing), (Side::New, new)] {
        spellings.extend(sites.iter().enumerate().map(|(at, it)| (fold(it.path), side, at)));
    }
    let mut alike = one_to_one(spellings);
    alike.retain(|_, (from, to)| missing[*from].path != new[*to].path);
    if !alike.is_empty() {
        let spelled = facts.stayed.spelled(&alike.keys().map(String::as_str).collect());
        alike.retain(|folded, _| !spelled.contains(folded));
    }
    alike.into_values().collect()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Missing,
    New,
}

/// Returns the keys that exactly one missing and one new site have, with the two.
fn one_to_one<K: Ord + Clone + Send>(mut entries: Vec<(K, Side, usize)>) -> BTreeMap<K, Claim> {
    spread(|| entries.par_sort_unstable());
    let pairs = entries.chunk_by(|a, b| a.0 == b.0).filter_map(|same| match same {
        [(key, Side::Missing, from), (_, Side::New, to)] => Some((key.clone(), (*from, *to))),
        _ => None,
    });
    pairs.collect()
}

/// Returns what is left of a path when case and normalization are taken away.
pub(super) fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.nfd().flat_map(char::to_lowercase).nfc().collect()
}

/// Rule (c): a directory moved. Every missing line under it is found at the same relative place under one new
/// directory, and at least one digest matches.
///
/// It moved when no present place with a line is left under it; the other one is new when none was under that.
/// The outermost directory is the one that moved, and those in it moved along: looked at alone, two of them
/// with equal contents could be taken for each other.
fn claims_by_directory(facts: &Facts, missing: &[Site], new: &[Site]) -> Vec<Claim> {
    let moves = Moves { stayed: facts.stayed, found: Found::new(missing, new), missing, new };
    let directories: BTreeSet<&str> = missing.iter().flat_map(|it| ancestors(it.path)).collect();
    let mut moved: BTreeSet<&str> = BTreeSet::new();
    let mut claims = Vec::new();
    // Byte order has a directory before everything in it.
    for directory in directories {
        if ancestors(directory).any(|it| moved.contains(it)) {
            continue;
        }
        if let Some(target) = moves.target(directory) {
            moved.insert(directory);
            claims.extend(moves.claims(directory, target));
        }
    }
    claims
}

struct Moves<'a> {
    stayed: &'a dyn Stayed,
    found: Found<'a>,
    missing: &'a [Site<'a>],
    new: &'a [Site<'a>],
}

impl<'a> Moves<'a> {
    /// Returns the one new directory to which everything missing under `from` moved.
    fn target(&self, from: &'a str) -> Option<&'a str> {
        if self.stayed.any_under(from) {
            return None;
        }
        let mut seen = BTreeSet::new();
        let mut target = None;
        for site in &self.missing[under(self.missing, |it| it.path, from)] {
            let rest = relative(from, site.path);
            for to in site.marks.iter().flat_map(|it| self.found.directories(*it, rest)) {
                if !seen.insert(to) {
                    continue;
                }
                if seen.len() > MAX_CANDIDATES {
                    return None;
                }
                if self.holds(from, to) {
                    if target.is_some() {
                        return None;
                    }
                    target = Some(to);
                }
            }
        }
        target
    }

    /// Returns whether `to` is a new directory in which everything missing under `from` is found.
    fn holds(&self, from: &str, to: &str) -> bool {
        let sites = &self.missing[under(self.missing, |it| it.path, from)];
        from != to && !self.stayed.any_under(to) && sites.iter().all(|it| self.counterpart(from, to, it.path).is_some())
    }

    fn claims(&self, from: &'a str, to: &'a str) -> Vec<Claim> {
        let inside = under(self.missing, |it| it.path, from);
        // The directory may be an asset itself; it moved along.
        let itself = self.missing.binary_search_by_key(&from, |it| it.path).ok();
        let sites = inside.chain(itself);
        sites.filter_map(|at| Some((at, self.counterpart(from, to, self.missing[at].path)?))).collect()
    }

    /// Returns the new site that lies relative to `to` as `path` does to `from`.
    fn counterpart(&self, from: &str, to: &str, path: &str) -> Option<usize> {
        let rest = relative(from, path);
        let wanted = [to, if to.is_empty() || rest.is_empty() { "" } else { "/" }, rest].concat();
        self.new.binary_search_by(|it| it.path.cmp(&wanted)).ok()
    }
}

/// The new sites that share a digest with something missing, by that digest and the end of their path.
struct Found<'a>(Vec<(Mark, &'a str, &'a str)>);

impl<'a> Found<'a> {
    fn new(missing: &[Site], new: &[Site<'a>]) -> Self {
        let wanted: BTreeSet<Mark> = missing.iter().flat_map(|it| it.marks.iter().copied()).collect();
        let mut found = Vec::new();
        for site in new {
            for mark in site.marks.iter().filter(|it| wanted.contains(it)) {
                found.extend(ancestors(site.path).map(|it| (*mark, relative(it, site.path), it)));
            }
        }
        spread(|| found.par_sort_unstable());
        Self(found)
    }

    /// Returns the directories that have something of this digest at the relative path `rest`.
    fn directories(&self, mark: Mark, rest: &str) -> impl Iterator<Item = &'a str> {
        let start = self.0.partition_point(|it| (it.0, it.1) < (mark, rest));
        let end = start + self.0[start..].partition_point(|it| (it.0, it.1) == (mark, rest));
        self.0[start..end].iter().map(|it| it.2)
    }
}

/// Returns the directories above `path`, the innermost first, the workspace's own (empty) last. The empty path
/// has none.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.rmatch_indices('/').map(|(at, _)| &path[..at]);
    inner.chain((!path.is_empty()).then_some(""))
}

/// Returns `path`, which is `directory` or lies under it, relative to that.
fn relative<'a>(directory: &str, path: &'a str) -> &'a str {
    path[directory.len()..].trim_start_matches('/')
}

/// Returns which of `sorted`, in byte order of their paths, lie under `directory`.
pub(super) fn under<T>(sorted: &[T], path: impl Fn(&T) -> &str, directory: &str) -> Range<usize> {
    if directory.is_empty() {
        return sorted.partition_point(|it| path(it).is_empty())..sorted.len();
    }
    // `0` follows `/` in ASCII, so these two bracket what begins with the directory and a slash.
    let (first, last) = (format!("{directory}/"), format!("{directory}0"));
    sorted.partition_point(|it| path(it) < &*first)..sorted.partition_point(|it| path(it) < &*last)
}

/// Returns the claims that no other claim contradicts.
fn undisputed(claims: &[Claim]) -> BTreeSet<Claim> {
    let mut claims: BTreeSet<Claim> = claims.iter().copied().collect();
    let (mut of_missing, mut of_new) = (BTreeMap::new(), BTreeMap::new());
    for (from, to) in &claims {
        *of_missing.entry(*from).or_insert(0) += 1;
        *of_new.entry(*to).or_insert(0) += 1;
    }
    claims.retain(|(from, to)| of_missing[from] == 1 && of_new[to] == 1);
    claims
}

/// Returns the lines and places of two sites that have the same part.
fn match_parts(facts: &Facts, from: &Site, to: &Site) -> Vec<(usize, usize)> {
    let part_of = |to: &usize| facts.new[*to].at.part.as_str();
    let pair = |from: &usize| {
        let at = to.members.binary_search_by(|it| part_of(it).cmp(&facts.missing[*from].part)).ok()?;
        Some((*from, to.members[at]))
    };
    from.members.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_folded_in_every_script() {
        for (one, other) in [
            ("assets/Hero.PNG", "assets/hero.png"),
            ("stra\u{df}e", "STRA\u{1e9e}E"),
            ("caf\u{e9}", "CAFE\u{301}"),
            ("\u{1e69}", "S\u{307}\u{323}"),
            ("\u{3a3}", "\u{3c3}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("a-b"), fold("a_b"));
    }

    #[test]
    fn under_is_strict_and_stops_at_the_slash() {
        let paths = ["", "a", "a!", "a/b", "a/b/c", "a0", "ab/c"];
        let of = |directory| paths[under(&paths, |it| it, directory)].to_vec();
        assert_eq!(of("a"), ["a/b", "a/b/c"]);
        assert_eq!(of("a/b"), ["a/b/c"]);
        assert_eq!(of(""), paths[1..]);
        assert!(of("b").is_empty());
    }

    #[test]
    fn ancestors_go_up_to_the_workspace() {
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(ancestors("a").collect::<Vec<_>>(), [""]);
        assert_eq!(ancestors("").count(), 0);
    }

    #[test]
    fn a_directory_is_its_names_and_its_bytes() {
        let (x, y, nothing) = (Digest::of(b"x"), Digest::of(b"y"), Digest::of(b""));
        let one = directory_content([("a", x), ("b", y)]);
        assert_eq!(one, directory_content([("b", y), ("a", x)]));
        assert_ne!(one, directory_content([("a", y), ("b", x)]));
        assert_ne!(one, directory_content([("a", x)]));
        assert_ne!(directory_content([("a", x), ("b", nothing)]), directory_content([("a", x)]));
        assert_eq!(directory_content([("a", nothing), ("b", nothing)]), nothing);
        assert_eq!(directory_content([]), nothing);
    }
}
