//! Bytes of files kept up to a budget, by digest: between the moment they are read and the moment they are used. What
//! does not fit is not kept, and whoever asks finds it elsewhere.
//!
//! Small files lie together in buffers: a buffer each would cost more than reading it. What does not fit into memory
//! goes to a file without a name, where it is found again for a fraction of what opening so many files costs. Nobody
//! else can open that file, so that what is read from it is no more verified than what the system swaps.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use crate::model::Digest;
use crate::model::digest::DigestMap;

use super::{Bytes, Disk, RandomFile};

/// A bounded pool of bytes.
pub struct Pool {
    inner: RwLock<Inner>,
    overflow: Option<Overflow>,
}

#[derive(Default)]
struct Inner {
    places: DigestMap<Place>,
    buffers: Vec<Arc<Vec<u8>>>,
    room: usize,
}

/// Where bytes lie: in which buffer, or in the file; from where on, and how many.
#[derive(Clone, Copy)]
struct Place {
    buffer: Option<u32>,
    start: u64,
    len: u32,
}

/// A file for what does not fit into memory.
struct Overflow {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Made when it is first needed; `None` where it cannot be had.
    file: OnceLock<Option<Arc<dyn RandomFile>>>,
    end: AtomicU64,
    budget: u64,
}

/// The longest file that is worth writing down: reading it again costs little more than opening it.
const SMALL: usize = 16 << 10;

impl Pool {
    /// Returns an empty pool for `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self { inner: RwLock::new(Inner { room: budget, ..Inner::default() }), overflow: None }
    }

    /// Lets `budget` more bytes overflow into a file in `dir`, which will have no name.
    #[must_use]
    pub fn overflowing(self, disk: Arc<dyn Disk>, dir: PathBuf, budget: u64) -> Self {
        let overflow = Overflow { disk, dir, file: OnceLock::new(), end: AtomicU64::new(0), budget };
        Self { overflow: Some(overflow), ..self }
    }

    /// Returns whether a buffer of so many bytes would be kept, the last `len` of which are one file's.
    pub fn has_room(&self, buffer: usize, len: usize) -> bool {
        let fits = self.inner.read().expect("no panic while held").room >= buffer;
        fits || (len <= SMALL && self.overflow.as_ref().is_some_and(|it| it.has_room(buffer)))
    }

    /// Forgets everything and keeps nothing any more.
    pub fn close(&self) {
        *self.inner.write().expect("no panic while held") = Inner::default();
        if let Some(overflow) = &self.overflow {
            overflow.end.store(overflow.budget, Ordering::Relaxed);
        }
    }

    /// Keeps a buffer that holds the bytes of these digests, if there is room for it.
    pub fn keep(&self, buffer: Vec<u8>, parts: Vec<(Digest, Range<usize>)>) {
        if parts.is_empty() || buffer.len() > u32::MAX as usize {
            return;
        }
        if let Some(buffer) = self.keep_in_memory(buffer, &parts)
            && let Some(overflow) = &self.overflow
            && let Some(start) = overflow.write(&buffer)
        {
            self.inner.write().expect("no panic while held").add(None, start, &parts);
        }
    }

    /// Returns the buffer where there is no room for it.
    fn keep_in_memory(&self, buffer: Vec<u8>, parts: &[(Digest, Range<usize>)]) -> Option<Vec<u8>> {
        let mut inner = self.inner.write().expect("no panic while held");
        let Some(room) = inner.room.checked_sub(buffer.len()) else { return Some(buffer) };
        inner.room = room;
        let number = inner.buffers.len() as u32;
        inner.buffers.push(Arc::new(buffer));
        inner.add(Some(number), 0, parts);
        None
    }

    /// Returns whether the bytes with this digest are kept.
    pub fn has(&self, digest: Digest) -> bool {
        self.inner.read().expect("no panic while held").places.contains_key(&digest)
    }

    /// Returns the bytes with this digest if they are kept.
    pub fn get(&self, digest: Digest) -> Option<Bytes> {
        let inner = self.inner.read().expect("no panic while held");
        let Place { buffer, start, len } = *inner.places.get(&digest)?;
        if let Some(buffer) = buffer {
            let start = start as usize;
            return Some(Bytes::part(&inner.buffers[buffer as usize], start..start + len as usize));
        }
        drop(inner);
        self.overflow.as_ref()?.read(start, len as usize).map(Bytes::from)
    }
}

