//! The fast calls of Unix: `stat` and `open` relative to a directory's handle, `pread`, whole stamps.

#[cfg(target_os = "linux")]
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::retry_on_intr;

use super::super::{Counters, Dir, DirEntry, FileKind, OpenFile, RandomFile, Stamp};
use super::{NS_PER_SECOND, Platform};

/// The platform.
pub(super) struct Unix;

impl Platform for Unix {
    fn open_dir(&self, path: &Path, counters: &Arc<Counters>) -> io::Result<Box<dyn Dir>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?;
        let (path, stats, counters) = (path.to_owned(), AtomicU64::new(0), counters.clone());
        Ok(Box::new(UnixDir { fd, path, stats, counters, listed: Mutex::new(false) }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        stat_at(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn open(&self, path: &Path, counters: &Arc<Counters>) -> io::Result<Box<dyn OpenFile>> {
        open_at(CWD, path, counters)
    }

    fn random(&self, file: File, counters: &Arc<Counters>) -> Arc<dyn RandomFile> {
        Arc::new(UnixRandom { file, counters: counters.clone() })
    }

    fn stamp(&self, file: &File) -> io::Result<Stamp> {
        Ok(stamp(&rustix::fs::fstat(file)?))
    }

    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()> {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        use rustix::fs::{RenameFlags, renameat_with};
        use rustix::io::Errno;
        match retry_on_intr(|| renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)) {
            // What file systems and kernels say that do not know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Err(io::ErrorKind::Unsupported.into()),
            outcome => Ok(outcome?),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn exchange(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match File::open(path)?.sync_all() {
            // Some network file systems have nothing to sync in a directory and say so.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            outcome => outcome,
        }
    }

    fn boot_id(&self) -> String {
        // Elsewhere the file is not there, and the text is empty.
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
    }
}

/// An open directory. The path is kept for listing alone, which but for the fast case is done by name.
struct UnixDir {
    fd: OwnedFd,
    path: PathBuf,
    /// Counted here while the handle lives: threads that each have one do not wait for one another's count.
    stats: AtomicU64,
    counters: Arc<Counters>,
    /// Whether it was listed through the handle, and so must be rewound; held by whoever lists it.
    listed: Mutex<bool>,
}

impl Drop for UnixDir {
    fn drop(&mut self) {
        Counters::add(&self.counters.stats, *self.stats.get_mut());
    }
}

impl UnixDir {
    fn stat_with(&self, path: &Path, flags: AtFlags) -> io::Result<Stamp> {
        Counters::add(&self.stats, 1);
        if path.as_os_str().is_empty() {
            return Ok(stamp(&rustix::fs::fstat(&self.fd)?));
        }
        stat_at(self.fd.as_fd(), path, flags)
    }

    /// Lists the directory through its handle: found once, it need not be found and opened again.
    #[cfg(target_os = "linux")]
    fn list_open(&self) -> io::Result<Vec<DirEntry>> {
        use std::os::unix::ffi::OsStrExt;
        Counters::add(&self.counters.lists, 1);
        let mut listed = self.listed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if std::mem::replace(&mut *listed, true) {
            rustix::fs::seek(&self.fd, rustix::fs::SeekFrom::Start(0))?;
        }
        let mut buffer = Vec::with_capacity(16 << 10);
        let mut found = rustix::fs::RawDir::new(&self.fd, buffer.spare_capacity_mut());
        let mut entries = Vec::new();
        while let Some(entry) = found.next() {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => stat_at(self.fd.as_fd(), Path::new(name), AtFlags::SYMLINK_NOFOLLOW)?.kind,
                kind => file_kind(kind),
            };
            entries.push(DirEntry { name: name.to_owned(), kind });
        }
        Ok(entries)
    }
}

impl Dir for UnixDir {
    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        self.stat_with(path, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn stat_target(&self, path: &Path) -> io::Result<Stamp> {
        self.stat_with(path, AtFlags::empty())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Counters::add(&self.counters.opens, 1);
        open_at(self.fd.as_fd(), path, &self.counters)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        #[cfg(target_os = "linux")]
        if path.as_os_str().is_empty() {
            return self.list_open();
        }
        super::list(&self.path.join(path), &self.counters)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let text = rustix::fs::readlinkat(&self.fd, path, Vec::new())?;
        Ok(std::ffi::OsString::from_vec(text.into_bytes()).into())
    }
}

struct UnixFile {
    file: File,
    counters: Arc<Counters>,
}

impl OpenFile for UnixFile {
    fn stat(&self) -> io::Result<Stamp> {
        Ok(stamp(&rustix::fs::fstat(&self.file)?))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let n = self.file.read_at(buf, offset)?;
        Counters::add(&self.counters.bytes_read, n as u64);
        Ok(n)
    }
}

#[derive(Debug)]
struct UnixRandom {
    file: File,
    counters: Arc<Counters>,
}

impl RandomFile for UnixRandom {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        Counters::add(&self.counters.bytes_read, buf.len() as u64);
        self.file.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        Counters::add(&self.counters.bytes_written, data.len() as u64);
        self.file.write_all_at(data, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        Counters::add(&self.counters.syncs, 1);
        self.file.sync_data()
    }
}

fn stat_at(dir: BorrowedFd<'_>, path: &Path, flags: AtFlags) -> io::Result<Stamp> {
    Ok(stamp(&rustix::fs::statat(dir, path, flags)?))
}

/// Opens for reading. `O_NONBLOCK` means nothing for files, and that a FIFO without a writer opens at once.
fn open_at(dir: BorrowedFd<'_>, path: &Path, counters: &Arc<Counters>) -> io::Result<Box<dyn OpenFile>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = retry_on_intr(|| rustix::fs::openat(dir, path, flags, Mode::empty()))?;
    Ok(Box::new(UnixFile { file: fd.into(), counters: counters.clone() }))
}

#[allow(clippy::unnecessary_cast, reason = "the fields have other types on other systems")]
fn stamp(stat: &Stat) -> Stamp {
    Stamp {
        kind: file_kind(FileType::from_raw_mode(stat.st_mode as _)),
        size: stat.st_size as u64,
        mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        inode: stat.st_ino as u64,
        device: stat.st_dev as u64,
        mode: stat.st_mode as u32 & 0o7777,
    }
}

fn file_kind(kind: FileType) -> FileKind {
    match kind {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Dir,
        FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    }
}

/// Far-off years are forged; any fixed number does for those.
fn nanoseconds(seconds: i64, fraction: i64) -> i64 {
    seconds.saturating_mul(NS_PER_SECOND).saturating_add(fraction)
}
