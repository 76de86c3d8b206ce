//! Workspace-relative paths, and the order in which sources follow one another.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::scalar;

/// The name of a directory's own declaration.
pub const ASSET_JSON: &str = "asset.json";
/// What a sidecar's name adds to its file's.
pub const SIDECAR_SUFFIX: &str = ".asset.json";

/// A path relative to the workspace, with `/` between components.
///
/// Never absolute; no component is empty, `.` or `..`, and none holds a NUL. The empty path is the
/// workspace itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<str>);

impl RelPath {
    /// Returns the workspace's own path.
    pub fn root() -> Self {
        Self("".into())
    }

    /// Returns `text` as a path, or `None` where it is not in the normal form described above.
    pub fn new(text: &str) -> Option<Self> {
        (text.is_empty() || is_normal(text)).then(|| Self(text.into()))
    }

    /// Returns the path that `relative` names as seen from this directory; `.` and `..` are followed.
    ///
    /// `None` when `relative` is absolute, leaves the workspace, names the directory's own workspace
    /// root, or has an empty component or a NUL.
    pub fn join(&self, relative: &str) -> Option<Self> {
        if is_normal(relative) {
            return Some(if self.is_root() { Self(relative.into()) } else { Self(joined(&self.0, relative)) });
        }
        let mut parts: Vec<&str> = if self.is_root() { Vec::new() } else { self.0.split('/').collect() };
        for part in relative.split('/') {
            match part {
                "" => return None,
                "." => {}
                ".." => {
                    parts.pop()?;
                }
                _ if part.contains('\0') => return None,
                _ => parts.push(part),
            }
        }
        (!parts.is_empty()).then(|| Self(parts.join("/").into()))
    }

    /// Returns this directory's child `name`, which must be a single component.
    pub fn child(&self, name: &str) -> Self {
        debug_assert!(!name.is_empty() && !name.contains('/'), "BUG: `{name}` is not one component");
        if self.is_root() { Self(name.into()) } else { Self(joined(&self.0, name)) }
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is the workspace itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the directory that holds this path; `None` for the workspace itself.
    pub fn parent(&self) -> Option<Self> {
        (!self.is_root()).then(|| Self(parent(&self.0).into()))
    }

    /// Returns the last component, empty for the workspace itself.
    pub fn name(&self) -> &str {
        file_name(&self.0)
    }

    /// Returns what remains of `path` below this directory, or `None` when it is not below it.
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.is_root() {
            return (!path.is_empty()).then_some(path);
        }
        path.strip_prefix(&*self.0)?.strip_prefix('/')
    }

    /// Returns how this directory would name `target`, with `..` where it must go up.
    pub fn relative(&self, target: &RelPath) -> String {
        if let Some(below) = self.strip(target.as_str()) {
            return below.to_owned();
        }
        let from: Vec<&str> = self.0.split('/').filter(|it| !it.is_empty()).collect();
        let to: Vec<&str> = target.0.split('/').filter(|it| !it.is_empty()).collect();
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let mut parts = vec![".."; from.len() - common];
        parts.extend(&to[common..]);
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }
}

/// Returns two paths with a `/` between them. There are as many as sources, and formatting takes twice as long.
fn joined(above: &str, below: &str) -> Arc<str> {
    let mut path = String::with_capacity(above.len() + 1 + below.len());
    path.push_str(above);
    path.push('/');
    path.push_str(below);
    path.into()
}

/// Returns why not every system can hold a file of this name, in a few words; `None` where all can.
pub fn portability_problem(name: &str) -> Option<String> {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    // The digits of ports may be small and raised, too.
    let is_port = |stem: &str| {
        let port = stem.strip_suffix(['1', '2', '3', '4', '5', '6', '7', '8', '9', '\u{b9}', '\u{b2}', '\u{b3}']);
        port.is_some_and(|it| ["COM", "LPT"].iter().any(|port| it.eq_ignore_ascii_case(port)))
    };
    let is_device = is_port(stem)
        || ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].iter().any(|it| stem.eq_ignore_ascii_case(it));
    if is_device {
        return Some(format!("`{}` is a device on Windows", stem.to_ascii_uppercase()));
    }
    if name.ends_with(['.', ' ']) {
        return Some("Windows drops a dot or a space at the end".to_owned());
    }
    let odd = name.chars().find(|it| it.is_control() || "<>:\"|?*\\".contains(*it))?;
    Some(match odd {
        '\u{7f}'.. => format!("{odd:?} is a control character, and many tools take none"),
        _ => format!("Windows allows no {odd:?} in a name"),
    })
}

/// Returns what a URL makes of `name`, a component of a path, where that is something else than the name.
pub fn url_problem(name: &str) -> Option<&'static str> {
    name.chars().find_map(|it| match it {
        '#' => Some("in a URL, a fragment begins with `#`"),
        '%' => Some("in a URL, `%` begins an encoded byte"),
        // Windows has no such name, and that is told already.
        _ => None,
    })
}

/// How many UTF-16 units a path in a workspace may have: Windows allows 260 by default, and the workspace lies in a
/// directory of its own.
pub const LONGEST_PORTABLE: usize = 240;

/// Returns whether no component is empty, `.` or `..`, and none holds a NUL. In one pass: paths are short and many.
fn is_normal(path: &str) -> bool {
    let (mut len, mut dots) = (0, 0);
    for byte in path.bytes().chain([b'/']) {
        match byte {
            // Two dots and less, and nothing else.
            b'/' if len == dots && len <= 2 => return false,
            b'/' => (len, dots) = (0, 0),
            0 => return false,
            _ => (len, dots) = (len + 1, dots + usize::from(byte == b'.')),
        }
    }
    true
}

