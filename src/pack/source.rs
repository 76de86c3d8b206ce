//! Where a reader's bytes come from: memory or positional reads, and the files beside a split pack's root.
//!
//! Knows nothing of the format but how its files are named.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::model::Digest;
use crate::system::{Bytes, OpenFile, Stamp, System};

use super::format::PartKind;

/// Bytes that can be read at any position, from several threads.
pub trait Source: Send + Sync {
    /// Returns how many bytes there are.
    fn size(&self) -> io::Result<u64>;
    /// Fills `buf` from `offset`; an error of kind `UnexpectedEof` where the bytes end before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|it| self.get(it..)).and_then(|it| it.get(..buf.len()));
        buf.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Source for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Source::size(*self)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buf, offset)
    }
}

impl Source for Bytes {
    fn size(&self) -> io::Result<u64> {
        Source::size(&**self)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buf, offset)
    }
}

/// An open file as a source. Its size is the one it had when it was opened.
pub struct FileSource {
    file: Mutex<Box<dyn OpenFile>>,
    stamp: Stamp,
}

impl FileSource {
    /// Opens the file at `path`.
    pub fn open(system: &dyn System, path: &Path) -> io::Result<Self> {
        let file = system.open(path)?;
        let stamp = file.stat()?;
        Ok(Self { file: Mutex::new(file), stamp })
    }
}

impl Source for FileSource {
    fn size(&self) -> io::Result<u64> {
        Ok(self.stamp.size)
    }

    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        while !buf.is_empty() {
            match file.read_at(buf, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buf = &mut buf[n..];
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Opens the other files of a split pack. They are named by digests and by nothing that a pack says, so
/// that no pack can make a reader open a file elsewhere.
pub trait PartStore: Send + Sync {
    /// Opens the file of this kind and digest.
    fn open(&self, kind: PartKind, digest: Digest) -> io::Result<Box<dyn Source>>;

    /// Returns whether the pack's name leads to another root file by now: then a file that is not there may well have
    /// been swept.
    fn is_replaced(&self) -> bool {
        false
    }
}

impl<P: PartStore> PartStore for &P {
    fn open(&self, kind: PartKind, digest: Digest) -> io::Result<Box<dyn Source>> {
        (**self).open(kind, digest)
    }

    fn is_replaced(&self) -> bool {
        (**self).is_replaced()
    }
}

/// No other files: for packs in the single layout.
pub struct NoParts;

impl PartStore for NoParts {
    fn open(&self, _: PartKind, _: Digest) -> io::Result<Box<dyn Source>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The files in a directory.
pub struct DirParts<'a> {
    system: &'a dyn System,
    dir: PathBuf,
    /// The root file that names them, as it was when it was opened.
    root: Option<(PathBuf, Stamp)>,
}

impl<'a> DirParts<'a> {
    /// Returns the parts in `dir`, which need not exist.
    pub fn new(system: &'a dyn System, dir: PathBuf) -> Self {
        Self { system, dir, root: None }
    }

    /// Returns the parts of the pack whose root file is at `root`: those in the directory beside it that has
    /// the root's name with `.parts` in place of `.pack`.
    pub fn beside(system: &'a dyn System, root: &Path) -> Self {
        Self::new(system, root.with_extension("parts"))
    }

    /// As [`DirParts::beside`], of a root file that is open: these know when another one takes its name.
    pub fn beside_open(system: &'a dyn System, path: &Path, root: &FileSource) -> Self {
        Self { root: Some((path.to_owned(), root.stamp)), ..Self::beside(system, path) }
    }
}

impl PartStore for DirParts<'_> {
    fn open(&self, kind: PartKind, digest: Digest) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(FileSource::open(self.system, &self.dir.join(kind.file_name(digest)))?))
    }

    fn is_replaced(&self) -> bool {
        let moved = |(path, stamp): &(PathBuf, Stamp)| {
            let now = self.system.open(path).and_then(|it| it.stat());
            !now.is_ok_and(|now| (now.inode, now.size, now.mtime_ns) == (stamp.inode, stamp.size, stamp.mtime_ns))
        };
        self.root.as_ref().is_some_and(moved)
    }
}

/// Files in memory, by name.
impl PartStore for BTreeMap<String, Bytes> {
    fn open(&self, kind: PartKind, digest: Digest) -> io::Result<Box<dyn Source>> {
        let bytes = self.get(&kind.file_name(digest)).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_end_where_they_end() {
        let bytes: &[u8] = b"0123456789";
        let mut buf = [0; 4];
        assert!(bytes.read_exact_at(&mut buf, 6).is_ok());
        assert_eq!(&buf, b"6789");
        for offset in [7, 10, 11, u64::MAX] {
            let error = bytes.read_exact_at(&mut buf, offset).expect_err("past the end");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{offset}");
        }
        assert!(bytes.read_exact_at(&mut [], 10).is_ok());
    }
}
