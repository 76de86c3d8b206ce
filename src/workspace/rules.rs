//! Rules: which of them claims a file. Asked once for every source of a workspace, so the common patterns are
//! answered without a glob.

use std::collections::BTreeMap;
use std::sync::Arc;

use globset::{Candidate, Glob, GlobSet};
use serde::Serialize;

use super::config::Root;
use super::pattern::{Pattern, Template};
use crate::model::declaration::{Captures, Options};
use crate::model::path::{ASSET_JSON, SIDECAR_SUFFIX, file_name};
use crate::model::reference::{compile, parse_glob, path_problem};

/// A rule as an author wrote it, with its presets laid under it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Rule {
    /// What the files look like that it claims, relative to each root: a glob, maybe with captures.
    pub pattern: String,
    /// The name of the only root where it matches.
    pub root: Option<String>,
    /// The kind of the assets that it makes.
    pub kind: Arc<str>,
    /// What they are called; by default by their place.
    pub name: Option<Template>,
    /// Paths, relative to the root, of files that are inputs besides.
    pub with: Vec<Template>,
    /// The captures by which files are taken together; empty where each is an asset of its own.
    pub group: Vec<String>,
    /// The name of the file that makes an asset of the directory that holds it: the pattern's last component.
    pub marker: Option<String>,
    /// All else that it says of them.
    pub options: Arc<Options>,
}

/// The rules of a workspace in their order, ready to be asked. Equal when the rules are.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    matcher: Arc<Matcher>,
}

impl PartialEq for RuleSet {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Eq for RuleSet {}

impl Serialize for RuleSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rules.serialize(serializer)
    }
}

/// Rules by how they are asked. Indices are those of the rules, ascending in every list.
#[derive(Debug, Default)]
struct Matcher {
    /// `**/*.png`, by extension.
    by_extension: BTreeMap<String, Vec<usize>>,
    /// `**` and `**/*`.
    everything: Vec<usize>,
    /// The patterns of all others, and the index of each one's rule.
    globs: GlobSet,
    glob_rules: Vec<usize>,
    /// Whether what a rule makes of a file may depend on others.
    gathers: bool,
    /// Of each rule its pattern, where that has captures: its glob may match more than it does.
    patterns: Vec<Option<Pattern>>,
}

/// Which rules match a file, in their order: the first claims it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    /// The index of the rule that claims it.
    pub by: Option<usize>,
    /// The indices of those that match it too, and come too late.
    pub also: Vec<usize>,
}

