//! What is wrong with a workspace, as data: queries and parsers return these, nobody prints them but
//! the command line.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RelPath;

/// A stable diagnostic code, shown as `PW0042`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, bincode::Encode, bincode::Decode)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PW{:04}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| text.strip_prefix("PW").and_then(|it| it.parse().ok()).map(Self);
        super::scalar::deserialize(deserializer, "a code such as `PW0042`", parse)
    }
}

impl schemars::JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^PW[0-9]{4}$" })
    }
}

/// How bad it is. An error keeps a build from publishing; a warning does not.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    bincode::Encode,
    bincode::Decode,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is published while this stands.
    Error,
    /// Worth a look; the pack is built all the same.
    Warning,
}

/// A stretch of a text file. Offsets are in bytes from the file's start, lines and columns count from one
/// and columns count characters.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    bincode::Encode,
    bincode::Decode,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Line of the first byte, from one.
    pub line: u32,
    /// Column of the first byte in characters, from one.
    pub column: u32,
}

impl Span {
    /// Returns the span of `text[start..end]`. Offsets past the end, or inside a character, are moved back
    /// to the nearest boundary.
    pub fn of(text: &str, start: usize, end: usize) -> Self {
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(start), floor(end.max(start)));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            start: start as u32,
            end: end as u32,
            line: before.bytes().filter(|it| *it == b'\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
        }
    }
}

/// A file, or a stretch of one.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    bincode::Encode,
    bincode::Decode,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Location {
    /// The file, relative to the workspace.
    pub path: RelPath,
    /// Where in the file; absent when the file as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub span: Option<Span>,
}

impl Location {
    /// Returns the location of a whole file.
    pub(crate) fn file(path: &RelPath) -> Self {
        Self { path: path.clone(), span: None }
    }

    /// Returns the location of a stretch of a file.
    pub(crate) fn span(path: &RelPath, span: Span) -> Self {
        Self { path: path.clone(), span: Some(span) }
    }
}

/// Another place that has to do with a diagnostic, and what it has to do with it.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    bincode::Encode,
    bincode::Decode,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Related {
    /// What is to be seen there.
    pub message: String,
    /// Where.
    pub location: Location,
}

/// One thing wrong with the workspace. The derived order is the order in which they are shown: by path,
/// position and code.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    bincode::Encode,
    bincode::Decode,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Where it is; absent when it belongs to no file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Location>,
    /// Stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a final period.
    pub message: String,
    /// Other places that matter.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub related: Vec<Related>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub help: Option<String>,
}

impl Diagnostic {
    /// Returns an error without a place.
    pub(crate) fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            location: None,
            code,
            severity: Severity::Error,
            message: message.into(),
            related: Vec::new(),
            help: None,
        }
    }

    /// Returns a warning without a place.
    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Puts the diagnostic at `location`.
    #[must_use]
    pub(crate) fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub(crate) fn related(mut self, message: impl Into<String>, location: Location) -> Self {
        self.related.push(Related { message: message.into(), location });
        self
    }

    /// Keeps no build from publishing any more.
    pub fn excuse(&mut self) {
        self.severity = Severity::Warning;
    }

    /// Returns whether this keeps a build from publishing.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Puts diagnostics into the order in which they are shown, each once.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort();
    diagnostics.dedup();
}

/// Declares every code once, with the sentences that `explain` gives for it.
macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal;)*) => {
        impl Code {
            $(#[doc = $title] pub const $name: Code = Code($number);)*
            /// Every code with its one-line title, in order.
            pub const ALL: &'static [(Code, &'static str)] = &[$((Code($number), $title)),*];
        }
    };
}

