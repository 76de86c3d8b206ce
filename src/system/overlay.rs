//! A disk that shows some files as they will be: with the bytes that lie ready elsewhere, or not at all.
//!
//! Knows nothing of why. All that reads sees the same, listings and stamps of directories too. Nothing can be changed by
//! way of it: whoever took what is shown for what is there would do harm.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{
    Access, Counters, Dir, DirEntry, Disk, FileKind, FsTime, Lock, NewFile, OpenFile, RandomFile, Stamp, System,
};

/// What is shown in place of what is there.
#[derive(Clone, Default, Debug)]
pub struct Shown {
    /// For a file where its bytes may lie, the likeliest place first; nowhere for one that is not to be there.
    pub files: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// Directories that are not to be there once nothing is in them.
    pub emptied: BTreeSet<PathBuf>,
    /// Directories that are to be there, whether or not anything is in them.
    pub made: BTreeSet<PathBuf>,
}

/// A disk over another one; see the module. Clones are one and the same.
#[derive(Clone)]
pub struct OverlaidDisk(Arc<Inner>);

struct Inner {
    disk: Arc<dyn Disk>,
    /// What is below it is shown as it is.
    own: PathBuf,
    shown: Shown,
    /// What directories hold that are to hold something, those included that are not there yet.
    dirs: BTreeMap<PathBuf, BTreeMap<OsString, FileKind>>,
    /// The directories whose listings differ from those of the disk beneath.
    altered: BTreeSet<PathBuf>,
}

impl OverlaidDisk {
    /// Returns `disk` as it is to be seen. Directories are made for what is shown, up to `root`; all that lies in `own` is
    /// as it is.
    pub fn over(disk: Arc<dyn Disk>, root: &Path, own: PathBuf, shown: Shown) -> Self {
        let place = |it: &Path| real(&*disk, it);
        let files: BTreeMap<_, _> = shown.files.into_iter().map(|(path, ready)| (place(&path), ready)).collect();
        let emptied: BTreeSet<_> = shown.emptied.iter().map(|it| place(it)).collect();
        let made: BTreeSet<_> = shown.made.iter().map(|it| place(it)).collect();
        let parents = |it: &PathBuf| it.parent().map(Path::to_owned);
        let mut altered: BTreeSet<PathBuf> = files.keys().chain(&emptied).filter_map(parents).collect();
        let mut dirs: BTreeMap<PathBuf, BTreeMap<OsString, FileKind>> = BTreeMap::new();
        let new_files = files.iter().filter(|it| !it.1.is_empty()).map(|it| (it.0, FileKind::File));
        for (path, mut kind) in new_files.chain(made.iter().map(|it| (it, FileKind::Dir))) {
            let mut below = path.as_path();
            if kind == FileKind::Dir {
                dirs.entry(path.clone()).or_default();
            }
            while let (Some(dir), Some(name)) = (below.parent().filter(|_| below != root), below.file_name()) {
                dirs.entry(dir.to_owned()).or_default().insert(name.to_owned(), kind);
                (below, kind) = (dir, FileKind::Dir);
            }
        }
        altered.extend(dirs.keys().cloned());
        let shown = Shown { files, emptied, made };
        Self(Arc::new(Inner { disk, own, shown, dirs, altered }))
    }
}

/// Returns a path with all links followed, as far as it is there.
fn real(disk: &dyn Disk, path: &Path) -> PathBuf {
    disk.canonicalize(path).unwrap_or_else(|_| real_but_last(disk, path))
}

/// The same, but for its last component.
fn real_but_last(disk: &dyn Disk, path: &Path) -> PathBuf {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(disk, parent).join(name),
        _ => path.to_owned(),
    }
}

fn absent<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Asks for a file at the places where it may lie: whoever puts it in place moves it from the one to the next.
fn first_there<T>(places: &[PathBuf], ask: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    for place in places {
        match ask(place) {
            Err(error) if is_absence(&error) => {}
            outcome => return outcome,
        }
    }
    absent()
}

impl Inner {
    /// Returns the stamp of what is shown at a path that leads through no link.
    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        if let Some(places) = self.shown.files.get(path) {
            return first_there(places, |it| self.disk.stat(it));
        }
        if self.is_gone(path) {
            return absent();
        }
        match self.disk.stat(path) {
            // It must not pass for a directory that was listed when it held something else.
            Ok(stamp) if stamp.kind == FileKind::Dir && self.altered.contains(path) => {
                Ok(Stamp { inode: !stamp.inode, ..stamp })
            }
            Err(error) if is_absence(&error) && self.dirs.contains_key(path) => {
                Ok(Stamp { inode: !0, kind: FileKind::Dir, ..self.disk.stat(&self.own)? })
            }
            outcome => outcome,
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        match self.shown.files.get(path) {
            Some(places) => first_there(places, |it| self.disk.open(it)),
            None => self.disk.open(path),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let there = self.disk.open_dir(path).and_then(|it| it.list(Path::new("")));
        let mut entries = match there {
            Err(error) if is_absence(&error) && self.dirs.contains_key(path) => Vec::new(),
            outcome => outcome?,
        };
        if !self.altered.contains(path) {
            return Ok(entries);
        }
        let is_hidden = |it: &DirEntry| {
            let child = path.join(&it.name);
            self.shown.files.get(&child).is_some_and(Vec::is_empty) || self.is_gone(&child)
        };
        entries.retain(|it| !is_hidden(it));
        let names: BTreeSet<OsString> = entries.iter().map(|it| it.name.clone()).collect();
        let new = self.dirs.get(path).into_iter().flatten().filter(|it| !names.contains(it.0));
        entries.extend(new.map(|(name, kind)| DirEntry { name: name.clone(), kind: *kind }));
        Ok(entries)
    }

    /// Returns whether a directory is not to be there any more.
    fn is_gone(&self, path: &Path) -> bool {
        self.shown.emptied.contains(path) && self.list(path).is_ok_and(|it| it.is_empty())
    }

    /// Returns where a path leads, with all links followed.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let path = real(&*self.disk, path);
        self.stat(&path)?;
        Ok(path)
    }

