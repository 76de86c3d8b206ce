//! The steps of a build, one file each; `driver.rs` calls them in order.
//!
//! - `session`: the index, the store and the sources' bytes that one pass uses
//! - `pass`: what one pass found on disk, how it proves that little is to do, and what it remembers
//! - `memo`: what a bucket contributed the last time
//! - `configure`: `packwright.toml`, the profile, the registry's files
//! - `vanished`: what the index remembers of places that went missing
//! - `identify`: which declared place has which identity, and what would have to be registered
//! - `artifacts`: recipes to records, and the bytes of payloads when the pack is written
//! - `members`: which assets are in which pack
//! - `judge`: what is wrong, and whether that stops the build
//! - `inspect`: what there is, without making or writing anything
//! - `survey`: every asset whole, and what it depends on; processors run for that
//! - `explain`: why an asset was or would be made again
//! - `examine`: what is wrong with identities and how it is put right: what `doctor` tells and does
//! - `surroundings`: what can be told about the machine, git and the lane
//! - `view`: the same for write commands, and what it would be after a change
//! - `publish`: packs, their receipts, and what the index remembers of them

pub mod artifacts;
pub mod configure;
pub mod examine;
pub mod explain;
pub mod identify;
pub mod inspect;
pub mod judge;
pub mod members;
pub mod memo;
pub mod pass;
pub mod publish;
pub mod remembered;
pub mod session;
pub mod surroundings;
pub mod survey;
pub mod vanished;
pub mod view;

use std::path::PathBuf;
use std::time::Duration;

use crate::cache::{CacheCounts, CacheMode};
use crate::model::registry::ChangeNote;
use crate::model::{Diagnostic, Digest, KeyHasher};
use crate::system::Counts;

/// What a build is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The profile to build.
    pub profile: String,
    /// Names of the packs to build; none means all of them.
    pub packs: Vec<String>,
    /// The output directory; `build/<profile>` where none is given.
    pub out: Option<PathBuf>,
    /// Change nothing that is committed, and fail where that would be necessary.
    pub locked: bool,
    /// The directory of the store, where it is shared with other workspaces.
    pub cache_dir: Option<PathBuf>,
    /// What may be done with the cache.
    pub cache: CacheMode,
    /// Distrust every fingerprint.
    pub rehash: bool,
    /// How long to wait for an output directory or a lane that another process holds; by default ten minutes and
    /// half a minute.
    pub wait: Option<Duration>,
    /// Take the short ways that memos offer. The long way gives the same; this is for those who compare.
    pub shortcuts: bool,
    /// Derive the whole workspace, whatever could be proved of it or remembered: for those who want a snapshot.
    pub whole: bool,
    /// Write down which queries, processors and files of the pack a build had to do with.
    pub log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: "dev".to_owned(),
            packs: Vec::new(),
            out: None,
            locked: false,
            cache_dir: None,
            cache: CacheMode::Write,
            rehash: false,
            wait: None,
            shortcuts: true,
            whole: false,
            log: false,
        }
    }
}

/// How a build ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing that the packs depend on changed, and they are what they were.
    UpToDate,
    /// Something changed, but the packs came out with the same bytes: they were left untouched.
    Unchanged,
    /// A pack was written.
    Written,
    /// Nothing was to be written: the workspace was only checked.
    Checked,
}

/// What a build did.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What became of each pack that was asked for, by name.
    pub packs: Vec<PackReport>,
    /// Names of packs that are not defined any more, and whose files were removed.
    pub removed: Vec<String>,
    /// What is to be said about the workspace, in the order in which it is shown.
    pub diagnostics: Vec<Diagnostic>,
    /// What is to be said about the cache. Not part of the workspace, so not repeated by a build with nothing to do.
    pub cache_warnings: Vec<Diagnostic>,
    /// What was registered, or would be by a build that is no check, by place.
    pub registered: Vec<ChangeNote>,
    /// What was done, in numbers.
    pub work: Work,
    /// What was done, by name; only where it was asked for.
    pub log: Option<Log>,
}

impl Report {
    /// Returns the number of entries in all packs; an asset counts in each that it is in.
    pub fn entries(&self) -> u64 {
        self.packs.iter().map(|it| it.entries).sum()
    }

    /// Returns the content digest of the only pack, or one that stands for those of several; `None` where none was made.
    pub fn content_digest(&self) -> Option<Digest> {
        if let [only] = &self.packs[..] {
            return only.content_digest;
        }
        let mut hasher = KeyHasher::new("packwright packs v1");
        for it in &self.packs {
            hasher.text(1, &it.name).digest(2, it.content_digest?);
        }
        Some(hasher.finish())
    }
}

/// What became of a pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackReport {
    /// Its name.
    pub name: String,
    /// How its build ended.
    pub outcome: Outcome,
    /// Where it lies.
    pub file: PathBuf,
    /// Its content digest, once there is one.
    pub content_digest: Option<Digest>,
    /// Number of assets in it.
    pub entries: u64,
    /// Files of it that were written.
    pub files_written: u64,
}

/// What a build did, by name. Sorted.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Log {
    /// Queries executed, as `name(first source of the bucket)`.
    pub queries: Vec<String>,
    /// Assets whose processor ran: `kind: directory [inputs]`.
    pub processed: Vec<String>,
    /// Files of the pack written.
    pub written: Vec<String>,
}

/// What a build did, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct Work {
    /// Calls of the file system.
    pub files: Counts,
    /// Hits and misses of the cache.
    pub cache: CacheCounts,
    /// Sources, directories not counted.
    pub sources: u64,
    /// Sources read and digested.
    pub digested: u64,
    /// Buckets of sources.
    pub buckets: u64,
    /// Buckets that differ from what the index knew.
    pub buckets_moved: u64,
    /// Buckets of which nothing was derived: memos stood for them.
    pub buckets_recalled: u64,
    /// Queries executed.
    pub queries: u64,
    /// Processors run.
    pub processed: u64,
    /// Recipes for which a stored trace held.
    pub reused: u64,
    /// Payloads compressed.
    pub compressed: u64,
    /// Files of the pack written.
    pub pack_files_written: u64,
    /// Files of the pack left as they were.
    pub pack_files_kept: u64,
}