codes! {
    // 00xx: authored files.
    SYNTAX = 1, "a file is not well-formed JSON or TOML";
    DUPLICATE_KEY = 2, "a key is given twice in one object";
    UNKNOWN_FIELD = 3, "a field is not known here";
    WRONG_TYPE = 4, "a value has the wrong type or an impossible value";
    REGISTRY_OWNED = 5, "a field belongs to the registry and is not written by hand";
    BAD_PATH = 6, "a path is absolute, leaves the workspace or is not in normal form";
    BAD_PATTERN = 7, "a glob pattern is not valid";
    UNKNOWN_TYPE = 8, "no processor has this type";
    UNKNOWN_PRESET = 9, "a preset is not defined";
    PRESET_CYCLE = 10, "presets refer to each other in a circle";
    NOT_UTF8 = 11, "a text file is not UTF-8";
    NAME_CLASH = 12, "two assets have one name";
    CLAIM_CLASH = 13, "two declarations claim one owner";
    DANGLING_SIDECAR = 14, "a sidecar has no file beside it";
    MISSING_INPUT = 15, "a declared input is not there";
    UNRESOLVED_REFERENCE = 16, "a reference names no asset";
    NO_TYPE = 17, "a declaration says no type and no rule would give one";
    DEPENDENCY_CYCLE = 18, "declared dependencies form a circle";
    UNKNOWN_PROFILE = 19, "a profile is not defined";
    WORKSPACE_UUID = 20, "packwright.toml has no usable workspace uuid";
    ROOTS = 21, "roots overlap, share a name or are missing";
    NO_INPUTS = 22, "an asset has no input";
    TOO_LARGE = 23, "a declaration file is too large";
    UNKNOWN_PACK = 24, "a pack is not defined";
    PACK_NAME = 25, "a pack's name can be no file name, or two are one on some systems";
    PROFILE_CYCLE = 26, "profiles inherit from each other in a circle";
    // 01xx: the tree.
    NOT_A_FILE = 101, "a FIFO, socket or device stands where a source is claimed";
    LINK_ESCAPES = 102, "a link leads out of the workspace";
    LINK_DANGLES = 103, "a link leads nowhere";
    LINK_LOOPS = 104, "a link leads back into itself, or through too many others";
    NAME_NOT_UTF8 = 105, "a file name is not UTF-8";
    NAME_COLLISION = 106, "two paths differ only in case or Unicode normalization";
    NAME_NOT_PORTABLE = 107, "a name is one that not every system can hold";
    TORN_READ = 108, "a file kept changing while it was read";
    UNREADABLE = 109, "a source cannot be read";
    LFS_POINTER = 110, "a Git LFS pointer stands in place of the content";
    EMPTY_FILE = 111, "a file is empty";
    NOT_A_SOURCE = 112, "a path is hidden, ignored or outside the roots";
    BELIES_EXTENSION = 113, "a file holds something else than its extension says";
    LINK_ABSOLUTE = 114, "a link holds an absolute path";
    FILE_TOO_LARGE = 115, "a file is larger than the profile allows";
    // 02xx: the registry.
    REGISTRY_MISSING = 201, "a registry file is absent";
    REGISTRY_SYNTAX = 202, "a registry line cannot be read";
    REGISTRY_CONFLICT = 203, "a uuid, number or place is bound twice";
    REGISTRY_MARKERS = 204, "merge conflict markers are left in the registry";
    REGISTRY_FULL = 205, "no asset_id is left";
    PLACE_MISSING = 206, "a registered asset is not declared any more";
    LOCKED = 207, "--locked would have to change the registry";
    SUPERSEDED = 208, "a superseded registry line is left from a merge";
    DOUBLED = 209, "a registry line stands there twice";
    FOUND_AGAIN = 210, "a missing asset is found by what only this machine remembers";
    NOT_MERGED_BY_LINE = 211, "git is not told to merge the registry line by line";
    NOT_COMMITTED = 212, "the registry is not in git";
    // 022x: what is left of accidents, and what a machine cannot do.
    HALF_DONE = 220, "a commit is left half done";
    STAGED_LEFT = 221, "files are left of a commit that never was";
    STRAY_KEPT = 222, "a file came out of a commit and could not go back";
    COARSE_CLOCK = 225, "the file system's clock goes in long steps, or cannot be read";
    CASE_BLIND = 226, "the file system does not tell upper case from lower case";
    NO_LOCKS = 227, "the file system has no locks";
    LINE_ENDINGS = 228, "files are what was registered but for their line endings";
    // 03xx: processors.
    PROCESSOR_PANIC = 301, "a processor failed in a way it should not";
    IMAGE_BROKEN = 310, "an image cannot be decoded";
    IMAGE_LIMIT = 311, "an image is larger than its limits";
    IMAGE_KIND = 312, "a file is not the kind of image its type says";
    IMAGE_ODD = 313, "an image can be decoded, but something in it is not as it should be";
    MODEL_BROKEN = 320, "a model cannot be read";
    MODEL_MISSING = 321, "a model names a file that is not there";
    MODEL_LIMIT = 322, "a model is larger than its limits";
    MODEL_ODD = 323, "a model can be read, but something in it is not as it should be";
    AUDIO_BROKEN = 330, "a sound cannot be read";
    AUDIO_LIMIT = 331, "a sound is larger than its limits";
    AUDIO_KIND = 332, "a file is not the kind of sound its type says";
    AUDIO_ODD = 333, "a sound can be played, but something in it is not as it should be";
    AUDIO_FORM = 334, "a sound cannot be given the form that its settings ask for";
    // 04xx: building.
    CACHE_DAMAGED = 402, "part of the cache was damaged and is not used";
    CACHE_BUSY = 403, "the cache is held by another process";
    CACHE_UNAVAILABLE = 404, "the cache cannot be used";
    ABSENT_REFERENCE = 406, "an asset refers to one that is not in the pack";
    EMPTY_PACK = 407, "a pack selects nothing";
    // 05xx: writing.
    STILL_USED = 501, "an asset that is to go is still used by another";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ordered() {
        assert!(Code::ALL.windows(2).all(|it| it[0].0 < it[1].0));
        assert_eq!(Code::NAME_CLASH.to_string(), "PW0012");
    }

    #[test]
    fn spans_count_characters_and_never_split_them() {
        let text = "a\nüx = 1\n";
        let span = Span::of(text, 4, 5);
        assert_eq!((span.line, span.column), (2, 2));
        let inside = Span::of(text, 3, 99);
        assert_eq!((inside.start, inside.line, inside.column), (2, 2, 1));
        assert_eq!(inside.end as usize, text.len());
    }
}
