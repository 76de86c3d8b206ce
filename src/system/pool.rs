//! Bytes of files kept up to a budget, by digest: between the moment they are read and the moment they are used. What
//! does not fit is not kept, and whoever asks finds it elsewhere.
//!
//! Small files lie together in buffers: a buffer each would cost more than reading it. What does not fit into memory
//! goes to a file without a name, where it is found again for a fraction of what opening so many files costs: what is
//! asked for in the order in which it was kept, many files at once. Nobody else can open that file, so that what is
//! read from it is no more verified than what the system swaps.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use crate::model::Digest;
use crate::model::digest::DigestMap;

use super::{Bytes, Disk, RandomFile};

/// A bounded pool of bytes.
pub struct Pool {
    inner: RwLock<Inner>,
    /// How many bytes there is room for in memory.
    room: AtomicUsize,
    overflow: Option<Overflow>,
}

#[derive(Default)]
struct Inner {
    places: DigestMap<Place>,
    buffers: Vec<Arc<Vec<u8>>>,
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
    file: RwLock<OnceLock<Option<Arc<dyn RandomFile>>>>,
    /// How much of it is given out to be written, and how much is written.
    end: AtomicU64,
    written: AtomicU64,
    budget: u64,
    /// What was read ahead for each of a few threads.
    ahead: [Mutex<Ahead>; READERS],
}

/// What one thread read of the file, more than it was asked for.
#[derive(Default)]
struct Ahead {
    start: u64,
    buffer: Arc<Vec<u8>>,
    /// Where the next question is expected.
    next: u64,
    /// How much is read when it comes.
    len: usize,
}

/// The longest file that is worth writing down: reading it again costs little more than opening it.
const SMALL: usize = 16 << 10;
/// Threads that read ahead each for themselves; of more, some share.
const READERS: usize = 16;
/// How much is read ahead, at first and at most, in bytes.
const AHEAD: Range<usize> = 16 << 10..128 << 10;
/// What is passed over between two questions that still follow one another, in bytes.
const GAP: u64 = 16 << 10;

impl Pool {
    /// Returns an empty pool for `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self { inner: RwLock::default(), room: AtomicUsize::new(budget), overflow: None }
    }

    /// Lets `budget` more bytes overflow into a file in `dir`, which will have no name.
    #[must_use]
    pub fn overflowing(self, disk: Arc<dyn Disk>, dir: PathBuf, budget: u64) -> Self {
        let (file, [end, written]) = (RwLock::default(), [0; 2].map(AtomicU64::new));
        let overflow = Overflow { disk, dir, file, end, written, budget, ahead: Default::default() };
        Self { overflow: Some(overflow), ..self }
    }

    /// Returns whether a buffer of so many bytes would be kept, the last `len` of which are one file's.
    pub fn has_room(&self, buffer: usize, len: usize) -> bool {
        let fits = self.room.load(Ordering::Relaxed) >= buffer;
        fits || (len <= SMALL && self.overflow.as_ref().is_some_and(|it| it.has_room(buffer)))
    }

    /// Prepares for so many more digests: a table that grows is copied each time.
    pub fn expect(&self, n: usize) {
        self.inner.write().expect("no panic while held").places.reserve(n);
    }

    /// Forgets everything and keeps nothing any more.
    pub fn forget(&self) {
        self.room.store(0, Ordering::Relaxed);
        *self.inner.write().expect("no panic while held") = Inner::default();
        if let Some(overflow) = &self.overflow {
            overflow.end.store(overflow.budget, Ordering::Relaxed);
        }
    }

    /// Closes the file that what was kept overflowed into.
    pub fn close(&self) {
        if let Some(overflow) = &self.overflow {
            *overflow.file.write().expect("no panic while held") = OnceLock::from(None);
            overflow.ahead.iter().for_each(|it| *it.lock().expect("no panic while held") = Ahead::default());
        }
    }

    /// Keeps the first `len` bytes of a buffer, which hold those of these digests, if there is room for them. The buffer is
    /// taken where it stays in memory, and otherwise left for the next.
    pub fn keep(&self, buffer: &mut Vec<u8>, len: usize, parts: &[(Digest, Range<usize>)]) {
        if parts.is_empty() || len > u32::MAX as usize || self.keep_in_memory(buffer, len, parts) {
            return;
        }
        if let Some(overflow) = &self.overflow
            && let Some(start) = overflow.write(&buffer[..len])
        {
            self.inner.write().expect("no panic while held").add(None, start, parts);
        }
    }

    /// Takes the buffer and returns `true` where there is room for it.
    fn keep_in_memory(&self, buffer: &mut Vec<u8>, len: usize, parts: &[(Digest, Range<usize>)]) -> bool {
        let take = |room: usize| room.checked_sub(len);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return false;
        }
        let mut buffer = std::mem::take(buffer);
        buffer.truncate(len);
        let mut inner = self.inner.write().expect("no panic while held");
        let number = inner.buffers.len() as u32;
        inner.buffers.push(Arc::new(buffer));
        inner.add(Some(number), 0, parts);
        true
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
        self.overflow.as_ref()?.read(start, len as usize)
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

    fn file(&self) -> Option<Arc<dyn RandomFile>> {
        let file = self.file.read().expect("no panic while held");
        file.get_or_init(|| self.disk.scratch(&self.dir).ok()).clone()
    }

    /// Writes bytes down and returns where.
    fn write(&self, bytes: &[u8]) -> Option<u64> {
        // What is given out is written: what is not, or never will be, keeps others from reading ahead.
        let file = self.file()?;
        let len = bytes.len() as u64;
        let take = |end: u64| end.checked_add(len).filter(|it| *it <= self.budget);
        let start = self.end.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        file.write_all_at(bytes, start).ok()?;
        self.written.fetch_add(len, Ordering::Release);
        Some(start)
    }

    fn read(&self, start: u64, len: usize) -> Option<Bytes> {
        let reader = rayon::current_thread_index().unwrap_or(0) % READERS;
        let Ok(mut ahead) = self.ahead[reader].try_lock() else {
            return self.read_exact(start, len, Vec::new()).map(Bytes::from);
        };
        let end = start + len as u64;
        if let Some(bytes) = ahead.part(start, len) {
            ahead.next = end;
            return Some(bytes);
        }
        let follows = ahead.next <= start && start - ahead.next <= GAP;
        let wanted = if follows { (2 * ahead.len).clamp(AHEAD.start, AHEAD.end) } else { len };
        let wanted = wanted.max(len).min(usize::try_from(self.settled().saturating_sub(start)).unwrap_or(0)).max(len);
        // Mostly nobody holds a part of what was read before any more, and its buffer takes the next.
        let buffer = Arc::try_unwrap(std::mem::take(&mut *ahead).buffer).unwrap_or_default();
        let buffer = Arc::new(self.read_exact(start, wanted, buffer)?);
        *ahead = Ahead { start, buffer, next: end, len: wanted };
        ahead.part(start, len)
    }

    /// Returns up to where the file holds what it is to hold; 0 while somebody writes to it, or once that failed.
    fn settled(&self) -> u64 {
        // In this order: what is given out after the first look makes the second one differ.
        let written = self.written.load(Ordering::Acquire);
        if self.end.load(Ordering::Acquire) == written { written } else { 0 }
    }

    /// Returns what lies in the file, in `bytes`, whatever was in there.
    fn read_exact(&self, start: u64, len: usize, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        bytes.resize(len, 0);
        self.file()?.read_exact_at(&mut bytes, start).ok()?;
        Some(bytes)
    }
}