impl RuleSet {
    /// Returns the rules in their order, each pattern of which passes [`pattern_problem`].
    ///
    /// # Errors
    ///
    /// The patterns are too much when taken together: one sentence.
    pub fn new(rules: Vec<Rule>) -> Result<Self, String> {
        let mut matcher = Matcher::default();
        let mut globs = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let pattern = Pattern::parse(&rule.pattern)?;
            let glob = pattern.as_ref().map_or_else(|| rule.pattern.clone(), Pattern::glob);
            if let Some(extensions) = extensions(&glob) {
                for extension in extensions {
                    matcher.by_extension.entry(extension.to_owned()).or_default().push(index);
                }
            } else if matches!(glob.as_str(), "**" | "**/*") {
                matcher.everything.push(index);
            } else {
                globs.push(parse_glob(&glob)?);
                matcher.glob_rules.push(index);
            }
            matcher.patterns.push(pattern);
        }
        let gathers = |it: &Rule| !it.with.is_empty() || !it.group.is_empty() || it.marker.is_some();
        matcher.gathers = rules.iter().any(gathers);
        matcher.globs = GlobSet::new(&globs).map_err(|it| it.kind().to_string())?;
        Ok(Self { rules, matcher: Arc::new(matcher) })
    }

    /// Returns the rules in their order.
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the rule of this index.
    pub fn get(&self, index: usize) -> Option<&Rule> {
        self.rules.get(index)
    }

    /// Returns whether any rule has to do with several files at once: takes them together, has companions or a marker.
    pub fn gather(&self) -> bool {
        self.matcher.gathers
    }

    /// Returns the pattern of the rule of this index, where it captures anything.
    pub fn pattern(&self, index: usize) -> Option<&Pattern> {
        self.matcher.patterns.get(index)?.as_ref()
    }

    /// Returns the index of the first rule that matches the file at `below`, a path relative to `root`.
    /// Declaration files are nobody's. Where rules [gather](RuleSet::gather) files, that is not all there is to it.
    pub fn claim(&self, root: &Root, below: &str) -> Option<usize> {
        let name = file_name(below);
        if name == ASSET_JSON || name.ends_with(SIDECAR_SUFFIX) {
            return None;
        }
        let matcher = &*self.matcher;
        let matches = |index: &&usize| self.holds(**index, root, below);
        let by_extension = name.rsplit_once('.').and_then(|(_, it)| matcher.by_extension.get(it));
        let quick = [by_extension, Some(&matcher.everything)]
            .into_iter()
            .flatten()
            .filter_map(|it| it.iter().find(matches))
            .min()
            .copied();
        let first_glob = matcher.glob_rules.first().copied().unwrap_or(usize::MAX);
        if quick.is_some_and(|it| it < first_glob) || matcher.glob_rules.is_empty() {
            return quick;
        }
        let found = matcher.globs.matches_candidate(&Candidate::new(below));
        // They come in ascending order, as the globs were given.
        let glob = found.iter().map(|it| &matcher.glob_rules[*it]).find(matches).copied();
        quick.into_iter().chain(glob).min()
    }

    /// Returns every rule that matches the file at `below`, a path relative to `root`: for whoever wants to know why it
    /// is claimed as it is. Takes longer than [`RuleSet::claim`].
    pub fn claims(&self, root: &Root, below: &str) -> Claims {
        let by = self.claim(root, below);
        let is_match = |index: &usize| {
            let glob = |rule: &Rule| compile(&rule.pattern).is_ok_and(|it| it.is_match(below));
            let is_glob = self.matcher.patterns[*index].is_none();
            self.holds(*index, root, below) && (!is_glob || self.get(*index).is_some_and(glob))
        };
        let also = by.map_or(self.rules.len(), |it| it + 1)..self.rules.len();
        Claims { by, also: also.filter(is_match).collect() }
    }

    /// Returns what counts how many files some rules match, whoever claims them.
    pub fn counter<'a>(&'a self, rules: &'a [usize]) -> Counter<'a> {
        let glob = |rule: &usize| {
            let captures = self.pattern(*rule).map(Pattern::glob);
            parse_glob(captures.as_deref().unwrap_or(&self.rules[*rule].pattern)).ok()
        };
        let (wanted, globs): (Vec<usize>, Vec<Glob>) =
            rules.iter().enumerate().filter_map(|(nth, it)| Some((nth, glob(it)?))).unzip();
        let globs = GlobSet::new(&globs).unwrap_or_default();
        Counter { set: self, rules, wanted, globs, counts: vec![0; rules.len()] }
    }

    /// Returns what the rule of this index captures of a file that it matches.
    pub fn captures(&self, index: usize, below: &str) -> Captures {
        self.pattern(index).and_then(|it| it.captures(below)).unwrap_or_default()
    }

    /// Returns whether a rule holds for a file that its glob matches.
    fn holds(&self, index: usize, root: &Root, below: &str) -> bool {
        let rule = &self.rules[index];
        let is_here = rule.root.as_ref().is_none_or(|it| *it == root.name);
        // The workspace as a whole is no asset.
        let is_whole = rule.marker.is_some() && root.path.is_root() && !below.contains('/');
        is_here && !is_whole && self.matcher.patterns[index].as_ref().is_none_or(|it| it.captures(below).is_some())
    }
}

/// Counts how many files some rules match.
pub struct Counter<'a> {
    set: &'a RuleSet,
    rules: &'a [usize],
    /// Of each glob the place of its rule among `rules`.
    wanted: Vec<usize>,
    globs: GlobSet,
    /// How many each of the rules matched so far.
    pub counts: Vec<u64>,
}

impl Counter<'_> {
    /// Takes a file into account: `below` is its path relative to `root`.
    pub fn see(&mut self, root: &Root, below: &str) {
        for glob in self.globs.matches_candidate(&Candidate::new(below)) {
            let nth = self.wanted[glob];
            self.counts[nth] += u64::from(self.set.holds(self.rules[nth], root, below));
        }
    }
}

/// Returns the extensions that a pattern of the form `**/*.png` or `**/*.{png,jpg}` asks for; `None` for every
/// other form.
fn extensions(pattern: &str) -> Option<Vec<&str>> {
    let rest = pattern.strip_prefix("**/*.")?;
    let list = match rest.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
        Some(alternatives) => alternatives.split(',').collect(),
        None => vec![rest],
    };
    let plain = |it: &&str| !it.is_empty() && !it.contains(['.', '/', '*', '?', '[', ']', '{', '}', ',']);
    list.iter().all(plain).then_some(list)
}

