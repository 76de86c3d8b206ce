//! What a build did.

use std::path::PathBuf;

use crate::build;
use crate::build::Outcome;
use crate::model::registry::ChangeNote;
use crate::model::{Diagnostic, Digest};

/// What a build or a check did.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What became of each pack, by name.
    pub packs: Vec<PackReport>,
    /// Names of packs that are not defined any more, and whose files were removed.
    pub removed_packs: Vec<String>,
    /// The content digest of the only pack; of several one that stands for theirs. `None` after a check.
    pub content_digest: Option<Digest>,
    /// Number of assets in all packs; one that is in several counts in each.
    pub entries: u64,
    /// What is to be said about the workspace, in the order in which it is shown. No errors: those end a build.
    pub diagnostics: Vec<Diagnostic>,
    /// What is to be said about the cache.
    pub cache_diagnostics: Vec<Diagnostic>,
    /// What was registered, or would be by a build that is no check, by place. Commit `packwright.registry` to version
    /// control where there is anything.
    pub registered: Vec<ChangeNote>,
    /// Assets whose processor ran.
    pub processed: u64,
    /// Files of packs that were written.
    pub files_written: u64,
}

impl Report {
    /// Returns what became of the pack with this name, if it was built.
    pub fn pack(&self, name: &str) -> Option<&PackReport> {
        self.packs.iter().find(|it| it.name == name)
    }
}

/// What became of a pack.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PackReport {
    /// Its name.
    pub name: String,
    /// How its build ended.
    pub outcome: Outcome,
    /// Where it lies; `None` after a check.
    pub file: Option<PathBuf>,
    /// Its content digest; `None` after a check.
    pub content_digest: Option<Digest>,
    /// Number of assets in it.
    pub entries: u64,
    /// Files of it that were written.
    pub files_written: u64,
}

impl From<build::PackReport> for PackReport {
    fn from(it: build::PackReport) -> Self {
        Self {
            file: Some(it.file).filter(|_| it.outcome != Outcome::Checked),
            name: it.name,
            outcome: it.outcome,
            content_digest: it.content_digest,
            entries: it.entries,
            files_written: it.files_written,
        }
    }
}

impl From<build::Report> for Report {
    fn from(it: build::Report) -> Self {
        Self {
            entries: it.entries(),
            content_digest: it.content_digest(),
            outcome: it.outcome,
            packs: it.packs.into_iter().map(PackReport::from).collect(),
            removed_packs: it.removed,
            diagnostics: it.diagnostics,
            cache_diagnostics: it.cache_warnings,
            registered: it.registered,
            processed: it.work.processed,
            files_written: it.work.pack_files_written,
        }
    }
}
