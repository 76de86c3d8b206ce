//! Trees of files: walked, copied, removed. What is walked are the sources of a workspace, as a scan finds them.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, IoContext, Result};
use crate::lane;
use crate::model::RelPath;
use crate::model::registry::{self, GITATTRIBUTES, N_FILES};
use crate::system::{Dir, Disk, FileKind};
use crate::workspace::layout::{BUILD_DIR, CONFIG_FILE, REGISTRY_DIR, STATE_DIR, Workspace};

/// How many bytes are copied at a time.
const PIECE: usize = 1 << 20;

/// A file, directory or link below a root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Where it is, relative to what was walked.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
}

/// What is not a source wherever it lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skip {
    /// Hidden names and what is packwright's own, as a scan does.
    AsScan,
    /// packwright's state and outputs, and git's.
    States,
    /// Nothing.
    Nothing,
}

impl Skip {
    fn skips(self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        match self {
            Self::AsScan => name.starts_with(b".") || path.to_str().is_some_and(Workspace::is_own),
            Self::States => [STATE_DIR, BUILD_DIR, ".git"].iter().any(|it| Path::new(it) == path),
            Self::Nothing => false,
        }
    }
}

/// Lists everything below `root/start`, that directory first and each directory before what it holds, in the order of
/// names. Links are not followed.
///
/// # Errors
///
/// When a directory cannot be listed, or the user wants to stop.
pub fn walk(ws: &Workspace, start: &Path, skip: Skip) -> Result<Vec<Found>> {
    let root = ws.disk.open_dir(&ws.root).context("open", &ws.root)?;
    let mut all = Vec::new();
    // What is still to be visited; the next one is at the end.
    let mut open = vec![Found { path: start.to_owned(), kind: FileKind::Dir }];
    while let Some(found) = open.pop() {
        if found.kind == FileKind::Dir {
            ws.check_stop()?;
            let mut below = list(&*root, &found.path).context("list", &ws.root.join(&found.path))?;
            below.retain(|it| !skip.skips(&it.path));
            below.sort_by(|a, b| b.path.cmp(&a.path));
            open.append(&mut below);
        }
        all.push(found);
    }
    Ok(all)
}

fn list(root: &dyn Dir, dir: &Path) -> io::Result<Vec<Found>> {
    let entries = root.list(dir)?;
    Ok(entries.into_iter().map(|it| Found { path: dir.join(it.name), kind: it.kind }).collect())
}

/// Copies what was walked in `from` to the workspace `to`. FIFOs, sockets and devices stay behind.
///
/// # Errors
///
/// When something cannot be read or written, or the user wants to stop.
pub fn copy(from: &Workspace, all: &[Found], to: &Path) -> Result<()> {
    let disk = &*from.disk;
    for dir in all.iter().filter(|it| it.kind == FileKind::Dir) {
        let path = to.join(&dir.path);
        disk.create_dir_all(&path).context("create", &path)?;
    }
    let root = disk.open_dir(&from.root).context("open", &from.root)?;
    let others: Vec<&Found> = all.iter().filter(|it| it.kind != FileKind::Dir).collect();
    let copied = from.parallel(others.len(), |nth| {
        let Found { path, kind } = others[nth];
        from.check_stop()?;
        match kind {
            FileKind::Link => copy_link(&*root, path, &to.join(path)).context("copy", &from.root.join(path)),
            FileKind::File => copy_file(disk, &from.root.join(path), &to.join(path)),
            _ => Ok(()),
        }
    });
    copied.into_iter().collect()
}

fn copy_link(from: &dyn Dir, path: &Path, to: &Path) -> io::Result<()> {
    crate::system::os::symlink(&from.read_link(path)?, to)
}

/// Copies a file to a place where nothing is.
///
/// # Errors
///
/// When it cannot be read or written.
pub fn copy_file(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    let source = disk.open(from).context("read", from)?;
    let len = source.stat().context("read", from)?.size;
    let mut target = disk.create(to).context("create", to)?;
    let mut buffer = vec![0; usize::try_from(len).unwrap_or(PIECE).clamp(1, PIECE)];
    let mut at = 0;
    loop {
        let n = source.read_at(&mut buffer, at).context("read", from)?;
        if n == 0 {
            return Ok(());
        }
        target.write_all(&buffer[..n]).context("write", to)?;
        at += n as u64;
    }
}

/// Copies what makes a workspace of sources: its configuration and its registry, seen through the lane's journal.
///
/// # Errors
///
/// When something cannot be read or written.
pub fn copy_authored(from: &Workspace, to: &Path) -> Result<()> {
    let mut paths = vec![RelPath::new(CONFIG_FILE).expect("a plain file name is a path"), attributes()];
    paths.extend((0..N_FILES).map(registry::file_path));
    let files = lane::read_through(&*from.disk, &from.root, &paths)?;
    let there = paths.into_iter().zip(files).filter_map(|(path, bytes)| Some((path, bytes?)));
    write_all(&*from.disk, to, there)
}

/// Writes a registry in which nothing is registered.
///
/// # Errors
///
/// When a file cannot be written.
pub fn write_empty_registry(disk: &dyn Disk, to: &Path) -> Result<()> {
    let files = (0..N_FILES).map(|it| (registry::file_path(it), Vec::new()));
    write_all(disk, to, files.chain([(attributes(), GITATTRIBUTES.into())]))
}

fn attributes() -> RelPath {
    RelPath::new(REGISTRY_DIR).expect("a plain name is a path").child(".gitattributes")
}

