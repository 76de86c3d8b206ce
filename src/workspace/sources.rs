//! Reading sources: guarded, verified, and at most once where memory allows.
//!
//! A file is digested from one open handle with a stat before and after; one that moves under the reader is read
//! again, a few times. The bytes that were digested are kept up to a budget, so that they are the bytes that are
//! processed; beyond the budget a file is read again and must have the digest that the scan saw.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{Digest, RelPath};
use crate::system::{Bytes, Dir, OpenFile, Pool, Stamp, read_sized};

use super::bucket::Content;
use super::layout::Workspace;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 4;
/// Files longer than this are digested in pieces and never kept, in bytes.
const PIECEWISE: u64 = 4 << 20;
/// How many bytes of sources are kept between their digesting and their processing.
const BUDGET: usize = 128 << 20;

/// The readable side of a workspace's sources.
pub struct Sources<'a> {
    ws: &'a Workspace,
    kept: Pool,
    digested: AtomicU64,
}

/// A directory that files are read from.
pub struct Place {
    base: RelPath,
    /// `None` where it could not be opened; then each file says why.
    dir: Option<Box<dyn Dir>>,
}

impl<'a> Sources<'a> {
    /// Returns the sources of `ws`, none kept yet.
    pub fn new(ws: &'a Workspace) -> Self {
        Self { ws, kept: Pool::new(BUDGET), digested: AtomicU64::new(0) }
    }

    /// Returns how many files were read and digested.
    pub fn digested(&self) -> u64 {
        self.digested.load(Ordering::Relaxed)
    }

    /// Returns where a run of paths is read from, given the first and the last in byte order. Opening files relative
    /// to a directory that is open costs less than finding that directory each time.
    pub fn place(&self, first: &RelPath, last: &RelPath) -> Place {
        // What these two have in common, all between them have.
        let mut base = first.parent().unwrap_or_else(RelPath::root);
        while !base.is_root() && base.strip(last.as_str()).is_none() {
            base = base.parent().unwrap_or_else(RelPath::root);
        }
        let dir = self.ws.disk.open_dir(&self.ws.abs(&base)).ok();
        Place { base, dir }
    }

    /// Reads a file and returns its digest with the fingerprint it had throughout.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when the file kept changing, `InvalidInput` when it is no regular file, and whatever the
    /// system says.
    pub fn digest(&self, from: &Place, path: &RelPath) -> io::Result<(Digest, Stamp)> {
        for _ in 0..ATTEMPTS {
            let file = match (&from.dir, from.base.strip(path.as_str())) {
                (Some(dir), Some(name)) => dir.open(Path::new(name))?,
                _ => self.ws.disk.open(&self.ws.abs(path))?,
            };
            let before = file.stat()?;
            if before.kind != crate::system::FileKind::File {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let (digest, bytes) = if before.size > PIECEWISE {
                (digest_piecewise(&*file, before.size)?, None)
            } else {
                let bytes = match read_sized(&*file, before.size, PIECEWISE) {
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge => continue,
                    other => other?,
                };
                (Digest::of(&bytes), Some(bytes))
            };
            if file.stat()? != before || bytes.as_ref().is_some_and(|it| it.len() as u64 != before.size) {
                continue;
            }
            self.digested.fetch_add(1, Ordering::Relaxed);
            if let Some(bytes) = bytes
                && self.kept.has_room(bytes.len())
            {
                self.kept.keep(digest, Bytes::from(bytes));
            }
            return Ok((digest, before));
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Forgets the bytes that are kept.
    pub fn close(&self) {
        self.kept.close();
    }

    /// Returns the bytes of a source that the scan saw, or `None` when the file is not that any more.
    ///
    /// # Errors
    ///
    /// Whatever the system says while the file is read.
    pub fn bytes(&self, path: &RelPath, content: Content) -> io::Result<Option<Bytes>> {
        if let Some(bytes) = self.kept.get(content.digest) {
            return Ok(Some(bytes));
        }
        let bytes = match self.ws.disk.read(&self.ws.abs(path), content.size) {
            Ok(bytes) => bytes,
            Err(error) if is_another(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok((Digest::of(&bytes) == content.digest).then(|| bytes.into()))
    }
}

/// Returns whether what cannot be read is not the file any more that the scan saw: the next scan sees what it is.
fn is_another(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory | FileTooLarge)
}

fn digest_piecewise(file: &dyn OpenFile, size: u64) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buf = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        match file.read_at(&mut buf, at) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buf[..n]);
                at += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if at > size {
            break; // It grew: the stat afterwards says so too.
        }
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}
