//! The operating system's own file system, clock and locks.
//!
//! Most calls are the same everywhere and stand here. Those that have a fast form on Unix (handle-relative
//! `stat`, positional reads, opening without blocking) are behind `Platform`; `NATIVE` chooses, and the
//! portable form can be asked for on any machine, so that the tests run both.
//!
//! Knows nothing of workspaces.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the door behind which the disk and the clock lie"
)]

mod portable;
#[cfg(unix)]
mod unix;

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{
    Access, Counters, Dir, DirEntry, Disk, FileKind, FsTime, Lock, NewFile, OpenFile, RandomFile, Stamp, System,
};

#[cfg(unix)]
const NATIVE: &dyn Platform = &unix::Unix;
#[cfg(not(unix))]
const NATIVE: &dyn Platform = &portable::Portable;

/// Step of a clock that shows fractions of a second: generous for kernels that tick a hundred times a second.
const FINE_GRANULARITY_NS: i64 = 10_000_000;
/// Step of a clock that shows none: FAT counts in steps of two seconds.
const COARSE_GRANULARITY_NS: i64 = 2_000_000_000;
const NS_PER_SECOND: i64 = 1_000_000_000;

/// How the name of the short-lived file begins by which the clock is read.
pub const CLOCK_FILE_PREFIX: &str = ".packwright-clock-";

/// The calls that differ by platform.
trait Platform: Send + Sync {
    fn open_dir(&self, path: &Path, counters: &Arc<Counters>) -> io::Result<Box<dyn Dir>>;
    fn stat(&self, path: &Path) -> io::Result<Stamp>;
    fn open(&self, path: &Path, counters: &Arc<Counters>) -> io::Result<Box<dyn OpenFile>>;
    fn random(&self, file: File, counters: &Arc<Counters>) -> Arc<dyn RandomFile>;
    fn stamp(&self, file: &File) -> io::Result<Stamp>;
    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()>;
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()>;
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    fn boot_id(&self) -> String;
}

/// The real file system.
#[derive(Clone)]
pub struct OsSystem {
    platform: &'static dyn Platform,
    counters: Arc<Counters>,
}

impl OsSystem {
    /// Returns the file system by the fastest calls that this platform has.
    pub fn new() -> Self {
        Self { platform: NATIVE, counters: Arc::default() }
    }

    /// Returns the file system by calls that every platform has: no handle-relative `stat`, and stamps
    /// without ctime, inode and device.
    pub fn portable() -> Self {
        Self { platform: &portable::Portable, counters: Arc::default() }
    }

    /// Creates a file in `dir`, asks for its time and removes it.
    fn read_clock(&self, dir: &Path) -> io::Result<Stamp> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{CLOCK_FILE_PREFIX}{}-{number}", std::process::id()));
        let mut file = self.create(&path)?;
        let stamp = file.write_all(b"\n").and_then(|()| file.stat());
        drop(file);
        self.remove_file(&path)?;
        stamp
    }
}

impl Default for OsSystem {
    fn default() -> Self {
        Self::new()
    }
}

impl System for OsSystem {
    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn Dir>> {
        self.platform.open_dir(path, &self.counters)
    }

    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        Counters::add(&self.counters.stats, 1);
        self.platform.stat(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Counters::add(&self.counters.opens, 1);
        self.platform.open(path, &self.counters)
    }