/// Returns where the last `/` is.
fn last_slash(path: &str) -> Option<usize> {
    path.bytes().rposition(|it| it == b'/')
}

/// Returns the directory part of `path`, empty where there is none.
pub fn parent(path: &str) -> &str {
    last_slash(path).map_or("", |at| &path[..at])
}

/// Returns the last component of `path`.
pub fn file_name(path: &str) -> &str {
    last_slash(path).map_or(path, |at| &path[at + 1..])
}

/// Returns the file that a sidecar at `path` speaks for; `None` when `path` does not name a sidecar.
pub fn sidecar_owner(path: &str) -> Option<&str> {
    let owner = path.strip_suffix(SIDECAR_SUFFIX)?;
    (!owner.is_empty() && !owner.ends_with('/')).then_some(owner)
}

/// Returns the key by which sources are ordered: a directory comes right before what it holds, and a
/// sidecar right after its file.
///
/// Components compare as bytes. `/` becomes NUL, which no name holds, so that nothing sorts between a
/// directory and its contents; a sidecar takes its file's key and two NULs.
pub fn order_key(path: &str) -> Vec<u8> {
    let (owner, sidecar) = sidecar_owner(path).map_or((path, false), |owner| (owner, true));
    let mut key: Vec<u8> = owner.bytes().map(|it| if it == b'/' { 0 } else { it }).collect();
    if sidecar {
        key.extend([0, 0]);
    }
    key
}

/// Compares two paths by their [`order_key`]s, without building these.
pub fn compare_order(a: &str, b: &str) -> Ordering {
    let spoken_for = |path| sidecar_owner(path).map_or((path, false), |owner| (owner, true));
    let ((a, a_is_sidecar), (b, b_is_sidecar)) = (spoken_for(a), spoken_for(b));
    let key = |byte: u8| if byte == b'/' { 0 } else { byte };
    let equal = common_len(a.as_bytes(), b.as_bytes());
    match a.bytes().zip(b.bytes()).nth(equal) {
        Some((a, b)) => key(a).cmp(&key(b)),
        // What goes on behind two equal beginnings comes last, a sidecar's two NULs first of all.
        None => (a.len(), a_is_sidecar).cmp(&(b.len(), b_is_sidecar)),
    }
}

/// Returns how many bytes are equal at the front.
fn common_len(a: &[u8], b: &[u8]) -> usize {
    const WORD: usize = 8;
    // Paths are compared with their neighbours, with which they have most in common.
    let words = a.chunks_exact(WORD).zip(b.chunks_exact(WORD)).take_while(|(a, b)| a == b).count();
    let start = words * WORD;
    start + a[start..].iter().zip(&b[start..]).take_while(|(a, b)| a == b).count()
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RelPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for RelPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for RelPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a relative path with `/` and without `.`, `..` or empty components";
        scalar::deserialize(deserializer, expected, Self::new)
    }
}

impl schemars::JsonSchema for RelPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RelPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Path relative to the workspace, `/` between components, without `.` and `..`"
        })
    }
}

impl bincode::Encode for RelPath {
    fn encode<E: bincode::enc::Encoder>(&self, encoder: &mut E) -> Result<(), bincode::error::EncodeError> {
        self.as_str().encode(encoder)
    }
}

impl<C> bincode::Decode<C> for RelPath {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let text = String::decode(decoder)?;
        Self::new(&text).ok_or(bincode::error::DecodeError::Other("not a normalized relative path"))
    }
}
bincode::impl_borrow_decode!(RelPath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_normal_forms_are_paths() {
        for good in ["", "a", "a/b", "a b/ü.png", "...", "a/..b"] {
            assert!(RelPath::new(good).is_some(), "{good}");
        }
        for bad in ["/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0"] {
            assert!(RelPath::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn join_follows_dots_but_never_leaves() {
        let dir = RelPath::new("assets/hero").expect("a path");
        assert_eq!(dir.join("../x.png").expect("inside").as_str(), "assets/x.png");
        assert_eq!(dir.join("./x.png").expect("inside").as_str(), "assets/hero/x.png");
        for bad in ["../../../x", "/x", "a//b", "", "../.."] {
            assert!(dir.join(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn relative_is_the_inverse_of_join() {
        for (dir, target) in [("a/b", "a/c/d"), ("", "x"), ("a", "a/x"), ("a/b/c", "d")] {
            let (dir, target) = (RelPath::new(dir).expect("dir"), RelPath::new(target).expect("target"));
            assert_eq!(dir.join(&dir.relative(&target)), Some(target));
        }
    }

    #[test]
    fn order_keeps_directories_and_sidecars_together() {
        let mut paths = vec!["a-b", "a/x", "a", "a/x.png.asset.json", "a/x.png-1", "a/x.png", "a/y", "a.png"];
        paths.sort_by_key(|it| order_key(it));
        assert_eq!(paths, ["a", "a/x", "a/x.png", "a/x.png.asset.json", "a/x.png-1", "a/y", "a-b", "a.png"]);
    }

    #[test]
    fn comparing_paths_is_comparing_their_keys() {
        let all = [
            "",
            "a",
            "a/b",
            "a-b",
            "a.asset.json",
            "a/b.asset.json",
            "a/b/c",
            "a/c.asset.json",
            "a.b",
            "a.b.asset.json",
            "ab",
            "b",
            ".asset.json",
        ];
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
            assert_eq!(compare_order(a, b), order_key(a).cmp(&order_key(b)), "{a} {b}");
        }
    }

    #[test]
    fn a_plain_asset_json_is_not_a_sidecar() {
        assert_eq!(sidecar_owner("a/asset.json"), None);
        assert_eq!(sidecar_owner("a/.asset.json"), None);
        assert_eq!(sidecar_owner("a/b.asset.json"), Some("a/b"));
    }
}
