//! Traces: what a run asked, what it was told, and what it made.
//!
//! Everything in a trace is relative to the asset's directory, so that a trace holds wherever the directory moves.
//! A trace whose every question gets the same answer today stands for a run.

use bincode::{Decode, Encode};

use crate::model::{AssetId, Digest, RelPath};
use crate::workspace::bucket::{Content, Kind};
use crate::workspace::ignore::Ignore;
use crate::workspace::lookup::{Glob, Lookup, not_a_source};

use super::contract::{Finding, Found, Input, Metadata, Resolved};

/// One question and its exact answer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Observation {
    /// Is there a source at this path?
    Find {
        /// Relative to the asset's directory.
        path: String,
        /// What was there.
        answer: FindAnswer,
    },
    /// Which sources match this glob?
    Glob {
        /// Relative to the asset's directory.
        pattern: String,
        /// The paths, sorted.
        matches: Vec<String>,
    },
    /// Which asset does this path belong to?
    AssetAt {
        /// Relative to the asset's directory.
        path: String,
        /// The asset as a reference to it resolves.
        answer: Option<Resolved>,
    },
}

impl Observation {
    /// Returns what was asked: which of the three questions, and about what.
    pub fn question(&self) -> (u8, &str) {
        match self {
            Self::Find { path, .. } => (0, path),
            Self::Glob { pattern, .. } => (1, pattern),
            Self::AssetAt { path, .. } => (2, path),
        }
    }
}

/// What was found at a path.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum FindAnswer {
    /// A source with this digest and length.
    Source(Digest, u64),
    /// Nothing.
    Absent,
    /// Something that is not a source, and why, in words that name no place.
    NotASource(String),
}

/// Where the bytes of a payload come from.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Origin {
    /// The processor made them; the store may have them.
    Made,
    /// They are those of this input, as it is. Relative to the asset's directory.
    Input(String),
}

/// A payload, told without its bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PayloadRecord {
    /// What it is to the asset; the main payload has the empty role.
    pub role: String,
    /// Digest of the bytes.
    pub digest: Digest,
    /// Their number.
    pub len: u64,
    /// Where they come from.
    pub origin: Origin,
}

/// An artifact, told without its bytes.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct ArtifactRecord {
    /// The part of the asset; empty for the asset itself.
    pub part: String,
    /// At least one.
    pub payloads: Vec<PayloadRecord>,
    /// Facts from the processor.
    pub metadata: Metadata,
    /// The assets it refers to, sorted, each once.
    pub references: Vec<AssetId>,
}

/// What a run came to, as it is remembered.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Trace {
    /// What was asked, in the order of asking.
    pub observations: Vec<Observation>,
    /// The artifacts by part; none when the inputs do not allow any.
    pub artifacts: Option<Vec<ArtifactRecord>>,
    /// What the processor had to say.
    pub findings: Vec<Finding>,
}

/// Who answers questions about other assets.
pub trait Assets: Sync {
    /// Returns the asset whose owner is the source or directory at `place`.
    fn asset_at(&self, place: &RelPath) -> Option<Resolved>;
}

/// The workspace at one moment, as runs may ask about it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Every source.
    pub tree: &'a (dyn Lookup + Sync),
    /// Where sources may lie.
    pub roots: &'a [RelPath],
    /// What is none there all the same.
    pub ignore: &'a Ignore,
    /// Every asset.
    pub assets: &'a dyn Assets,
}

impl View<'_> {
    /// Answers [`Context::find`](super::contract::Context::find) for an asset in the directory `base`.
    pub fn find(&self, base: &RelPath, path: &str) -> Found {
        let Some(target) = base.join(path) else {
            return Found::NotASource(format!("`{path}` is not a relative path inside the workspace"));
        };
        if let Some(reason) = not_a_source(self.roots, self.ignore, &target) {
            return Found::NotASource(format!("`{path}` {reason}"));
        }
        match self.tree.find(&target) {
            Some((Kind::File | Kind::FileLink, Content { digest, size, .. })) => {
                Found::Source(Input { path: path.to_owned(), digest, size })
            }
            Some((kind, _)) => Found::NotASource(format!("`{path}` is {}", kind_in_words(kind))),
            None => Found::Absent,
        }
    }

    /// Answers [`Context::glob`](super::contract::Context::glob).
    pub fn glob(&self, base: &RelPath, pattern: &str) -> Vec<String> {
        let Some(glob) = Glob::new(base, pattern) else { return Vec::new() };
        let found = glob.matches(self.tree).into_iter();
        let mut paths: Vec<String> =
            found.filter(|it| it.kind.is_readable()).map(|it| base.relative(&it.path)).collect();
        paths.sort();
        paths
    }

    /// Answers [`Context::asset_at`](super::contract::Context::asset_at).
    pub fn asset_at(&self, base: &RelPath, path: &str) -> Option<Resolved> {
        self.assets.asset_at(&base.join(path)?)
    }

    /// Asks the same question, and returns it with today's answer.
    pub fn again(&self, base: &RelPath, observation: &Observation) -> Observation {
        let mut again = observation.clone();
        match &mut again {
            Observation::Find { path, answer } => *answer = FindAnswer::of(&self.find(base, path)),
            Observation::Glob { pattern, matches } => *matches = self.glob(base, pattern),
            Observation::AssetAt { path, answer } => *answer = self.asset_at(base, path),
        }
        again
    }

    /// Returns whether the question gets the same answer today.
    pub fn confirms(&self, base: &RelPath, observation: &Observation) -> bool {
        match observation {
            Observation::Find { path, answer } => FindAnswer::of(&self.find(base, path)) == *answer,
            Observation::Glob { pattern, matches } => self.glob(base, pattern) == *matches,
            Observation::AssetAt { path, answer } => self.asset_at(base, path) == *answer,
        }
    }
}

impl FindAnswer {
    /// Returns what is remembered of an answer.
    pub fn of(found: &Found) -> Self {
        match found {
            Found::Source(input) => Self::Source(input.digest, input.size),
            Found::Absent => Self::Absent,
            Found::NotASource(why) => Self::NotASource(why.clone()),
        }
    }
}

/// Returns what an entry is, in words that follow "is".
pub fn kind_in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Dir | Kind::DirLink => "a directory",
        Kind::File | Kind::FileLink => "a file",
        Kind::Dangling => "a link that leads nowhere",
        Kind::Escaping => {
            "a link to what is no source: outside the workspace, hidden, packwright's own or no regular file"
        }
        Kind::Looping => "a link that leads back into itself, or through too many others",
        Kind::Other => "a FIFO, socket or device",
        Kind::BadName => "something whose name is not UTF-8",
    }
}
