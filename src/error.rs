//! What the outside world refused. Problems in assets are [`Diagnostic`]s.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::Diagnostic;

/// The outside world said no, or the workspace cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `write`, `rename`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The workspace has errors; nothing was published.
    #[error("the workspace has errors")]
    Invalid(Vec<Diagnostic>),
    /// A source or a cache could not be read for reasons outside the workspace.
    #[error("some files could not be read")]
    Unreadable(Vec<Diagnostic>),
    /// `--locked` would have to change the registry.
    #[error("the registry is not up to date and --locked forbids to change it")]
    Locked(Vec<Diagnostic>),
    /// The lane or an output directory is held by another process, or the [`Workspace`](crate::Workspace) by another
    /// thread of this one.
    #[error("{what} is held by another {} ({holder})", if what == OPEN_WORKSPACE { "thread" } else { "process" })]
    Busy {
        /// What is held.
        what: String,
        /// Who holds it, as it said of itself.
        holder: String,
    },
    /// A source changed between the scan and the moment its bytes were needed.
    #[error("`{}` kept changing while it was read", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
    },
    /// A commit's precondition did not hold: somebody changed a file in the meantime.
    #[error("`{}` changed in the meantime; nothing was written", path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
    },
    /// A payload of a snapshot is in no file any more: a later build wrote other bytes in its place.
    #[error("what `{asset}` was is in no file any more; take a newer snapshot")]
    Superseded {
        /// The asset's name.
        asset: String,
    },
    /// A write that must not be done as things are, and why.
    #[error("{0}")]
    Refused(String),
    /// Somebody asked for something impossible.
    #[error("{0}")]
    Usage(String),
    /// Somebody stopped it: Ctrl-C, or [`Cancel`](crate::Cancel).
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Returns an error that says the same, for another who is concerned.
    #[must_use]
    pub(crate) fn repeated(&self) -> Self {
        match self {
            Self::Io { action, path, source } => {
                let source = io::Error::new(source.kind(), source.to_string());
                Self::Io { action, path: path.clone(), source }
            }
            Self::Invalid(found) => Self::Invalid(found.clone()),
            Self::Unreadable(found) => Self::Unreadable(found.clone()),
            Self::Locked(found) => Self::Locked(found.clone()),
            Self::Busy { what, holder } => Self::Busy { what: what.clone(), holder: holder.clone() },
            Self::Torn { path } => Self::Torn { path: path.clone() },
            Self::Conflict { path } => Self::Conflict { path: path.clone() },
            Self::Superseded { asset } => Self::Superseded { asset: asset.clone() },
            Self::Refused(message) => Self::Refused(message.clone()),
            Self::Usage(message) => Self::Usage(message.clone()),
            Self::Interrupted => Self::Interrupted,
        }
    }
}

/// What is held where a thread waits for others of its own process.
pub(crate) const OPEN_WORKSPACE: &str = "the open workspace";

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Adds what was tried, and on which file, to an I/O error.
pub trait IoContext<T> {
    /// Turns an `io::Error` into [`Error::Io`].
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source })
    }
}
