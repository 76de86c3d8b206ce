//! Strays: files of somebody's that came out of a commit and could not go back (`recover.rs`). They lie in
//! `.packwright/lane/kept`, and nothing here removes them: this finds them, for those who tell of them.

use std::path::Path;

use super::recover::kept_name;
use super::{Home, log};
use crate::error::{IoContext, Result};
use crate::model::RelPath;
use crate::model::path::file_name;
use crate::system::Disk;

/// A file or directory that is kept for whoever misses it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stray {
    /// The number of the commit that it came out of.
    pub commit: u64,
    /// How it is called there.
    pub kept_as: String,
    /// Where it was, as far as the log tells: a commit that was taken back is not in it.
    pub from: Option<RelPath>,
}

/// Returns what is kept in the workspace at `root`, by commit.
///
/// # Errors
///
/// A directory that is there and cannot be listed.
pub fn strays(disk: &dyn Disk, root: &Path) -> Result<Vec<Stray>> {
    let dir = Home::new(root).kept_dir();
    let listed = match disk.open_dir(&dir).and_then(|it| it.list(Path::new(""))) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("list", &dir),
    };
    // A log that cannot be read tells of nothing.
    let entries = if listed.is_empty() { Vec::new() } else { log(disk, root).map(|it| it.entries).unwrap_or_default() };
    let stray = |name: String| {
        let (commit, rest) = name.split_once('.')?;
        let commit: u64 = commit.parse().ok()?;
        let (_, rest) = rest.split_once('.')?;
        let files = entries.iter().filter(|it| it.sequence == commit).flat_map(|it| &it.files);
        let mut named = files.filter(|it| kept_name(file_name(it.path.as_str())) == rest).map(|it| &it.path);
        let from = named.next().filter(|_| named.next().is_none()).cloned();
        Some(Stray { commit, kept_as: name.clone(), from })
    };
    let mut strays: Vec<Stray> = listed.into_iter().filter_map(|it| stray(it.name.into_string().ok()?)).collect();
    strays.sort();
    Ok(strays)
}
