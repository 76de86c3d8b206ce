//! How a command ends, as a number that scripts can rely on.

use std::process::ExitCode;

use crate::error::Error;

/// The exit codes of packwright.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// It is done, or there was nothing to do.
    Done = 0,
    /// The answer is no: the workspace has errors, a pack is not sound, a commit met a conflict.
    No = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// `--locked` would have to change something.
    Locked = 3,
    /// Another process holds what is needed, and the wait ran out.
    Busy = 4,
    /// The disk or another part of the environment refused.
    Io = 5,
    /// A bug in packwright.
    Bug = 101,
    /// The user pressed Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Returns how a command ends that failed with `error`.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Invalid(_) | Error::Conflict { .. } | Error::Refused(_) => Self::No,
            Error::Usage(_) => Self::Usage,
            Error::Locked(_) => Self::Locked,
            Error::Busy { .. } => Self::Busy,
            Error::Io { .. } | Error::Unreadable(_) | Error::Torn { .. } | Error::Superseded { .. } => Self::Io,
            Error::Interrupted => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
