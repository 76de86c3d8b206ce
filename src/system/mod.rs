//! The doors to the disk: what packwright asks of a file system, and nothing else.
//!
//! [`System`] reads, [`Disk`] also changes. Everything above this folder is written against these two, so
//! that tests can run it on a file system in memory which counts, scrambles, changes under the reader and
//! dies at any step. `std::fs`, `std::env` and clocks are used nowhere else (a lint says so).
//!
//! Paths are absolute and native here; what a path means for the workspace is decided above.

mod bytes;
#[cfg(test)]
mod conformance;
mod counters;
pub mod faulty;
pub mod machine;
pub mod memory;
pub mod os;
mod overflow;
pub mod overlay;
mod pool;
pub mod process;
pub mod staged;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use bytes::Bytes;
pub use counters::{Counters, Counts};
pub use pool::Pool;

/// What a directory entry is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A FIFO, socket or device.
    Other,
}

/// What `stat` says of a file: a cheap stand-in for its contents. Compared for inequality only: no order
/// among stamps means anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stamp {
    /// What it is.
    pub kind: FileKind,
    /// Length in bytes.
    pub size: u64,
    /// Time of the last change of contents, in nanoseconds since 1970 by the file system's clock.
    pub mtime_ns: i64,
    /// Time of the last change of contents or metadata, likewise; zero where the platform has none.
    pub ctime_ns: i64,
    /// Number of the file on its device; zero where the platform has none.
    pub inode: u64,
    /// The device; zero where the platform has none.
    pub device: u64,
    /// Permission bits.
    pub mode: u32,
}

impl Stamp {
    /// Returns whether the file might change after `now` without moving this stamp: it is not older than `now` by
    /// the clock's granularity.
    ///
    /// The change time decides where the platform has one, since nobody can set it: a modification time that an
    /// archive put into the future is then no reason for doubt. A file on another device than the clock's goes by a
    /// clock that nobody read, in steps that nobody knows; it is doubted for much longer.
    pub fn is_racy(&self, now: FsTime) -> bool {
        let time = if self.ctime_ns != 0 { self.ctime_ns } else { self.mtime_ns };
        let doubt_ns = if self.device == now.device { now.granularity_ns } else { FOREIGN_DOUBT_NS };
        time >= now.now_ns.saturating_sub(doubt_ns)
    }
}

/// How long a file on another device than the clock's is doubted, in nanoseconds: a minute holds the coarsest steps, and
/// what the clocks of two machines that keep time differ by.
const FOREIGN_DOUBT_NS: i64 = 60_000_000_000;

/// The file system's own idea of the time, and how coarse that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FsTime {
    /// Nanoseconds since 1970.
    pub now_ns: i64,
    /// The step of the clock in nanoseconds, rounded up generously.
    pub granularity_ns: i64,
    /// The device whose clock it is; zero where the platform has none, and then everything seems to lie on it.
    pub device: u64,
}

impl FsTime {
    /// A time so early that every stamp is racy against it: for file systems whose clock cannot be read.
    pub const UNKNOWN: Self = Self { now_ns: i64::MIN, granularity_ns: 0, device: 0 };
}

/// One name in a directory listing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DirEntry {
    /// The name, as the file system has it.
    pub name: OsString,
    /// What it is, links not followed.
    pub kind: FileKind,
}

/// An open directory. Names are relative paths below it; none may be absolute or go up.
pub trait Dir: Send + Sync {
    /// Returns the stamp of `path`, not following a link in its last component.
    fn stat(&self, path: &Path) -> io::Result<Stamp>;
    /// Returns the stamp of what `path` leads to, following links.
    fn stat_target(&self, path: &Path) -> io::Result<Stamp>;
    /// Opens a file for reading, following links. Never blocks on a FIFO.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// Lists a directory, `""` for this one, in no particular order.
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;
    /// Returns the text of a link.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;
}

/// A file open for reading.
pub trait OpenFile: Send {
    /// Returns the stamp of the open file itself, whatever its name means by now.
    fn stat(&self) -> io::Result<Stamp>;
    /// Reads some bytes at `offset`; 0 means the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// A file that is read and written in place: the ground that the cache's databases stand on.
#[expect(clippy::len_without_is_empty, reason = "whether a database is empty is nobody's question")]
pub trait RandomFile: Send + Sync + std::fmt::Debug {
    /// Returns the length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills `buf` from `offset`; an error where the file ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `data` at `offset`.
    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()>;
    /// Sets the length; what is new is zero.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes everything written so far durable.
    fn sync(&self) -> io::Result<()>;
}

/// How a [`RandomFile`] is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Must exist; never written.
    Read,
    /// Created where absent.
    Write,
}

/// A lock that is held until it is dropped. Advisory, between processes and within one.
pub trait Lock: Send + Sync {
    /// Replaces the text inside the lock file, where others can read who holds it.
    fn describe(&self, holder: &str) -> io::Result<()>;
}