impl Ahead {
    fn part(&self, start: u64, len: usize) -> Option<Bytes> {
        let start = usize::try_from(start.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(len).filter(|it| *it <= self.buffer.len())?;
        Some(Bytes::part(&self.buffer, start..end))
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
        let parts: Vec<_> = files.map(|it| (Digest::of(&buffer[it.clone()]), it)).collect();
        // What lies behind is left over from another.
        pool.keep(&mut [buffer, b"rest"].concat(), buffer.len(), &parts);
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let pool = Pool::new(8);
        keep(&pool, b"onetwo");
        assert!(pool.has_room(2, 2) && !pool.has_room(3, 3));
        keep(&pool, b"three");
        assert!(ask(&pool, b"one") && ask(&pool, b"two") && !ask(&pool, b"three"));
        assert!(pool.has(Digest::of(b"one")) && !pool.has(Digest::of(b"three")));
        pool.forget();
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
        assert_eq!(pool.overflow.as_ref().unwrap().settled(), 8, "what did not fit keeps nobody from reading ahead");
        pool.close();
        assert!(ask(&pool, b"one") && !ask(&pool, b"two") && !pool.has_room(1, 1));
    }

    #[test]
    fn where_there_is_no_such_file_nothing_overflows() {
        let pool = Pool::new(0).overflowing(Arc::new(MemorySystem::new()), PathBuf::from("/"), 9);
        keep(&pool, b"one");
        assert!(!pool.has_room(1, 1) && !ask(&pool, b"one"));
    }

    #[test]
    fn what_is_read_ahead_is_what_was_kept() {
        let temp = tempfile::tempdir().unwrap();
        let pool = Pool::new(0).overflowing(Arc::new(OsSystem::new()), temp.path().to_owned(), 1 << 30);
        let file = |n: usize| -> Vec<u8> { n.to_le_bytes().repeat(1 + n * 37 % 700) };
        for n in 0..600 {
            keep(&pool, &file(n));
            // Asking meanwhile reads nothing ahead that is not written yet.
            assert!(ask_whole(&pool, &file(n / 2)), "{n}");
        }
        for stride in [1, 2, 7, 100] {
            assert!((0..600).step_by(stride).all(|n| ask_whole(&pool, &file(n))), "every {stride}th");
            assert!((0..600).rev().step_by(stride).all(|n| ask_whole(&pool, &file(n))), "every {stride}th, backwards");
        }
        rayon::scope(|scope| {
            for start in 0..8 {
                let pool = &pool;
                scope.spawn(move |_| assert!((start * 50..600).all(|n| ask_whole(pool, &file(n)))));
            }
        });
        let overflow = pool.overflow.as_ref().unwrap();
        assert_eq!(overflow.settled(), overflow.end.load(Ordering::Relaxed));
        overflow.end.fetch_add(1, Ordering::Relaxed);
        assert_eq!(overflow.settled(), 0, "somebody writes");
        assert!((0..600).all(|n| ask_whole(&pool, &file(n))));
    }

    /// Asks for both files that [`keep`] made of a buffer.
    fn ask_whole(pool: &Pool, buffer: &[u8]) -> bool {
        ask(pool, &buffer[..3]) && ask(pool, &buffer[3..])
    }
}
