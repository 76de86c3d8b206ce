//! The same calls by what `std` offers on every platform: paths instead of handles, a position that is set
//! before each read, stamps of size and mtime.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::{Counters, Dir, DirEntry, FileKind, OpenFile, RandomFile, Stamp};
use super::{Platform, file_kind};

/// The platform.
pub(super) struct Portable;

impl Platform for Portable {
    fn open_dir(&self, path: &Path, counters: &Arc<Counters>) -> io::Result<Box<dyn Dir>> {
        if !fs::metadata(path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Box::new(PortableDir { path: path.to_owned(), counters: counters.clone() }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        fs::symlink_metadata(path).map(|it| stamp(&it))
    }

    fn open(&self, path: &Path, counters: &Arc<Counters>) -> io::Result<Box<dyn OpenFile>> {
        // Opening a FIFO would wait for its writer.
        if file_kind(fs::metadata(path)?.file_type()) == FileKind::Other {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Box::new(PortableFile { file: Mutex::new(File::open(path)?), counters: counters.clone() }))
    }

    fn random(&self, file: File, counters: &Arc<Counters>) -> Arc<dyn RandomFile> {
        Arc::new(PortableFile { file: Mutex::new(file), counters: counters.clone() })
    }

    fn stamp(&self, file: &File) -> io::Result<Stamp> {
        file.metadata().map(|it| stamp(&it))
    }

    /// Stamps hold no bits here that would be worth keeping: a file that may not be written could not be replaced.
    fn set_mode(&self, _: &File, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn exchange(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Windows opens no directory this way and has no call for it; NTFS journals names by itself.
        if cfg!(windows) { Ok(()) } else { File::open(path)?.sync_all() }
    }

    fn boot_id(&self) -> String {
        String::new()
    }
}

/// A directory by its path: renaming it moves what the handle means.
struct PortableDir {
    path: PathBuf,
    counters: Arc<Counters>,
}

impl PortableDir {
    /// Joining an empty path would add a separator, and with it follow a link.
    fn at(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.path.clone() } else { self.path.join(path) }
    }
}

impl Dir for PortableDir {
    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        if path.as_os_str().is_empty() {
            return self.stat_target(path);
        }
        Counters::add(&self.counters.stats, 1);
        Portable.stat(&self.at(path))
    }

    fn stat_target(&self, path: &Path) -> io::Result<Stamp> {
        Counters::add(&self.counters.stats, 1);
        fs::metadata(self.at(path)).map(|it| stamp(&it))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Counters::add(&self.counters.opens, 1);
        Portable.open(&self.at(path), &self.counters)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        super::list(&self.at(path), &self.counters)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(self.at(path))
    }
}

/// An open file. The position is shared by all who hold the file, so it is set and used under a lock.
#[derive(Debug)]
struct PortableFile {
    file: Mutex<File>,
    counters: Arc<Counters>,
}

impl PortableFile {
    /// A panic elsewhere leaves nothing half done here: the position is set before each use.
    fn lock(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, offset: u64) -> io::Result<MutexGuard<'_, File>> {
        let mut file = self.lock();
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }
}

impl OpenFile for PortableFile {
    fn stat(&self) -> io::Result<Stamp> {
        self.lock().metadata().map(|it| stamp(&it))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let n = self.at(offset)?.read(buf)?;
        Counters::add(&self.counters.bytes_read, n as u64);
        Ok(n)
    }
}

impl RandomFile for PortableFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().metadata()?.len())
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        Counters::add(&self.counters.bytes_read, buf.len() as u64);
        self.at(offset)?.read_exact(buf)
    }

    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        Counters::add(&self.counters.bytes_written, data.len() as u64);
        self.at(offset)?.write_all(data)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lock().set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        Counters::add(&self.counters.syncs, 1);
        self.lock().sync_data()
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        kind: file_kind(metadata.file_type()),
        size: metadata.len(),
        mtime_ns: metadata.modified().map_or(0, nanoseconds),
        ctime_ns: 0,
        inode: 0,
        device: 0,
        mode: if metadata.permissions().readonly() { 0o444 } else { 0o666 },
    }
}

/// Nanoseconds since 1970, negative before; far-off years are forged, and any fixed number does for those.
fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |it| -it),
    }
}