    fn open_random(&self, path: &Path, access: Access) -> io::Result<Arc<dyn RandomFile>> {
        let file = match access {
            Access::Read => {
                Counters::add(&self.counters.opens, 1);
                File::open(path)?
            }
            Access::Write => {
                Counters::add(&self.counters.databases_opened_for_writing, 1);
                File::options().read(true).write(true).create(true).truncate(false).open(path)?
            }
        };
        Ok(self.platform.random(file, &self.counters))
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn native_path(&self, path: &Path) -> Option<PathBuf> {
        Some(path.to_owned())
    }

    fn now(&self, dir: &Path) -> FsTime {
        self.read_clock(dir).map_or(FsTime::UNKNOWN, fs_time)
    }

    fn boot_id(&self) -> String {
        self.platform.boot_id()
    }

    fn try_lock(&self, path: &Path, shared: bool) -> io::Result<Option<Box<dyn Lock>>> {
        let file = open_lock_file(path, shared)?;
        let outcome = if shared { file.try_lock_shared() } else { file.try_lock() };
        match outcome {
            Ok(()) => Ok(Some(Box::new(OsLock { file, counters: self.counters.clone() }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Disk for OsSystem {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = File::create_new(path)?;
        Counters::add(&self.counters.files_written, 1);
        Ok(Box::new(OsNewFile { file, platform: self.platform, counters: self.counters.clone() }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Counters::add(&self.counters.renames, 1);
        fs::rename(from, to)
    }

    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        Counters::add(&self.counters.renames, 1);
        self.platform.exchange(a, b)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.counters.syncs, 1);
        // Windows syncs only what may be written.
        File::options().read(true).write(cfg!(windows)).open(path)?.sync_all()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.counters.syncs, 1);
        self.platform.sync_dir(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.counters.removes, 1);
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.counters.removes, 1);
        fs::remove_dir(path)
    }

    fn scratch(&self, dir: &Path) -> io::Result<Arc<dyn RandomFile>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!(".packwright-scratch-{}-{number}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        // An open file that cannot lose its name would be left behind by a process that is killed.
        fs::remove_file(&path)?;
        Ok(self.platform.random(file, &self.counters))
    }
}

/// A file being written. What `std` offers here retries where a signal interrupted.
struct OsNewFile {
    file: File,
    platform: &'static dyn Platform,
    counters: Arc<Counters>,
}

impl NewFile for OsNewFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Counters::add(&self.counters.bytes_written, bytes.len() as u64);
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        Counters::add(&self.counters.syncs, 1);
        self.file.sync_all()
    }

    fn set_mode(&mut self, mode: u32) -> io::Result<()> {
        self.platform.set_mode(&self.file, mode)
    }

    fn stat(&self) -> io::Result<Stamp> {
        self.platform.stamp(&self.file)
    }
}

/// A lock by `flock` or its like: closing the file frees it, also when the process dies.
struct OsLock {
    file: File,
    counters: Arc<Counters>,
}

impl Lock for OsLock {
    fn describe(&self, holder: &str) -> io::Result<()> {
        Counters::add(&self.counters.bytes_written, holder.len() as u64);
        self.file.set_len(0)?;
        let mut file = &self.file;
        file.rewind()?;
        file.write_all(holder.as_bytes())
    }
}

/// Makes a link at `path` that says `text`.
///
/// # Errors
///
/// When it cannot be made; always where links are made in another way than on Unix.
pub fn symlink(text: &Path, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(text, path);
    #[cfg(not(unix))]
    {
        let _ = (text, path);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A shared lock writes nothing, so that it can be had where only reading is allowed.
fn open_lock_file(path: &Path, shared: bool) -> io::Result<File> {
    match File::options().read(true).write(true).create(true).truncate(false).open(path) {
        Err(error) if shared && is_refusal(&error) => File::open(path),
        outcome => outcome,
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Judges a clock by one reading: no fraction of a second means that it shows none.
fn fs_time(Stamp { mtime_ns: now_ns, device, .. }: Stamp) -> FsTime {
    let granularity_ns = if now_ns % NS_PER_SECOND == 0 { COARSE_GRANULARITY_NS } else { FINE_GRANULARITY_NS };
    FsTime { now_ns, granularity_ns, device }
}

/// Lists a directory.
fn list(dir: &Path, counters: &Counters) -> io::Result<Vec<DirEntry>> {
    Counters::add(&counters.lists, 1);
    // walkdir takes a root that is a file for an empty walk; `/.` makes the system refuse it.
    let root = dir.join(".");
    if cfg!(not(unix)) && !fs::metadata(dir)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let walk = walkdir::WalkDir::new(root).min_depth(1).max_depth(1);
    walk.into_iter().map(|entry| entry.map(dir_entry).map_err(walk_error)).collect()
}

fn dir_entry(entry: walkdir::DirEntry) -> DirEntry {
    DirEntry { name: entry.file_name().to_owned(), kind: file_kind(entry.file_type()) }
}

/// Returns the cause itself, which still knows the system's error number.
fn walk_error(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links"))
}

fn file_kind(kind: fs::FileType) -> FileKind {
    if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Dir
    } else if kind.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_without_fractions_is_coarse() {
        let (kind, mode) = (FileKind::File, 0o644);
        let at = |mtime_ns| Stamp { kind, size: 1, mtime_ns, ctime_ns: mtime_ns, inode: 1, device: 7, mode };
        assert_eq!(fs_time(at(5 * NS_PER_SECOND)).granularity_ns, COARSE_GRANULARITY_NS);
        assert_eq!(fs_time(at(5 * NS_PER_SECOND + 1)).granularity_ns, FINE_GRANULARITY_NS);
        assert_eq!(fs_time(at(1)).device, 7);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_boot_has_a_name() {
        assert_eq!(OsSystem::new().boot_id().len(), 36);
        assert_eq!(OsSystem::new().boot_id(), OsSystem::new().boot_id());
        assert_eq!(OsSystem::portable().boot_id(), "");
    }

    #[test]
    #[cfg(unix)]
    fn a_shared_lock_needs_no_right_to_write() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let path = temp.path().join("lock");
        let system = OsSystem::new();
        drop(system.try_lock(&path, false).expect("created"));
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o444)).expect("it is ours");
        assert!(system.try_lock(&path, true).expect("reading is allowed").is_some());
    }

    #[test]
    #[cfg(unix)]
    fn a_handle_follows_its_directory() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let system = OsSystem::new();
        system.create_dir_all(&temp.path().join("a")).expect("new");
        system.write_new(&temp.path().join("a/f"), b"x").expect("new");
        let dir = system.open_dir(&temp.path().join("a")).expect("a directory");
        system.rename(&temp.path().join("a"), &temp.path().join("b")).expect("free");
        assert_eq!(dir.stat(Path::new("f")).expect("still there").size, 1);
    }
}
