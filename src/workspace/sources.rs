//! Reading sources: guarded, verified, and at most once where memory allows.
//!
//! A file is digested from one open handle with a stat before and after; one that moves under the reader is read
//! again, a few times. The bytes that were digested are kept up to a budget, so that they are the bytes that are
//! processed; beyond the budget a file is read again and must have the digest that the scan saw. Bytes that did not
//! change are not kept, unless there is no pack to take them from.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::model::magic::DECIDE;
use crate::model::{Digest, Looks, RelPath};
use crate::system::{Bytes, Dir, FileKind, OpenFile, Pool, Stamp, read_into};

use super::layout::Workspace;
use super::lookup::is_declaration;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 4;
/// Files longer than this are digested in pieces and never kept, in bytes.
const PIECEWISE: u64 = 4 << 20;
/// How many bytes of sources are kept in memory between their digesting and their processing.
const BUDGET: usize = 32 << 20;
/// How many bytes of small ones are kept in a file besides.
const OVERFLOW: u64 = 512 << 20;
/// The longest buffer that is used again, in bytes: longer ones are few.
const SPARE: usize = 2 << 20;
/// How many bytes of declarations, which are read whatever else is.
const TEXTS_BUDGET: usize = 32 << 20;

/// The readable side of a workspace's sources.
pub struct Sources<'a> {
    ws: &'a Workspace,
    kept: Pool,
    texts: Pool,
    /// A buffer for each thread that was done with one: to get new memory costs more than to read a file.
    spare: Mutex<Vec<Vec<u8>>>,
    digested: AtomicU64,
    /// The pack that is to be made, if one is.
    pack: Option<PathBuf>,
    /// Whether bytes will be asked for although they did not change.
    keeps_unchanged: OnceLock<bool>,
}

/// What a file was found to hold and to look like, and the fingerprint that it had throughout.
pub type Digested = io::Result<(Digest, Looks, Stamp)>;

/// A directory that files are read from.
struct Place {
    base: RelPath,
    /// `None` where it could not be opened; then each file says why.
    dir: Option<Box<dyn Dir>>,
}

/// The bytes of small files one after the other.
#[derive(Default)]
struct Gathered {
    buffer: Vec<u8>,
    /// How much of the buffer they take up.
    len: usize,
    parts: Vec<(Digest, Range<usize>)>,
}

impl<'a> Sources<'a> {
    /// Returns the sources of `ws`, none kept yet.
    pub fn new(ws: &'a Workspace) -> Self {
        let (kept, texts) = (Pool::new(BUDGET), Pool::new(TEXTS_BUDGET));
        let (spare, digested, keeps_unchanged) = (Mutex::default(), AtomicU64::new(0), OnceLock::new());
        Self { ws, kept, texts, spare, digested, pack: None, keeps_unchanged }
    }

    /// Says which pack is to be made: where there is none yet, all bytes are wanted for it, and not only those that
    /// changed.
    #[must_use]
    pub fn for_pack(self, pack: Option<PathBuf>) -> Self {
        Self { pack, ..self }
    }

    /// Lets small files that memory has no room for overflow into a file beside the cache.
    #[must_use]
    pub fn overflowing(self) -> Self {
        let kept = self.kept.overflowing(self.ws.disk.clone(), self.ws.cache_dir(), OVERFLOW);
        Self { kept, ..self }
    }

    /// Returns how many files were read and digested.
    pub fn digested(&self) -> u64 {
        self.digested.load(Ordering::Relaxed)
    }

    /// Prepares for reading so many files.
    pub fn expect(&self, n: usize) {
        if self.keeps_unchanged() {
            self.kept.expect(n);
        }
    }

