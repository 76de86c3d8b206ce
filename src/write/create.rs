//! The first commit of a workspace: its configuration and an empty registry.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::lane::{Change, Commit, Lane};
use crate::model::registry::{self, GITATTRIBUTES, N_FILES};
use crate::model::{AssetUuid, RelPath};
use crate::workspace::layout::{CONFIG_FILE, REGISTRY_DIR, Workspace};

/// How long to wait for somebody else to finish.
const LANE_WAIT: Duration = Duration::from_secs(10);

/// Returns a registry without assets.
pub fn registry_files() -> Vec<(RelPath, Vec<u8>)> {
    let mut files = vec![(attributes(), GITATTRIBUTES.into())];
    files.extend((0..N_FILES).map(|it| (registry::file_path(it), Vec::new())));
    files
}

/// Returns the files of a workspace with this configuration and without assets.
pub fn new_files(config: String) -> Vec<(RelPath, Vec<u8>)> {
    let path = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let mut files = vec![(path, config.into_bytes())];
    files.extend(registry_files());
    files
}

/// Writes all files of a new workspace or none.
///
/// # Errors
///
/// [`Error::Conflict`] where one of them is there already; [`Error::Busy`], [`Error::Io`].
pub fn create(ws: &Workspace, files: Vec<(RelPath, Vec<u8>)>) -> Result<()> {
    let attributes = attributes();
    let mut changes = Vec::with_capacity(files.len());
    for (path, content) in files {
        // A registry may have lost all but this one.
        let same = path == attributes && ws.disk.read(&ws.abs(&path), 4096).is_ok_and(|it| it == content);
        if !same {
            changes.push(Change { path, expect: None, content: Some(content) });
        }
    }
    let mut lane = Lane::acquire(&*ws.disk, &ws.root, "packwright init", std::process::id(), LANE_WAIT)?;
    lane.commit(Commit { title: "make a workspace".to_owned(), changes, ..Commit::default() })?;
    Ok(())
}

/// Returns the uuid of a new workspace.
///
/// # Errors
///
/// [`Error::Io`] where the system has no randomness.
pub fn random_uuid() -> Result<AssetUuid> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|it| Error::Io {
        action: "read random bytes for",
        path: CONFIG_FILE.into(),
        source: std::io::Error::other(it.to_string()),
    })?;
    Ok(version_4(bytes))
}

fn attributes() -> RelPath {
    RelPath::new(REGISTRY_DIR).expect("a plain name is a path").child(".gitattributes")
}

/// Makes a random UUID (RFC 9562, section 5.4) of random bytes.
fn version_4(mut bytes: [u8; 16]) -> AssetUuid {
    bytes[6] = 0x40 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    AssetUuid(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_uuid_is_of_version_4() {
        let uuid = version_4([0xff; 16]).to_string();
        assert_eq!(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
