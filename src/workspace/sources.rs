//! Reading sources: guarded, verified, and at most once where memory allows.
//!
//! A file is digested from one open handle with a stat before and after; one that moves under the reader is read
//! again, a few times. The bytes that were digested are kept up to a budget, so that they are the bytes that are
//! processed; beyond the budget a file is read again and must have the digest that the scan saw.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{Digest, RelPath};
use crate::system::{Bytes, OpenFile, Pool, Stamp, read_all};

use super::bucket::Content;
use super::layout::Workspace;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 4;
/// Files longer than this are digested in pieces and never kept, in bytes.
const PIECEWISE: u64 = 4 << 20;
/// How many bytes of sources are kept between their digesting and their processing.
const BUDGET: usize = 96 << 20;

/// The readable side of a workspace's sources.
pub struct Sources<'a> {
    ws: &'a Workspace,
    kept: Pool,
    digested: AtomicU64,
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

    /// Reads a file and returns its digest with the fingerprint it had throughout.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when the file kept changing, `InvalidInput` when it is no regular file, and whatever the
    /// system says.
    pub fn digest(&self, path: &RelPath) -> io::Result<(Digest, Stamp)> {
        let abs = self.ws.abs(path);
        for _ in 0..ATTEMPTS {
            let file = self.ws.disk.open(&abs)?;
            let before = file.stat()?;
            if before.kind != crate::system::FileKind::File {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let (digest, bytes) = if before.size > PIECEWISE {
                (digest_piecewise(&*file, before.size)?, None)
            } else {
                let bytes = match read_all(&*file, PIECEWISE) {
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge => continue,
                    other => other?,
                };
                (Digest::of(&bytes), Some(bytes))
            };
            if file.stat()? != before || bytes.as_ref().is_some_and(|it| it.len() as u64 != before.size) {
                continue;
            }
            self.digested.fetch_add(1, Ordering::Relaxed);
            if let Some(bytes) = bytes {
                self.kept.keep(digest, bytes);
            }
            return Ok((digest, before));
        }
        Err(io::ErrorKind::ResourceBusy.into())
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
