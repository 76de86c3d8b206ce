//! Validated assets: declarations that have a name of their own, an identity, and references that resolve.

use std::collections::BTreeMap;
use std::sync::Arc;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::model::declaration::Intent;
use crate::model::path::{LONGEST_PORTABLE, portability_problem, url_problem};
use crate::model::{AssetId, AssetUuid, Code, RelPath};

use super::declared::declared;
use super::issue::{At, Issue};
use super::names::{Collision, Names, exports, names};
use super::{Bucket, Globals, Scope};

/// An asset that may be built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// What its author wants.
    pub intent: Arc<Intent>,
    /// Its identity; `None` while it is only about to be registered.
    pub identity: Option<(AssetUuid, AssetId)>,
    /// The assets that it was declared to depend on, sorted, each once.
    pub dependencies: Vec<AssetId>,
}

/// What a bucket's declarations come to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Validated {
    /// In order of declaration.
    pub assets: Vec<Asset>,
    /// What is wrong.
    pub issues: Vec<Issue>,
}

/// Validates a bucket's declarations against all the others.
#[salsa::tracked]
pub fn validated(db: &dyn salsa::Database, bucket: Bucket) -> Validated {
    let globals = Globals::get(db);
    let cycles = dependency_cycles(db);
    let mut out = Validated { assets: Vec::with_capacity(exports(db, bucket).len()), issues: Vec::new() };
    let mut before = "";
    // What a bucket exports begins with these very assets.
    for (declaration, export) in declared(db, bucket).assets.iter().zip(exports(db, bucket)) {
        let intent = &declaration.intent;
        check_portable(&intent.place, before, &mut out.issues);
        before = intent.place.as_str();
        let n_before = out.issues.len();
        if *globals.scope(db) == Scope::Whole {
            check_names(intent, names(db), &mut out.issues);
        }
        let dependencies = match intent.dependencies.is_empty() {
            true => Vec::new(),
            false => resolve_dependencies(intent, names(db), &mut out.issues),
        };
        if let Some(cycle) = cycles.get(&intent.place) {
            let message = format!("declared dependencies form a circle: {cycle}");
            let issue = Issue::error(&intent.place, At::Dependency(0), Code::DEPENDENCY_CYCLE, message);
            out.issues.push(issue.help("take one of these dependencies out"));
        }
        let broken = out.issues[n_before..].iter().any(|it| it.severity == crate::model::Severity::Error);
        if !broken {
            out.assets.push(Asset { intent: intent.clone(), identity: export.identity, dependencies });
        }
    }
    out
}

/// Warns of names that not every system can hold; of a directory's once, given the place `before` in path order.
fn check_portable(place: &RelPath, before: &str, issues: &mut Vec<Issue>) {
    let mut warn = |message| {
        let issue = Issue::warning(place, At::Asset, Code::NAME_NOT_PORTABLE, message);
        issues.push(issue.help("rename it before somebody checks it out there"));
    };
    let mut known = before.split('/');
    let mut is_new = false;
    for component in place.as_str().split('/') {
        is_new |= known.next() != Some(component);
        if !is_new {
            continue;
        }
        if let Some(problem) = portability_problem(component) {
            warn(format!("not every system can hold the name `{component}`: {problem}"));
        } else if let Some(problem) = url_problem(component) {
            warn(format!("the name `{component}` means something else on the web: {problem}"));
        }
    }
    let bytes = place.as_str().len();
    if bytes > LONGEST_PORTABLE && place.as_str().encode_utf16().count() > LONGEST_PORTABLE {
        let len = place.as_str().encode_utf16().count();
        warn(format!(
            "not every system can hold this path of {len} characters: Windows allows 260, the workspace's own among them"
        ));
    }
}