    /// Reads files, in the order of the tree, and returns what each was found to hold. `held` tells what one of them
    /// is known to have held, by its number: bytes that did not change are mostly not asked for again.
    ///
    /// Where a file cannot be read there is an error: `ResourceBusy` when it kept changing, `InvalidInput` when it is no
    /// regular file, and otherwise whatever the system says.
    pub fn digest_run(&self, paths: &[&RelPath], held: &dyn Fn(usize) -> Option<Digest>) -> Vec<Digested> {
        let (Some(first), Some(last)) = (paths.first(), paths.last()) else { return Vec::new() };
        let place = self.place(first, last);
        let buffer = self.spare().pop().unwrap_or_default();
        let (mut contents, mut texts) = (Gathered { buffer, ..Gathered::default() }, Gathered::default());
        let digest = |(nth, path): (usize, &&RelPath)| match is_declaration(path.as_str()) {
            true => self.digest(&place, path, &|_| true, &self.texts, &mut texts),
            false => {
                let wanted = |digest| self.keeps_unchanged() || held(nth) != Some(digest);
                self.digest(&place, path, &wanted, &self.kept, &mut contents)
            }
        };
        let digested = paths.iter().enumerate().map(digest).collect();
        self.kept.keep(&mut contents.buffer, contents.len, &contents.parts);
        self.texts.keep(&mut texts.buffer, texts.len, &texts.parts);
        if contents.buffer.len() <= SPARE {
            self.spare().push(contents.buffer);
        }
        digested
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeps_unchanged(&self) -> bool {
        let is_absent = |pack: &PathBuf| self.ws.disk.stat(pack).is_err();
        *self.keeps_unchanged.get_or_init(|| self.pack.as_ref().is_some_and(is_absent))
    }

    /// Returns where a run of paths is read from, given the first and the last. Opening files relative
    /// to a directory that is open costs less than finding that directory each time.
    fn place(&self, first: &RelPath, last: &RelPath) -> Place {
        // What these two have in common, all between them have.
        let mut base = first.parent().unwrap_or_else(RelPath::root);
        while !base.is_root() && base.strip(last.as_str()).is_none() {
            base = base.parent().unwrap_or_else(RelPath::root);
        }
        let dir = self.ws.disk.open_dir(&self.ws.abs(&base)).ok();
        Place { base, dir }
    }

    /// Reads a file, and gathers its bytes where they are wanted and `pool` has room for them.
    fn digest(
        &self,
        from: &Place,
        path: &RelPath,
        wanted: &dyn Fn(Digest) -> bool,
        pool: &Pool,
        gathered: &mut Gathered,
    ) -> Digested {
        for _ in 0..ATTEMPTS {
            let file = match (&from.dir, from.base.strip(path.as_str())) {
                (Some(dir), Some(name)) => dir.open(Path::new(name))?,
                _ => self.ws.disk.open(&self.ws.abs(path))?,
            };
            let before = file.stat()?;
            if before.kind != FileKind::File {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let start = gathered.len;
            let (digest, looks, end) = if before.size > PIECEWISE {
                let (digest, looks) = digest_piecewise(&*file, before.size)?;
                (digest, looks, start)
            } else {
                let end = match read_into(&*file, before.size, PIECEWISE, &mut gathered.buffer, start) {
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge => continue,
                    other => other?,
                };
                let bytes = &gathered.buffer[start..end];
                (Digest::of(bytes), Looks::of(bytes), end)
            };
            let moved = file.stat()? != before || (before.size <= PIECEWISE && (end - start) as u64 != before.size);
            if !moved && before.size <= PIECEWISE && pool.has_room(end, end - start) && wanted(digest) {
                gathered.parts.push((digest, start..end));
                gathered.len = end;
            }
            if !moved {
                self.digested.fetch_add(1, Ordering::Relaxed);
                return Ok((digest, looks, before));
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Forgets the bytes that are kept; nobody may ask for any from now on.
    pub fn forget(&self) {
        self.kept.forget();
        self.texts.forget();
    }

    /// From now on gives up bytes that are written down once they were asked for as often as files held them: each of
    /// them is on its way into the pack.
    pub fn spend(&self) {
        self.kept.spend();
    }

    /// Closes the files that they overflowed into, which takes a while where these became long.
    pub fn close(&self) {
        self.kept.close();
        self.texts.close();
    }

    /// Returns the bytes with this digest, if they are kept from when they were digested.
    pub fn kept(&self, digest: Digest) -> Option<Bytes> {
        self.kept.get(digest).or_else(|| self.texts.get(digest))
    }

    /// Returns whether the bytes with this digest are kept.
    pub fn keeps(&self, digest: Digest) -> bool {
        self.kept.has(digest) || self.texts.has(digest)
    }

    /// Returns the bytes of a source that the scan saw with this digest and length, or `None` when the file is not that any more.
    ///
    /// # Errors
    ///
    /// Whatever the system says while the file is read.
    pub fn bytes(&self, path: &RelPath, digest: Digest, size: u64) -> io::Result<Option<Bytes>> {
        if let Some(bytes) = self.kept(digest) {
            return Ok(Some(bytes));
        }
        let bytes = match self.ws.disk.read(&self.ws.abs(path), size) {
            Ok(bytes) => bytes,
            Err(error) if is_another(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok((Digest::of(&bytes) == digest).then(|| bytes.into()))
    }
}

/// Returns whether what cannot be read is not the file any more that the scan saw: the next scan sees what it is.
fn is_another(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory | FileTooLarge)
}

fn digest_piecewise(file: &dyn OpenFile, size: u64) -> io::Result<(Digest, Looks)> {
    let mut hasher = blake3::Hasher::new();
    let mut buf = vec![0; 1 << 20];
    let (mut at, mut first) = (0, Vec::with_capacity(DECIDE));
    loop {
        match file.read_at(&mut buf, at) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buf[..n]);
                first.extend_from_slice(&buf[..n.min(DECIDE - first.len())]);
                at += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if at > size {
            break; // It grew: the stat afterwards says so too.
        }
    }
    Ok((Digest(*hasher.finalize().as_bytes()), Looks::of(&first)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn bytes_that_did_not_change_are_kept_only_for_a_pack_that_is_not_there() {
        let memory = MemorySystem::new();
        for (path, text) in [("/w/old", "old"), ("/w/new", "new"), ("/w/a.asset.json", "{}"), ("/w/build/a.pack", "")] {
            memory.write(path, text);
        }
        let ws = Workspace::new(Arc::new(memory), "/w".into());
        let paths = ["a.asset.json", "new", "old"].map(|it| RelPath::new(it).expect("a path"));
        let known = |nth: usize| (nth != 1).then(|| Digest::of(b"old"));
        let digests = ["{}", "new", "old"].map(|it| Digest::of(it.as_bytes()));
        for (pack, expected) in [(None, false), (Some("/w/build/a.pack"), false), (Some("/w/build/b.pack"), true)] {
            let sources = Sources::new(&ws).for_pack(pack.map(PathBuf::from));
            let read = sources.digest_run(&paths.each_ref(), &known);
            assert_eq!(read.into_iter().map(|it| it.expect("it is there").0).collect::<Vec<_>>(), digests);
            assert_eq!(digests.map(|it| sources.keeps(it)), [true, true, expected], "{pack:?}");
            assert_eq!(sources.kept(digests[1]).as_deref(), Some(&b"new"[..]));
        }
    }
}