/// Reading the file system.
pub trait System: Send + Sync {
    /// Opens a directory, following links.
    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn Dir>>;
    /// Returns the stamp of `path`, not following a link in its last component.
    fn stat(&self, path: &Path) -> io::Result<Stamp>;
    /// Opens a file for reading, following links. Never blocks on a FIFO.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// Opens a file for positional reading and, with [`Access::Write`], writing.
    fn open_random(&self, path: &Path, access: Access) -> io::Result<Arc<dyn RandomFile>>;
    /// Returns the path with every link in it followed; everything on it must exist.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
    /// Returns where `path` lies in the operating system's own file system, for libraries that open files
    /// themselves; `None` for a file system that exists in memory only.
    fn native_path(&self, path: &Path) -> Option<PathBuf>;
    /// Returns the clock of the file system that holds `dir`, read by means of a temporary file in it (no
    /// file is left). `FsTime::UNKNOWN` where that cannot be done.
    fn now(&self, dir: &Path) -> FsTime;
    /// Returns an identifier of this boot of the machine, or an empty text where there is none.
    fn boot_id(&self) -> String;
    /// Takes a lock on the file `path`, created where absent and never removed; `None` when another holds
    /// it (or, asked for `shared`, holds it exclusively).
    fn try_lock(&self, path: &Path, shared: bool) -> io::Result<Option<Box<dyn Lock>>>;
    /// Waits.
    fn pause(&self, duration: Duration);
    /// Returns what has been counted so far.
    fn counters(&self) -> &Counters;

    /// Reads a whole file of at most `limit` bytes; a longer one is an error of kind `FileTooLarge`.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        read_all(&*self.open(path)?, limit)
    }
}

/// Changing the file system. A new file is durable once it was [`sync`](NewFile::sync)ed and its
/// directory [`sync_dir`](Disk::sync_dir)ed; a rename or a second name once the directory was.
pub trait Disk: System {
    /// Creates a file for writing that must not exist yet.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;
    /// Creates a directory and those above it; one that exists is no error.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Gives `from` the name `to`, atomically replacing a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Lets two files swap their names, atomically: at no moment one of the names is free.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the file system or the platform cannot do that; `CrossesDevices`; whatever else.
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()>;
    /// Gives the file `from` a second name `to`, which nothing may have. Whoever writes to the one writes to the other.
    ///
    /// # Errors
    ///
    /// `Unsupported`, `PermissionDenied`, `TooManyLinks` or `CrossesDevices` where that cannot be had here.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the contents of a file durable that somebody else wrote.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes a file or link.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Returns a new file that has no name, on the file system that holds `dir`: for bytes that nobody needs when this
    /// process has ended, however it ends.
    ///
    /// # Errors
    ///
    /// `Unsupported` where a file must have a name, and whatever the system says.
    fn scratch(&self, dir: &Path) -> io::Result<Arc<dyn RandomFile>> {
        let _ = dir;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Writes a new file in one go, without syncing it.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.create(path)?.write_all(bytes)
    }
}

/// A file being written for the first time.
pub trait NewFile: Send {
    /// Appends bytes.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written so far durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Sets the permission bits, where the platform has some.
    fn set_mode(&mut self, mode: u32) -> io::Result<()>;
    /// Returns the stamp of the file as it stands.
    fn stat(&self) -> io::Result<Stamp>;
}

/// Reads an open file to its end; longer than `limit` bytes is an error of kind `FileTooLarge`.
pub fn read_all(file: &dyn OpenFile, limit: u64) -> io::Result<Vec<u8>> {
    read_sized(file, file.stat()?.size, limit)
}

/// As [`read_all`], of a file whose `stat` has just told the size.
///
/// # Errors
///
/// As [`read_all`].
pub fn read_sized(file: &dyn OpenFile, size: u64, limit: u64) -> io::Result<Vec<u8>> {
    if size > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    let end = read_into(file, size, limit, &mut bytes, 0)?;
    bytes.truncate(end);
    Ok(bytes)
}

/// As [`read_sized`], into `bytes` from `start` on; returns where what was read ends there. `bytes` are as long as they were
/// or longer: whoever reads many files into one buffer has it cleared once, and not for each.
///
/// # Errors
///
/// As [`read_all`].
pub fn read_into(file: &dyn OpenFile, size: u64, limit: u64, bytes: &mut Vec<u8>, start: usize) -> io::Result<usize> {
    if size > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut filled = 0;
    // One byte more than expected, so that the usual file needs one read and one that grew is noticed.
    let mut room = size as usize + 1;
    loop {
        if bytes.len() < start + room {
            bytes.resize(start + room, 0);
        }
        match file.read_at(&mut bytes[start + filled..start + room], filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled as u64 == size {
            break;
        }
        if filled as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if filled == room {
            room = filled * 2;
        }
    }
    Ok(start + filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_on_another_device_is_doubted_for_longer() {
        let second = 1_000_000_000;
        let now = FsTime { now_ns: 1000 * second, granularity_ns: 10, device: 1 };
        let stamp = |device, ctime_ns| {
            let kind = FileKind::File;
            Stamp { kind, size: 0, mtime_ns: 0, ctime_ns, inode: 1, device, mode: 0 }
        };
        let cases = [
            (1, now.now_ns - 10, true),
            (1, now.now_ns - 11, false),
            (2, now.now_ns - 11, true),
            (2, now.now_ns - 60 * second, true),
            (2, now.now_ns - 60 * second - 1, false),
            (2, now.now_ns + 1, true),
        ];
        for (device, time, expected) in cases {
            assert_eq!(stamp(device, time).is_racy(now), expected, "device {device}, {} ns ago", now.now_ns - time);
        }
        assert!(stamp(1, 1).is_racy(FsTime::UNKNOWN));
    }
}