    fn is_own(&self, path: &Path) -> bool {
        path.starts_with(&self.own)
    }
}

impl System for OverlaidDisk {
    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn Dir>> {
        if self.0.is_own(path) {
            return self.0.disk.open_dir(path);
        }
        let base = real(&*self.0.disk, path);
        let beneath = match self.0.disk.open_dir(&base) {
            _ if self.0.is_gone(&base) => return absent(),
            Err(error) if is_absence(&error) && self.0.dirs.contains_key(&base) => None,
            outcome => Some(outcome?),
        };
        Ok(Box::new(OverlaidDir { disk: self.0.clone(), base, beneath }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        if self.0.is_own(path) {
            return self.0.disk.stat(path);
        }
        self.0.stat(&real_but_last(&*self.0.disk, path))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        if self.0.is_own(path) {
            return self.0.disk.open(path);
        }
        self.0.open(&real(&*self.0.disk, path))
    }

    fn open_random(&self, path: &Path, access: Access) -> io::Result<Arc<dyn RandomFile>> {
        if access == Access::Read { self.0.disk.open_random(path, access) } else { refused() }
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        if self.0.is_own(path) { self.0.disk.canonicalize(path) } else { self.0.canonicalize(path) }
    }

    fn native_path(&self, path: &Path) -> Option<PathBuf> {
        self.0.disk.native_path(path)
    }

    fn now(&self, dir: &Path) -> FsTime {
        self.0.disk.now(dir)
    }

    fn boot_id(&self) -> String {
        self.0.disk.boot_id()
    }

    /// Locks that others share are had: who only reads takes those.
    fn try_lock(&self, path: &Path, shared: bool) -> io::Result<Option<Box<dyn Lock>>> {
        if shared { self.0.disk.try_lock(path, shared) } else { refused() }
    }

    fn pause(&self, duration: Duration) {
        self.0.disk.pause(duration);
    }

    fn counters(&self) -> &Counters {
        self.0.disk.counters()
    }
}

impl Disk for OverlaidDisk {
    fn create(&self, _: &Path) -> io::Result<Box<dyn NewFile>> {
        refused()
    }

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn exchange(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_file(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove_file(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }
}

/// A directory as it is shown.
struct OverlaidDir {
    disk: Arc<Inner>,
    base: PathBuf,
    /// The directory itself, once it is there.
    beneath: Option<Box<dyn Dir>>,
}

impl OverlaidDir {
    fn at(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.base.clone() } else { self.base.join(path) }
    }

    /// Returns whether what is at a path below may be another thing than the disk beneath says.
    fn concerns(&self, at: &Path) -> bool {
        let Inner { shown, altered, dirs, .. } = &*self.disk;
        shown.files.contains_key(at)
            || shown.emptied.contains(at)
            || altered.contains(at)
            || dirs.contains_key(at)
            || self.beneath.is_none()
    }

    fn beneath(&self) -> io::Result<&dyn Dir> {
        self.beneath.as_deref().map_or_else(absent, Ok)
    }
}

impl Dir for OverlaidDir {
    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        let at = self.at(path);
        if self.concerns(&at) { self.disk.stat(&at) } else { self.beneath()?.stat(path) }
    }

    fn stat_target(&self, path: &Path) -> io::Result<Stamp> {
        self.disk.stat(&real(&*self.disk.disk, &self.at(path)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let at = self.at(path);
        if self.concerns(&at) {
            return self.disk.open(&at);
        }
        let beneath = self.beneath()?;
        // What a link leads to may be shown as another thing.
        match beneath.stat(path)?.kind {
            FileKind::Link => self.disk.open(&real(&*self.disk.disk, &at)),
            _ => beneath.open(path),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.disk.list(&self.at(path))
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        if self.disk.shown.files.contains_key(&self.at(path)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.beneath()?.read_link(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;
    use crate::system::os::{OsSystem, symlink};

    /// All that is below a directory and no link, in order: names of directories, contents of files.
    fn tree(disk: &dyn Disk, dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        let handle = disk.open_dir(dir).expect("a directory");
        let mut all = Vec::new();
        for entry in handle.list(Path::new("")).expect("listed") {
            let path = dir.join(&entry.name);
            assert_eq!(handle.stat(Path::new(&entry.name)).expect("it is listed").kind, entry.kind, "{path:?}");
            assert_eq!(disk.stat(&path).expect("it is listed").kind, entry.kind, "{path:?}");
            match entry.kind {
                FileKind::Dir => {
                    all.push((path.clone(), None));
                    all.extend(tree(disk, &path));
                }
                FileKind::File => {
                    let bytes = disk.read(&path, 100).expect("it is listed");
                    let opened = handle.open(Path::new(&entry.name)).expect("it is listed");
                    assert_eq!(crate::system::read_all(&*opened, 100).expect("readable"), bytes);
                    all.push((path, Some(bytes)));
                }
                _ => {}
            }
        }
        all.sort();
        all
    }

    fn check(disk: Arc<dyn Disk>, root: &Path, link: impl Fn(&str, &Path)) {
        let at = |path: &str| root.join(path);
        let write = |path: &str, text: &str| {
            disk.create_dir_all(at(path).parent().expect("one")).expect("made");
            disk.write_new(&at(path), text.as_bytes()).expect("written");
        };
        for (path, text) in [("own/new", "new"), ("own/newer", "newer"), ("a/old", "old"), ("a/b/gone", "gone")] {
            write(path, text);
        }
        write("a/same", "same");
        link("a", &at("link"));
        link("same", &at("a/alias"));
        link("old", &at("a/alias-of-old"));
        let files =
            [("a/old", vec!["own/new", "a/old"]), ("a/b/gone", vec![]), ("c/d/moved", vec!["own/newer", "c/d/moved"])];
        let files = files.map(|(path, ready)| (at(path), ready.into_iter().map(at).collect()));
        let shown = Shown { files: files.into(), emptied: [at("a/b"), at("a")].into(), made: [at("e/void")].into() };
        let before = disk.stat(&at("a")).expect("there");
        let seen = OverlaidDisk::over(disk.clone(), root, at("own"), shown);
        let expected = |all: &[(&str, Option<&str>)]| -> Vec<_> {
            all.iter().map(|(path, text)| (at(path), text.map(|it| it.as_bytes().to_vec()))).collect()
        };
        let wanted = expected(&[
            ("a", None),
            ("a/old", Some("new")),
            ("a/same", Some("same")),
            ("c", None),
            ("c/d", None),
            ("c/d/moved", Some("newer")),
            ("e", None),
            ("e/void", None),
            ("own", None),
            ("own/new", Some("new")),
            ("own/newer", Some("newer")),
        ]);
        assert_eq!(tree(&seen, root), wanted);
        assert_ne!(seen.stat(&at("a")).expect("there"), before, "it is listed differently");
        let error = |outcome: io::Result<Stamp>| outcome.expect_err("it is not there").kind();
        assert_eq!(error(seen.stat(&at("a/b"))), io::ErrorKind::NotFound);
        assert!(seen.canonicalize(&at("a/b/gone")).is_err() && seen.open_dir(&at("a/b")).is_err());
        assert_eq!(seen.canonicalize(&at("c/d/moved")).expect("shown"), at("c/d/moved"));
        // Through links, too.
        for (path, text) in [("link/old", "new"), ("a/alias", "same"), ("a/alias-of-old", "new")] {
            assert_eq!(seen.read(&at(path), 100).expect("there"), text.as_bytes(), "{path}");
        }
        let dir = seen.open_dir(&at("link")).expect("a directory");
        let opened = dir.open(Path::new("alias-of-old")).expect("there");
        assert_eq!(crate::system::read_all(&*opened, 100).expect("readable"), b"new");
        assert_eq!(dir.stat_target(Path::new("alias-of-old")).expect("there").size, 3);
        // Somebody puts the files in place meanwhile.
        disk.rename(&at("own/new"), &at("a/old")).expect("renamed");
        disk.create_dir_all(&at("c/d")).expect("made");
        disk.rename(&at("own/newer"), &at("c/d/moved")).expect("renamed");
        disk.remove_file(&at("a/b/gone")).expect("removed");
        let settled: Vec<_> = wanted.into_iter().filter(|it| !it.0.starts_with(at("own/"))).collect();
        let now: Vec<_> = tree(&seen, root).into_iter().filter(|it| !it.0.starts_with(at("own/"))).collect();
        assert_eq!(now, settled);
        assert!(seen.write_new(&at("x"), b"").is_err() && seen.remove_file(&at("a/same")).is_err());
    }

    #[test]
    fn what_is_shown_is_seen_by_all_that_reads() {
        let memory = MemorySystem::new();
        memory.mkdir("/ws");
        check(Arc::new(memory.clone()), Path::new("/ws"), |text, path| memory.symlink(text, path));
        for disk in [OsSystem::new(), OsSystem::portable()] {
            let temp = tempfile::tempdir().expect("a temporary directory");
            let root = disk.canonicalize(temp.path()).expect("it is there");
            let link = |text: &str, path: &Path| symlink(Path::new(text), path).expect("a link");
            check(Arc::new(disk), &root, link);
        }
    }
}
