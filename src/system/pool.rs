//! Bytes of files kept up to a budget, by digest: between the moment they are read and the moment they are used. What
//! does not fit is not kept, and whoever asks finds it elsewhere.
//!
//! Small files lie together in buffers: a buffer each would cost more than reading it. What does not fit into memory
//! goes to files without names (`overflow.rs`), where it is found again for a fraction of what opening so many files
//! costs.

use std::collections::hash_map::Entry;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use crate::model::Digest;
use crate::model::digest::DigestMap;

use super::overflow::{Overflow, Spot};
use super::{Bytes, Disk};

/// A bounded pool of bytes.
pub struct Pool {
    inner: RwLock<Inner>,
    /// How many bytes there is room for in memory.
    room: AtomicUsize,
    overflow: Option<Overflow>,
    /// Whether bytes go with the last question that is expected for them.
    spends: AtomicBool,
}

#[derive(Default)]
struct Inner {
    places: DigestMap<Place>,
    buffers: Vec<Arc<Vec<u8>>>,
}

/// Where the bytes of one digest lie.
struct Place {
    lies: Lies,
    len: u32,
    /// How many files held them: so often they will be asked for in the end.
    uses: AtomicU32,
}

#[derive(Clone, Copy)]
enum Lies {
    Buffer { number: u32, start: u32 },
    File(Spot),
}

/// The longest file that is worth writing down: reading it again costs little more than opening it.
const SMALL: usize = 16 << 10;
/// The longest buffer that is kept, in bytes.
const LONGEST: usize = 1 << 30;

impl Pool {
    /// Returns an empty pool for `budget` bytes.
    pub fn new(budget: usize) -> Self {
        let (room, spends) = (AtomicUsize::new(budget), AtomicBool::new(false));
        Self { inner: RwLock::default(), room, overflow: None, spends }
    }

    /// Lets `budget` more bytes overflow into files in `dir`, which will have no names.
    #[must_use]
    pub fn overflowing(self, disk: Arc<dyn Disk>, dir: PathBuf, budget: u64) -> Self {
        Self { overflow: Some(Overflow::new(disk, dir, budget)), ..self }
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
            overflow.seal();
        }
    }

    /// Closes the files that what was kept overflowed into.
    pub fn close(&self) {
        if let Some(overflow) = &self.overflow {
            overflow.close();
        }
    }

    /// From now on gives up what lies in files once it was asked for as often as files held it.
    pub fn spend(&self) {
        self.spends.store(true, Ordering::Relaxed);
    }

    /// Keeps the first `len` bytes of a buffer, which hold those of these digests, if there is room for them. The buffer is
    /// taken where it stays in memory, and otherwise left for the next.
    pub fn keep(&self, buffer: &mut Vec<u8>, len: usize, parts: &[(Digest, Range<usize>)]) {
        if parts.is_empty() || len > LONGEST || self.keep_in_memory(buffer, len, parts) {
            return;
        }
        let Some(overflow) = &self.overflow else { return };
        if let Some(spot) = overflow.write(&buffer[..len]) {
            let lies = |start: usize| Lies::File(Spot { start: spot.start + start as u32, ..spot });
            let wanted = self.inner.write().expect("no panic while held").add(lies, parts);
            overflow.want(spot, wanted);
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
        inner.add(|start| Lies::Buffer { number, start: start as u32 }, parts);
        true
    }

    /// Returns whether the bytes with this digest are kept.
    pub fn has(&self, digest: Digest) -> bool {
        self.inner.read().expect("no panic while held").places.contains_key(&digest)
    }

    /// Returns the bytes with this digest if they are kept.
    pub fn get(&self, digest: Digest) -> Option<Bytes> {
        let inner = self.inner.read().expect("no panic while held");
        let place = inner.places.get(&digest)?;
        let len = place.len as usize;
        let spot = match place.lies {
            Lies::Buffer { number, start } => {
                let start = start as usize;
                return Some(Bytes::part(&inner.buffers[number as usize], start..start + len));
            }
            Lies::File(spot) => spot,
        };
        let is_last = self.spends.load(Ordering::Relaxed) && place.is_last_use();
        drop(inner);
        let overflow = self.overflow.as_ref()?;
        let bytes = overflow.read(spot, len);
        if is_last {
            overflow.spend(spot, len);
        }
        bytes
    }
}

impl Inner {
    /// Adds where parts lie, and returns how many of their bytes lay nowhere before.
    fn add(&mut self, lies: impl Fn(usize) -> Lies, parts: &[(Digest, Range<usize>)]) -> usize {
        let mut new = 0;
        for (digest, range) in parts {
            match self.places.entry(*digest) {
                Entry::Occupied(mut it) => *it.get_mut().uses.get_mut() += 1,
                Entry::Vacant(it) => {
                    new += range.len();
                    it.insert(Place { lies: lies(range.start), len: range.len() as u32, uses: AtomicU32::new(1) });
                }
            }
        }
        new
    }
}

impl Place {
    /// Counts one use, and returns whether it is the last that is expected. Of more than were expected none is.
    fn is_last_use(&self) -> bool {
        let less = |uses: u32| uses.checked_sub(1);
        self.uses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) == Ok(1)
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
        assert_eq!(
            pool.overflow.as_ref().unwrap().may_read_ahead(0),
            8,
            "what did not fit keeps nobody from reading ahead"
        );
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
    }

    #[test]
    fn what_was_asked_for_as_often_as_it_was_kept_is_given_up_file_by_file() {
        let temp = tempfile::tempdir().unwrap();
        let pool = Pool::new(0).overflowing(Arc::new(OsSystem::new()), temp.path().to_owned(), 1 << 30);
        // Three files of nine, eight and one, and a tenth of the first ones once more.
        let file = |n: u32| n.to_le_bytes().repeat(256 << 10);
        for n in [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 10, 11, 12, 13, 14, 15, 16] {
            keep(&pool, &file(n));
        }
        let overflow = pool.overflow.as_ref().unwrap();
        let open = || overflow.open_files();
        let all = open();
        assert!(all.len() > 2 && (0..17).all(|n| ask_whole(&pool, &file(n))), "nothing is spent yet");
        assert_eq!(open(), all);
        pool.spend();
        (0..17).for_each(|n| assert!(ask_whole(&pool, &file(n)), "{n}"));
        assert_eq!(open(), [0, 2], "one is wanted once more, the last may be written to");
        assert!(ask_whole(&pool, &file(0)) && !ask_whole(&pool, &file(1)) && ask_whole(&pool, &file(16)));
        assert_eq!(open(), [2]);
        pool.close();
        assert!((0..17).all(|n| !ask_whole(&pool, &file(n))));
    }

    /// Asks for both files that [`keep`] made of a buffer.
    fn ask_whole(pool: &Pool, buffer: &[u8]) -> bool {
        ask(pool, &buffer[..3]) && ask(pool, &buffer[3..])
    }
}
