//! What the author does not want to be looked at: patterns as in a `.gitignore` that lies beside `packwright.toml`.
//!
//! What is ignored is no source, as if it were hidden: it is not listed, not read, and no processor finds it. Pure.

use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Serialize, Serializer};

use crate::model::suggest::shown;

/// The patterns of a workspace, ready to be asked. Equal when the patterns are.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    patterns: Vec<String>,
    /// `None` where there are no patterns, or none that anything could match.
    matcher: Option<Arc<Gitignore>>,
}

impl PartialEq for Ignore {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for Ignore {}

impl Serialize for Ignore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.patterns.serialize(serializer)
    }
}

impl Ignore {
    /// Returns these patterns, each of which has no [`problem`].
    ///
    /// # Errors
    ///
    /// They are too much when taken together: one sentence.
    pub fn new(patterns: Vec<String>) -> Result<Self, String> {
        if patterns.is_empty() {
            return Ok(Self::default());
        }
        let mut builder = GitignoreBuilder::new("");
        for pattern in &patterns {
            builder.add_line(None, pattern).map_err(|it| it.to_string())?;
        }
        let matcher = builder.build().map_err(|it| it.to_string())?;
        Ok(Self { patterns, matcher: Some(Arc::new(matcher)) })
    }

    /// Returns the patterns, in the author's order.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Returns whether what is at a path relative to the workspace is ignored, or lies in what is. A file that does not
    /// exist is ignored where it would be.
    pub fn covers(&self, path: &str, is_dir: bool) -> bool {
        self.by(path, is_dir).is_some()
    }

    /// Returns the pattern by which what is at a path is [covered](Ignore::covers).
    pub fn by(&self, path: &str, is_dir: bool) -> Option<&str> {
        let matcher = self.matcher.as_ref().filter(|_| !path.is_empty())?;
        let by = |path: &str, is_dir: bool| match matcher.matched(path, is_dir) {
            Match::Ignore(glob) => Some(glob.original()),
            Match::None | Match::Whitelist(_) => None,
        };
        // From the top: what lies in an ignored directory is not even looked at, so that nothing takes it back.
        let mut above = path.match_indices('/').map(|it| &path[..it.0]);
        above.find_map(|it| by(it, true)).or_else(|| by(path, is_dir))
    }
}

/// Returns what is wrong with a pattern, in one sentence.
pub fn problem(pattern: &str) -> Option<String> {
    const LONGEST: usize = 1024;
    if pattern.len() > LONGEST {
        return Some(format!("a pattern has at most {LONGEST} bytes"));
    }
    if pattern.trim().is_empty() {
        return Some("the pattern is empty".to_owned());
    }
    if pattern.chars().any(char::is_control) {
        return Some(format!("`{}` holds a control character; each pattern is a text of its own", shown(pattern)));
    }
    if pattern.starts_with('#') {
        return Some("what begins with `#` is a comment in a .gitignore; a file is named so by `\\#`".to_owned());
    }
    if ["[[:", ":]"].iter().all(|it| pattern.contains(it)) {
        return Some(format!("`{}` names a class of characters, which is not known here; list them", shown(pattern)));
    }
    // git takes it as it is, and most who write it mean something else.
    if pattern.replace("\\{", "").replace("\\}", "").contains(['{', '}']) {
        let help = "write one pattern for each, or `\\{` for a name that holds it";
        return Some(format!("`{}`: braces mean nothing in a .gitignore; {help}", shown(pattern)));
    }
    let mut builder = GitignoreBuilder::new("");
    let added = builder.add_line(None, pattern).map(|_| ());
    added.and_then(|()| builder.build().map(drop)).err().map(|it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(patterns: &[&str], paths: &[&str]) -> Vec<String> {
        patterns.iter().for_each(|it| assert_eq!(problem(it), None, "{it}"));
        let all = Ignore::new(patterns.iter().map(|it| (*it).to_owned()).collect()).expect("a small set");
        let is_covered = |it: &&&str| all.covers(it.trim_end_matches('/'), it.ends_with('/'));
        paths.iter().filter(is_covered).map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn patterns_mean_what_they_mean_to_git() {
        let paths =
            ["a/x.psd", "a/keep.psd", "a/tmp/y", "tmp/", "tmp/z", "a/b/old/", "a/b/old", "a/b/old/q", "a/B.PSD", "x y"];
        assert_eq!(covered(&["*.psd", "!keep.psd", "/tmp/"], &paths), ["a/x.psd", "tmp/", "tmp/z"]);
        assert_eq!(covered(&["old/"], &paths), ["a/b/old/", "a/b/old/q"]);
        assert_eq!(covered(&["a/**/q", "x\\ y"], &paths), ["a/b/old/q", "x y"]);
        assert_eq!(covered(&["tmp", "!tmp/z"], &paths), ["a/tmp/y", "tmp/", "tmp/z"]);
        assert_eq!(covered(&["/a"], &paths).len(), 7);
        assert_eq!(covered(&["\\{a\\}.x"], &["{a}.x", "a.x"]), ["{a}.x"]);
        assert!(covered(&[], &paths).is_empty() && covered(&["*"], &[""]).is_empty());
    }

    #[test]
    fn the_pattern_that_ignores_is_told() {
        let all =
            Ignore::new(vec!["*.psd".to_owned(), "!keep.psd".to_owned(), "/tmp/".to_owned()]).expect("a small set");
        for (path, by) in [
            ("a/x.psd", Some("*.psd")),
            ("a/keep.psd", None),
            ("tmp/keep.psd", Some("/tmp/")),
            ("tmp", None),
            ("", None),
        ] {
            assert_eq!(all.by(path, false), by, "{path}");
        }
        assert_eq!(all.by("tmp", true), Some("/tmp/"));
    }

    #[test]
    fn what_means_nothing_is_told() {
        for bad in ["", "  ", "# psd", "a\nb", "[z-a]", "{a", "x}", "*.{psd,txt}", "[[:alpha:]]oo"] {
            assert!(problem(bad).is_some(), "{bad}");
        }
    }
}
