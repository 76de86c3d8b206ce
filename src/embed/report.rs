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
    /// Where the pack lies; `None` after a check.
    pub pack_file: Option<PathBuf>,
    /// The pack's content digest; `None` after a check.
    pub content_digest: Option<Digest>,
    /// Number of assets in the pack.
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
    /// Files of the pack that were written.
    pub files_written: u64,
}

impl From<build::Report> for Report {
    fn from(it: build::Report) -> Self {
        Self {
            pack_file: Some(it.pack_file).filter(|_| it.outcome != Outcome::Checked),
            outcome: it.outcome,
            content_digest: it.content_digest,
            entries: it.entries,
            diagnostics: it.diagnostics,
            cache_diagnostics: it.cache_warnings,
            registered: it.registered,
            processed: it.work.processed,
            files_written: it.work.pack_files_written,
        }
    }
}