fn check_names(intent: &Intent, names: &Names, issues: &mut Vec<Issue>) {
    if let Some(other) = names.clash(&intent.place) {
        let message = format!("two assets are named `{}`", intent.name);
        let told = if intent.options.is_excluded() { Issue::warning } else { Issue::error };
        let mut issue = told(&intent.place, At::Name, Code::NAME_CLASH, message);
        issue.related = Some((other.clone(), At::Name, "the other one is declared here".to_owned()));
        issues.push(issue.help(format!("`{other}` has this name too; give one of them another `name`")));
    }
    for collision in names.collisions(&intent.place) {
        let issue = Issue::warning(&intent.place, At::Asset, Code::NAME_COLLISION, told_collision(collision, intent));
        issues.push(issue.help("many file systems cannot hold both; rename one of them"));
    }
}

/// Says which two paths are confused, and where they look the same, how they differ.
fn told_collision(Collision { other, path }: &Collision, intent: &Intent) -> String {
    let directories = if *path == *intent.place.as_str() { "" } else { "the directories " };
    if !other.chars().nfc().eq(path.chars().nfc()) {
        return format!("{directories}`{other}` and `{path}` differ only in case or Unicode normalization");
    }
    let form = |it: &str| if is_nfc(it) { "composed (NFC)" } else { "decomposed" };
    let (one, two) = (form(other), form(path));
    format!(
        "{directories}`{other}` and `{path}` differ only in Unicode normalization: the first is {one}, the second {two}"
    )
}

fn resolve_dependencies(intent: &Intent, names: &Names, issues: &mut Vec<Issue>) -> Vec<AssetId> {
    let dir = intent.dir();
    let mut resolved = Vec::new();
    for (idx, reference) in intent.dependencies.iter().enumerate() {
        match names.resolve(&dir, reference) {
            // What stays out of every pack itself needs nothing in one.
            Some(target) if target.excluded && !intent.options.is_excluded() => {
                let message = format!("`{reference}` is excluded from every pack");
                issues.push(Issue::error(&intent.place, At::Dependency(idx), Code::UNRESOLVED_REFERENCE, message));
            }
            Some(target) => resolved.extend(target.identity.map(|it| it.1)),
            None => {
                let message = format!("`{reference}` names no asset");
                let told = if intent.options.is_excluded() { Issue::warning } else { Issue::error };
                let issue = told(&intent.place, At::Dependency(idx), Code::UNRESOLVED_REFERENCE, message);
                let similar = match reference {
                    crate::model::reference::Reference::Name(name) => names.similar(name),
                    _ => None,
                };
                issues.push(match similar {
                    Some(similar) => issue.help(format!("there is an asset named `{similar}`")),
                    None => issue.help("`packwright list` shows all names; a path begins with `./`, `../` or `/`"),
                });
            }
        }
    }
    resolved.sort_unstable();
    resolved.dedup();
    resolved
}

/// Returns, for each place on a circle of declared dependencies, the circle in words.
///
/// Where only a part of the workspace is in the database, all buckets with dependencies are, or none moved since there
/// was no circle. Dependencies are few, so this is one merged query; it walks with a stack of its own, since authors may chain as
/// many assets as they like.
#[salsa::tracked]
pub fn dependency_cycles(db: &dyn salsa::Database) -> BTreeMap<RelPath, String> {
    let edges = dependency_edges(db);
    if edges.is_empty() {
        return BTreeMap::new();
    }
    cycles(&edges)
}

fn dependency_edges(db: &dyn salsa::Database) -> BTreeMap<RelPath, Vec<RelPath>> {
    let mut edges = BTreeMap::new();
    for (_, bucket) in Globals::get(db).buckets(db).iter() {
        for (place, targets) in dependency_edges_in(db, *bucket) {
            edges.insert(place.clone(), targets.clone());
        }
    }
    edges
}