impl Inner {
    fn add(&mut self, buffer: Option<u32>, offset: u64, parts: &[(Digest, Range<usize>)]) {
        for (digest, range) in parts {
            let place = Place { buffer, start: offset + range.start as u64, len: range.len() as u32 };
            self.places.insert(*digest, place);
        }
    }
}

impl Overflow {
    fn has_room(&self, len: usize) -> bool {
        let left = self.budget.saturating_sub(self.end.load(Ordering::Relaxed));
        left >= len as u64 && self.file().is_some()
    }

    fn file(&self) -> Option<&Arc<dyn RandomFile>> {
        self.file.get_or_init(|| self.disk.scratch(&self.dir).ok()).as_ref()
    }

    /// Writes bytes down and returns where.
    fn write(&self, bytes: &[u8]) -> Option<u64> {
        let start = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if start + bytes.len() as u64 > self.budget {
            return None;
        }
        self.file()?.write_all_at(bytes, start).ok()?;
        Some(start)
    }

    fn read(&self, start: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.file()?.read_exact_at(&mut bytes, start).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;
    use crate::system::os::OsSystem;

    fn ask(pool: &Pool, bytes: &[u8]) -> bool {
        let found = pool.get(Digest::of(bytes));
        assert!(found.as_deref().is_none_or(|it| it == bytes));
        found.is_some()
    }

    /// Keeps a buffer that holds a file, or two the first of which has three bytes.
    fn keep(pool: &Pool, buffer: &[u8]) {
        let cut = if buffer.len() > 5 { 3 } else { buffer.len() };
        let files = [0..cut, cut..buffer.len()].into_iter().filter(|it| !it.is_empty());
        pool.keep(buffer.to_vec(), files.map(|it| (Digest::of(&buffer[it.clone()]), it)).collect());
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let pool = Pool::new(8);
        keep(&pool, b"onetwo");
        assert!(pool.has_room(2, 2) && !pool.has_room(3, 3));
        keep(&pool, b"three");
        assert!(ask(&pool, b"one") && ask(&pool, b"two") && !ask(&pool, b"three"));
        assert!(pool.has(Digest::of(b"one")) && !pool.has(Digest::of(b"three")));
        pool.close();
        assert!(!ask(&pool, b"one") && !pool.has_room(1, 1));
    }

    #[test]
    fn what_does_not_fit_into_memory_goes_to_a_file_without_a_name() {
        let temp = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(OsSystem::new());
        let pool = Pool::new(3).overflowing(disk.clone(), temp.path().to_owned(), 9);
        assert!(pool.has_room(9, SMALL) && !pool.has_room(9, SMALL + 1) && !pool.has_room(10, 5));
        for buffer in [&b"one"[..], b"twothree", b"four"] {
            keep(&pool, buffer);
        }
        assert!(ask(&pool, b"one") && ask(&pool, b"two") && ask(&pool, b"three") && !ask(&pool, b"four"));
        assert!(disk.open_dir(temp.path()).unwrap().list("".as_ref()).unwrap().is_empty());
    }

    #[test]
    fn where_there_is_no_such_file_nothing_overflows() {
        let pool = Pool::new(0).overflowing(Arc::new(MemorySystem::new()), PathBuf::from("/"), 9);
        keep(&pool, b"one");
        assert!(!pool.has_room(1, 1) && !ask(&pool, b"one"));
    }
}
