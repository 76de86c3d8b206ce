//! How authors point at things: references to assets, and the paths and globs of inputs.

use globset::{GlobBuilder, GlobSet};
use serde::Serialize;

use super::suggest::shown;
use super::{AssetUuid, Code, RelPath};

/// A reference to an asset, as it is written.
///
/// What starts with `uuid:` is an identity. What starts with `./`, `../` or `/` (or is `.` or `..`) is a path:
/// the first two as seen from the referring asset's directory, the last from the workspace. Everything else
/// is a name; a name may hold `/`, but never starts like one of the others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum Reference {
    /// By identity.
    Uuid(AssetUuid),
    /// By place, as written.
    Path(String),
    /// By name.
    Name(String),
}

impl Reference {
    /// Returns the reference that `text` writes.
    ///
    /// # Errors
    ///
    /// `text` is empty, or starts with `uuid:` and goes on with something else than a uuid: one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the reference is empty".to_owned());
        }
        if let Some(uuid) = text.strip_prefix("uuid:") {
            let malformed = || format!("`{}` is not a uuid in lower-case hyphenated form", shown(uuid));
            return AssetUuid::parse(uuid).map(Self::Uuid).ok_or_else(malformed);
        }
        let text = text.to_owned();
        Ok(if is_path(&text) { Self::Path(text) } else { Self::Name(text) })
    }

    /// Returns the place that a reference by path means, as seen from the directory `dir`; `None` for other
    /// references, and for a path that leaves the workspace or is not in normal form.
    pub fn target(&self, dir: &RelPath) -> Option<RelPath> {
        let Self::Path(path) = self else { return None };
        match path.strip_prefix('/') {
            Some(path) => RelPath::root().join(path),
            None => dir.join(path),
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uuid(uuid) => write!(f, "uuid:{uuid}"),
            Self::Path(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

/// Returns whether a reference written like this is one by path.
fn is_path(text: &str) -> bool {
    matches!(text, "." | "..") || text.starts_with("./") || text.starts_with("../") || text.starts_with('/')
}

/// Returns why `name` cannot be an asset's name, in one sentence; `None` when it can.
pub fn name_problem(name: &str) -> Option<String> {
    const LONGEST: usize = 4096;
    if name.is_empty() {
        Some("a name is not empty".to_owned())
    } else if name.len() > LONGEST {
        Some(format!("a name has at most {LONGEST} bytes"))
    } else if name.chars().any(char::is_control) {
        Some("a name holds no control characters".to_owned())
    } else if name.trim() != name {
        Some("a name neither starts nor ends with a space".to_owned())
    } else if is_path(name) || name.starts_with("uuid:") {
        Some("a name starts with none of `./`, `../`, `/` and `uuid:`: a reference could not tell".to_owned())
    } else {
        None
    }
}

/// What an author writes in `inputs`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum InputPattern {
    /// One file.
    Path(RelPath),
    /// Every source that a glob matches, in byte order of their paths.
    Glob(Glob),
}

/// A glob below a directory. `*` and `?` stay within a component, `**` does not; case counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Glob {
    /// The directory; everything that matches is below it.
    pub base: RelPath,
    /// The glob, relative to `base`.
    pub pattern: String,
}

impl InputPattern {
    /// Returns the input that `text` writes as seen from the directory `dir`. It is a glob when it holds one
    /// of `*?[{`; a file whose own name holds one is written with that character in brackets.
    ///
    /// # Errors
    ///
    /// The path is absolute, leaves the workspace, has a backslash or is not in normal form, or the glob is
    /// malformed: the code and one sentence.
    pub fn parse(dir: &RelPath, text: &str) -> Result<Self, (Code, String)> {
        path_problem(text).map_or(Ok(()), |it| Err((Code::BAD_PATH, it)))?;
        let components: Vec<&str> = text.split('/').collect();
        let plain = components.iter().take_while(|it| !it.contains(GLOB_CHARACTERS)).count();
        if plain == components.len() {
            let outside = || (Code::BAD_PATH, leaves(text));
            return dir.join(text).map(Self::Path).ok_or_else(outside);
        }
        let base = descend(dir, &components[..plain]).ok_or_else(|| (Code::BAD_PATH, leaves(text)))?;
        let glob = &components[plain..];
        if glob.iter().any(|it| matches!(*it, "." | "..")) {
            return Err((Code::BAD_PATH, "`.` and `..` only stand before the first wildcard".to_owned()));
        }
        let pattern = glob.join("/");
        compile(&pattern).map_err(|it| (Code::BAD_PATTERN, it))?;
        Ok(Self::Glob(Glob { base, pattern }))
    }
}

impl Glob {
    /// Returns the matcher of this glob. Compiling takes some microseconds: keep it.
    pub fn matcher(&self) -> GlobMatcher {
        // A glob that does not compile was never made; matching nothing is the harmless answer.
        GlobMatcher { base: self.base.clone(), set: compile(&self.pattern).unwrap_or_else(|_| GlobSet::empty()) }
    }
}

/// A compiled [`Glob`].
#[derive(Clone, Debug)]
pub struct GlobMatcher {
    base: RelPath,
    set: GlobSet,
}

impl GlobMatcher {
    /// Returns the directory below which everything is that matches.
    pub fn base(&self) -> &RelPath {
        &self.base
    }

    /// Returns whether the workspace-relative `path` matches.
    pub fn is_match(&self, path: &str) -> bool {
        self.base.strip(path).is_some_and(|below| self.set.is_match(below))
    }
}

const GLOB_CHARACTERS: [char; 4] = ['*', '?', '[', '{'];

/// Compiles a glob relative to some directory.
///
/// # Errors
///
/// What is wrong with it, in one sentence.
pub fn compile(pattern: &str) -> Result<GlobSet, String> {
    GlobSet::new([parse_glob(pattern)?]).map_err(|it| it.kind().to_string())
}

/// Parses a glob relative to some directory: case counts, only `**` crosses `/`.
///
/// # Errors
///
/// What is wrong with it, in one sentence.
pub fn parse_glob(pattern: &str) -> Result<globset::Glob, String> {
    // Compiling takes time and stack in proportion to the length.
    const LONGEST: usize = 1024;
    if pattern.len() > LONGEST {
        return Err(format!("a pattern has at most {LONGEST} bytes"));
    }
    let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(false).build();
    glob.map_err(|it| it.kind().to_string())
}

/// Returns what is wrong with an authored path whatever directory it is seen from, in one sentence.
pub fn path_problem(text: &str) -> Option<String> {
    let drive = matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if text.is_empty() {
        Some("the path is empty".to_owned())
    } else if text.contains('\\') {
        Some(format!("`{}` has a backslash; components are separated by `/`", shown(text)))
    } else if text.starts_with('/') || drive {
        Some(format!("`{}` is absolute; paths are relative", shown(text)))
    } else if text.chars().any(char::is_control) {
        Some(format!("`{}` holds a control character", shown(text)))
    } else if text.split('/').any(str::is_empty) {
        Some(format!("`{}` has an empty component", shown(text)))
    } else {
        None
    }
}

fn leaves(text: &str) -> String {
    format!("`{}` leads out of the workspace", shown(text))
}

/// Follows `components` from `dir`, as far as the workspace itself; `None` when they lead out of it.
fn descend(dir: &RelPath, components: &[&str]) -> Option<RelPath> {
    components.iter().try_fold(dir.clone(), |at, component| match *component {
        "." => Some(at),
        ".." => at.parent(),
        name => Some(at.child(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> RelPath {
        RelPath::new("assets/hero").expect("a path")
    }

    #[test]
    fn a_path_is_told_from_a_name_by_how_it_starts() {
        let uuid = "uuid:01234567-89ab-8def-8123-456789abcdef";
        assert!(matches!(Reference::parse(uuid), Ok(Reference::Uuid(it)) if format!("uuid:{it}") == uuid));
        for path in ["./x", "../x", "/x", ".", ".."] {
            assert_eq!(Reference::parse(path), Ok(Reference::Path(path.to_owned())), "{path}");
            assert!(name_problem(path).is_some(), "{path}");
        }
        for name in ["x", "a/b.png", ".x", "...", "..x", "UUID:1", "17"] {
            assert_eq!(Reference::parse(name), Ok(Reference::Name(name.to_owned())), "{name}");
            assert_eq!(name_problem(name), None, "{name}");
        }
        for bad in ["", "uuid:", "uuid:hero", "uuid:01234567-89AB-8def-8123-456789abcdef"] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", " x", "x\n", "uuid:x", &"x".repeat(4097)] {
            assert!(name_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_reference_by_path_leads_to_a_place() {
        for (text, expected) in [
            ("./x.png", Some("assets/hero/x.png")),
            ("../ui", Some("assets/ui")),
            ("/assets/ui/../x", Some("assets/x")),
            ("..", Some("assets")),
            ("../../..", None),
            ("../../../x", None),
            ("/", None),
            ("//x", None),
            ("hero", None),
        ] {
            let target = Reference::parse(text).expect("a reference").target(&dir());
            assert_eq!(target.as_ref().map(RelPath::as_str), expected, "{text}");
        }
    }

    #[test]
    fn inputs_are_paths_or_globs_inside_the_workspace() {
        let shown = |text: &str| match InputPattern::parse(&dir(), text) {
            Ok(InputPattern::Path(path)) => path.to_string(),
            Ok(InputPattern::Glob(glob)) => format!("{} {}", glob.base, glob.pattern),
            Err((code, message)) => format!("{code} {message}"),
        };
        for (text, expected) in [
            ("x.png", "assets/hero/x.png"),
            ("../ui/x.png", "assets/ui/x.png"),
            ("*.png", "assets/hero *.png"),
            ("../ui/./a?/**", "assets/ui a?/**"),
            ("../../*.png", ". *.png"),
            ("{a,b}/x", "assets/hero {a,b}/x"),
            ("", "PW0006 the path is empty"),
            ("../../../x", "PW0006 `../../../x` leads out of the workspace"),
            ("../../../*.x", "PW0006 `../../../*.x` leads out of the workspace"),
            ("../..", "PW0006 `../..` leads out of the workspace"),
            ("/x", "PW0006 `/x` is absolute; paths are relative"),
            ("C:/x", "PW0006 `C:/x` is absolute; paths are relative"),
            ("a\\b", "PW0006 `a\\b` has a backslash; components are separated by `/`"),
            ("a//b", "PW0006 `a//b` has an empty component"),
            ("a/", "PW0006 `a/` has an empty component"),
            ("a\0", "PW0006 `a\\u{0}` holds a control character"),
            ("*/../x", "PW0006 `.` and `..` only stand before the first wildcard"),
            ("[a", "PW0007 unclosed character class; missing ']'"),
            ("{a", "PW0007 unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn globs_match_below_their_base() {
        let matches = |text: &str, path: &str| match InputPattern::parse(&dir(), text) {
            Ok(InputPattern::Glob(glob)) => glob.matcher().is_match(path),
            other => panic!("{other:?}"),
        };
        assert!(matches("*.png", "assets/hero/x.png"));
        assert!(!matches("*.png", "assets/hero/deep/x.png"));
        assert!(!matches("*.png", "assets/hero/x.PNG"));
        assert!(matches("**/*.png", "assets/hero/deep/x.png"));
        assert!(matches("../../a*/x", "assets/x"));
        assert!(matches("[[]x]", "assets/hero/[x]"));
        assert!(!matches("*", "assets/heroes"));
    }

    #[test]
    fn hostile_globs_are_refused_or_harmless() {
        for text in
            ["{".repeat(500), "[".repeat(500), format!("{}{}", "{a,".repeat(300), "}".repeat(300)), "*".repeat(2000)]
        {
            if let Ok(InputPattern::Glob(glob)) = InputPattern::parse(&dir(), &text) {
                glob.matcher().is_match("assets/hero/aaaaaaaaaaaaaaaaaaaaaaaaaa");
            }
        }
    }
}