#[salsa::tracked]
fn dependency_edges_in(db: &dyn salsa::Database, bucket: Bucket) -> Vec<(RelPath, Vec<RelPath>)> {
    let mut edges = Vec::new();
    for declaration in &declared(db, bucket).assets {
        let intent = &declaration.intent;
        if intent.dependencies.is_empty() || intent.options.is_excluded() {
            continue;
        }
        let dir = intent.dir();
        let targets = intent.dependencies.iter().filter_map(|it| names(db).resolve(&dir, it));
        edges.push((intent.place.clone(), targets.map(|it| it.place.clone()).collect()));
    }
    edges
}

/// Finds circles by taking away, again and again, what depends on nothing that is left, and then what nothing left
/// depends on: what remains lies on a circle or between two.
fn cycles(edges: &BTreeMap<RelPath, Vec<RelPath>>) -> BTreeMap<RelPath, String> {
    let mut found = BTreeMap::new();
    let mut state: BTreeMap<&RelPath, u8> = BTreeMap::new();
    for start in edges.keys() {
        if state.contains_key(start) {
            continue;
        }
        // A depth-first walk: `path` is the chain of places being visited, each with the next edge to follow.
        let mut path: Vec<(&RelPath, usize)> = vec![(start, 0)];
        state.insert(start, 1);
        while let Some((place, next)) = path.last_mut() {
            let Some(target) = edges.get(*place).and_then(|it| it.get(*next)) else {
                state.insert(*place, 2);
                path.pop();
                continue;
            };
            *next += 1;
            match state.get(target) {
                None => {
                    state.insert(target, 1);
                    path.push((target, 0));
                }
                Some(1) => {
                    let from = path.iter().position(|it| it.0 == target).expect("it is being visited");
                    let circle: Vec<&RelPath> = path[from..].iter().map(|it| it.0).collect();
                    note_circle(&circle, &mut found);
                }
                Some(_) => {}
            }
        }
    }
    found
}

fn note_circle(circle: &[&RelPath], found: &mut BTreeMap<RelPath, String>) {
    // Told from its smallest place on, so that it reads the same wherever the walk began; long ones are cut.
    const SHOWN: usize = 8;
    let start = (0..circle.len()).min_by_key(|it| circle[*it]).expect("a circle has a place");
    let mut words: Vec<String> = Vec::new();
    for step in 0..circle.len().min(SHOWN) {
        words.push(format!("`{}`", circle[(start + step) % circle.len()]));
    }
    if circle.len() > SHOWN {
        words.push(format!("{} more", circle.len() - SHOWN));
    }
    words.push(format!("`{}`", circle[start]));
    let words = words.join(" -> ");
    for place in circle {
        found.entry((*place).clone()).or_insert_with(|| words.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(edges: &[(&str, &[&str])]) -> Vec<(String, String)> {
        let path = |it: &str| RelPath::new(it).expect("a path");
        let edges = edges.iter().map(|(from, to)| (path(from), to.iter().map(|it| path(it)).collect())).collect();
        cycles(&edges).into_iter().map(|(place, words)| (place.to_string(), words)).collect()
    }

    #[test]
    fn circles_are_found_and_told_from_their_smallest_place() {
        assert!(circles(&[("a", &["b"]), ("b", &["c"])]).is_empty());
        let words = "`a` -> `b` -> `a`".to_owned();
        let expected = vec![("a".to_owned(), words.clone()), ("b".to_owned(), words)];
        assert_eq!(circles(&[("b", &["a"]), ("a", &["b"]), ("c", &["a"])]), expected);
        assert_eq!(circles(&[("a", &["a"])]), [("a".to_owned(), "`a` -> `a`".to_owned())]);
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_needs_no_stack() {
        let path = |it: usize| RelPath::new(&format!("a{it}")).expect("a path");
        let mut edges: BTreeMap<_, _> = (0..100_000).map(|it| (path(it), vec![path(it + 1)])).collect();
        assert!(cycles(&edges).is_empty());
        edges.insert(path(100_000), vec![path(0)]);
        assert_eq!(cycles(&edges).len(), 100_001);
    }
}