/// Writes new files, and the directories that they lie in.
///
/// # Errors
///
/// When one cannot be written.
pub fn write_all(disk: &dyn Disk, to: &Path, files: impl IntoIterator<Item = (RelPath, Vec<u8>)>) -> Result<()> {
    for (path, bytes) in files {
        let path = to.join(path.as_str());
        let dir = path.parent().unwrap_or(to);
        disk.create_dir_all(dir).context("create", dir)?;
        disk.write_new(&path, &bytes).context("write", &path)?;
    }
    Ok(())
}

/// Removes a directory and all that it holds; nothing there is no error. Links are removed, never followed.
///
/// # Errors
///
/// When something cannot be removed.
pub fn remove(disk: &dyn Disk, path: &Path) -> Result<()> {
    let entries = match disk.stat(path) {
        Ok(stamp) if stamp.kind == FileKind::Dir => disk.open_dir(path).and_then(|it| it.list(Path::new(""))),
        Ok(_) => return disk.remove_file(path).context("remove", path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    };
    for entry in entries.context("list", path)? {
        let child = path.join(&entry.name);
        if entry.kind == FileKind::Dir {
            remove(disk, &child)?;
        } else {
            disk.remove_file(&child).context("remove", &child)?;
        }
    }
    disk.remove_dir(path).context("remove", path)
}

/// A new directory that is gone when its owner is.
pub struct Scratch<'a> {
    disk: &'a dyn Disk,
    /// Where it is.
    pub path: PathBuf,
}

impl<'a> Scratch<'a> {
    /// Makes a directory in `parent`.
    ///
    /// # Errors
    ///
    /// When that cannot be written to.
    pub fn new(disk: &'a dyn Disk, parent: &Path) -> Result<Self> {
        let pid = std::process::id();
        for nth in 0..1000 {
            let path = parent.join(format!("packwright-bench-{pid}-{nth}"));
            if disk.stat(&path).is_err_and(|it| it.kind() == io::ErrorKind::NotFound) {
                disk.create_dir_all(&path).context("create", &path)?;
                return Ok(Self { disk, path });
            }
        }
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(Error::Io { action: "create a directory in", path: parent.to_owned(), source })
    }

    /// Removes it.
    ///
    /// # Errors
    ///
    /// When something of it stays.
    pub fn close(self) -> Result<()> {
        remove(self.disk, &self.path)
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // Already gone after `close`; otherwise something failed, and that is what is told.
        let _ = remove(self.disk, &self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::system::System;
    use crate::system::memory::MemorySystem;

    fn sample() -> (Arc<MemorySystem>, Workspace) {
        let disk = Arc::new(MemorySystem::new());
        for path in ["a/b.txt", "a/.hidden", "a/c/d.txt", "build/dev/main.pack", ".git/HEAD", "z.txt"] {
            disk.write(format!("/ws/{path}"), path);
        }
        let ws = Workspace::new(disk.clone(), "/ws".into());
        (disk, ws)
    }

    fn paths(all: &[Found]) -> Vec<String> {
        all.iter().map(|it| it.path.display().to_string()).collect()
    }

    #[test]
    fn a_walk_sees_what_a_scan_sees() {
        let (_, ws) = sample();
        let of = |skip| paths(&walk(&ws, Path::new(""), skip).expect("a tree"));
        assert_eq!(of(Skip::AsScan), ["", "a", "a/b.txt", "a/c", "a/c/d.txt", "z.txt"]);
        assert_eq!(of(Skip::States), ["", "a", "a/.hidden", "a/b.txt", "a/c", "a/c/d.txt", "z.txt"]);
        assert_eq!(of(Skip::Nothing).len(), 12);
    }

    #[test]
    fn a_copy_holds_the_same() {
        let (disk, ws) = sample();
        let all = walk(&ws, Path::new("a"), Skip::AsScan).expect("a tree");
        copy(&ws, &all, Path::new("/copy")).expect("there is room");
        assert_eq!(disk.read(Path::new("/copy/a/c/d.txt"), 100).expect("a file"), b"a/c/d.txt");
        assert!(disk.stat(Path::new("/copy/a/.hidden")).is_err() && disk.stat(Path::new("/copy/z.txt")).is_err());
    }

    #[test]
    fn nothing_stays_of_what_is_removed() {
        let (disk, _) = sample();
        disk.symlink("../ws/z.txt", "/other/link");
        disk.symlink("../ws", "/other/dir");
        remove(&*disk, Path::new("/other")).expect("it is there");
        assert!(disk.stat(Path::new("/other")).is_err() && disk.stat(Path::new("/ws/z.txt")).is_ok());
        remove(&*disk, Path::new("/other")).expect("nothing there is no error");
    }

    #[test]
    fn scratch_goes_with_its_owner() {
        let disk = MemorySystem::new();
        disk.create_dir_all(Path::new("/tmp")).expect("a directory");
        let (one, two) = (Scratch::new(&disk, Path::new("/tmp")), Scratch::new(&disk, Path::new("/tmp")));
        let (one, two) = (one.expect("new"), two.expect("new"));
        assert_ne!(one.path, two.path);
        disk.write(one.path.join("deep/er/file"), "x");
        let gone = one.path.clone();
        drop(one);
        assert!(disk.stat(&gone).is_err());
        two.close().expect("it is ours");
        assert_eq!(disk.open_dir(Path::new("/tmp")).and_then(|it| it.list(Path::new(""))).expect("a directory"), []);
    }
}
