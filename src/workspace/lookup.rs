//! Questions about the tree, asked alike of a plain [`Tree`] and of the query database: what is at a path, and what
//! lies below a directory that matches a pattern.

use globset::{GlobBuilder, GlobMatcher};

use crate::model::RelPath;
use crate::model::path::{ASSET_JSON, sidecar_owner};

use super::bucket::{Bucket, Content, Kind, Members, Tree};
use super::ignore::Ignore;

/// A tree that can be asked.
pub trait Lookup {
    /// Returns what is at `path`.
    fn find(&self, path: &RelPath) -> Option<(Kind, Content)>;
    /// Shows every bucket that may hold something below `dir`, in path order.
    fn buckets_below(&self, dir: &RelPath, show: &mut dyn FnMut(&Members, &[Content]));
}

impl Lookup for Tree {
    fn find(&self, path: &RelPath) -> Option<(Kind, Content)> {
        let (bucket, idx) = Tree::find(self, path.as_str())?;
        Some((bucket.kind(idx), bucket.content(idx)))
    }

    fn buckets_below(&self, dir: &RelPath, show: &mut dyn FnMut(&Members, &[Content])) {
        for idx in Tree::buckets_below(self, dir) {
            let bucket: &Bucket = &self.buckets()[idx];
            show(bucket.members(), bucket.contents());
        }
    }
}

/// A source that a question found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Where it is.
    pub path: RelPath,
    /// What it is.
    pub kind: Kind,
    /// Its contents.
    pub content: Content,
}

/// Returns everything below `dir` that is not a directory, in byte order of path.
pub fn sources_below(tree: &dyn Lookup, dir: &RelPath) -> Vec<Source> {
    let mut found = Vec::new();
    let mut buf = String::new();
    tree.buckets_below(dir, &mut |members, contents| {
        for (idx, content) in contents.iter().enumerate() {
            let kind = members.kind(idx);
            if !kind.is_dir() && dir.strip(members.path_in(idx, &mut buf)).is_some() {
                found.push(Source { path: members.path(idx), kind, content: *content });
            }
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Returns whether the file at `path` is a declaration.
pub fn is_declaration(path: &str) -> bool {
    let is_own = path.strip_suffix(ASSET_JSON).is_some_and(|it| it.is_empty() || it.ends_with('/'));
    is_own || sidecar_owner(path).is_some()
}

/// A glob as seen from a directory, split into the directory it starts in and the pattern below it.
#[derive(Debug)]
pub struct Glob {
    /// Where matching starts; everything that matches lies below.
    pub start: RelPath,
    matcher: GlobMatcher,
}

impl Glob {
    /// Returns the glob `pattern` as seen from `base`. Leading components without glob characters, `..` among them,
    /// name the directory in which matching starts. `None` when the pattern is malformed or leaves the workspace.
    pub fn new(base: &RelPath, pattern: &str) -> Option<Self> {
        let mut start = base.clone();
        let mut rest = pattern;
        while let Some((first, tail)) = rest.split_once('/') {
            if first.contains(['*', '?', '[', ']', '{', '}', '\\', '!']) {
                break;
            }
            start = step(&start, first)?;
            rest = tail;
        }
        let glob = GlobBuilder::new(rest).literal_separator(true).backslash_escape(true).build().ok()?;
        Some(Self { start, matcher: glob.compile_matcher() })
    }

    /// Returns the sources that match, declarations excepted, in byte order of path.
    pub fn matches(&self, tree: &dyn Lookup) -> Vec<Source> {
        let mut found = sources_below(tree, &self.start);
        found.retain(|it| {
            let below = self.start.strip(it.path.as_str()).expect("asked for what is below");
            self.matcher.is_match(below) && !is_declaration(below)
        });
        found
    }
}

fn step(dir: &RelPath, component: &str) -> Option<RelPath> {
    match component {
        "" => None,
        "." => Some(dir.clone()),
        ".." => dir.parent(),
        _ if component.contains('\0') => None,
        _ => Some(dir.child(component)),
    }
}

/// Says why `path` is not a source although something may be there, in words that follow the path.
pub fn not_a_source(roots: &[RelPath], ignore: &Ignore, path: &RelPath) -> Option<&'static str> {
    if !roots.iter().any(|it| it.strip(path.as_str()).is_some()) {
        return Some("lies outside the workspace's roots");
    }
    if path.as_str().split('/').any(|it| it.starts_with('.')) {
        return Some("is hidden (a name in it begins with a dot), and hidden files are no sources");
    }
    if ignore.covers(path.as_str(), false) {
        return Some("is ignored by `ignore` in packwright.toml, and ignored files are no sources");
    }
    super::layout::Workspace::is_own(path.as_str()).then_some("belongs to packwright and is no source")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::testing::tree_of;

    fn matches(tree: &Tree, base: &str, pattern: &str) -> Vec<String> {
        let base = RelPath::new(base).expect("a path");
        let glob = Glob::new(&base, pattern).expect("a glob");
        glob.matches(tree).into_iter().map(|it| it.path.to_string()).collect()
    }

    #[test]
    fn globs_start_where_their_literal_part_leads() {
        let tree = tree_of(&["a/b/x.png", "a/b/c/y.png", "a/z.png", "a/b/x.png.asset.json", "a/b/asset.json", "w.png"]);
        assert_eq!(matches(&tree, "a/b", "*.png"), ["a/b/x.png"]);
        assert_eq!(matches(&tree, "a/b", "**/*.png"), ["a/b/c/y.png", "a/b/x.png"]);
        assert_eq!(matches(&tree, "a/b", "../*.png"), ["a/z.png"]);
        assert_eq!(matches(&tree, "a/b", "c/?.png"), ["a/b/c/y.png"]);
        assert_eq!(matches(&tree, "a/b", "*"), ["a/b/x.png"]);
        assert_eq!(matches(&tree, "", "*.png"), ["w.png"]);
        assert!(Glob::new(&RelPath::root(), "../*.png").is_none());
        assert!(Glob::new(&RelPath::root(), "a[").is_none());
    }

    #[test]
    fn paths_outside_hidden_or_own_are_no_sources() {
        let roots = [RelPath::new("assets").expect("a path")];
        for (path, ok) in [("assets/x", true), ("x", false), ("assets/.git/x", false), ("assets", false)] {
            assert_eq!(
                not_a_source(&roots, &Ignore::default(), &RelPath::new(path).expect("a path")).is_none(),
                ok,
                "{path}"
            );
        }
    }
}