/// Returns why `pattern` cannot be a rule's, in one sentence.
pub fn pattern_problem(pattern: &str) -> Option<String> {
    if let Some(problem) = path_problem(pattern) {
        return Some(problem);
    }
    if pattern.split('/').any(|it| matches!(it, "." | "..")) {
        return Some("a pattern is relative to a root and has no `.` and `..`".to_owned());
    }
    match Pattern::parse(pattern) {
        Err(problem) => Some(problem),
        Ok(Some(parsed)) => compile(&parsed.glob()).err(),
        Ok(None) => compile(pattern).err(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RelPath;

    fn rules(patterns: &[&str]) -> RuleSet {
        let rule = |it: &&str| {
            let (root, pattern) = it.split_once('|').map_or((None, *it), |(root, it)| (Some(root.to_owned()), it));
            assert_eq!(pattern_problem(pattern), None, "{pattern}");
            Rule { pattern: pattern.to_owned(), root, kind: "raw".into(), ..Rule::default() }
        };
        RuleSet::new(patterns.iter().map(rule).collect()).expect("a small set")
    }

    fn root(name: &str) -> Root {
        Root { name: name.to_owned(), path: RelPath::new(name).expect("a path") }
    }

    #[test]
    fn the_first_matching_rule_claims() {
        let set = rules(&["ui/**/*.png", "**/*.{png,jpg}", "b|**", "*.txt", "**/*.tar.gz", "a|**/*"]);
        for (place, expected) in [
            ("a:ui/deep/x.png", Some(0)),
            ("a:ui/x.png", Some(0)),
            ("a:x.png", Some(1)),
            ("a:deep/x.jpg", Some(1)),
            ("a:x.PNG", Some(5)),
            ("b:x.PNG", Some(2)),
            ("b:x.txt", Some(2)),
            ("a:x.txt", Some(3)),
            ("a:deep/x.txt", Some(5)),
            ("a:x.tar.gz", Some(4)),
            ("c:png", None),
            ("c:x.gif", None),
            ("a:deep/asset.json", None),
            ("a:x.png.asset.json", None),
            ("c:x/y.png/z", None),
        ] {
            let (name, below) = place.split_once(':').expect("root:path");
            assert_eq!(set.claim(&root(name), below), expected, "{place}");
        }
    }

    #[test]
    fn captures_decide_which_rule_claims() {
        let set = rules(&["{dir}/{stem}.{n}.ogg", "{stem}.ogg", "b|sfx/{stem}.ogg", "{dir}/{stem}.ogg", "{a}_{b}.{c}"]);
        for (place, by, also) in [
            ("a:x/y/step.1.ogg", Some(0), &[3][..]),
            ("a:step.1.ogg", Some(1), &[]),
            ("a:x/step.ogg", Some(3), &[]),
            ("b:sfx/step.ogg", Some(2), &[3]),
            ("b:sfx/step.2.ogg", Some(0), &[2, 3]),
            ("a:b_c.ogg", Some(1), &[4]),
            ("a:x/b_c.png", None, &[]),
        ] {
            let (name, below) = place.split_once(':').expect("root:path");
            let claims = Claims { by, also: also.to_vec() };
            assert_eq!(set.claims(&root(name), below), claims, "{place}");
        }
        let captures = set.captures(0, "x/y/step.1.ogg");
        let captures: Vec<_> = captures.iter().map(|it| (&*it.0, it.1.as_str())).collect();
        assert_eq!(captures, [("dir", "x/y"), ("stem", "step"), ("n", "1")]);
        assert!(set.captures(1, "x/y").is_empty() && set.captures(9, "x").is_empty());
    }

    #[test]
    fn the_quick_way_agrees_with_the_globs() {
        let paths = ["x.png", "a/x.png", "x", "a.b/x", ".png", "a/.png", "x.png/y", "x.png.jpg", "x.", "a/x.p g"];
        for pattern in ["**/*.png", "**/*.{png,jpg}", "**", "**/*", "**/*.p g"] {
            let (set, glob) = (rules(&[pattern]), compile(pattern).expect("a glob"));
            for path in paths {
                assert_eq!(set.claim(&root("a"), path).is_some(), glob.is_match(path), "{pattern} {path}");
            }
        }
    }

    #[test]
    fn what_cannot_match_is_no_pattern() {
        for bad in
            ["", "/x", "a\\b", "../x", "./x", "a//b", "[", "{a", "{dir}/*{n}", "x/{n}.{n}.ogg", "C:/x", "{a}/../x"]
        {
            assert!(pattern_problem(bad).is_some(), "{bad}");
        }
        assert!(pattern_problem(&"{a,b}".repeat(300)).is_some());
    }
}
