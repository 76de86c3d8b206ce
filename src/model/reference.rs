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
